// Tax: once for each rate, rounded once there, at the rate of the day of the supply; what is credited never comes to more than was asked for.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { credited, type CreditedBefore } from '../../../billing-bridge/bill/credit-note.ts';
import type { Invoice } from '../../../billing-bridge/bill/invoice.ts';
import { sumOf } from '../../../billing-bridge/bill/lines.ts';
import { formatMistake, numberOf, seriesOf } from '../../../billing-bridge/bill/number-series.ts';
import { type TaxableLine, taxedTotals, type TaxRules } from '../../../billing-bridge/bill/tax.ts';
import { rateOn } from '../../../billing-bridge/bill/tax-table.ts';

const RULES: TaxRules = {
  treatment: 'standard',
  country: 'DE',
  note: null,
  places: 2,
  rounding: 'half_up',
  rateOn: (category, date) =>
    rateOn([{ country: 'DE', category: 'reduced', percent: '7', from: null }], 'DE', category, date),
};
const line = (number: number, amount: string, more: Partial<TaxableLine> = {}): TaxableLine => ({
  line: number,
  amount,
  category: 'standard',
  date: '2026-11-30',
  ...more,
});

describe('the rate in force', () => {
  test.each([
    ['EE', '2023-12-31', '20'],
    ['EE', '2024-01-01', '22'],
    ['EE', '2025-06-30', '22'],
    ['EE', '2025-07-01', '24'],
    ['FI', '2024-09-01', '25.5'],
    ['CH', '1999-01-01', '7.7'],
    ['US', '2026-01-01', null],
  ])('of %s on %s is %s', (country, date, expected) => {
    expect(rateOn([], country, 'standard', date)).toBe(expected);
  });

  test('what is stated replaces the built-in table, of its country and category alone', () => {
    const stated = [
      { country: 'DE', category: 'standard', percent: '19', from: '2021-01-01' },
      { country: 'DE', category: 'standard', percent: '16', from: '2020-07-01' },
    ] as const;
    expect([
      rateOn(stated, 'DE', 'standard', '2020-12-31'),
      rateOn(stated, 'DE', 'standard', '2021-01-01'),
      rateOn(stated, 'DE', 'standard', '2020-01-01'),
      rateOn(stated, 'AT', 'standard', '2021-01-01'),
      rateOn(stated, 'AT', 'standard', '2021-01-01', []),
    ]).toEqual(['16', '19', null, '20', null]);
  });
});

describe('totals', () => {
  test('three lines whose tax rounded alone would be a cent more', () => {
    // 0.13 × 19 % = 0.0247 each, 0.06 rounded line by line; of the sum 0.0741.
    expect(taxedTotals([line(1, '0.13'), line(2, '0.13'), line(3, '0.13')], RULES)).toMatchObject({
      net: '0.39',
      tax: '0.07',
      gross: '0.46',
      taxes: [{ code: 'S', percent: '19', taxable: '0.39', tax: '0.07', lines: [1, 2, 3] }],
    });
  });

  test('a group for each rate; what is exempt says so', () => {
    const totals = taxedTotals(
      [
        line(1, '100.00'),
        line(2, '50.00', { category: 'reduced' }),
        line(3, '8.00', { category: 'exempt' }),
        line(4, '-20.00'),
      ],
      RULES,
    );
    expect(totals).toMatchObject({ net: '138.00', tax: '18.70', gross: '156.70' });
    expect(totals?.taxes.map((group) => [group.code, group.percent, group.taxable, group.tax, group.note])).toEqual([
      ['S', '19', '80.00', '15.20', null],
      ['S', '7', '50.00', '3.50', null],
      ['E', '0', '8.00', '0.00', 'Exempt from tax'],
    ]);
  });

  test('a correction of an earlier month is taxed at the rate of that month', () => {
    const estonia: TaxRules = {
      ...RULES,
      country: 'EE',
      rateOn: (category, date) => rateOn([], 'EE', category, date),
    };
    const totals = taxedTotals(
      [line(1, '100', { date: '2025-07-31' }), line(2, '10', { date: '2025-06-30' })],
      estonia,
    );
    expect(totals?.taxes.map((group) => [group.percent, group.tax])).toEqual([
      ['24', '24.00'],
      ['22', '2.20'],
    ]);
  });

  test.each([
    ['reverse_charge', 'AE', 'Reverse charge: the tax is accounted for by the recipient'],
    ['exempt', 'E', 'Exempt from tax'],
    ['zero_rated', 'Z', null],
  ] as const)('%s asks for no tax and says why', (treatment, code, note) => {
    const totals = taxedTotals([line(1, '100')], { ...RULES, treatment });
    expect(totals).toMatchObject({ net: '100.00', tax: '0.00', gross: '100.00', taxes: [{ code, note }] });
  });

  test('a rate that nobody knows gives no totals', () => {
    expect(taxedTotals([line(1, '100')], { ...RULES, rateOn: () => null })).toBeNull();
  });

  test('yen have no places, dinars three', () => {
    expect(taxedTotals([line(1, '101')], { ...RULES, places: 0 })).toMatchObject({ tax: '19', gross: '120' });
    expect(taxedTotals([line(1, '10.005')], { ...RULES, places: 3 })).toMatchObject({ tax: '1.901', gross: '11.906' });
  });
});

