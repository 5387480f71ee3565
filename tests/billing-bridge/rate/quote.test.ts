// Quotes for usage that a person states: what the plan says of it by hand, exactly, whatever the plan.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planSchema, planTerms } from '../../../billing-bridge/contract-schema.ts';
import { quoteStated } from '../../../billing-bridge/rate/quote.ts';
import { Exact } from '../../../common/model/exact.ts';
import { periodNamed } from '../../../common/model/period.ts';

const NOVEMBER = periodNamed('2026-11', 'Europe/Berlin');
const GB = 1_000_000_000n;

function quote(items: readonly object[], usage: Partial<Parameters<typeof quoteStated>[2]> = {}) {
  if (NOVEMBER === null) throw new Error('no period');
  const document = planSchema.parse({ id: 'p', currency: 'EUR', items });
  const stated = { in: 0n, out: 0n, percentileIn: Exact.zero, percentileOut: Exact.zero, begins: false, ...usage };
  return quoteStated({ ...planTerms(document), id: 'p', version: 0 }, NOVEMBER, stated);
}

const mbps = (value: number): Exact => Exact.integer(value * 1_000_000);

test.each([
  ['flat', { kind: 'flat', amount: '29.00' }, {}, '29.00'],
  [
    'per unit',
    { kind: 'per_unit', unit: 'GB', direction: 'sum', price: '0.045' },
    { in: 7n * GB, out: 3n * GB },
    '0.45',
  ],
  [
    'graduated',
    {
      kind: 'graduated',
      unit: 'GB',
      direction: 'out',
      tiers: [{ up_to: '10', price: '1' }, { price: '0.5' }],
    },
    { in: 900n * GB, out: 14n * GB },
    '12.00',
  ],
  ['a fee as it begins', { kind: 'one_off', amount: '100' }, { begins: true }, '100.00'],
  ['no fee later', { kind: 'one_off', amount: '100' }, {}, '0.00'],
  // 24 hours a day, 8 of them by night: a third.
  [
    'by the hour',
    {
      kind: 'time_of_day',
      unit: 'GB',
      direction: 'in',
      price: '3',
      bands: [
        {
          name: 'night',
          days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
          from: '00:00',
          to: '08:00',
          price: '0',
        },
      ],
    },
    { in: 300n * GB },
    '600.00',
  ],
  [
    'the higher percentile above its commit',
    { kind: 'percentile', commit: '100', commit_price: '200', overage_price: '3' },
    { percentileIn: mbps(120), percentileOut: mbps(150) },
    '350.00',
  ],
  [
    'the sum of both',
    { kind: 'percentile', direction: 'sum', commit: '100', commit_price: '200', overage_price: '3' },
    { percentileIn: mbps(60), percentileOut: mbps(50) },
    '230.00',
  ],
])('%s', (_name, item, usage, total) => {
  expect(quote([{ id: 'one', ...item }], usage).total).toBe(total);
});

test('octets that divide into no quarter of an hour add up all the same, and discounts and limits count', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 70n), fc.bigInt(0n, 2n ** 70n), (inward, outward) => {
      const item = { kind: 'per_unit', unit: 'octet', direction: 'sum', price: '1' };
      const found = quote([{ id: 'one', ...item }], { in: inward, out: outward });
      expect(found.lines[0]?.exactAmount).toBe((inward + outward).toString());
    }),
    { numRuns: 10 },
  );
  const off = { kind: 'percentile', commit: '1', commit_price: '200', overage_price: '0', max_spend: '90' };
  expect(quote([{ id: 'one', ...off, discounts: [{ name: 'loyal', percent: '50' }] }]).total).toBe('90.00');
});
