// Bodies on real sockets: packed in whatever way, too many, too large once unpacked, cut off, too slow; what is refused leaves nothing and costs no more than the bound.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Duplex, PassThrough, Transform, Writable } from 'node:stream';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as zlib from 'node:zlib';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { BodyEncodings, unpackersOf } from '../../../collector/ingest/body-encoding.ts';
import { encodeBatch, encodeBody } from '../../../common/wire/batch-codec.ts';
import { eventually } from '../../support/collector-fixture.ts';
import { type IngestRig, type IngestRigOptions, startIngestRig } from '../../support/ingest-rig.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { describeWith } from '../../support/requirements.ts';
import { startShippingAgent } from '../../support/shipping-agent.ts';

const MIB = 1024 * 1024;

let rig: IngestRig | null = null;

async function start(options: IngestRigOptions = {}): Promise<IngestRig> {
  rig = await startIngestRig(options);
  return rig;
}

afterEach(async () => {
  await rig?.stop();
  rig = null;
});

function pollOf(ports: number) {
  const interfaces = Array.from({ length: ports }, (_, at) => ({ key: `xe-${at}`, inOctets: 1n, outOctets: 2n }));
  return interfacePoll({ device: 'core1', atMs: 1_790_000_000_000, interfaces });
}

function batch(sequence: number, ports = 2) {
  return {
    agent: 'agent-1',
    incarnation: 'incarnation-1',
    sequence,
    createdAtMs: 1_790_000_000_000,
    thinned: false,
    polls: [pollOf(ports)],
    events: [],
    watermarks: [],
    gaps: [],
  };
}

/** A frame of one block that is as long as it is (RFC 8878 §3.1.1): zstd by hand. */
function zstdFrame(plain: Uint8Array): Buffer {
  const head = Buffer.from('28b52ffda000000000000000', 'hex');
  head.writeUInt32LE(plain.length, 5);
  head.writeUIntLE((plain.length << 3) | 1, 9, 3);
  return Buffer.concat([head, plain]);
}

/** Reads what zstdFrame made, as a Node.js that has zstd would. */
function zstdDouble(): Transform {
  let begun = false;
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      if (!begun && piece.readUInt32LE(0) !== 0xfd2fb528) return done(new Error('ZSTD_error_prefix_unknown'));
      const plain = begun ? piece : piece.subarray(12);
      begun = true;
      for (let at = 0; at < plain.length; at += 1000) this.push(plain.subarray(at, at + 1000));
      done();
    },
  });
}

/** What is written to it goes nowhere, what is read of it comes from elsewhere. */
function duplexOf(readable: PassThrough): Transform {
  const writable = new Writable({ write: (_piece, _encoding, done) => done() });
  return Duplex.from({ readable, writable }) as Transform;
}

/** "m f=1 5" and a newline, twenty times, as the zstd command packs it. */
const ZSTD_LINES = Buffer.from('28b52ffd04587d0000406d20663d3120350a01009551850b7ea00c39', 'hex');
const ZSTD_IS_HERE = unpackersOf().zstd !== undefined;

