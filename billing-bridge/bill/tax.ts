// Tax of a bill: computed once for each rate on the sum of its lines, and rounded once there. Pure.
import { Exact, type Rounding } from '../../common/model/exact.ts';
import type { TaxTreatment } from './legal-entity.ts';
import { sumOf } from './lines.ts';
import type { TaxCategory } from './tax-table.ts';

/** Codes of UN/CEFACT 5305, which EN 16931 uses. */
export type TaxCode = 'S' | 'Z' | 'E' | 'AE';

/** The tax of the lines that share a rate. */
export interface TaxGroup {
  readonly code: TaxCode;
  /** Whose rate it is. */
  readonly country: string;
  readonly category: TaxCategory;
  readonly percent: string;
  /** Lines of the bill, by their numbers. */
  readonly lines: readonly number[];
  readonly taxable: string;
  readonly tax: string;
  /** What must be said where no tax is asked for. */
  readonly note: string | null;
}

export interface TaxedTotals {
  readonly net: string;
  readonly tax: string;
  readonly gross: string;
  readonly taxes: readonly TaxGroup[];
}

export interface TaxableLine {
  readonly line: number;
  readonly amount: string;
  readonly category: TaxCategory;
  /** Date of the supply, which is the last day of what the line bills. */
  readonly date: string;
}

export interface TaxRules {
  readonly treatment: TaxTreatment;
  readonly country: string;
  readonly note: string | null;
  /** Places of the currency. */
  readonly places: number;
  readonly rounding: Rounding;
  /** Null where no rate is known. */
  readonly rateOn: (category: 'standard' | 'reduced', date: string) => string | null;
}

const NOTES: Readonly<Record<'E' | 'AE' | 'Z', string | null>> = {
  E: 'Exempt from tax',
  AE: 'Reverse charge: the tax is accounted for by the recipient',
  Z: null,
};

interface Rated {
  readonly code: TaxCode;
  readonly category: TaxCategory;
  readonly percent: string;
}

/** Totals in the places of the currency; null where a rate is not known. Net is the sum of what is taxed, so that net + tax = gross to the last place. */
export function taxedTotals(lines: readonly TaxableLine[], rules: TaxRules): TaxedTotals | null {
  const groups = new Map<string, { rated: Rated; lines: TaxableLine[] }>();
  for (const line of lines) {
    const rated = rateOf(line, rules);
    if (rated === null) return null;
    const key = `${rated.code} ${rated.category} ${rated.percent}`;
    const group = groups.get(key) ?? { rated, lines: [] };
    group.lines.push(line);
    groups.set(key, group);
  }
  const taxes = [...groups.values()].map(({ rated, lines: own }): TaxGroup => {
    const taxable = sumOf(own.map((line) => line.amount)).toFixed(rules.places, 'half_up');
    return {
      ...rated,
      country: rules.country,
      lines: own.map((line) => line.line),
      taxable,
      tax: taxOn(taxable, rated.percent, rules),
      note: rated.code === 'S' ? null : (rules.note ?? NOTES[rated.code]),
    };
  });
  return totalsOf(taxes, rules.places);
}

/** Tax of an amount at a rate, in the places of the currency. */
export function taxOn(taxable: string, percent: string, rules: Pick<TaxRules, 'places' | 'rounding'>): string {
  const share = exact(percent).divide(Exact.integer(100));
  return exact(taxable).multiply(share).toFixed(rules.places, rules.rounding);
}

export function totalsOf(taxes: readonly TaxGroup[], places: number): TaxedTotals {
  const net = sumOf(taxes.map((group) => group.taxable));
  const tax = sumOf(taxes.map((group) => group.tax));
  return {
    net: net.toFixed(places, 'half_up'),
    tax: tax.toFixed(places, 'half_up'),
    gross: net.add(tax).toFixed(places, 'half_up'),
    taxes,
  };
}

function rateOf(line: TaxableLine, rules: TaxRules): Rated | null {
  if (rules.treatment === 'reverse_charge') return { code: 'AE', category: line.category, percent: '0' };
  if (rules.treatment === 'zero_rated') return { code: 'Z', category: 'zero', percent: '0' };
  if (rules.treatment === 'exempt' || line.category === 'exempt')
    return { code: 'E', category: 'exempt', percent: '0' };
  if (line.category === 'zero') return { code: 'Z', category: 'zero', percent: '0' };
  const percent = rules.rateOn(line.category, line.date);
  return percent === null ? null : { code: 'S', category: line.category, percent };
}

function exact(text: string): Exact {
  const value = Exact.parse(text);
  if (value === null) throw new Error(`BUG: ${text} is no decimal`);
  return value;
}
