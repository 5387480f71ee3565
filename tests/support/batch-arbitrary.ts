// Random batches within the rules of common/model/poll.ts, for property tests.
import fc from 'fast-check';
import type { Batch } from '../../common/model/batch.ts';
import type { DeviceEvent } from '../../common/model/event.ts';
import type { Column, Poll, Table } from '../../common/model/poll.ts';

const NOW = 1_790_000_000_000;
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  // What is not UTF-8 arrives decoded as Latin-1: control characters and all.
  fc.string({ unit: 'binary', maxLength: 12 }),
);

function counterValue(width: 32 | 64): fc.Arbitrary<bigint> {
  const end = 2n ** BigInt(width);
  return fc.oneof(fc.bigInt({ min: 0n, max: end - 1n }), fc.constantFrom(0n, end / 2n - 1n, end / 2n, end - 1n));
}

function columnOf(rows: number): fc.Arbitrary<Column> {
  const counter = fc.constantFrom(32 as const, 64 as const).chain((width) =>
    fc
      .tuple(
        fc.array(counterValue(width), { minLength: rows, maxLength: rows }),
        fc.array(fc.constantFrom(0, 1), { minLength: rows, maxLength: rows }),
        text,
      )
      .map(
        ([values, present, name]): Column => ({
          kind: 'counter',
          name,
          width,
          values: BigUint64Array.from(values),
          present: Uint8Array.from(present),
        }),
      ),
  );
  const value = fc.oneof(fc.integer(), fc.double(), fc.constant(Number.NaN), fc.constant(-(2 ** 31)), fc.constant(-0));
  const number = fc
    .tuple(fc.array(value, { minLength: rows, maxLength: rows }), text)
    .map(([values, name]): Column => ({ kind: 'number', name, values: Float64Array.from(values) }));
  const texts = fc
    .tuple(fc.array(fc.option(text), { minLength: rows, maxLength: rows }), text)
    .map(([values, name]): Column => ({ kind: 'text', name, values }));
  return fc.oneof(counter, number, texts);
}

const table: fc.Arbitrary<Table> = fc.integer({ min: 0, max: 6 }).chain((rows) =>
  fc.record({
    name: fc.constantFrom('system', 'interface', 'sensor', 'neighbour'),
    complete: fc.boolean(),
    index: fc.array(text, { minLength: rows, maxLength: rows }),
    segments: fc.subarray(Array.from({ length: Math.max(0, rows - 1) }, (_, at) => at + 1)).chain((later) =>
      fc.tuple(
        ...(rows === 0 ? [] : [0, ...later]).map((firstRow) =>
          fc.record({
            firstRow: fc.constant(firstRow),
            sentAtMs: fc.integer({ min: NOW - 1e9, max: NOW + 1e9 }),
            receivedAtMs: fc.integer({ min: NOW - 1e9, max: NOW + 1e9 }),
            monotonicMs: fc.double({ noNaN: true, noDefaultInfinity: true }),
            uptimeTicks: fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 })),
          }),
        ),
      ),
    ),
    columns: fc.array(columnOf(rows), { maxLength: 4 }),
  }),
);

const poll: fc.Arbitrary<Poll> = fc.record({
  device: text,
  processId: text,
  startedAtMs: fc.integer({ min: NOW - 1e9, max: NOW + 1e9 }),
  finishedAtMs: fc.integer({ min: NOW - 1e9, max: NOW + 1e9 }),
  intervalMs: fc.integer({ min: 0, max: 1e9 }),
  outcome: fc.constantFrom('complete', 'partial', 'failed'),
  failure: fc.option(text),
  requests: fc.nat(),
  retries: fc.nat(),
  tables: fc.array(table, { maxLength: 3 }),
});

const event: fc.Arbitrary<DeviceEvent> = fc.record({
  id: fc.uuid(),
  device: fc.option(text),
  source: fc.option(text),
  origin: fc.constantFrom('trap', 'inform', 'agent', 'work'),
  name: text,
  observedAtMs: fc.integer({ min: NOW - 1e9, max: NOW + 1e9 }),
  uptimeTicks: fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  interfaceKey: fc.option(text),
  details: fc.array(fc.record({ name: text, value: text }), { maxLength: 3 }),
});

export const batchArbitrary: fc.Arbitrary<Batch> = fc.record({
  agent: text,
  incarnation: fc.uuid(),
  sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  createdAtMs: fc.integer({ min: NOW - 1e9, max: NOW + 1e9 }),
  thinned: fc.boolean(),
  polls: fc.array(poll, { maxLength: 4 }),
  events: fc.array(event, { maxLength: 3 }),
  watermarks: fc.array(fc.record({ device: text, completeUntilMs: fc.integer({ min: NOW - 1e9, max: NOW + 1e9 }) }), {
    maxLength: 3,
  }),
  gaps: fc.array(fc.record({ firstSequence: fc.nat(), lastSequence: fc.nat(), reason: text }), { maxLength: 3 }),
});