const amounts = fc
  .array(
    fc.integer({ min: -50_000, max: 1_000_000 }).filter((cents) => cents !== 0),
    { minLength: 1, maxLength: 8 },
  )
  .map((cents) =>
    cents.map((one) => (one < 0 ? '-' : '') + `${Math.abs(one)}`.padStart(3, '0').replace(/(\d\d)$/, '.$1')),
  );

test('property: net is the sum of the lines, and net + tax = gross, for any lines', () => {
  fc.assert(
    fc.property(amounts, (list) => {
      const totals = taxedTotals(
        list.map((amount, at) => line(at + 1, amount, { category: at % 3 === 0 ? 'reduced' : 'standard' })),
        RULES,
      );
      expect(sumOf([totals?.net ?? '']).compare(sumOf(list))).toBe(0);
      expect(sumOf([totals?.net ?? '', totals?.tax ?? '']).compare(sumOf([totals?.gross ?? '']))).toBe(0);
    }),
  );
});

test('property: however a bill is given back, in the end its own net and tax are', () => {
  fc.assert(
    fc.property(amounts, fc.array(fc.nat({ max: 100 }), { maxLength: 6 }), (list, shares) => {
      const lines = list.map((amount, at) => line(at + 1, amount, { category: at % 2 === 0 ? 'standard' : 'reduced' }));
      const totals = taxedTotals(lines, RULES);
      if (totals === null) throw new Error('no totals');
      const invoice = { ...totals, currency: 'EUR' } as Invoice;
      const notes: CreditedBefore[] = [];
      const make = (own: { line: number; amount: string }[] | null): void => {
        const { lines: given, totals: taxes } = credited(invoice, lines, notes, { lines: own }, 'half_up');
        notes.push({ lines: given, taxes: taxes.taxes });
      };
      for (const [at, share] of shares.entries()) {
        const of = lines[at % lines.length];
        const cents = Math.trunc((Number(of?.amount.replace('.', '')) * share) / 1000);
        if (of !== undefined && cents !== 0)
          make([
            {
              line: of.line,
              amount: (cents < 0 ? '-' : '') + `${Math.abs(cents)}`.padStart(3, '0').replace(/(\d\d)$/, '.$1'),
            },
          ]);
      }
      make(null);
      const of = (part: 'taxable' | 'tax'): string =>
        sumOf(notes.flatMap((note) => note.taxes.map((one) => one[part]))).toString();
      expect([of('taxable'), of('tax')]).toEqual([sumOf([totals.net]).toString(), sumOf([totals.tax]).toString()]);
      expect(() => make(null)).toThrow('Nothing of the bill is left');
    }),
  );
});

describe('numbers', () => {
  test.each([
    ['{year}-{number:6}', null],
    ['INV{number}', null],
    ['{year}', 'needs {number} once'],
    ['{number}{number}', 'needs {number} once'],
    ['{number}-{day}', 'knows {year}, {number} and {number:DIGITS}'],
  ])('%s: %s', (format, mistake) => {
    expect(formatMistake(format)).toBe(mistake);
  });

  test('a series with the year begins anew with it; a number outgrows its digits', () => {
    expect(seriesOf('R{year}/{number:3}', '2026-12-31')).toBe('R2026/{number:3}');
    expect([numberOf('R2026/{number:3}', 7n), numberOf('{number:3}', 12_345n)]).toEqual(['R2026/007', '12345']);
  });
});
