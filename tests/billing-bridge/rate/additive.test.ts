// Rating is additive where the plan is: what is rated window by window adds up to what the whole would cost, for every meter and factor; and where it is not, nobody rates it so.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPlanTerms } from '../../../billing-bridge/contract-schema.ts';
import { isAdditive, type PriceItem, rateItem, type RatingInput } from '../../../billing-bridge/rate/price-item.ts';
import { Exact } from '../../../common/model/exact.ts';
import { columnsOf } from '../../../common/model/usage-columns.ts';

const BUCKET = 300_000;
const bands = [{ name: 'day', days: ['thu', 'fri'], from: '01:00', to: '04:30', price: '0.7' }];
const tiers = [{ up_to: '1', price: '3' }, { price: '1' }];

function item(words: object): PriceItem {
  const [made] = readPlanTerms({ id: 'p', currency: 'EUR', items: [{ id: 'i', ...words }] }).items;
  if (made === undefined) throw new Error('no item');
  return made;
}

const ADDITIVE = [
  { kind: 'per_unit', unit: 'GB', price: '0.0333' },
  { kind: 'per_unit', unit: 'GiB', direction: 'out', price: '7' },
  { kind: 'per_unit', meter: 'packets', unit: 'Mpacket', direction: 'in', price: '0.1' },
  { kind: 'per_unit', meter: 'energy', unit: 'kWh', factor: '1.37', price: '0.31' },
  { kind: 'per_unit', meter: 'uptime', unit: 'h', price: '2' },
  { kind: 'time_of_day', unit: 'GB', price: '0.2', bands },
  { kind: 'time_of_day', meter: 'energy', unit: 'kWh', factor: '2', price: '0.2', bands },
  { kind: 'per_unit', unit: 'GB', price: '1', discounts: [{ name: 'd', percent: '12.5' }] },
].map(item);

const WHOLE = [
  { kind: 'per_unit', unit: 'GB', direction: 'higher', price: '1' },
  { kind: 'per_unit', meter: 'power', unit: 'kWh', price: '1' },
  { kind: 'time_of_day', meter: 'ports', unit: 'port-d', price: '1', bands },
  { kind: 'per_unit', unit: 'GB', price: '1', min_spend: '5' },
  { kind: 'per_unit', unit: 'GB', price: '1', max_spend: '5' },
  { kind: 'per_unit', unit: 'GB', price: '1', discounts: [{ name: 'd', amount: '1' }] },
  { kind: 'graduated', unit: 'GB', tiers },
  { kind: 'volume', unit: 'GB', tiers },
  { kind: 'package', unit: 'GB', size: '5', price: '1' },
  { kind: 'stairstep', unit: 'GB', steps: [{ flat: '1' }] },
  { kind: 'commitment', unit: 'GB', commit: '1', commit_price: '1', overage_price: '1' },
  { kind: 'percentile', overage_price: '1' },
  { kind: 'demand', meter: 'power', unit: 'kW', overage_price: '1' },
  { kind: 'flat', amount: '1' },
  { kind: 'flat', billed: 'advance', amount: '1' },
  { kind: 'assigned_ports', price: '1' },
].map(item);

test('which items may be rated in parts', () => {
  expect(ADDITIVE.map(isAdditive)).toEqual(ADDITIVE.map(() => true));
  expect(WHOLE.map(isAdditive)).toEqual(WHOLE.map(() => false));
});

const octets = fc.bigInt({ min: 0n, max: 2n ** 60n });
const buckets = fc.array(fc.record({ good: octets, gap: octets, wrapped: octets }), { minLength: 1, maxLength: 80 });

test('parts add up to the whole, wherever it is cut', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ADDITIVE), buckets, fc.array(fc.nat(80), { maxLength: 4 }), (one, made, cuts) => {
      const toMs = made.length * BUCKET;
      const records = made.flatMap((held, at) =>
        [1, 2].map((meter) => ({
          serial: 1n,
          meter,
          bucketStartMs: at * BUCKET,
          version: 1,
          octets: { ...held, suspended: 0n },
          coveredMs: BUCKET,
          gapMs: 0,
          lostMs: 0,
        })),
      );
      const usage = columnsOf(records, 0, toMs, BUCKET);
      const rated = (fromMs: number, endMs: number): Exact => {
        const input: RatingInput = {
          fromMs,
          toMs: endMs,
          zone: 'UTC',
          bucketMs: BUCKET,
          part: { covered: 1n, whole: 1n },
          meters: [
            { meter: 1, direction: 'in', fromMs: 0, toMs },
            { meter: 2, direction: 'out', fromMs: 0, toMs },
          ],
          usage,
          service: { startMs: 0, endMs: null },
        };
        return rateItem(one, input).amount;
      };
      const lines = [...new Set([0, ...cuts.map((cut) => Math.min(cut, made.length) * BUCKET), toMs])].toSorted(
        (left, right) => left - right,
      );
      const parts = lines.slice(1).map((end, at) => rated(lines[at] ?? 0, end));
      const sum = parts.reduce((total, part) => total.add(part), Exact.zero);
      expect(sum.toString()).toBe(rated(0, toMs).toString());
    }),
    { numRuns: 60 },
  );
});
