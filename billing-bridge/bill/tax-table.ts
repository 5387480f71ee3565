// Standard rates of value added tax by country and the date each began, for supplies such as telecommunication: what a configuration adds or corrects comes before.

/** In force from a date on, until the next of the same country and category. */
export interface TaxRate {
  /** ISO 3166-1, two letters. */
  readonly country: string;
  readonly category: TaxCategory;
  /** Percent as a decimal, such as 25.5. */
  readonly percent: string;
  /** First date on which it counts; null: always before the next. */
  readonly from: string | null;
}

export const TAX_CATEGORIES = ['standard', 'reduced', 'zero', 'exempt'] as const;
export type TaxCategory = (typeof TAX_CATEGORIES)[number];

/** `country percent`, and for those that changed of late `date percent` after it. */
const STANDARD = [
  'AE 5',
  'AT 20',
  'AU 10',
  'BE 21',
  'BG 20',
  'CH 7.7 2024-01-01 8.1',
  'CY 19',
  'CZ 21',
  'DE 19',
  'DK 25',
  'EE 20 2024-01-01 22 2025-07-01 24',
  'ES 21',
  'FI 24 2024-09-01 25.5',
  'FR 20',
  'GB 20',
  'GR 24',
  'HR 25',
  'HU 27',
  'IE 23',
  'IS 24',
  'IT 22',
  'LI 7.7 2024-01-01 8.1',
  'LT 21',
  'LU 17 2023-01-01 16 2024-01-01 17',
  'LV 21',
  'MT 18',
  'NL 21',
  'NO 25',
  'NZ 15',
  'PL 23',
  'PT 23',
  'RO 19 2025-08-01 21',
  'SA 15',
  'SE 25',
  'SG 7 2023-01-01 8 2024-01-01 9',
  'SI 22',
  'SK 20 2025-01-01 23',
  'ZA 15',
];

export const BUILT_IN_RATES: readonly TaxRate[] = STANDARD.flatMap((text): TaxRate[] => {
  const [country = '', first = '0', ...changes] = text.split(' ');
  const rates: TaxRate[] = [{ country, category: 'standard', percent: first, from: null }];
  for (let at = 0; at + 1 < changes.length; at += 2)
    rates.push({ country, category: 'standard', percent: changes[at + 1] ?? '0', from: changes[at] ?? null });
  return rates;
});

/** What the built-in table is worth: written down from general knowledge, so whoever sends invoices confirms what he uses of it. */
export const BUILT_IN_TABLE = {
  /** The last change that it may hold. */
  asOf: '2025-09-01',
  sources: {
    eu: 'the Taxes in Europe Database of the European Commission (https://ec.europa.eu/taxation_customs/tedb/)',
    other: 'the tax administration of the country',
  },
} as const;

const EU = new Set('AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'.split(' '));

/** Where a rate of a country is published. */
export function sourceOf(country: string): string {
  return EU.has(country) ? BUILT_IN_TABLE.sources.eu : BUILT_IN_TABLE.sources.other;
}

/** The rate in force on a date; null where none is known. Stated rates of a country and category replace those of the table. */
export function rateOn(
  stated: readonly TaxRate[],
  country: string,
  category: 'standard' | 'reduced',
  date: string,
  table: readonly TaxRate[] = BUILT_IN_RATES,
): string | null {
  const fits = (rate: TaxRate): boolean => rate.country === country && rate.category === category;
  const own = stated.filter(fits);
  const rates = (own.length > 0 ? own : table.filter(fits)).toSorted((left, right) =>
    (left.from ?? '') < (right.from ?? '') ? -1 : 1,
  );
  return (rates.findLast((rate) => (rate.from ?? '') <= date) ?? null)?.percent ?? null;
}
