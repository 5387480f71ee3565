// What a configuration must say before a bill can be an invoice: each mistake with its place and a code.
import { describe, expect, test } from 'vitest';
import { customerSchema } from '../../billing-bridge/contract-schema.ts';
import {
  buyerOf,
  invoiceIssues,
  legalEntitiesOf,
  legalEntitySchema,
  taxNotes,
  taxTableSchema,
} from '../../billing-bridge/invoice-schema.ts';
import { ADDRESS, BUYER } from '../support/invoice-parties.ts';

const entity = (more: object = {}): object => ({ id: 'weir-net', name: 'Weir', address: ADDRESS, ...more });
const customer = (more: object = {}): object => ({ id: 'acme', name: 'Acme', currency: 'EUR', ...BUYER, ...more });

function issues(entities: readonly object[], customers: readonly object[]): [string, string][] {
  return invoiceIssues(
    entities.map((one) => legalEntitySchema.parse(one)),
    customers.map((one) => customerSchema.parse(one)),
  ).map(({ path, code }) => [path.join('.'), code]);
}

describe('legal entities and buyers', () => {
  test('that fit have no mistakes; a customer without a legal entity needs nothing', () => {
    expect(issues([entity()], [customer()])).toEqual([]);
    expect(issues([], [{ id: 'acme', name: 'Acme', currency: 'EUR' }])).toEqual([]);
    expect(buyerOf(customerSchema.parse({ id: 'acme', name: 'Acme', currency: 'EUR' }))).toBeNull();
  });

  test.each([
    ['an entity twice', [entity(), entity()], {}, 'legal_entities.1.id', 'duplicate'],
    ['an entity that is not there', [], {}, 'customers.0.legal_entity', 'legal_entity_unknown'],
    ['no address', [entity()], { address: undefined }, 'customers.0.address', 'buyer_incomplete'],
    [
      'a currency it does not bill in',
      [entity({ currencies: ['CHF'] })],
      {},
      'customers.0.currency',
      'currency_refused',
    ],
    [
      'reverse charge without a tax number',
      [entity()],
      { tax: { treatment: 'reverse_charge' }, tax_id: undefined },
      'customers.0.tax_id',
      'buyer_incomplete',
    ],
    [
      'an exemption without its reason',
      [entity()],
      { tax: { treatment: 'exempt' } },
      'customers.0.tax',
      'buyer_incomplete',
    ],
    [
      'bills by e-mail to no address',
      [entity()],
      { send_bills: 'email', email: undefined },
      'customers.0.email',
      'buyer_incomplete',
    ],
    ['a country without a rate', [entity()], { tax: { country: 'US' } }, 'customers.0.tax', 'tax_rate_unknown'],
  ])('%s', (_what, entities, more, place, code) => {
    expect(issues(entities, [customer(more)])).toEqual([[place, code]]);
  });

  test('a rate that is stated makes the country known', () => {
    const rated = entity({ tax_rates: [{ country: 'US', category: 'standard', percent: '0' }] });
    expect(issues([rated], [customer({ tax: { country: 'US' } })])).toEqual([]);
  });

  test.each([
    [{ bill_numbers: { format: 'no number' } }],
    [{ bill_numbers: { first: 0 } }],
    [{ address: { ...ADDRESS, country: 'Germany' } }],
    [{ tax_rates: [{ country: 'DE', category: 'standard', percent: 8.1 }] }],
    [{ tax_rates: [{ country: 'DE', category: 'standard', percent: '101' }] }],
    [{ tax_rates: [{ country: 'DE', category: 'standard', percent: '8', from: '2026-13-01' }] }],
    [{ due_days: -1 }],
  ])('%j is no legal entity', (more) => {
    expect(legalEntitySchema.safeParse(entity(more)).success).toBe(false);
  });
});

describe('the table of tax rates', () => {
  const entities = [legalEntitySchema.parse(entity())];
  const own = taxTableSchema.parse({
    as_of: '2026-11-01',
    source: 'our adviser',
    rates: [{ country: 'AT', category: 'standard', percent: '20.5', from: '2026-01-01' }],
  });
  const at = customerSchema.parse(customer({ id: 'alpine', tax: { country: 'AT' } }));

  test('every rate of the built-in table that is used is to be confirmed, with its date and where', () => {
    const free = customerSchema.parse(customer({ id: 'free', tax: { treatment: 'exempt', note: 'a school' } }));
    const swiss = customerSchema.parse(customer({ id: 'swiss', tax: { country: 'CH' } }));
    const notes = taxNotes(entities, [at, free, swiss, at], undefined);
    expect(notes).toHaveLength(2);
    expect(notes[0]).toMatch(
      /AT is taxed at 20 % by the built-in table of \d{4}-\d\d-\d\d, .* Taxes in Europe Database/,
    );
    expect(notes[1]).toMatch(/CH .* 8\.1 % .* tax administration/);
    expect(taxNotes(entities, [at], own)).toEqual([]);
    const stated = legalEntitySchema.parse(
      entity({ tax_rates: [{ country: 'AT', category: 'standard', percent: '20' }] }),
    );
    expect(taxNotes([stated], [at], undefined)).toEqual([]);
  });

  test('an own one replaces it whole: what it does not say is unknown', () => {
    const seller = legalEntitiesOf(entities, own).get('weir-net');
    expect(seller?.taxTable).toEqual([{ country: 'AT', category: 'standard', percent: '20.5', from: '2026-01-01' }]);
    expect(legalEntitiesOf(entities, undefined).get('weir-net')?.taxTable).toBeUndefined();
    const german = customerSchema.parse(customer({ tax: { country: 'DE' } }));
    expect(invoiceIssues(entities, [at], own)).toEqual([]);
    expect(invoiceIssues(entities, [german]).map(({ code }) => code)).toEqual([]);
    expect(invoiceIssues(entities, [german], own).map(({ code }) => code)).toEqual(['tax_rate_unknown']);
  });
});
