// Every variant of a percentile contract that providers use, each against a sum and a sort made here by itself.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPlanTerms } from '../../../billing-bridge/contract-schema.ts';
import { pairsIn } from '../../../billing-bridge/mediate/meter-pairs.ts';
import { Reading } from '../../../billing-bridge/mediate/reading.ts';
import type { CountedMeter } from '../../../billing-bridge/rate/counted-usage.ts';
import { pairSamples, type PollPair } from '../../../billing-bridge/rate/poll-pairs.ts';
import { type PriceItem, rateItem, type Rated, type RatingInput } from '../../../billing-bridge/rate/price-item.ts';
import { columnsOf } from '../../../common/model/usage-columns.ts';

const BUCKET = 300_000;
const DAY = 288;
/** Octets of an interval that are so many Mbit/s. */
const MBIT = 37_500_000n;

type Samples = readonly (number | null)[];
/** In and out of each port, in Mbit/s; null: not measured. */
type Ports = readonly (readonly [Samples, Samples])[];

function item(words: object): PriceItem {
  const items = [{ id: 'p', kind: 'percentile', overage_price: '1', ...words }];
  const [made] = readPlanTerms({ id: 'p', currency: 'EUR', items }).items;
  if (made === undefined) throw new Error('no item');
  return made;
}

function inputOf(ports: Ports, more: Partial<RatingInput> = {}): RatingInput {
  const count = Math.max(...ports.flat().map((samples) => samples.length));
  const toMs = count * BUCKET;
  const meters: CountedMeter[] = [];
  const records = ports.flatMap((port, at) =>
    port.flatMap((samples, direction) => {
      const meter = at * 2 + direction + 1;
      meters.push({ meter, direction: direction === 0 ? 'in' : 'out', fromMs: 0, toMs, port: `port ${at}` });
      return samples.flatMap((value, place) =>
        value === null
          ? []
          : [
              {
                serial: 1n,
                meter,
                bucketStartMs: place * BUCKET,
                version: 1,
                octets: {
                  good: BigInt(Math.round(value * 1000)) * (MBIT / 1000n),
                  wrapped: 0n,
                  gap: 0n,
                  suspended: 0n,
                },
                coveredMs: BUCKET,
                gapMs: 0,
                lostMs: 0,
              },
            ],
      );
    }),
  );
  const usage = columnsOf(records, 0, toMs, BUCKET);
  const service = { startMs: 0, endMs: null };
  const part = { covered: 30n, whole: 30n };
  return { fromMs: 0, toMs, zone: 'UTC', bucketMs: BUCKET, part, meters, usage, service, ...more };
}

const rated = (words: object, ports: Ports, more: Partial<RatingInput> = {}): Rated =>
  rateItem(item(words), inputOf(ports, more));
const units = (words: object, ports: Ports): number => {
  const [whole = '', parts] = rated(words, ports).quantity.toString().split('/');
  return Number(whole) / Number(parts ?? 1);
};

/** By itself: no code of the bridge. */
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
const p95 = (values: readonly number[]): number => ascending(values)[Math.ceil(values.length * 0.95) - 1] ?? 0;
const summed = (ports: Ports, direction: 0 | 1): number[] =>
  (ports[0]?.[direction] ?? []).map((_, at) => ports.reduce((sum, port) => sum + (port[direction][at] ?? 0), 0));
const zipped = (ports: Ports, how: (inward: number, outward: number) => number): number[] => {
  const outward = summed(ports, 1);
  return summed(ports, 0).map((value, at) => how(value, outward[at] ?? 0));
};

