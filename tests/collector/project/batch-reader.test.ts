// The reader of the journal: what it decodes at once and what it keeps is bounded by memory, not by how small a batch came.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BodyEncodings, unpackersOf } from '../../../collector/ingest/body-encoding.ts';
import { pointsOf } from '../../../collector/ingest/point-ingest.ts';
import { type BatchEnvelope, BatchJournal } from '../../../collector/journal/batch-journal.ts';
import { BatchReader } from '../../../collector/project/batch-reader.ts';
import { type OpenJournal, openJournal } from '../../../common/journal/lmdb-journal.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { decodeBatchInTurns, encodeBatch } from '../../../common/wire/batch-codec.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

let folder: string;
let opened: OpenJournal;
let journal: BatchJournal;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-batch-reader-'));
  const { reporter } = silentReporter();
  opened = openJournal(reporter, { folder, maxBytes: 1e9, reserveBytes: 0, maxPendingBytes: 1e9 });
  journal = new BatchJournal(opened);
});
afterEach(async () => {
  await opened.close();
  rmSync(folder, { recursive: true });
});

const clock = new SystemClock();

function readerOf(cacheBytes: number, decodedBytes: number, encodings = new BodyEncodings()): BatchReader {
  const readPoints = pointsOf.bind(null, { clock, encodings });
  return new BatchReader(journal, { cacheBytes, decodedBytes }, { clock, readPoints });
}

function envelopeOf(sequence: number, more: Partial<BatchEnvelope> = {}): BatchEnvelope {
  const stream = { agent: 'agent-1', incarnation: 'incarnation-1', sequence };
  return { ...stream, sha256: '0'.repeat(64), receivedAtMs: 5, clockOffsetMs: 0, ...more };
}

function bytesOf(sequence: number): Uint8Array {
  const interfaces = Array.from({ length: 500 }, (_, at) => ({ key: `xe-${at}`, inOctets: 1n }));
  return encodeBatch({
    agent: 'agent-1',
    incarnation: 'incarnation-1',
    sequence,
    createdAtMs: 1,
    thinned: false,
    polls: [interfacePoll({ device: 'core1', atMs: 1, interfaces })],
    events: [],
    watermarks: [],
    gaps: [],
  });
}

async function memoryOf(bytes: Uint8Array): Promise<number> {
  const turns = { breathe: async () => undefined, charge: () => undefined };
  return (await decodeBatchInTurns(bytes, turns)).memoryBytes;
}

async function positions(reader: BatchReader, after: number): Promise<number[]> {
  return (await reader.read(after, 100, 1e9)).map(({ source }) => source.position);
}

test('one question decodes until the bound is passed, and at least one entry', async () => {
  for (let sequence = 1; sequence <= 8; sequence += 1) await journal.append(envelopeOf(sequence), bytesOf(sequence));
  const one = await memoryOf(bytesOf(1));
  expect(one).toBeGreaterThan(10 * bytesOf(1).length);
  expect(await positions(readerOf(0, 2.5 * one), 0)).toEqual([1, 2, 3]);
  expect(await positions(readerOf(0, 2.5 * one), 3)).toEqual([4, 5, 6]);
  expect(await positions(readerOf(0, 0), 7)).toEqual([8]);
  // What is kept decoded counts as much.
  const reader = readerOf(1e9, 2.5 * one);
  await positions(reader, 0);
  expect(await positions(reader, 0)).toEqual([1, 2, 3]);
});

test('what is kept decoded is bounded by the memory it takes', async () => {
  const one = await memoryOf(bytesOf(1));
  for (let sequence = 1; sequence <= 4; sequence += 1) await journal.append(envelopeOf(sequence), bytesOf(sequence));
  const reader = readerOf(2.5 * one, 1e9);
  const batches = async (): Promise<unknown[]> =>
    (await reader.read(0, 100, 1e9)).map(({ journaled }) => journaled.batch);
  const [first, , third, fourth] = await batches();
  // From the end, so that nothing is decoded anew before it is looked at.
  const [keptThird, keptFourth] = (await reader.read(2, 100, 1e9)).map(({ journaled }) => journaled.batch);
  expect([keptThird === third, keptFourth === fourth]).toEqual([true, true]);
  expect((await reader.read(0, 1, 1e9))[0]?.journaled.batch === first).toBe(false);
});

describe('points', () => {
  const form = { precision: 'ms', encoding: 'gzip' } as const;
  const lines = gzipSync(Buffer.from('m f=1 5\nm f=2\n'));

  test('are read as they were when they came', async () => {
    await journal.append(envelopeOf(0, { points: form }), lines);
    const [entry] = await readerOf(0, 1e9).read(0, 1, 1);
    expect(entry?.journaled.points?.points.map(({ fields, atMs }) => [fields, atMs])).toEqual([
      [[['f', 1]], 5],
      [[['f', 2]], 5],
    ]);
  });

  test('in an encoding that a Node.js before had and this one has not are set aside with the code, and read once it has', async () => {
    await journal.append(envelopeOf(0, { points: { ...form, encoding: 'zstd' } }), lines);
    const without = readerOf(0, 1e9, new BodyEncodings(unpackersOf({})));
    const [entry] = await without.read(0, 1, 1);
    expect(entry?.quarantined?.code).toBe('encoding_unsupported');
    expect(entry?.journaled.points?.points).toEqual([]);
    const source = entry?.source;
    if (source === undefined) throw new Error('no entry');
    await expect(without.readAnew(source)).rejects.toMatchObject({ code: 'encoding_unsupported' });
    const { gzip } = unpackersOf({});
    const having = new BodyEncodings(gzip === undefined ? {} : { gzip, zstd: gzip });
    expect((await readerOf(0, 1e9, having).readAnew(source)).points?.points).toHaveLength(2);
  });
});
