// What must hold of prices whatever the numbers are: where they grow, where they jump, where parts add up; and of octets that are split or ranked.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPlanTerms } from '../../../billing-bridge/contract-schema.ts';
import { spanBetween } from '../../../billing-bridge/mediate/span.ts';
import { splitSpan } from '../../../billing-bridge/mediate/split.ts';
import { Reading } from '../../../billing-bridge/mediate/reading.ts';
import { priceCommitment } from '../../../billing-bridge/rate/commitment.ts';
import { discounted } from '../../../billing-bridge/rate/discount.ts';
import { priceGraduated } from '../../../billing-bridge/rate/graduated.ts';
import { isChargedIn } from '../../../billing-bridge/rate/one-off.ts';
import { packageCount, pricePackage } from '../../../billing-bridge/rate/package.ts';
import { pricePerUnit } from '../../../billing-bridge/rate/per-unit.ts';
import { rankOf } from '../../../billing-bridge/rate/sample-rank.ts';
import { rateItem, type RatingInput } from '../../../billing-bridge/rate/price-item.ts';
import { priceStairstep } from '../../../billing-bridge/rate/stairstep.ts';
import { type Tier, tierMistakes } from '../../../billing-bridge/rate/tiers.ts';
import { priceVolume } from '../../../billing-bridge/rate/volume.ts';
import type { Priced } from '../../../billing-bridge/rate/working.ts';
import { Exact } from '../../../common/model/exact.ts';
import { columnsOf } from '../../../common/model/usage-columns.ts';

const exact = (value: bigint | number): Exact => Exact.integer(value);
const sumOf = (steps: Priced['steps']): string =>
  steps.reduce((sum, { amount }) => sum.add(Exact.fromText(amount) ?? Exact.zero), Exact.zero).toString();
const text = (value: Exact): string => value.toString();

/** Thousandths, so that fractions are common. */
const quantity = fc.bigInt({ min: 0n, max: 10n ** 9n }).map((value) => Exact.ratio(value, 1000n));
const money = fc.bigInt({ min: 0n, max: 10n ** 7n }).map((value) => Exact.ratio(value, 10_000n));
const ends = fc.uniqueArray(fc.integer({ min: 1, max: 999_999 }), { minLength: 1, maxLength: 6 });
const tiers = (flat: fc.Arbitrary<Exact>): fc.Arbitrary<Tier[]> =>
  fc.tuple(ends, fc.array(fc.tuple(money, flat), { minLength: 7, maxLength: 7 })).map(([bounds, prices]) => {
    const sorted = bounds.toSorted((a, b) => a - b);
    return [...sorted.map((end): Exact | null => exact(end)), null].map((upTo, at) => {
      const [unit = Exact.zero, flatPrice = Exact.zero] = prices[at] ?? [];
      return { upTo, unit, flat: flatPrice };
    });
  });
const STEP = Exact.ratio(1n, 10n ** 6n);

