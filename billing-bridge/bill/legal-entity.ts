// Who sells and who buys, as it has to stand on an invoice.
import type { Rounding } from '../../common/model/exact.ts';
import type { TaxRate } from './tax-table.ts';

export interface PostalAddress {
  /** Street and whatever else comes before the place. */
  readonly lines: readonly string[];
  readonly postalCode: string | null;
  readonly city: string;
  readonly region: string | null;
  /** ISO 3166-1, two letters. */
  readonly country: string;
}

/** How a series of numbers is written, and where it begins. */
export interface NumberSeries {
  /** `{number}` or `{number:DIGITS}`, and `{year}`, with which the series begins anew each year. */
  readonly format: string;
  readonly first: bigint;
}

/** A company that issues bills. */
export interface LegalEntity {
  readonly id: string;
  readonly name: string;
  readonly address: PostalAddress;
  /** Such as a VAT identification number. */
  readonly taxId: string | null;
  /** Where it is registered, for the foot of the page. */
  readonly registration: string | null;
  readonly email: string | null;
  readonly phone: string | null;
  /** Where to pay to, and on what terms. */
  readonly payment: string | null;
  readonly billNumbers: NumberSeries;
  readonly creditNoteNumbers: NumberSeries;
  readonly dueDays: number;
  /** What it may bill in; null: any. */
  readonly currencies: readonly string[] | null;
  readonly taxRounding: Rounding;
  /** Beside and before the built-in table. */
  readonly taxRates: readonly TaxRate[];
  /** What counts where those say nothing; absent: the built-in table. */
  readonly taxTable?: readonly TaxRate[];
}

/**
 * standard: by the rates. exempt: no tax, for a reason that is stated. reverse_charge: the buyer accounts for the tax.
 * zero_rated: taxed at nothing, such as an export.
 */
export const TAX_TREATMENTS = ['standard', 'exempt', 'reverse_charge', 'zero_rated'] as const;
export type TaxTreatment = (typeof TAX_TREATMENTS)[number];

/** A customer as the buyer of an invoice. */
export interface Buyer {
  readonly legalEntity: string;
  readonly name: string;
  readonly address: PostalAddress;
  readonly taxId: string | null;
  readonly email: string | null;
  /** Their own number of the order. */
  readonly reference: string | null;
  readonly treatment: TaxTreatment;
  /** Whose rates count; null: the seller's country. */
  readonly taxCountry: string | null;
  /** The reason of an exemption, as it has to be stated. */
  readonly taxNote: string | null;
  /** Instead of the seller's. */
  readonly dueDays: number | null;
}