const VARIANTS: readonly [string, object, (ports: Ports) => number][] = [
  ['in and out apart, the higher', {}, (ports) => Math.max(p95(summed(ports, 0)), p95(summed(ports, 1)))],
  ['the higher of each interval', { direction: 'per_interval_max' }, (ports) => p95(zipped(ports, Math.max))],
  ['the sum of each interval', { direction: 'sum' }, (ports) => p95(zipped(ports, (a, b) => a + b))],
  ['in alone', { direction: 'in' }, (ports) => p95(summed(ports, 0))],
  ['out alone', { direction: 'out' }, (ports) => p95(summed(ports, 1))],
  [
    'each port by itself',
    { aggregation: 'port' },
    (ports) => ports.reduce((sum, [inward, outward]) => sum + Math.max(p95(numbers(inward)), p95(numbers(outward))), 0),
  ],
  [
    'rounded rank, as network management systems do',
    { direction: 'in', rank: 'round_rank' },
    (ports) => ascending(summed(ports, 0))[Math.max(0, Math.round(summed(ports, 0).length * 0.95) - 1)] ?? 0,
  ],
  [
    'interpolated, as spreadsheets do',
    { direction: 'in', rank: 'interpolated' },
    (ports) => interpolated(summed(ports, 0)),
  ],
  [
    'the nth highest',
    { direction: 'in', nth_highest: 5 },
    (ports) => ascending(summed(ports, 0)).at(-Math.min(5, summed(ports, 0).length)) ?? 0,
  ],
  [
    'fifth highest of each day, mean of the five highest days',
    { direction: 'per_interval_max', nth_highest: 5, days: { mean_of_highest: 5 } },
    (ports) => {
      const days = ascending(
        daysOf(zipped(ports, Math.max)).map((day) => ascending(day).at(-Math.min(5, day.length)) ?? 0),
      );
      const highest = days.slice(-5);
      return highest.reduce((sum, value) => sum + value, 0) / highest.length;
    },
  ],
  [
    'peak of each day, the highest twentieth of the days dropped',
    { direction: 'sum', percentile: '100', days: { percentile: '95' } },
    (ports) => p95(daysOf(zipped(ports, (a, b) => a + b)).map((day) => Math.max(...day))),
  ],
  [
    'percentile of each day, the highest day',
    { direction: 'out', days: { percentile: '100' } },
    (ports) => Math.max(...daysOf(summed(ports, 1)).map(p95)),
  ],
  ['never below a floor', { direction: 'in', floor: '500' }, (ports) => Math.max(500, p95(summed(ports, 0)))],
];

const numbers = (samples: Samples): number[] => samples.flatMap((value) => value ?? []);
const daysOf = (values: readonly number[]): number[][] =>
  Array.from({ length: Math.ceil(values.length / DAY) }, (_, day) => values.slice(day * DAY, (day + 1) * DAY));
function interpolated(values: readonly number[]): number {
  const sorted = ascending(values);
  const place = (sorted.length - 1) * 0.95;
  const low = Math.floor(place);
  return (sorted[low] ?? 0) + ((sorted[low + 1] ?? sorted[low] ?? 0) - (sorted[low] ?? 0)) * (place - low);
}

const sample = fc.integer({ min: 0, max: 1000 });
const traffic = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 900 }))
  .chain(([ports, count]) =>
    fc.array(
      fc.tuple(
        fc.array(sample, { minLength: count, maxLength: count }),
        fc.array(sample, { minLength: count, maxLength: count }),
      ),
      { minLength: ports, maxLength: ports },
    ),
  );

describe('variants against a sort', () => {
  test.each(VARIANTS)('%s', (_name, words, expected) => {
    fc.assert(
      fc.property(traffic, (ports) => {
        expect(units(words, ports)).toBeCloseTo(expected(ports), 6);
      }),
      { numRuns: 12 },
    );
  });

  test('what each is on one month: sums of percentiles are not percentiles of sums', () => {
    // An active and a standby port, each used in one half.
    const half = (first: number, second: number): number[] =>
      Array.from({ length: 200 }, (_, at) => (at < 100 ? first : second));
    const ports: Ports = [
      [half(100, 0), half(10, 0)],
      [half(0, 100), half(0, 10)],
    ];
    expect([units({}, ports), units({ aggregation: 'port' }, ports)]).toEqual([100, 200]);
  });
});

describe('samples that are missing', () => {
  // Twenty intervals of 1 … 20; the two highest were not measured.
  const known: Samples = Array.from({ length: 20 }, (_, at) => (at < 18 ? at + 1 : null));
  const none: Samples = known.map(() => 0);
  test.each([
    ['exclude', { gaps: 'exclude' }, 18, 18],
    ['zero', { gaps: 'zero' }, 17, 20],
    ['spread: nothing is known of them either', { gaps: 'spread' }, 18, 18],
  ])('%s', (_name, words, expected, ranked) => {
    const made = rated({ direction: 'in', ...words }, [[known, none]]);
    expect([Number(made.quantity.toString()), made.rankings[0]?.ranked]).toEqual([expected, ranked]);
  });

  test('a part of a month: whole, by the days of the service, by the days that were measured', () => {
    const days = Array.from({ length: 4 * DAY }, (_, at) => (at < 3 * DAY ? 10 : null));
    const idle = days.map((value) => (value === null ? null : 0));
    const price = (part_period: string): string =>
      rated({ direction: 'in', part_period }, [[days, idle]], { part: { covered: 4n, whole: 30n } }).amount.toString();
    expect([price('full'), price('prorated'), price('measured_days')]).toEqual(['10', '4/3', '1']);
  });
});

