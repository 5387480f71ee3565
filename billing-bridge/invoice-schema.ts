// The form of legal entities, and of customers as buyers of an invoice, in the configuration, and what each means.
import { z } from 'zod';
import { Exact } from '../common/model/exact.ts';
import { nameSchema } from '../common/runtime/device-configuration.ts';
import { type Buyer, type LegalEntity, type PostalAddress, TAX_TREATMENTS } from './bill/legal-entity.ts';
import { formatMistake } from './bill/number-series.ts';
import { BUILT_IN_TABLE, rateOn, sourceOf, TAX_CATEGORIES, type TaxRate } from './bill/tax-table.ts';

const country = z.string().regex(/^[A-Z]{2}$/, 'expected a country of ISO 3166-1 such as DE');
const shortText = z.string().min(1).max(200);
const date = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, 'expected a date such as 2026-01-01')
  .refine((text) => !Number.isNaN(Date.parse(text)), 'does not exist');
const percent = z
  .union([z.string(), z.number().int()], 'expected a decimal in quotes, such as "8.1"')
  .transform(String)
  .refine((text) => {
    const value = Exact.parse(text);
    return value !== null && !value.isNegative() && value.compare(Exact.integer(100)) <= 0;
  }, 'expected a decimal from 0 to 100 in quotes, such as "8.1"');

const addressSchema = z.strictObject({
  lines: z.array(shortText).min(1).max(5),
  postal_code: z.string().min(1).max(20).optional(),
  city: shortText,
  region: shortText.optional(),
  country,
});

const numbers = (format: string) =>
  z
    .strictObject({
      format: z
        .string()
        .min(1)
        .max(60)
        .superRefine((text, context) => {
          const mistake = formatMistake(text);
          if (mistake !== null) context.addIssue({ code: 'custom', message: mistake });
        })
        .default(format),
      first: z.number().int().min(1).max(999_999_999_999).default(1),
    })
    .prefault({});

const taxRates = z
  .array(z.strictObject({ country, category: z.enum(['standard', 'reduced']), percent, from: date.optional() }))
  .max(1000);

/** Instead of the built-in table, whole: by whom it was confirmed, and when. */
export const taxTableSchema = z.strictObject({
  as_of: date,
  source: z.string().min(1).max(300),
  rates: taxRates.min(1),
});
export type TaxTableDocument = z.output<typeof taxTableSchema>;

export const legalEntitySchema = z.strictObject({
  id: nameSchema,
  name: shortText,
  address: addressSchema,
  tax_id: shortText.optional(),
  registration: shortText.optional(),
  email: z.email().optional(),
  phone: shortText.optional(),
  payment: z.string().max(500).optional(),
  bill_numbers: numbers('{year}-{number:6}'),
  credit_note_numbers: numbers('CN-{year}-{number:6}'),
  due_days: z.number().int().min(0).max(365).default(14),
  currencies: z
    .array(z.string().regex(/^[A-Z]{3}$/))
    .min(1)
    .max(200)
    .optional(),
  tax_rounding: z.enum(['half_up', 'half_even', 'down', 'up']).default('half_up'),
  tax_rates: taxRates.default([]),
});

/** What a customer needs beside its name to get invoices. */
export const buyerShape = {
  legal_entity: nameSchema.optional(),
  legal_name: shortText.optional(),
  address: addressSchema.optional(),
  tax_id: shortText.optional(),
  email: z.email().optional(),
  /** Sends each bill and credit note to `email` once it is made. */
  send_bills: z.enum(['email', 'never']).optional(),
  reference: shortText.optional(),
  due_days: z.number().int().min(0).max(365).optional(),
  tax: z
    .strictObject({
      treatment: z.enum(TAX_TREATMENTS).default('standard'),
      country: country.optional(),
      note: z.string().min(1).max(300).optional(),
    })
    .optional(),
};

export const taxCategorySchema = z.enum(TAX_CATEGORIES);

export type LegalEntityDocument = z.output<typeof legalEntitySchema>;
interface BuyerDocument extends z.output<z.ZodObject<typeof buyerShape>> {
  readonly id: string;
  readonly name: string;
  readonly currency: string;
}

/** By their ids, each with the table that counts where it states no rate. */
export function legalEntitiesOf(
  documents: readonly LegalEntityDocument[],
  table: TaxTableDocument | undefined,
): Map<string, LegalEntity> {
  const taxTable = table === undefined ? {} : { taxTable: ratesOf(table.rates) };
  return new Map(documents.map((one) => [one.id, { ...legalEntityOf(one), ...taxTable }]));
}

function ratesOf(rates: z.output<typeof taxRates>): TaxRate[] {
  return rates.map(({ from, ...rate }) => ({ ...rate, from: from ?? null }));
}

export function legalEntityOf(document: LegalEntityDocument): LegalEntity {
  return {
    id: document.id,
    name: document.name,
    address: addressOf(document.address),
    taxId: document.tax_id ?? null,
    registration: document.registration ?? null,
    email: document.email ?? null,
    phone: document.phone ?? null,
    payment: document.payment ?? null,
    billNumbers: seriesOf(document.bill_numbers),
    creditNoteNumbers: seriesOf(document.credit_note_numbers),
    dueDays: document.due_days,
    currencies: document.currencies ?? null,
    taxRounding: document.tax_rounding,
    taxRates: ratesOf(document.tax_rates),
  };
}

