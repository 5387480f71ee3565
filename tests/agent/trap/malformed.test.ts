// Whatever arrives ends at once, takes nothing with it, and leaves nothing behind: corpora of broken messages, and mutations of good ones.
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../../agent/trap/arrival.ts';
import type { Notification } from '../../../agent/trap/exchange.ts';
import { Intake } from '../../../agent/trap/intake.ts';
import { decodeBatch, encodeBatch } from '../../../common/wire/batch-codec.ts';
import { CORPUS, describeWith } from '../../support/requirements.ts';
import {
  integer,
  messageV1,
  messageV2c,
  messageV3,
  OWN_ENGINE,
  PRIVATE_USER,
  SENDER_ENGINE,
  text,
  USER,
} from '../../support/trap-message.ts';
import { trapProgram, trapRig } from '../../support/trap-rig.ts';
import { ADDRESSES, trapSettings } from '../../support/trap-settings.ts';
import { waitFor } from '../../support/weir-process.ts';

/** Takes in everything: no bucket ends a test early, and strangers are welcome. */
class Open {
  readonly intake: Intake;
  nowMs = 10_000;

  constructor() {
    const settings = trapSettings({
      perSecond: 1e9,
      perSecondPerSource: 1e9,
      acceptUnknown: true,
      shared: ['plain', 'signed', 'private'],
    });
    this.intake = new Intake(settings, this.nowMs, () => new Uint8Array(8));
    this.intake.setAddresses(ADDRESSES);
    this.intake.learnEngines([{ device: 'edge1', engineId: SENDER_ENGINE, boots: 3, timeSeconds: 1000 }], this.nowMs);
  }

  /** What is taken is answered at once, so that answers are made too. */
  receive(bytes: Uint8Array): Verdict {
    const verdict = this.intake.receive({
      bytes,
      source: '10.0.0.1',
      nowMs: 1_764_000_000_000,
      monotonicMs: this.nowMs,
    });
    if (verdict.kind === 'taken') {
      this.intake.kept(verdict.token, this.nowMs);
      expectToTravel(verdict.notification);
    }
    return verdict;
  }
}

/** What was taken fits into a batch and comes out of it as it went in. */
function expectToTravel({ ifIndex, ...said }: Notification): void {
  const event = { ...said, id: 'id', interfaceKey: ifIndex === null ? null : String(ifIndex) };
  const batch = { agent: 'a', incarnation: 'i', sequence: 1, createdAtMs: said.observedAtMs, thinned: false };
  const bytes = encodeBatch({ ...batch, polls: [], events: [event], watermarks: [], gaps: [] });
  expect(decodeBatch(bytes).events).toEqual([event]);
}

