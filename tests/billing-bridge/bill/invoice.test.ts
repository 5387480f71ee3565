// Bills as invoices on a real PostgreSQL: numbers without a hole or a double, tax, parties as they were, credit notes.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { seal } from '../../../billing-bridge/audit/chain.ts';
import type { AccountResult, BillRequest } from '../../../billing-bridge/bill/bill-run.ts';
import { findBill } from '../../../billing-bridge/bill/bill-store.ts';
import {
  creditNotesOf,
  type CreditNoteRequest,
  issueCreditNote,
} from '../../../billing-bridge/bill/credit-note-store.ts';
import type { CreditNote } from '../../../billing-bridge/bill/credit-note.ts';
import type { Database } from '../../../common/database/database.ts';
import { BillingFixture, type ContractsText } from '../../support/billing-fixture.ts';
import { FailingDatabase } from '../../support/failing-database.ts';
import { BUYER, legalEntity } from '../../support/invoice-parties.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const DAY = 86_400_000;
const NOVEMBER = Date.parse('2026-11-01T00:00:00Z');

const service = (id: string): object => ({ id: `${id}-s`, customer: id, plan: 'p', from: '2026-11-01', bindings: [] });
const contracts = (ids: readonly string[], buyer: object | null = BUYER): ContractsText => ({
  customers: ids.map((id) => ({ id, name: id.toUpperCase(), currency: 'EUR', ...buyer })),
  price_plans: [
    {
      id: 'p',
      currency: 'EUR',
      items: [
        { id: 'port', kind: 'flat', amount: '25' },
        { id: 'book', kind: 'flat', amount: '10.01', tax: 'reduced' },
      ],
    },
  ],
  services: ids.map(service),
});
const SELLER = { tax_rates: [{ country: 'DE', category: 'reduced', percent: '7' }] };

let server: TestDatabase;
let billing: BillingFixture;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

async function begin(text: ContractsText, seller: object = SELLER): Promise<void> {
  billing = await BillingFixture.make(server.database, NOVEMBER);
  billing.legalEntities.set('weir-net', legalEntity(seller));
  await billing.apply(text);
  await billing.clock.advance(30 * DAY);
  await billing.rate();
}
beforeEach(() => begin(contracts(['acme'])));

async function run(more: Partial<BillRequest> = {}, database?: Database): Promise<readonly AccountResult[]> {
  const fence = (): Promise<void> => Promise.resolve();
  const result = await billing
    .billRun(database)
    .run({ period: '2026-11', interim: false, accept: [], by: 'test', fence, ...more });
  return result.accounts;
}

const invoice = async (id: string) => (await findBill(server.database, id, null))?.invoice ?? null;

async function numbers(table: 'invoice' | 'credit_note'): Promise<string[]> {
  const { rows } = await server.database.query<{ number: string }>(
    `select number from billing.${table} order by series, sequence`,
  );
  return rows.map((row) => row.number);
}

const credit = (more: Partial<CreditNoteRequest> = {}, database: Database = server.database): Promise<CreditNote> =>
  issueCreditNote(
    { database, legalEntities: billing.legalEntities, seal },
    {
      bill: 'acme-2026-11',
      request: 'one',
      reason: 'outage',
      lines: null,
      by: 'test',
      atMs: billing.clock.now(),
      ...more,
    },
  );

