// What columns add up to is what bigints add up to, below what a double holds, at its edge, and beyond.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { coverageOf, intervalSamples, ratedSums } from '../../../billing-bridge/rate/counted-usage.ts';
import { columnsOf } from '../../../common/model/usage-columns.ts';

const BUCKET = 300_000;
const COUNT = 24;
const EDGE = 2n ** 53n;
const octets = fc.oneof(
  fc.bigInt({ min: 0n, max: 10n ** 12n }),
  fc.bigInt({ min: EDGE / 2n - 3n, max: EDGE / 2n + 3n }),
  fc.bigInt({ min: EDGE - 3n, max: EDGE + 3n }),
  fc.bigInt({ min: 0n, max: 2n ** 70n }),
);
const bucket = fc.record({
  meter: fc.constantFrom(1, 2, 3),
  at: fc.nat(COUNT - 1),
  octets: fc.record({ good: octets, wrapped: octets, gap: octets, suspended: octets }),
});
const buckets = fc.uniqueArray(bucket, { maxLength: 60, selector: ({ meter, at }) => `${meter} ${at}` });

test('sums by direction, of gaps, of what is suspended, and of each interval are exact', () => {
  fc.assert(
    fc.property(buckets, (made) => {
      const records = made.map(({ meter, at, octets: held }, place) => ({
        serial: BigInt(place + 1),
        meter,
        bucketStartMs: at * BUCKET,
        version: 1,
        octets: held,
        coveredMs: BUCKET,
        gapMs: 0,
        lostMs: 0,
      }));
      const toMs = COUNT * BUCKET;
      const meters = [1, 2, 3].map((meter) => ({
        meter,
        direction: meter === 3 ? ('out' as const) : ('in' as const),
        fromMs: 0,
        toMs,
      }));
      const input = { fromMs: 0, toMs, meters, usage: columnsOf(records, 0, toMs, BUCKET) };
      const sum = (of: (one: (typeof made)[number]) => bigint, wanted: (meter: number) => boolean = () => true) =>
        made.filter(({ meter }) => wanted(meter)).reduce((total, one) => total + of(one), 0n);
      const rated = ({ octets: { good, wrapped, gap } }: (typeof made)[number]): bigint => good + wrapped + gap;
      expect(ratedSums(input)).toEqual({
        in: sum(rated, (meter) => meter !== 3),
        out: sum(rated, (meter) => meter === 3),
      });
      const coverage = coverageOf(input);
      expect(coverage.gapOctets).toBe(sum((one) => one.octets.gap));
      expect(coverage.suspendedOctets).toBe(sum((one) => one.octets.suspended));
      const samples = intervalSamples(input, 3 * BUCKET, true);
      const total = [...samples.in, ...samples.out].reduce<bigint>((all, value) => all + BigInt(value), 0n);
      expect(total).toBe(sum(rated));
    }),
    { numRuns: 300 },
  );
});

test('what a port that leaves inside an interval was read does not stand for what another was not', () => {
  const record = (meter: number, at: number) => ({
    serial: 1n,
    meter,
    bucketStartMs: at * BUCKET,
    version: 1,
    octets: { good: 1n, wrapped: 0n, gap: 0n, suspended: 0n },
    coveredMs: BUCKET,
    gapMs: 0,
    lostMs: 0,
  });
  const usage = columnsOf([record(1, 0), record(1, 1), record(2, 0)], 0, 3 * BUCKET, BUCKET);
  const meters = [
    { meter: 1, direction: 'in' as const, fromMs: 0, toMs: 3 * BUCKET },
    { meter: 2, direction: 'in' as const, fromMs: 0, toMs: BUCKET },
  ];
  const samples = intervalSamples({ fromMs: 0, toMs: 3 * BUCKET, meters, usage }, 3 * BUCKET, false);
  expect(samples).toMatchObject({ count: 1, wantedMs: { 0: 3 * BUCKET }, knownMs: { 0: 2 * BUCKET }, in: { 0: 3 } });
});