function payloads(file: string): Buffer[] {
  const bytes = gunzipSync(readFileSync(path.join(CORPUS, 'malformed/protos', file)));
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    found.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

function tally(open: Open, messages: Iterable<Uint8Array>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const bytes of messages) {
    const verdict = open.receive(bytes);
    const what = 'reason' in verdict ? verdict.reason : verdict.kind;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return counts;
}

describeWith('corpus', 'the corpora of broken messages', () => {
  test.each(['trap-app.payloads.gz', 'req-app.payloads.gz', 'trap-app.firstfragment.gz', 'req-app.firstfragment.gz'])(
    'PROTOS %s',
    (file) => {
      const open = new Open();
      const messages = payloads(file);
      const counts = tally(open, messages);
      expect(messages.length).toBeGreaterThan(20);
      expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(messages.length);
      expect(open.intake.held).toMatchObject({ pending: 0, engines: 1 });
      expect(open.intake.held.sources).toBeLessThanOrEqual(1);
      // The traps of that suite that can be read are read; requests are no business of ours.
      expect((counts.get('taken') ?? 0) > 0).toBe(file.startsWith('trap-app.payloads'));
    },
  );

  test('the byte vectors', () => {
    const open = new Open();
    const lines = readFileSync(path.join(CORPUS, 'malformed/vectors.jsonl'), 'utf8').trim().split('\n');
    const vectors = lines.map((line) => Buffer.from((JSON.parse(line) as { hex: string }).hex, 'hex'));
    expect(vectors.length).toBeGreaterThan(600);
    const counts = tally(open, vectors);
    expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(vectors.length);
    expect(open.intake.held).toMatchObject({ pending: 0, engines: 1 });
  });
});

describeWith('corpus', 'the corpora of broken messages on the wire', () => {
  test('the thread lives on, counts each, and hears the next', async () => {
    const program = await trapProgram();
    const rig = await trapRig({ program, config: { perSecond: 100_000, perSecondPerSource: 100_000 } });
    const socket = createSocket('udp4');
    try {
      const lines = readFileSync(path.join(CORPUS, 'malformed/vectors.jsonl'), 'utf8').trim().split('\n');
      const vectors = lines.map((line) => Buffer.from((JSON.parse(line) as { hex: string }).hex, 'hex'));
      const broken = [...vectors, ...payloads('trap-app.firstfragment.gz')].filter((bytes) => bytes.length < 65_000);
      for (const bytes of broken)
        await new Promise((resolve) => socket.send(bytes, rig.port, '127.0.0.1', () => setImmediate(resolve)));
      const answered = new Promise((resolve) => socket.once('message', resolve));
      const inform = messageV2c('public', { type: 'inform', requestId: 4711 });
      const again = setInterval(() => socket.send(inform, rig.port, '127.0.0.1'), 500);
      await answered;
      clearInterval(again);
      const counted = async (): Promise<number> =>
        (await rig.metric('trap_datagrams_total')) + (await rig.metric('trap_dropped_total', 'system_buffer'));
      await waitFor(
        async () => (await counted()) > broken.length,
        10_000,
        () => `${broken.length} datagrams counted`,
      );
      expect(await rig.metric('trap_thread_restarts_total')).toBe(0);
      expect(rig.events.at(-1)).toMatchObject({ name: 'linkDown', origin: 'inform' });
    } finally {
      await new Promise<void>((resolve) => socket.close(() => resolve()));
      await rig.receiver.stop();
      program.remove();
    }
  });
});

const GOOD: readonly Uint8Array[] = [
  messageV1('public', { enterprise: '1.3.6.1.4.1.9', generic: 2, varbinds: [integer('1.3.6.1.2.1.2.2.1.1.3', 3)] }),
  messageV2c('public', { varbinds: [text('1.3.6.1.2.1.2.2.1.2.3', 'ge-0/0/3')] }),
  messageV2c('public', { type: 'inform', varbinds: [text('1.3.6.1.4.1.9.9.1', 'x')] }),
  messageV3({ user: USER, engineId: SENDER_ENGINE, boots: 3, seconds: 1000 }),
  messageV3({ user: PRIVATE_USER, engineId: OWN_ENGINE, boots: 7, seconds: 500, type: 'inform' }),
  messageV3({ user: { name: 'open' }, engineId: OWN_ENGINE, boots: 7, seconds: 500, type: 'inform' }),
  messageV3({ user: { name: '' }, engineId: '', type: 'inform' }),
];

describe('mutations of good messages', () => {
  test('the good ones are taken, or told what is missing', () => {
    const kinds = GOOD.map((bytes) => new Open().receive(bytes).kind);
    expect(kinds).toEqual(['taken', 'taken', 'taken', 'taken', 'taken', 'taken', 'reported']);
  });

  test('cut anywhere', () => {
    const open = new Open();
    for (const bytes of GOOD)
      for (let length = 0; length < bytes.length; length += 1)
        expect(open.receive(bytes.subarray(0, length))).toEqual({ kind: 'dropped', reason: 'malformed' });
  });

  test('octets changed, inserted and taken away', () => {
    const open = new Open();
    const change = fc.record({ at: fc.nat(400), octet: fc.nat(255), how: fc.constantFrom('set', 'insert', 'remove') });
    fc.assert(
      fc.property(fc.nat(GOOD.length - 1), fc.array(change, { minLength: 1, maxLength: 6 }), (which, changes) => {
        const bytes = [...(GOOD[which] ?? [])];
        for (const { at, octet, how } of changes) {
          const place = at % Math.max(1, bytes.length);
          if (how === 'set') bytes[place] = octet;
          else bytes.splice(place, how === 'remove' ? 1 : 0, ...(how === 'insert' ? [octet] : []));
        }
        open.receive(Uint8Array.from(bytes));
      }),
      { numRuns: 5000 },
    );
    expect(open.intake.held).toMatchObject({ pending: 0, engines: 1 });
  });

  test('an authenticated message in which anything but its digest is changed is not taken', () => {
    const open = new Open();
    for (const good of GOOD.slice(3, 5)) {
      fc.assert(
        fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
          const bytes = Uint8Array.from(good);
          bytes[at] = (bytes[at] ?? 0) ^ difference;
          expect(open.receive(bytes).kind).not.toBe('taken');
        }),
        { numRuns: 400 },
      );
    }
  });
});