describe('a bill of a customer with a legal entity', () => {
  test('is an invoice: number, dates, parties, tax for each rate', async () => {
    await run();
    expect(await invoice('acme-2026-11')).toEqual({
      number: '2026-000001',
      issueDate: '2026-12-01',
      dueDate: '2026-12-15',
      seller: {
        id: 'weir-net',
        name: 'Weir Networks GmbH',
        address: { lines: ['Wehrstraße 1'], postalCode: '10115', city: 'Berlin', region: null, country: 'DE' },
        taxId: 'DE123456789',
        email: 'billing@weir.example',
        registration: 'HRB 1234, Amtsgericht Berlin',
        phone: null,
        payment: 'Please pay to DE02 1203 0000 0000 2020 51',
      },
      buyer: {
        id: 'acme',
        name: 'Acme S.à r.l.',
        address: {
          lines: ['1, rue de la Gare'],
          postalCode: 'L-1611',
          city: 'Luxembourg',
          region: null,
          country: 'LU',
        },
        taxId: 'LU12345678',
        email: 'ap@acme.example',
        reference: null,
      },
      currency: 'EUR',
      net: '35.01',
      tax: '5.45',
      gross: '40.46',
      taxes: [
        {
          code: 'S',
          country: 'DE',
          category: 'reduced',
          percent: '7',
          lines: [1],
          taxable: '10.01',
          tax: '0.70',
          note: null,
        },
        {
          code: 'S',
          country: 'DE',
          category: 'standard',
          percent: '19',
          lines: [2],
          taxable: '25.00',
          tax: '4.75',
          note: null,
        },
      ],
    });
  });

  test('stays as it was closed, whatever becomes of the parties', async () => {
    await run();
    const before = await invoice('acme-2026-11');
    billing.legalEntities.set('weir-net', legalEntity({ ...SELLER, name: 'Another AG' }));
    await billing.apply(contracts(['acme'], { ...BUYER, legal_name: 'Acme Holding' }));
    await run();
    expect(await invoice('acme-2026-11')).toEqual(before);
    await expect(server.database.query(`update billing.invoice set number = 'x'`)).rejects.toThrow('never change');
    await expect(
      server.database.query(
        `insert into billing.invoice select 'acme-2026-11', 'b', series, sequence, number, issue_date, due_date, seller, buyer, currency, net, tax, gross, taxes from billing.invoice`,
      ),
    ).rejects.toThrow(/duplicate key|closed/);
  });

  test('under reverse charge asks for no tax', async () => {
    await begin(contracts(['acme'], { ...BUYER, tax: { treatment: 'reverse_charge' }, due_days: 30 }));
    await run();
    expect(await invoice('acme-2026-11')).toMatchObject({
      tax: '0.00',
      gross: '35.01',
      dueDate: '2026-12-31',
      taxes: [{ code: 'AE' }, { code: 'AE' }],
    });
  });

  test('an interim bill uses up no number; one without a legal entity has none', async () => {
    await run({ interim: true });
    await run();
    expect([await invoice('acme-2026-11-interim-1'), await numbers('invoice')]).toEqual([null, ['2026-000001']]);
    await begin(contracts(['acme'], null));
    await run();
    expect([await invoice('acme-2026-11'), await numbers('invoice')]).toEqual([null, []]);
  });

  test.each([
    ['legal_entity_unknown', { ...BUYER, legal_entity: 'gone' }, SELLER],
    ['tax_rate_unknown', BUYER, {}],
    ['currency_refused', BUYER, { ...SELLER, currencies: ['CHF'] }],
  ])('is not made where it could not be one: %s', async (code, buyer, seller) => {
    await begin(contracts(['acme'], buyer), seller);
    await expect(run()).rejects.toMatchObject({ code });
    const { rows } = await server.database.query('select from billing.bill');
    expect([rows.length, await numbers('invoice')]).toEqual([0, []]);
  });

  test('one that cannot be made keeps no other account waiting', async () => {
    const text = contracts(['acme', 'bolt', 'cord'], null);
    const buyers = [{ ...BUYER, legal_entity: 'gone' }, BUYER, {}];
    await begin({ ...text, customers: text.customers.map((one, at) => ({ ...one, ...buyers[at] })) });
    for (const time of ['first', 'again']) {
      await expect(run(), time).rejects.toMatchObject({
        code: 'legal_entity_unknown',
        detail: { account: 'acme' },
      });
      const { rows } = await server.database.query('select id from billing.bill order by id');
      expect(rows).toEqual([{ id: 'bolt-2026-11' }, { id: 'cord-2026-11' }]);
    }
  });
});