describe('content-encoding', () => {
  test('what this Node.js has is read, and nothing else', () => {
    expect(new BodyEncodings(unpackersOf({})).accepted).toEqual(['identity', 'gzip']);
    expect(new BodyEncodings(unpackersOf({ createZstdDecompress: zstdDouble })).accepted).toEqual([
      'identity',
      'gzip',
      'zstd',
    ]);
    expect(new BodyEncodings().accepted.includes('zstd')).toBe(ZSTD_IS_HERE);
  });

  test('gzip and zstd: the batch is kept unpacked, under its own SHA-256; points are kept as they came', async () => {
    const { post, write, journal, metric } = await start({
      unpackers: unpackersOf({ createZstdDecompress: zstdDouble }),
    });
    const bodies = [1, 2, 3].map((sequence) => Buffer.from(encodeBatch(batch(sequence))));
    const [plain, zipped, zstd] = bodies as [Buffer, Buffer, Buffer];
    expect((await post(plain)).body).toEqual({ received: 1, applied: 0 });
    expect((await post(zipped, { 'content-encoding': 'gzip' }, gzipSync(zipped))).body).toEqual({
      received: 2,
      applied: 0,
    });
    expect((await post(zstd, { 'content-encoding': 'zstd' }, zstdFrame(zstd))).body).toEqual({
      received: 3,
      applied: 0,
    });
    const line = Buffer.from('m f=1 5');
    expect((await write(zstdFrame(line), { 'content-encoding': 'zstd' })).status).toBe(204);
    const kept = journal.read(0, 10, 1e9);
    expect(kept.slice(0, 3).map(({ body }) => Buffer.from(body))).toEqual(bodies);
    expect(kept[3]?.envelope.points).toEqual({ precision: 'ms', encoding: 'zstd' });
    expect(Buffer.from(kept[3]?.body ?? [])).toEqual(zstdFrame(line));
    await eventually(async () => (await metric('weir_ingest_in_flight_bytes')) === 0, 'nothing in hand');
  });

  test('what zstd packs is taken where this Node.js has it, else refused with what is taken', async () => {
    const { post, write, metric } = await start();
    const body = Buffer.from(encodeBatch(batch(1)));
    if (!ZSTD_IS_HERE)
      return expect(await write(ZSTD_LINES, { 'content-encoding': 'zstd' })).toMatchObject({
        status: 415,
        code: 'encoding_unsupported',
      });
    expect((await post(body, { 'content-encoding': 'zstd' }, zstdFrame(body))).status).toBe(200);
    const pack = Reflect.get(zlib, 'zstdCompressSync') as (bytes: Uint8Array) => Uint8Array<ArrayBuffer>;
    const next = Buffer.from(encodeBatch(batch(2)));
    expect((await post(next, { 'content-encoding': 'zstd' }, Buffer.from(pack(next)))).body).toMatchObject({
      received: 2,
    });
    expect((await write(ZSTD_LINES, { 'content-encoding': 'zstd' })).status).toBe(204);
    expect(await metric('weir_ingest_points_total')).toBe(20);
    expect((await write(ZSTD_LINES.subarray(0, 15), { 'content-encoding': 'zstd' })).code).toBe('encoding_broken');
  });

  test('where it has none: 415 with the code, which says what is read', async () => {
    const { post, write, journal } = await start({ unpackers: unpackersOf({}) });
    const body = encodeBatch(batch(1));
    for (const encoding of ['zstd', 'br', 'gzip, gzip']) {
      expect(await post(body, { 'content-encoding': encoding }, zstdFrame(body))).toMatchObject({
        status: 415,
        body: { error: { code: 'encoding_unsupported', detail: { accepted: ['identity', 'gzip'] } } },
      });
      expect(await write(body, { 'content-encoding': encoding })).toMatchObject({
        status: 415,
        body: { code: 'invalid', error: { code: 'encoding_unsupported' } },
      });
    }
    expect(journal.lastPosition()).toBe(0);
  });

  test('broken, cut short, or more than the bound once unpacked: refused with the code, nothing kept', async () => {
    const unpackers = unpackersOf({ createZstdDecompress: zstdDouble });
    const { post, write, journal, metric } = await start({ unpackers, maxBatchBytes: 200_000 });
    const body = Buffer.from(encodeBatch(batch(1)));
    const bomb = Buffer.alloc(200_001);
    const cases: readonly (readonly [string, Uint8Array, string])[] = [
      ['gzip', body, 'encoding_broken'],
      ['zstd', body, 'encoding_broken'],
      ['gzip', gzipSync(body).subarray(0, 30), 'encoding_broken'],
      ['gzip', deflateSync(body), 'encoding_broken'],
      ['gzip', gzipSync(bomb), 'body_too_large'],
    ];
    for (const [encoding, sent, code] of cases)
      expect([code, (await post(body, { 'content-encoding': encoding }, sent)).code]).toEqual([code, code]);
    for (const [encoding, sent, code] of cases.slice(0, 4))
      expect([code, (await write(sent, { 'content-encoding': encoding })).code]).toEqual([code, code]);
    const large = gzipSync(Buffer.alloc(17 * MIB));
    expect(await write(large, { 'content-encoding': 'gzip' })).toMatchObject({ status: 413, code: 'body_too_large' });
    expect(journal.lastPosition()).toBe(0);
    await eventually(async () => (await metric('weir_ingest_in_flight_bytes')) === 0, 'nothing in hand');
  });
});

