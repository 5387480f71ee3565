// Items that count something else than octets: units, losses and PUE, what of a gauge is held, demand of feeds together, and ports by their days.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPlanTerms } from '../../../billing-bridge/contract-schema.ts';
import type { CountedMeter } from '../../../billing-bridge/rate/counted-usage.ts';
import { heldUsage } from '../../../billing-bridge/rate/metered.ts';
import { type PriceItem, rateItem, type Rated, type RatingInput } from '../../../billing-bridge/rate/price-item.ts';
import { rateIn, volumeIn } from '../../../billing-bridge/rate/unit.ts';
import { columnsOf } from '../../../common/model/usage-columns.ts';

const BUCKET = 300_000;

interface Bucket {
  readonly good?: bigint;
  readonly gap?: bigint;
  readonly gapMs?: number;
  readonly lostMs?: number;
}

function item(words: object): PriceItem {
  const [made] = readPlanTerms({ id: 'p', currency: 'EUR', items: [{ id: 'i', ...words }] }).items;
  if (made === undefined) throw new Error('no item');
  return made;
}

/** Meters 1, 2 …, each with its buckets; null: no record. */
function inputOf(meters: readonly (readonly (Bucket | null)[])[]): RatingInput {
  const toMs = Math.max(...meters.map((buckets) => buckets.length)) * BUCKET;
  const records = meters.flatMap((buckets, meter) =>
    buckets.flatMap((bucket, at) => {
      if (bucket === null) return [];
      const { good = 0n, gap = 0n, gapMs = 0, lostMs = 0 } = bucket;
      return [
        {
          serial: 1n,
          meter: meter + 1,
          bucketStartMs: at * BUCKET,
          version: 1,
          octets: { good, wrapped: 0n, gap, suspended: 0n },
          coveredMs: BUCKET - lostMs,
          gapMs,
          lostMs,
        },
      ];
    }),
  );
  return {
    fromMs: 0,
    toMs,
    zone: 'UTC',
    bucketMs: BUCKET,
    part: { covered: 1n, whole: 1n },
    meters: meters.map((_, meter): CountedMeter => ({ meter: meter + 1, direction: 'in', fromMs: 0, toMs })),
    usage: columnsOf(records, 0, toMs, BUCKET),
    service: { startMs: 0, endMs: null },
  };
}

const rated = (words: object, ...meters: readonly (readonly (Bucket | null)[])[]): Rated =>
  rateItem(item(words), inputOf(meters));
/** So many watts through a bucket, in mW·ms. */
const watts = (power: number): Bucket => ({ good: BigInt(power) * 1000n * BigInt(BUCKET) });

describe('units', () => {
  test.each([
    ['a kWh of energy', volumeIn(2_500_000n, 'kWh', 'energy'), '2.5'],
    ['a kWh of power', volumeIn(1000n * 1000n * 3_600_000n, 'kWh', 'power'), '1'],
    ['an ampere-hour', volumeIn(1000n * 3_600_000n, 'Ah', 'current'), '1'],
    ['hours of uptime', volumeIn(90n * 60n * 100n, 'h', 'uptime'), '1.5'],
    ['days of ports', volumeIn(36n * 3_600_000n, 'port-d', 'ports'), '1.5'],
    ['millions of packets', volumeIn(1_500_000n, 'Mpacket', 'packets'), '1.5'],
    ['a GiB is 2^30', volumeIn(2n ** 31n, 'GiB'), '2'],
    ['a GB is 10^9', volumeIn(2_000_000_000n, 'GB'), '2'],
    ['Mbit/s over five minutes', rateIn(37_500_000n, BUCKET, 'Mbit/s', 'octets'), '1'],
    ['kW of energy over a quarter', rateIn(250_000n, 900_000, 'kW', 'energy'), '1'],
    ['kW of power', rateIn(3_000_000n * 900_000n, 900_000, 'kW', 'power'), '3'],
    ['A of current', rateIn(16_000n * 60_000n, 60_000, 'A', 'current'), '16'],
    ['ports on average', rateIn(90_000n, 60_000, 'port', 'ports'), '1.5'],
    ['all packets, with multicast and broadcast', volumeIn(2_500n, 'kpacket', 'all_packets'), '2.5'],
    ['packets a second', rateIn(60_000n, 60_000, 'kpacket/s', 'packets'), '1'],
  ])('%s', (_name, quantity, expected) => {
    expect(quantity.toString()).toBe(expected);
  });
});