describe('pairs of polls', () => {
  const at = (observedAtMs: number, value: bigint): Reading =>
    new Reading(
      {
        observedAtMs,
        monotonicMs: observedAtMs,
        uptimeTicks: 1000 + observedAtMs / 10,
        processId: 'a',
        intervalMs: BUCKET,
      },
      { width: 64, speedBps: 1_000_000_000n },
      value,
      null,
    );

  /** Polls `phase` behind the grid of a counter that moves so many Mbit/s in each interval. */
  function polled(rates: readonly number[], phase: number): Reading[] {
    let moved = 0n;
    return rates.map((rate, place) => {
      const within = (BigInt(rate) * MBIT * BigInt(phase)) / BigInt(BUCKET);
      const reading = at(place * BUCKET + phase, moved + within);
      moved += BigInt(rate) * MBIT;
      return reading;
    });
  }

  const samplesAt = (pairs: readonly PollPair[], count: number, withGaps = false): (number | null)[] => {
    const toMs = count * BUCKET;
    const input = { ...inputOf([[Array.from({ length: count }, () => 0), []]]), pairs: new Map([[1, pairs]]) };
    const found = pairSamples(
      { ...input, toMs, meters: [{ meter: 1, direction: 'in', fromMs: 0, toMs }] },
      BUCKET,
      withGaps,
    );
    return [...found.in].map((octets, place) =>
      found.knownMs[place] === 0 ? null : Number(BigInt(octets)) / Number(MBIT),
    );
  };

  test('on the grid they are the grid, each pair in the interval that it ends', () => {
    expect(samplesAt(pairsIn(polled([1, 9, 2, 4, 0], 0), [], BUCKET), 5)).toEqual([1, 9, 2, 4, null]);
  });

  test('off the grid each is the average of its own time, not cut at the line', () => {
    // By 75 s: three quarters of the interval before, one of its own.
    expect(samplesAt(pairsIn(polled([0, 8, 0, 4, 0], 75_000), [], BUCKET), 5)).toEqual([null, 2, 6, 1, 3]);
  });

  test('minute polls are put together; a gap is ranked only where the contract spreads', () => {
    const minutes = Array.from({ length: 11 }, (_, minute) => at(minute * 60_000, BigInt(minute) * 7_500_000n));
    expect(samplesAt(pairsIn(minutes, [], BUCKET), 2)).toEqual([1, 1]);
    const missed = polled([2, 2, 2, 2, 2, 0], 0).filter((_, place) => place !== 2 && place !== 3);
    expect(samplesAt(pairsIn(missed, [], BUCKET), 5)).toEqual([2, null, null, null, 2]);
    expect(samplesAt(pairsIn(missed, [], BUCKET), 5, true)).toEqual([2, null, null, 2, 2]);
  });

  test('a lost span is no pair, and one above line rate only where it was released', () => {
    const readings = [at(0, 1000n), at(BUCKET, 500n), at(2 * BUCKET, 500n + 400n * MBIT * 10n)];
    expect(pairsIn(readings, [], BUCKET)).toEqual([]);
    expect(pairsIn(readings, [{ fromMs: BUCKET, toMs: 2 * BUCKET }], BUCKET)).toHaveLength(1);
  });

  test('the percentile of pairs is that of a sort', () => {
    fc.assert(
      fc.property(
        fc.array(sample, { minLength: 3, maxLength: 300 }),
        fc.integer({ min: 0, max: 299 }),
        (rates, second) => {
          const readings = polled(rates, second * 1000);
          const pairs = pairsIn(readings, [], BUCKET);
          const averages = pairs.map(({ octets, fromMs, toMs }) =>
            Number((octets * BigInt(BUCKET)) / BigInt(toMs - fromMs)),
          );
          const flat: Samples = rates.map(() => 0);
          const made = rated({ direction: 'in', samples: 'poll_pair' }, [[flat, flat]], {
            pairs: new Map([1, 2].map((meter) => [meter, pairs])),
          });
          // With one poll at the very beginning a pair ends in each interval but the last.
          expect(made.rankings[0]?.octets).toBe(BigInt(p95(averages)));
        },
      ),
      { numRuns: 60 },
    );
  });
});