describe('the series', () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `c${at + 10}`);
  const upTo = (count: number): string[] => Array.from({ length: count }, (_, at) => `R${at + 41}`);

  test('begins where it is told to, and many runs at one time leave neither hole nor double', async () => {
    await begin(contracts(names(12)), { ...SELLER, bill_numbers: { format: 'R{number}', first: 41 } });
    await Promise.all(names(12).flatMap((account) => [run({ account }), run({ account })]));
    expect(await numbers('invoice')).toEqual(upTo(12));
  });

  test('crashes at any query, of runs side by side, leave neither hole nor double', { timeout: 120_000 }, async () => {
    await begin(contracts(names(30)), { ...SELLER, bill_numbers: { format: 'R{number}', first: 41 } });
    let crashes = 0;
    for (const [at, account] of names(30).entries()) {
      const broken = new FailingDatabase(server.database, 3 + (at % 15), at % 2 === 1);
      const other = names(30)[(at + 7) % 30] ?? account;
      await Promise.allSettled([run({ account }, broken), run({ account: other })]);
      if (broken.failed) crashes += 1;
      const found = await numbers('invoice');
      expect(found).toEqual(upTo(found.length));
    }
    expect(crashes).toBeGreaterThan(4);
    await run();
    expect(await numbers('invoice')).toEqual(upTo(30));
  });
});

describe('a credit note', () => {
  beforeEach(() => run());

  test('gives back part of a line, under a number of its own, at the tax of the line', async () => {
    const note = await credit({ lines: [{ line: 1, amount: '5' }], request: 'a' });
    expect(note).toMatchObject({
      number: 'CN-2026-000001',
      bill: 'acme-2026-11',
      billNumber: '2026-000001',
      net: '5.00',
      tax: '0.35',
      gross: '5.35',
    });
    const rest = await credit({ request: 'b' });
    expect(rest).toMatchObject({
      number: 'CN-2026-000002',
      net: '30.01',
      tax: '5.10',
      lines: [
        { line: 1, amount: '5.01' },
        { line: 2, amount: '25' },
      ],
    });
    expect(await creditNotesOf(server.database, 'acme-2026-11')).toHaveLength(2);
  });

  test('asked twice under one request is issued once, also at one time and over a crash', async () => {
    for (let at = 0; at < 12; at += 1) {
      const broken = new FailingDatabase(server.database, at, at % 2 === 0);
      await credit({}, broken).catch((error: unknown) => expect(String(error)).toContain('died here'));
    }
    const made = await Promise.all(Array.from({ length: 5 }, () => credit()));
    expect(new Set(made.map((note) => note.number))).toEqual(new Set(['CN-2026-000001']));
    expect(await numbers('credit_note')).toEqual(['CN-2026-000001']);
  });

  test.each([
    ['more than the line', { lines: [{ line: 1, amount: '10.02' }] }],
    ['nothing', { lines: [{ line: 1, amount: '0' }] }],
    ['less than nothing', { lines: [{ line: 1, amount: '-1' }] }],
    ['a line that is not there', { lines: [{ line: 9, amount: '1' }] }],
    [
      'a line twice',
      {
        lines: [
          { line: 1, amount: '1' },
          { line: 1, amount: '1' },
        ],
      },
    ],
  ])('is refused for %s, and uses up no number', async (_what, more) => {
    await expect(credit(more)).rejects.toMatchObject({ code: 'credit_refused' });
    await credit();
    expect(await numbers('credit_note')).toEqual(['CN-2026-000001']);
  });

  test('notes at one time never give back more than there is', async () => {
    const made = await Promise.allSettled(
      Array.from({ length: 6 }, (_, at) => credit({ lines: [{ line: 2, amount: '10' }], request: `r${at}` })),
    );
    expect(made.filter((one) => one.status === 'fulfilled')).toHaveLength(2);
    expect(await numbers('credit_note')).toEqual(['CN-2026-000001', 'CN-2026-000002']);
  });

  test('may share the series of the bills', async () => {
    const shared = { format: 'R{number}' };
    await begin(contracts(['acme', 'bolt']), { ...SELLER, bill_numbers: shared, credit_note_numbers: shared });
    await run({ account: 'acme' });
    expect((await credit()).number).toBe('R2');
    await run();
    expect(await numbers('invoice')).toEqual(['R1', 'R3']);
  });
});