/** Null for a customer that no legal entity bills. */
export function buyerOf(document: BuyerDocument): Buyer | null {
  if (document.legal_entity === undefined || document.address === undefined) return null;
  return {
    legalEntity: document.legal_entity,
    name: document.legal_name ?? document.name,
    address: addressOf(document.address),
    taxId: document.tax_id ?? null,
    email: document.email ?? null,
    reference: document.reference ?? null,
    treatment: document.tax?.treatment ?? 'standard',
    taxCountry: document.tax?.country ?? null,
    taxNote: document.tax?.note ?? null,
    dueDays: document.due_days ?? null,
  };
}

export interface InvoiceIssue {
  readonly path: readonly (string | number)[];
  readonly code: string;
  readonly message: string;
}

/** What is wrong with legal entities and buyers taken together. */
export function invoiceIssues(
  entities: readonly LegalEntityDocument[],
  customers: readonly BuyerDocument[],
  table?: TaxTableDocument,
): InvoiceIssue[] {
  const byId = new Map(entities.map((one) => [one.id, one]));
  const own = table === undefined ? undefined : ratesOf(table.rates);
  const doubles = entities.flatMap(({ id }, at): InvoiceIssue[] =>
    entities.findIndex((one) => one.id === id) === at
      ? []
      : [{ path: ['legal_entities', at, 'id'], code: 'duplicate', message: `${id} stands here a second time` }],
  );
  return [...doubles, ...customers.flatMap((customer, at) => buyerIssues(customer, ['customers', at], byId, own))];
}

/** Later than any date: the newest rate there is. */
const LATEST = '9999-12-31';

function buyerIssues(
  customer: BuyerDocument,
  path: readonly (string | number)[],
  entities: ReadonlyMap<string, LegalEntityDocument>,
  table: readonly TaxRate[] | undefined,
): InvoiceIssue[] {
  const issue = (key: string, code: string, message: string): InvoiceIssue => ({ path: [...path, key], code, message });
  if (customer.legal_entity === undefined)
    return customer.send_bills === 'email'
      ? [issue('send_bills', 'buyer_incomplete', 'only invoices are sent: name the legal entity that bills it')]
      : [];
  const seller = entities.get(customer.legal_entity);
  if (seller === undefined)
    return [issue('legal_entity', 'legal_entity_unknown', `there is no legal entity ${customer.legal_entity}`)];
  const found: InvoiceIssue[] = [];
  if (customer.send_bills === 'email' && customer.email === undefined)
    found.push(issue('email', 'buyer_incomplete', 'bills are to be sent by e-mail, but to no address'));
  if (customer.address === undefined)
    found.push(issue('address', 'buyer_incomplete', 'an invoice needs the address of the customer'));
  if (seller.currencies !== undefined && !seller.currencies.includes(customer.currency))
    found.push(issue('currency', 'currency_refused', `${seller.id} does not bill in ${customer.currency}`));
  const treatment = customer.tax?.treatment ?? 'standard';
  if (treatment === 'reverse_charge' && customer.tax_id === undefined)
    found.push(issue('tax_id', 'buyer_incomplete', 'reverse charge needs the tax identifier of the customer'));
  if (treatment === 'exempt' && customer.tax?.note === undefined)
    found.push(issue('tax', 'buyer_incomplete', 'an exemption needs its reason (note)'));
  const place = customer.tax?.country ?? seller.address.country;
  const rates = legalEntityOf(seller).taxRates;
  if (treatment === 'standard' && rateOn(rates, place, 'standard', LATEST, table) === null)
    found.push(
      issue(
        'tax',
        'tax_rate_unknown',
        `no rate of tax is known for ${place}: state it in tax_rates of ${seller.id}, or in tax_table`,
      ),
    );
  return found;
}

function addressOf(address: z.output<typeof addressSchema>): PostalAddress {
  const { lines, postal_code: postalCode, city, region, country: of } = address;
  return { lines, postalCode: postalCode ?? null, city, region: region ?? null, country: of };
}

function seriesOf({ format, first }: { readonly format: string; readonly first: number }): LegalEntity['billNumbers'] {
  return { format, first: BigInt(first) };
}

/** What people should confirm before they send invoices: which rates come from the built-in table. */
export function taxNotes(
  entities: readonly LegalEntityDocument[],
  customers: readonly BuyerDocument[],
  table: TaxTableDocument | undefined,
): string[] {
  if (table !== undefined) return [];
  const used = new Map<string, string>();
  for (const { legal_entity: id, tax } of customers) {
    const seller = entities.find((one) => one.id === id);
    if (seller === undefined || (tax?.treatment ?? 'standard') !== 'standard') continue;
    const place = tax?.country ?? seller.address.country;
    const stated = ratesOf(seller.tax_rates).some((rate) => rate.country === place && rate.category === 'standard');
    const rate = stated ? null : rateOn([], place, 'standard', LATEST);
    if (rate !== null) used.set(place, rate);
  }
  return [...used]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(
      ([place, rate]) =>
        `tax: ${place} is taxed at ${rate} % by the built-in table of ${BUILT_IN_TABLE.asOf}, which no authority has confirmed: check it with ${sourceOf(place)}, and state it in tax_table or tax_rates`,
    );
}