describe('prices', () => {
  test('the working adds up to the amount, whatever the model', () => {
    fc.assert(
      fc.property(quantity, tiers(money), money, (used, table, price) => {
        const all = [
          pricePerUnit(used, price),
          priceGraduated(used, { tiers: table, flatAtZero: true }),
          priceVolume(used, { tiers: table, flatAtZero: true }),
          priceStairstep(used, table),
          pricePackage(used, { amount: price, size: exact(7), freeUnits: exact(3), oneAtZero: true }),
          priceCommitment(
            used,
            { commit: exact(5), commitPrice: price, overagePrice: price, partPeriod: 'prorated' },
            { covered: 11n, whole: 30n },
          ),
        ];
        for (const priced of all) expect(sumOf(priced.steps)).toBe(text(priced.amount));
        expect(tierMistakes(table)).toEqual([]);
      }),
    );
  });

  test('per unit is additive: parts cost what the whole costs', () => {
    fc.assert(
      fc.property(quantity, quantity, money, (one, other, price) => {
        const parts = pricePerUnit(one, price).amount.add(pricePerUnit(other, price).amount);
        expect(text(parts)).toBe(text(pricePerUnit(one.add(other), price).amount));
      }),
    );
  });

  test('graduated without flat fees never falls as usage grows, and has no jump at a bound', () => {
    fc.assert(
      fc.property(quantity, quantity, tiers(fc.constant(Exact.zero)), (used, more, table) => {
        const cost = (of: Exact): Exact => priceGraduated(of, { tiers: table, flatAtZero: false }).amount;
        expect(cost(used.add(more)).compare(cost(used))).toBeGreaterThanOrEqual(0);
        for (const [at, { upTo }] of table.entries()) {
          if (upTo === null) continue;
          const next = table[at + 1]?.unit ?? Exact.zero;
          expect(text(cost(upTo.add(STEP)).subtract(cost(upTo)))).toBe(text(next.multiply(STEP)));
        }
      }),
    );
  });

  test('graduated with flat fees jumps by the fee of the tier that is entered, and nowhere else', () => {
    fc.assert(
      fc.property(tiers(money), (table) => {
        const cost = (of: Exact): Exact => priceGraduated(of, { tiers: table, flatAtZero: false }).amount;
        for (const [at, { upTo }] of table.entries()) {
          const next = table[at + 1];
          if (upTo === null || next === undefined) continue;
          const jump = cost(upTo.add(STEP)).subtract(cost(upTo)).subtract(next.unit.multiply(STEP));
          expect(text(jump)).toBe(text(next.flat));
        }
      }),
    );
  });

  test('volume and stairstep jump at a bound to what the next tier says of everything', () => {
    fc.assert(
      fc.property(tiers(money), (table) => {
        for (const [at, { upTo, unit, flat }] of table.entries()) {
          const next = table[at + 1];
          if (upTo === null || next === undefined) continue;
          const above = upTo.add(STEP);
          const cost = (of: Exact): Exact => priceVolume(of, { tiers: table, flatAtZero: false }).amount;
          expect(text(cost(upTo))).toBe(text(upTo.multiply(unit).add(flat)));
          expect(text(cost(above))).toBe(text(above.multiply(next.unit).add(next.flat)));
          expect(text(priceStairstep(upTo, table).amount)).toBe(text(flat));
          expect(text(priceStairstep(above, table).amount)).toBe(text(next.flat));
        }
      }),
    );
  });

  test('packages hold what was used, and one fewer would not', () => {
    fc.assert(
      fc.property(quantity, fc.integer({ min: 1, max: 5000 }), quantity, (used, size, freeUnits) => {
        const price = { size: exact(size), freeUnits, oneAtZero: false };
        const count = packageCount(used, price);
        expect(count.multiply(price.size).add(freeUnits).compare(used)).toBeGreaterThanOrEqual(0);
        if (count.isZero()) return;
        expect(count.subtract(Exact.one).multiply(price.size).add(freeUnits).compare(used)).toBe(-1);
      }),
    );
  });

  test('a commitment costs its price up to the commit, and from there on each unit', () => {
    fc.assert(
      fc.property(quantity, quantity, money, money, (commit, more, commitPrice, overagePrice) => {
        const price = { commit, commitPrice, overagePrice, partPeriod: 'full' as const };
        const whole = { covered: 1n, whole: 1n };
        expect(text(priceCommitment(commit, price, whole).amount)).toBe(text(commitPrice));
        const above = priceCommitment(commit.add(more), price, whole).amount;
        expect(text(above)).toBe(text(commitPrice.add(more.multiply(overagePrice))));
      }),
    );
  });

  test('a part of a period holds its part of the commit', () => {
    const price = {
      commit: exact(300),
      commitPrice: exact(60),
      overagePrice: exact(2),
      partPeriod: 'prorated' as const,
    };
    // 10 of 30 days: 100 units for 20, and 5 above.
    expect(text(priceCommitment(exact(105), price, { covered: 10n, whole: 30n }).amount)).toBe('30');
    const full = { ...price, partPeriod: 'full' as const };
    expect(text(priceCommitment(exact(105), full, { covered: 10n, whole: 30n }).amount)).toBe('60');
  });

  test('discounts take what they say, one after the other, and never more than there is', () => {
    const of = (amount: number): Priced => ({ amount: exact(amount), steps: [{ what: 'x', amount: String(amount) }] });
    const ten = { name: 'ten', percent: exact(10) };
    const five = { name: 'five', amount: exact(5) };
    expect(text(discounted(of(100), [ten, five]).amount)).toBe('85');
    expect(text(discounted(of(100), [five, ten]).amount)).toBe('85.5');
    expect(text(discounted(of(3), [five]).amount)).toBe('0');
    fc.assert(
      fc.property(money, money, fc.bigInt({ min: 0n, max: 100n }), (amount, off, percent) => {
        const priced = { amount, steps: [{ what: 'x', amount: text(amount) }] };
        const left = discounted(priced, [
          { name: 'a', percent: exact(percent) },
          { name: 'b', amount: off },
        ]);
        expect(left.amount.isNegative()).toBe(false);
        expect(left.amount.compare(amount)).toBeLessThanOrEqual(0);
        expect(sumOf(left.steps)).toBe(text(left.amount));
      }),
    );
  });

  test('a one-off fee is charged in one period of all, wherever the line falls', () => {
    const lines = [0, 10, 20, 30, 40];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 39 }), fc.integer({ min: 1, max: 40 }), (startMs, endMs) => {
        for (const when of ['start', 'end'] as const) {
          const periods = lines.slice(0, -1).map((fromMs, at) => ({ fromMs, toMs: lines[at + 1] ?? 0 }));
          const charged = periods.filter((period) => isChargedIn({ when }, { startMs, endMs }, period));
          expect(charged).toHaveLength(1);
          expect(periods.some((period) => isChargedIn({ when: 'end' }, { startMs, endMs: null }, period))).toBe(false);
        }
      }),
    );
  });
});