describe('memory in hand', () => {
  async function slow(count: number, each: number): Promise<Socket[]> {
    const sockets: Socket[] = [];
    for (let at = 0; at < count; at += 1) sockets.push(await (rig as IngestRig).begin(each, 10));
    return sockets;
  }

  const inHand = async (): Promise<number | null> => (await rig?.metric('weir_ingest_in_flight_bytes')) ?? null;

  test('many slow bodies: those beyond the bound are told 429 and when to come again; all is as before once they are gone', async () => {
    const { post, metric } = await start({ limits: { maxBytes: 10 * MIB } });
    const sockets = await slow(14, MIB);
    const answers = sockets.slice(10).map((socket) => firstLines(socket));
    await eventually(async () => (await inHand()) === 10 * MIB, 'ten in hand');
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatch(/^HTTP\/1.1 429 /);
      expect(answer).toMatch(/\r\nretry-after: 1\r\n/i);
    }
    expect(await post(encodeBatch(batch(1)))).toMatchObject({ status: 429, retryAfter: '1', code: 'overloaded' });
    expect(await metric('weir_ingest_overloaded_total{bound="in_flight"}')).toBe(5);
    expect(await inHand()).toBe(10 * MIB);
    for (const socket of sockets) socket.destroy();
    await eventually(async () => (await inHand()) === 0, 'nothing in hand');
    expect((await post(encodeBatch(batch(2)))).status).toBe(200);
  });

  test('a few octets that become many are counted as what they become, before they do', async () => {
    // A body that unpacks to 3 MiB, and is not at its end until the test says so.
    const stalled = new PassThrough();
    stalled.write(Buffer.alloc(3 * MIB, '#'));
    const unpackers = unpackersOf({ createZstdDecompress: () => duplexOf(stalled) });
    const { post, write, journal, metric } = await start({ limits: { maxBytes: 10 * MIB }, unpackers });
    const [open] = await slow(1, 9 * MIB);
    await eventually(async () => (await inHand()) === 9 * MIB, 'one in hand');
    const large = (sequence: number): Buffer => Buffer.from(encodeBatch(batch(sequence, 20_000)));
    expect(large(1).length).toBeLessThan(MIB / 2);
    // One may go beyond the bound, so that a large one comes through where others are always in hand.
    expect((await post(large(1))).status).toBe(200);
    await eventually(async () => (await inHand()) === 9 * MIB, 'let go');

    const beyond = write(Buffer.from('short'), { 'content-encoding': 'zstd' });
    await eventually(async () => (await inHand()) === 12 * MIB + 5, 'the one beyond it');
    for (const answer of await Promise.all([2, 3, 4].map((sequence) => post(large(sequence)))))
      expect(answer).toMatchObject({ status: 429, retryAfter: '1', code: 'overloaded' });
    expect(await inHand()).toBe(12 * MIB + 5);
    expect(await metric('weir_ingest_overloaded_total{bound="in_flight"}')).toBe(3);
    expect(journal.lastPosition()).toBe(1);

    stalled.end('\nm f=1 5');
    expect((await beyond).status).toBe(204);
    expect((await post(large(5))).status).toBe(200);
    open?.destroy();
    await eventually(async () => (await inHand()) === 0, 'nothing in hand');
    expect(journal.lastPosition()).toBe(3);
  });

  test('many large ones at once: each waits for those before it and takes memory then, and none is sent away', async () => {
    const { post, journal, metric } = await start({ limits: { maxBytes: 20 * MIB } });
    const sequences = Array.from({ length: 12 }, (_, at) => at + 1);
    const bodies = sequences.map((sequence) => encodeBatch(batch(sequence, 20_000)));
    const answers = await Promise.all(bodies.map((body, at) => post(body, { 'weir-sequence': String(at + 1) })));
    expect(answers.map(({ status }) => status)).toEqual(sequences.map(() => 200));
    expect(await metric('weir_ingest_overloaded_total{bound="in_flight"}')).toBeNull();
    expect(journal.lastPosition()).toBe(12);
  });

  test('a large batch several times at once, each read in turns with the others: kept once', async () => {
    const { post, journal, metric } = await start();
    const body = encodeBatch(batch(1, 20_000));
    const answers = await Promise.all([1, 2, 3].map(() => post(body, { 'weir-sequence': '1' })));
    expect(answers.map(({ body: receipt }) => receipt)).toEqual(Array(3).fill({ received: 1, applied: 0 }));
    expect(journal.lastPosition()).toBe(1);
    expect(await metric('weir_ingest_batches_total{outcome="repeated"}')).toBe(2);
  });

  test('a body that lies about its length is no larger than it says', async () => {
    const { post } = await start();
    const body = encodeBody(batch(1, 20_000));
    const head = Buffer.from('57454952020100000000', 'hex');
    head.writeUInt32LE(1000, 6);
    const answer = await post(Buffer.concat([head, gzipSync(body)]));
    expect(answer.body).toMatchObject({ received: 1, quarantined: { code: 'batch_unreadable' } });
  });
});

