// What makes a bill an invoice: seller, buyer, dates, tax for each rate and totals, decided when it closes. Pure.
import { localDate } from '../../common/model/period.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Customer } from '../account/contract.ts';
import type { Buyer, LegalEntity, PostalAddress } from './legal-entity.ts';
import type { BillLine } from './lines.ts';
import { type TaxedTotals, type TaxRules, taxedTotals } from './tax.ts';
import { rateOn, type TaxCategory } from './tax-table.ts';

/** A party as it was when the bill closed. */
export interface Party {
  readonly id: string;
  readonly name: string;
  readonly address: PostalAddress;
  readonly taxId: string | null;
  readonly email: string | null;
}

export interface Seller extends Party {
  readonly registration: string | null;
  readonly phone: string | null;
  readonly payment: string | null;
}

export interface InvoiceBuyer extends Party {
  readonly reference: string | null;
}

export interface InvoiceDraft extends TaxedTotals {
  readonly issueDate: string;
  readonly dueDate: string;
  readonly seller: Seller;
  readonly buyer: InvoiceBuyer;
  readonly currency: string;
}

export interface Invoice extends InvoiceDraft {
  readonly number: string;
}

export interface DraftedFrom {
  readonly customer: Customer;
  readonly buyer: Buyer;
  readonly seller: LegalEntity;
  readonly lines: readonly BillLine[];
  readonly categoryOf: (line: BillLine) => TaxCategory;
  readonly issuedAtMs: EpochMs;
}

const DAY_MS = 86_400_000;

/** Throws tax_rate_unknown or currency_refused: the configuration says so before, but it may have changed since. */
export function draftInvoice({ customer, buyer, seller, lines, categoryOf, issuedAtMs }: DraftedFrom): InvoiceDraft {
  const { currency, zone } = customer;
  if (seller.currencies !== null && !seller.currencies.includes(currency))
    throw new WeirError('currency_refused', `${seller.name} does not bill in ${currency}.`, {
      account: customer.id,
      legalEntity: seller.id,
      currency,
    });
  const rules = taxRulesOf(buyer, seller, currency);
  const totals = taxedTotals(
    lines.map((line) => ({
      line: line.line,
      amount: line.amount,
      category: categoryOf(line),
      date: localDate(line.period.endMs - 1, line.period.zone),
    })),
    rules,
  );
  if (totals === null)
    throw new WeirError('tax_rate_unknown', `No rate of tax is known for ${rules.country}.`, {
      account: customer.id,
      country: rules.country,
    });
  const issueDate = localDate(issuedAtMs, zone);
  return {
    ...totals,
    issueDate,
    dueDate: addDays(issueDate, buyer.dueDays ?? seller.dueDays),
    seller: sellerOf(seller),
    buyer: {
      id: customer.id,
      name: buyer.name,
      address: buyer.address,
      taxId: buyer.taxId,
      email: buyer.email,
      reference: buyer.reference,
    },
    currency,
  };
}

export function taxRulesOf(buyer: Buyer, seller: LegalEntity, currency: string): TaxRules {
  const country = buyer.taxCountry ?? seller.address.country;
  return {
    treatment: buyer.treatment,
    country,
    note: buyer.taxNote,
    places: placesOf(currency),
    rounding: seller.taxRounding,
    rateOn: (category, date) => rateOn(seller.taxRates, country, category, date, seller.taxTable),
  };
}

/** Decimal places of a currency by ISO 4217. */
export function placesOf(currency: string): number {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

function sellerOf(seller: LegalEntity): Seller {
  const { id, name, address, taxId, email, registration, phone, payment } = seller;
  return { id, name, address, taxId, email, registration, phone, payment };
}

function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}
