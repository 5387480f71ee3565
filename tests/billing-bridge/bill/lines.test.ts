// Lines and gates, without a database: one rounding a line, and all bills of a group together are its rounded sum.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GATE_NAMES, type GateFindings, type GateName, holding, judge } from '../../../billing-bridge/bill/gates.ts';
import { type LineGroup, lineOf, sumOf, totalOf } from '../../../billing-bridge/bill/lines.ts';
import type { Charge } from '../../../billing-bridge/rate/charge-store.ts';
import { Exact, type Rounding } from '../../../common/model/exact.ts';
import { periodNamed } from '../../../common/model/period.ts';

const PERIOD = periodNamed('2026-11', 'UTC');
if (PERIOD === null) throw new Error('no period');
const NOVEMBER = PERIOD;

function charge(id: number, amount: string, more: Partial<Charge> = {}): Charge {
  return {
    id: BigInt(id),
    run: 1n,
    customer: 'acme',
    service: 's',
    item: 'traffic',
    itemName: 'Traffic',
    kind: 'per_unit',
    windowStartMs: id,
    windowEndMs: id + 1,
    version: 1,
    plan: 'p',
    planVersion: 1,
    currency: 'EUR',
    quantity: '1',
    unit: 'GB',
    amount,
    usageRecords: 1,
    inputDigest: '',
    ratedAtMs: 0,
    working: { steps: [] },
    evidence: {},
    ...more,
  };
}

function group(amounts: readonly string[], billedBefore: readonly string[] = []): LineGroup {
  const charges = amounts.map((amount, at) => charge(at + 1, amount));
  return {
    service: 's',
    item: 'traffic',
    plan: 'p',
    planVersion: 1,
    period: NOVEMBER,
    charges,
    billedBefore,
    unbilled: new Set(charges.map((one) => one.id)),
  };
}

const CENTS = { places: 2, mode: 'half_up' } as const;

describe('a line', () => {
  test.each<[string, string[], string[], { places: number; mode: Rounding }, Partial<ReturnType<typeof lineOf>>]>([
    [
      'is rounded once, not charge by charge',
      ['0.004', '0.004', '0.004'],
      [],
      CENTS,
      { exactAmount: '0.012', amount: '0.01' },
    ],
    ['keeps thirds exact until then', ['1/3', '1/3', '1/3'], [], CENTS, { exactAmount: '1', amount: '1.00' }],
    [
      'of a currency without decimals',
      ['0.5', '0.25'],
      [],
      { places: 0, mode: 'half_up' },
      { exactAmount: '0.75', amount: '1' },
    ],
    ['in a currency of three', ['1.0005'], [], { places: 3, mode: 'half_even' }, { amount: '1.000' }],
    ['rounded down', ['1.999'], [], { places: 2, mode: 'down' }, { amount: '1.99' }],
    ['of nothing', [], [], CENTS, { exactAmount: '0', amount: '0.00', quantity: '0', unit: '', itemName: 'traffic' }],
    ['less what was billed', ['10.006'], ['9.99'], CENTS, { billedBefore: '9.99', amount: '0.02' }],
    [
      'less what was billed in several bills',
      ['10'],
      ['9.99', '0.02', '-0.01'],
      CENTS,
      { billedBefore: '10', amount: '0.00' },
    ],
    ['that gives back', ['4'], ['9.99'], CENTS, { exactAmount: '4', amount: '-5.99' }],
    ['that gives all back', ['0', '0'], ['9.99'], CENTS, { exactAmount: '0', amount: '-9.99' }],
  ])('%s', (_name, amounts, before, rounding, expected) => {
    expect(lineOf(1, 'charge', group(amounts, before), rounding)).toMatchObject(expected);
  });

  test('shows the working where it has one charge, and says how many there are', () => {
    expect(lineOf(1, 'charge', group(['1']), CENTS).working).toEqual({
      rounding: 'half_up to 2 places',
      charges: 1,
      working: { steps: [] },
    });
    expect(lineOf(1, 'charge', group(['1', '2']), CENTS).working).toEqual({
      rounding: 'half_up to 2 places',
      charges: 2,
    });
  });

  const amount = fc
    .tuple(fc.bigInt({ min: -100_000n, max: 100_000n }), fc.constantFrom(1n, 3n, 8n, 1000n, 7n))
    .map(([numerator, denominator]) => Exact.ratio(numerator, denominator).toString());

  test('however often it is corrected, all bills together are the rounded sum', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(amount, { maxLength: 5 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 0, max: 4 }),
        fc.constantFrom<Rounding[]>('half_up', 'half_even', 'down', 'up'),
        (corrections, places, mode) => {
          const billed: string[] = [];
          for (const amounts of corrections)
            billed.push(lineOf(1, 'adjustment', group(amounts, billed), { places, mode }).amount);
          const last = corrections.at(-1) ?? [];
          expect(sumOf(billed)).toEqual(sumOf(last).round(places, mode));
        },
      ),
    );
  });
});

describe('a total', () => {
  const lines = (...amounts: string[]): ReturnType<typeof lineOf>[] =>
    amounts.map((text, at) => ({ ...lineOf(at + 1, 'charge', group([]), CENTS), amount: text }));

  test.each([
    [['1.10', '2.20'], '3.30'],
    [['1.10', '-1.10'], '0.00'],
    [['1', '2.005'], '3.005'],
    [['7', '8'], '15'],
    [[], '0'],
    [['-0.01'], '-0.01'],
  ])('of %j is %s', (amounts, total) => {
    expect(totalOf(lines(...amounts))).toBe(total);
  });
});

describe('gates', () => {
  const found = (name: GateName, count: number): GateFindings => ({
    name,
    count,
    findings: Array.from({ length: count }, (_, at) => ({ at })),
  });
  const rule = (hard: GateName[], accepted: GateName[]): Parameters<typeof judge>[1] => ({
    hard: new Set(hard),
    accepted: new Set(accepted),
  });

  test.each<[string, number, GateName[], GateName[], object, boolean]>([
    ['in order', 0, ['gaps'], [], { open: true, hard: true, accepted: false }, false],
    ['in order and accepted for nothing', 0, ['gaps'], ['gaps'], { open: true, accepted: false }, false],
    ['not in order, hard', 2, ['gaps'], [], { open: false, hard: true, count: 2 }, true],
    ['not in order, hard, another accepted', 2, ['gaps'], ['clock'], { open: false, accepted: false }, true],
    ['not in order, hard, accepted', 2, ['gaps'], ['gaps'], { open: false, hard: true, accepted: true }, false],
    ['not in order, soft', 2, ['clock'], [], { open: false, hard: false }, false],
  ])('%s', (_name, count, hard, accepted, expected, holds) => {
    const [gate] = judge([found('gaps', count)], rule(hard, accepted));
    expect(gate).toMatchObject({ name: 'gaps', ...expected });
    expect(holding(judge([found('gaps', count)], rule(hard, accepted))).length > 0).toBe(holds);
  });

  test('keep their count where they show only the first of what was found', () => {
    const [gate] = judge([found('suspense', 5000)], rule([], []));
    expect([gate?.count, gate?.findings.length]).toEqual([5000, 100]);
  });

  test('each has a name of its own', () => {
    expect(new Set(GATE_NAMES).size).toBe(GATE_NAMES.length);
  });
});