describe('a body that does not come whole', () => {
  test('its sender goes away in the middle: nothing is kept, nothing stays in hand, and it is counted', async () => {
    const { begin, post, journal, metric } = await start({ maxBatchBytes: 100_000 });
    for (const octets of [0, 1, 99_999]) {
      const socket = await begin(100_000, octets);
      await eventually(async () => (await metric('weir_ingest_in_flight_bytes')) === 100_000, 'in hand');
      socket.destroy();
      await eventually(async () => (await metric('weir_ingest_in_flight_bytes')) === 0, 'let go');
    }
    expect(await metric('weir_ingest_cut_off_total')).toBe(3);
    expect(journal.lastPosition()).toBe(0);
    expect((await post(encodeBatch(batch(1)))).body).toEqual({ received: 1, applied: 0 });
    // What is refused before its end has its answer.
    expect((await post(Buffer.alloc(100_001))).status).toBe(413);
    expect(await metric('weir_ingest_cut_off_total')).toBe(3);
  });

  test('it comes more slowly than the server waits: 408 with the code, the connection ends, it is counted', async () => {
    const { begin, journal, metric } = await start({ requestTimeoutMs: 400 });
    const socket = await begin(100_000, 10);
    const dripping = setInterval(() => socket.write('x'), 50);
    try {
      expect(await firstLines(socket)).toMatch(/^HTTP\/1.1 408 [^]*request_too_slow/);
      await new Promise((resolve) => socket.once('close', resolve));
    } finally {
      clearInterval(dripping);
    }
    await eventually(async () => (await metric('weir_ingest_in_flight_bytes')) === 0, 'let go');
    expect(await metric('weir_ingest_cut_off_total')).toBe(1);
    expect(await metric('weir_http_refused_total{code="request_too_slow"}')).toBe(1);
    expect(journal.lastPosition()).toBe(0);
  });
});

describeWith('root', 'a disk that is full', () => {
  test('the write of the journal itself fails: 507 and when to come again, nothing acknowledged, and an agent delivers all once there is room', async () => {
    const disk = mkdtempSync(path.join(tmpdir(), 'weir-full-'));
    const spool = mkdtempSync(path.join(tmpdir(), 'weir-full-spool-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', disk]);
    try {
      const { post, journal, port } = await start({ journalFolder: path.join(disk, 'journal') });
      let kept = 0;
      let refused = null;
      // Kept whole though it cannot be read.
      while (refused === null && kept < 1000) {
        const answer = await post(Buffer.alloc(60_000, kept));
        if (answer.status === 200) kept += 1;
        else refused = answer;
      }
      expect(kept).toBeGreaterThan(5);
      expect(refused).toMatchObject({ status: 507, retryAfter: '10', code: 'journal_full' });
      expect(journal.lastPosition()).toBe(kept);
      // A real agent, which keeps what it has until it is taken.
      const agent = await startShippingAgent({ url: `http://127.0.0.1:${port}`, token: 'x', folder: spool });
      try {
        for (let at = 0; at < 5; at += 1) await agent.keep(pollOf(20_000));
        await agent.ship();
        await expect.poll(() => agent.message(), { timeout: 20_000 }).toMatch(/^journal_full/);
        expect(journal.lastPosition()).toBe(kept);
        execFileSync('mount', ['-o', 'remount,size=32m', disk]);
        await expect.poll(() => journal.lastPosition(), { timeout: 40_000 }).toBe(kept + 5);
        const taken = journal.read(kept, 10, 1e9).map(({ envelope }) => [envelope.incarnation, envelope.sequence]);
        expect(taken).toEqual([1, 2, 3, 4, 5].map((sequence) => [agent.spool.incarnation, sequence]));
      } finally {
        await agent.stop();
      }
    } finally {
      await rig?.stop();
      rig = null;
      execFileSync('umount', [disk]);
      for (const each of [disk, spool]) rmSync(each, { recursive: true });
    }
  });
});

function firstLines(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
      if (/\r\n\r\n[^]*\}$/.test(text)) resolve(text);
    });
    socket.once('close', () => resolve(text));
  });
}