describe('power as it is billed', () => {
  const demand = { kind: 'demand', unit: 'W', meter: 'power', interval_ms: 900_000, overage_price: '0.5' };
  const quarter = (power: number): Bucket[] => [watts(power), watts(power), watts(power)];

  test('the highest average of a quarter, with both feeds in it', () => {
    // The highest bucket alone is 900 W; averaged it is no peak.
    const feedA = [...quarter(500), watts(900), watts(100), watts(200), ...quarter(300)];
    const feedB = [...quarter(100), ...quarter(100), ...quarter(250)];
    const made = rated(demand, feedA, feedB);
    expect(made.quantity.toString()).toBe('600');
    expect(made.amount.toString()).toBe('300');
    expect(made.rankings).toMatchObject([{ direction: 'in', ranked: 3, missing: 0, rank: 3, atMs: 0 }]);
  });

  test('a quarter that lacks a feed is not ranked, and told', () => {
    const made = rated(demand, [...quarter(900), ...quarter(300)], [null, null, watts(100), ...quarter(50)]);
    expect(made.quantity.toString()).toBe('350');
    expect(made.rankings).toMatchObject([{ ranked: 1, missing: 1 }]);
    expect(made.coverage).toMatchObject({ expectedMs: 12 * BUCKET, coveredMs: 10 * BUCKET });
  });

  test('committed kW, overage, and the factor for what cools it', () => {
    const words = { ...demand, factor: '1.5', commit: '1000', commit_price: '80', overage_price: '0.1' };
    expect(rated(words, quarter(1000)).amount.toString()).toBe('130');
    expect(rated(words, quarter(100)).amount.toString()).toBe('80');
  });

  test('energy from a gauge, in bands', () => {
    const words = { kind: 'per_unit', meter: 'power', unit: 'Wh', factor: '2', price: '1' };
    expect(rated(words, [watts(600), watts(600)]).quantity.toString()).toBe('200');
  });
});

describe('what of a gauge is held', () => {
  const gap = (minutes: number): Bucket => ({ good: 1n, gap: 10n, gapMs: minutes * 60_000 });
  const held = (minutes: number, ...buckets: (Bucket | null)[]): (number | null)[] => {
    const input = heldUsage(inputOf([buckets]), minutes * 60_000);
    const table = input.usage.get(1)?.table;
    return buckets.map((bucket, at) => (bucket === null ? null : (table?.gap[at] ?? -1)));
  };

  test.each<[string, number, (Bucket | null)[], (number | null)[]]>([
    ['a short one', 5, [gap(3)], [10]],
    ['exactly as long as the hold', 3, [gap(3)], [10]],
    ['a longer one', 2, [gap(3)], [0]],
    ['two that may be one', 5, [gap(3), gap(3)], [0, 0]],
    ['two that may be one, and are not too long', 6, [gap(3), gap(3)], [10, 10]],
    ['three of which no two are too long', 6, [gap(3), gap(3), gap(3)], [10, 10, 10]],
    ['one through whole buckets', 14, [gap(4), gap(5), gap(5), gap(1)], [0, 0, 0, 0]],
    ['as long as the hold through whole buckets', 15, [gap(4), gap(5), gap(5), gap(1)], [10, 10, 10, 10]],
    ['a long one spoils no other', 5, [gap(4), gap(5), gap(1), {}, gap(2)], [0, 0, 0, 0, 10]],
    ['a bucket without a record joins nothing', 5, [gap(4), null, gap(4)], [10, null, 10]],
  ])('%s', (_name, minutes, buckets, expected) => {
    expect(held(minutes, ...buckets)).toEqual(expected);
  });

  test('of a port that left and came back each span is judged, and none undoes what the other lost', () => {
    const input = inputOf([[gap(4), gap(4), {}, gap(1)]]);
    const span = (from: number, past: number): CountedMeter => ({
      meter: 1,
      direction: 'in',
      fromMs: from * BUCKET,
      toMs: past * BUCKET,
    });
    for (const meters of [
      [span(0, 2), span(2, 4)],
      [span(2, 4), span(0, 2)],
    ])
      expect(heldUsage({ ...input, meters }, 300_000).usage.get(1)?.table.gap).toEqual(Float64Array.of(0, 0, 0, 10));
    const cut = { ...input, meters: [span(0, 1), span(1, 4)] };
    expect(heldUsage(cut, 300_000).usage.get(1)?.table.gap).toEqual(Float64Array.of(0, 0, 0, 10));
  });

  test('what is not held is lost, to the millisecond, and everything else stays', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ good: fc.bigInt(0n, 2n ** 60n), gap: fc.bigInt(0n, 2n ** 60n), gapMs: fc.nat(BUCKET) }), {
          minLength: 1,
          maxLength: 30,
        }),
        fc.nat(3_600_000),
        (buckets, holdMs) => {
          const input = inputOf([buckets.map((one) => (one.gapMs === 0 ? { ...one, gap: 0n } : one))]);
          const before = rateItem(item({ kind: 'per_unit', unit: 'GB', price: '1' }), input);
          const after = rateItem(item({ kind: 'per_unit', unit: 'GB', price: '1' }), heldUsage(input, holdMs));
          const times = ({ coverage }: Rated): number => coverage.coveredMs + coverage.lostMs;
          expect(times(after)).toBe(times(before));
          const dropped = before.coverage.gapOctets - after.coverage.gapOctets;
          expect(before.quantity.subtract(after.quantity).toString()).toBe(volumeIn(dropped, 'GB').toString());
        },
      ),
      { numRuns: 100 },
    );
  });
});

test('assigned ports cost the days that they are bound', () => {
  const words = item({ kind: 'assigned_ports', price: '30' });
  const assigned = [
    { covered: 30n, whole: 30n },
    { covered: 10n, whole: 30n },
  ];
  const made = rateItem(words, { ...inputOf([[]]), assigned });
  expect([made.quantity.toString(), made.amount.toString(), made.unit]).toEqual(['4/3', '40', 'port']);
});
