// Gauges and counters beside octets between two readings: what each rule makes of them, what is lost, and that splitting conserves them all.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentOf, addPart } from '../../../billing-bridge/mediate/bucket-content.ts';
import { Reading } from '../../../billing-bridge/mediate/reading.ts';
import { type Span, spanBetween } from '../../../billing-bridge/mediate/span.ts';
import { splitSpan } from '../../../billing-bridge/mediate/split.ts';
import { decodeStates, encodeStates } from '../../../billing-bridge/mediate/state-codec.ts';
import type { Integration } from '../../../common/model/meter-class.ts';
import { BUCKET, MINUTE, T0 } from '../../support/mediation-fixture.ts';

interface Words {
  readonly at: number;
  readonly value: bigint;
  readonly uptime?: number | null;
  readonly mono?: number;
  readonly process?: string;
  readonly speed?: bigint;
}

function reading(words: Words, integration: Integration | null): Reading {
  const { at, value, mono = at, process = 'p', speed = null } = words;
  const uptimeTicks = words.uptime === undefined ? 1_000_000 + at / 10 : words.uptime;
  const clock = { observedAtMs: T0 + at, monotonicMs: mono, uptimeTicks, processId: process, intervalMs: MINUTE };
  const port = { width: 64 as const, speedBps: speed, ...(integration === null ? {} : { integration }) };
  return new Reading(clock, port, value, null);
}

const between = (integration: Integration | null, from: Words, to: Words): Span =>
  spanBetween(reading(from, integration), reading(to, integration), BUCKET);

describe('a gauge between two readings', () => {
  const from = { at: 0, value: 1000n };
  const to = { at: MINUTE, value: 3000n };
  test.each<[string, Integration, Words, Words, Partial<Span>]>([
    ['held: the earlier value counts', 'held', from, to, { kind: 'good', octets: 60_000_000n }],
    ['trapezoid: the mean of both', 'trapezoid', from, to, { kind: 'good', octets: 120_000_000n }],
    ['trapezoid, rounded down once', 'trapezoid', { at: 0, value: 0n }, { at: 3, value: 1n }, { octets: 1n }],
    [
      'beyond one and a half intervals a gap',
      'held',
      from,
      { ...to, at: 90_001 },
      { kind: 'gap', octets: 90_001_000n },
    ],
    ['an hour is still held', 'held', from, { ...to, at: 3_600_000 }, { kind: 'gap', octets: 3_600_000_000n }],
    [
      'beyond an hour nothing is known',
      'held',
      from,
      { ...to, at: 3_600_001 },
      { kind: 'lost', end: 'silence', octets: 0n },
    ],
    [
      'a value that falls is no reset',
      'held',
      to,
      { at: 2 * MINUTE, value: 5n },
      { kind: 'good', octets: 180_000_000n },
    ],
    [
      'over a restart of the device nothing is known',
      'trapezoid',
      { ...from, uptime: 9_000_000 },
      { ...to, uptime: 100 },
      { kind: 'lost', end: 'reboot' },
    ],
    [
      'a wall clock that stepped an hour forward invents nothing',
      'held',
      from,
      { at: 3_600_000, value: 1000n, mono: MINUTE, uptime: 1_006_000 },
      { kind: 'lost', end: 'clock' },
    ],
    [
      'two agents have two monotonic clocks',
      'held',
      from,
      { ...to, mono: 5, process: 'q' },
      { kind: 'good', octets: 60_000_000n },
    ],
  ])('%s', (_name, integration, before, after, expected) => {
    expect(between(integration, before, after)).toMatchObject(expected);
  });
});

describe('an energy counter', () => {
  // 100 kW at most: as eight times what may come in a second, in mWh.
  const speed = 222_223n;
  test.each<[string, bigint, bigint, Partial<Span>]>([
    ['goes on', 5_000_000n, 5_010_000n, { kind: 'good', octets: 10_000n }],
    ['reset by hand, without a restart: lost, no wrap', 5_000_000n, 12n, { kind: 'lost', end: 'decrease', octets: 0n }],
    ['that jumps is held back', 12n, 5_000_012n, { kind: 'implausible', octets: 5_000_000n }],
  ])('%s', (_name, before, after, expected) => {
    expect(between(null, { at: 0, value: before, speed }, { at: MINUTE, value: after, speed })).toMatchObject(expected);
  });
});

const value = fc.bigInt({ min: 0n, max: 2n ** 53n });

test('the parts of a span are the span, whatever is counted and whatever the grid', () => {
  fc.assert(
    fc.property(
      value,
      value,
      fc.oneof(fc.integer({ min: 1, max: 200_000 }), fc.integer({ min: 1, max: 3_600_000 })),
      fc.nat(BUCKET),
      fc.constantFrom<Integration | null>('held', 'trapezoid', null),
      fc.constantFrom(1000, 30_000, BUCKET, 86_400_000),
      (first, last, length, at, integration, bucketMs) => {
        const [low, high] = first < last ? [first, last] : [last, first];
        const [from, to] = integration === null ? [low, high] : [first, last];
        const span = spanBetween(
          reading({ at, value: from }, integration),
          reading({ at: at + length, value: to }, integration),
          bucketMs,
        );
        let [sum, ms] = [0n, 0];
        splitSpan(span, bucketMs, (bucket, octets, partMs, isLast) => {
          if (octets < 0n) throw new Error(`${octets} in a part`);
          const content = contentOf(bucket);
          addPart(content, span, octets, partMs, isLast);
          sum += content.good + content.wrapped + content.gap + content.suspended;
          ms += partMs;
        });
        expect(ms).toBe(length);
        expect(sum).toBe(span.octets);
        if (integration === 'held') expect(sum).toBe(from * BigInt(length));
        if (integration === 'trapezoid') expect(sum).toBe(((from + to) * BigInt(length)) / 2n);
        if (integration === null) expect(sum).toBe(to - from);
      },
    ),
    { numRuns: 200 },
  );
});

test('no part of a straight line is off by more than one unit', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.nat(10_000), fc.integer({ min: 2, max: 600 }), (first, last, seconds) => {
      const span = between('trapezoid', { at: 0, value: BigInt(first) }, { at: seconds * 1000, value: BigInt(last) });
      splitSpan(span, 1000, (bucket, octets) => {
        const at = bucket - T0 / 1000;
        const mean = first + ((last - first) * (at + 0.5)) / seconds;
        if (Math.abs(Number(octets) - mean * 1000) >= 1.001) throw new Error(`${octets} instead of ${mean * 1000}`);
      });
    }),
    { numRuns: 100 },
  );
});

test('what is remembered of a gauge is a gauge again', () => {
  const states = (['held', 'trapezoid', null] as const).map((integration, meter) => {
    const last = reading({ at: 0, value: 7n }, integration);
    return { meter, last, seenMs: last.observedAtMs, closedBefore: 5, open: null };
  });
  expect(decodeStates(encodeStates(states)).map(({ last }) => last.integration)).toEqual(['held', 'trapezoid', null]);
});