const BUCKET = 300_000;
const octets = fc.bigInt({ min: 0n, max: 2n ** 40n });

describe('octets', () => {
  test('parts of a split add up, whatever the span and the grid', () => {
    const at = (observedAtMs: number, value: bigint): Reading =>
      new Reading(
        { observedAtMs, monotonicMs: observedAtMs, uptimeTicks: null, processId: 'a', intervalMs: 60_000 },
        { width: 64, speedBps: null },
        value,
        null,
      );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 * BUCKET }),
        fc.integer({ min: 1, max: 40 * BUCKET }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (fromMs, lengthMs, moved) => {
          let [sum, time] = [0n, 0];
          splitSpan(spanBetween(at(fromMs, 0n), at(fromMs + lengthMs, moved), BUCKET), BUCKET, (_, part, ms) => {
            expect(part >= 0n).toBe(true);
            sum += part;
            time += ms;
          });
          expect([sum, time]).toEqual([moved, lengthMs]);
        },
      ),
    );
  });

  test('the percentile is the one of a sort, of doubles and of what no double holds', () => {
    const [item] = readPlanTerms({
      id: 'p',
      currency: 'EUR',
      items: [{ id: 'p', kind: 'percentile', direction: 'in', overage_price: '1', percentile: '95' }],
    }).items;
    if (item === undefined) throw new Error('no item');
    const values = fc.array(fc.oneof(octets, fc.bigInt({ min: 2n ** 52n, max: 2n ** 66n })), {
      minLength: 1,
      maxLength: 80,
    });
    fc.assert(
      fc.property(values, (samples) => {
        const records = samples.map((good, at) => ({
          serial: BigInt(at + 1),
          meter: 1,
          bucketStartMs: at * BUCKET,
          version: 1,
          coveredMs: BUCKET,
          gapMs: 0,
          lostMs: 0,
          octets: { good, wrapped: 0n, gap: 0n, suspended: 0n },
        }));
        const toMs = samples.length * BUCKET;
        const input: RatingInput = {
          fromMs: 0,
          toMs,
          zone: 'UTC',
          bucketMs: BUCKET,
          part: { covered: 1n, whole: 1n },
          meters: [{ meter: 1, direction: 'in', fromMs: 0, toMs }],
          usage: columnsOf(records, 0, toMs, BUCKET),
          service: { startMs: 0, endMs: null },
        };
        const [ranking] = rateItem(item, input).rankings;
        const sorted = samples.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
        expect(ranking?.octets).toBe(sorted[Math.ceil((samples.length * 95) / 100) - 1]);
        expect(ranking?.rank).toBe(rankOf(samples.length, exact(95), 'nearest_rank'));
      }),
    );
  });
});
