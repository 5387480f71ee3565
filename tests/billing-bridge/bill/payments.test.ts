// Payments on a real ledger: partial, too much, given back, moved to another bill, reversed, beside credit notes; crashes; the bill never changes.
import type { FastifyInstance } from 'fastify';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seal } from '../../../billing-bridge/audit/chain.ts';
import { PaymentBook } from '../../../billing-bridge/bill/payment-book.ts';
import { settlementOf, stateAfterPayment } from '../../../billing-bridge/bill/settlement.ts';
import { Exact } from '../../../common/model/exact.ts';
import { FailingDatabase } from '../../support/failing-database.ts';
import { BUYER, legalEntity } from '../../support/invoice-parties.ts';
import { LedgerFixture } from '../../support/ledger-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const NOVEMBER = Date.parse('2026-11-01T00:00:00Z');
const DECEMBER = Date.parse('2026-12-01T00:00:00Z');
/** Each is billed 100.00 net and 119.00 with tax, plain 100.00 without. */
const CUSTOMERS = ['partial', 'over', 'credit', 'bounce', 'crash', 'marked', 'plain'];

let server: TestDatabase;
let fixture: LedgerFixture;
let api: FastifyInstance;
beforeAll(async () => {
  server = await startTestDatabase();
  fixture = await LedgerFixture.make(server.database, NOVEMBER, {
    legalEntities: new Map([['weir-net', legalEntity()]]),
  });
  const tax = { country: 'DE' };
  await fixture.apply({
    customers: CUSTOMERS.map((id) => ({ id, name: id, currency: 'EUR', ...(id === 'plain' ? {} : { ...BUYER, tax }) })),
    price_plans: [{ id: 'p', currency: 'EUR', items: [{ id: 'port', kind: 'flat', amount: '100' }] }],
    services: CUSTOMERS.map((id) => ({
      id: `${id}-port`,
      customer: id,
      plan: 'p',
      from: '2026-10-01',
      billed_from: '2026-10-01',
      bindings: [{ device: 'r1', interface: id }],
    })),
  });
  for (const name of CUSTOMERS) fixture.usage.port('r1', name);
  fixture.usage.finish(DECEMBER);
  await fixture.clock.advance(DECEMBER + 3_600_000 - NOVEMBER);
  await fixture.rate();
  api = fixture.api();
  for (const period of ['2026-10', '2026-11']) await ask(`/billing/v1/bill-runs`, { period });
}, 60_000);
afterAll(() => server.stop());

async function ask(url: string, payload?: object) {
  const answer = await api.inject({
    method: payload === undefined ? 'GET' : 'POST',
    url,
    headers: { authorization: 'Bearer billing' },
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
}

function pay(bill: string, request: string, amount: string, more: object = {}) {
  return ask(`/billing/v1/bills/${bill}/payments`, { request, amount, date: '2026-12-04', ...more });
}

async function standing(bill: string): Promise<unknown[]> {
  const found = await fixture.ledger.bill(bill, null);
  if (found === null) throw new Error(`no ${bill}`);
  const { due, paid, open, overpaid } = settlementOf(found);
  return [found.state, due, paid, open, overpaid];
}

const refusal = { status: 409, body: { error: { code: 'payment_refused' } } };

test('in parts, until nothing is open; once a request; TMF678 and the audit tell the same', async () => {
  const bill = 'partial-2026-11';
  expect(await standing(bill)).toEqual(['validated', '119.00', '0.00', '119.00', '0.00']);
  const first = await pay(bill, 'a', '19.01', { reference: 'wire 1' });
  expect(first.body).toMatchObject({ amount: '19.01', kind: 'payment', date: '2026-12-04', reference: 'wire 1' });
  expect((await pay(bill, 'a', '19.01')).body).toEqual(first.body);
  expect(await standing(bill)).toEqual(['partiallyPaid', '119.00', '19.01', '99.99', '0.00']);
  const tmf = await ask(`/tmf-api/customerBillManagement/v4/customerBill/${bill}`);
  expect(tmf.body).toMatchObject({
    state: 'partiallyPaid',
    amountDue: { value: 119 },
    remainingAmount: { value: 99.99, unit: 'EUR' },
    appliedPayment: [{ appliedAmount: { value: 19.01 }, payment: { name: 'wire 1' } }],
  });
  await pay(bill, 'b', '99.99');
  expect(await standing(bill)).toEqual(['settled', '119.00', '119.00', '0.00', '0.00']);
  const { body } = await ask(`/billing/v1/bills/${bill}`);
  expect(body).toMatchObject({ settlement: { open: '0.00' }, payments: [{ amount: '19.01' }, { amount: '99.99' }] });
});

test('too much is a balance, which is given back or pays another bill of the same customer, never more than it', async () => {
  await pay('over-2026-11', 'a', '200');
  expect(await standing('over-2026-11')).toEqual(['settled', '119.00', '200.00', '0.00', '81.00']);
  expect(await pay('over-2026-11', 'b', '81.01', { kind: 'refund' })).toMatchObject(refusal);
  await pay('over-2026-11', 'c', '1', { kind: 'refund' });
  const from = 'over-2026-11';
  expect(await pay('over-2026-10', 'd', '80.01', { kind: 'transfer', from })).toMatchObject(refusal);
  expect(await pay('partial-2026-10', 'd', '1', { kind: 'transfer', from })).toMatchObject(refusal);
  expect(await pay('over-2026-10', 'd', '80', { kind: 'transfer', from })).toMatchObject({ status: 200 });
  expect(await pay('over-2026-10', 'd', '80', { kind: 'transfer', from })).toMatchObject({ status: 200 });
  expect(await standing(from)).toEqual(['settled', '119.00', '119.00', '0.00', '0.00']);
  expect(await standing('over-2026-10')).toEqual(['partiallyPaid', '119.00', '80.00', '39.00', '0.00']);
});

test('credit notes count: they settle what they leave nothing of, and leave a balance of what was paid', async () => {
  const credit = (bill: string, request: string, amount: string) =>
    fixture.ledger.credit({ bill, request, reason: 'outage', lines: [{ line: 1, amount }], by: 'test' });
  await pay('credit-2026-11', 'a', '59.50');
  await credit('credit-2026-11', 'a', '50');
  expect(await standing('credit-2026-11')).toEqual(['settled', '59.50', '59.50', '0.00', '0.00']);
  await credit('credit-2026-11', 'b', '10');
  expect(await standing('credit-2026-11')).toEqual(['settled', '47.60', '59.50', '0.00', '11.90']);
  await credit('credit-2026-10', 'a', '100');
  expect(await standing('credit-2026-10')).toEqual(['settled', '0.00', '0.00', '0.00', '0.00']);
  // Settled by hand, without a payment that was recorded: nothing is open, and a credit note does not change that.
  for (const state of ['sent', 'settled'] as const)
    await fixture.ledger.changeBillState({ bill: 'marked-2026-11', state, by: 'test' });
  await credit('marked-2026-11', 'a', '10');
  expect(await standing('marked-2026-11')).toEqual(['settled', '107.10', '0.00', '0.00', '0.00']);
});

test('one that did not come is reversed once, and the bill is asked for again', async () => {
  const { body } = await pay('bounce-2026-11', 'a', '119');
  const url = `/billing/v1/payments/${String(body['id'])}/reversal`;
  const reversed = await ask(url, { reason: 'no funds' });
  expect(reversed.body).toMatchObject({ kind: 'reversal', amount: '-119', reference: 'no funds', other: body['id'] });
  expect((await ask(url, { reason: 'no funds' })).body).toEqual(reversed.body);
  expect(await ask(`/billing/v1/payments/${String(reversed.body['id'])}/reversal`, { reason: 'x' })).toMatchObject(
    refusal,
  );
  expect(await standing('bounce-2026-11')).toEqual(['sent', '119.00', '0.00', '119.00', '0.00']);
  await pay('bounce-2026-11', 'b', '119');
  expect(await standing('bounce-2026-11')).toEqual(['settled', '119.00', '119.00', '0.00', '0.00']);
});

test('what is no amount, no bill, or interim is refused', async () => {
  expect(await pay('plain-2026-11', 'a', '0')).toMatchObject(refusal);
  expect(await pay('plain-2026-11', 'a', '1.005')).toMatchObject(refusal);
  expect((await pay('plain-2026-11', 'a', '-1')).status).toBe(400);
  expect((await pay('plain-2026-11', 'a', '1', { date: '2026-02-30' })).status).toBe(400);
  expect((await pay('nobody', 'a', '1')).status).toBe(404);
  await ask('/billing/v1/bill-runs', { period: '2026-12', account: 'plain', interim: true });
  const [interim] = await fixture.ledger.bills({ customers: null, category: 'interim', limit: 1 });
  if (interim !== undefined) expect(await pay(interim.id, 'a', '1')).toMatchObject(refusal);
  await pay('plain-2026-11', 'a', '100');
  expect(await standing('plain-2026-11')).toEqual(['settled', '100.00', '100.00', '0.00', '0.00']);
});

test('a crash at any query, and many at once, record it once; the ledger stays whole and closed', async () => {
  const asked = { bill: 'crash-2026-11', paidOn: '2026-12-04', reference: '', by: 'test' } as const;
  const { clock } = fixture;
  for (const after of [false, true])
    for (let at = 0; at < 30; at += 1) {
      const database = new FailingDatabase(server.database, at, after);
      const book = new PaymentBook({ database, clock, seal });
      await book
        .record({ ...asked, request: 'a', kind: 'payment', amount: '150' })
        .then(() =>
          book.record({
            ...asked,
            bill: 'crash-2026-10',
            request: 'b',
            kind: 'transfer',
            amount: '31',
            from: 'crash-2026-11',
          }),
        )
        .catch((error: unknown) => expect(String(error)).toContain('died here'));
    }
  await Promise.all(
    Array.from({ length: 5 }, () =>
      fixture.ledger.payments.record({ ...asked, request: 'a', kind: 'payment', amount: '150' }),
    ),
  );
  expect(await standing('crash-2026-11')).toEqual(['settled', '119.00', '119.00', '0.00', '0.00']);
  expect(await standing('crash-2026-10')).toEqual(['partiallyPaid', '119.00', '31.00', '88.00', '0.00']);
  await expect(server.database.query(`update billing.payment set amount = '1'`)).rejects.toThrow('never change');
  const proof = await fixture.ledger.audit(new Map());
  expect([proof.bad, proof.rows.payment]).toEqual([
    null,
    (await fixture.ledger.payments.find({ customers: null, limit: 1000 })).length,
  ]);
});

test('what is open, what is overpaid and what was paid always add up to what is due', () => {
  const cents = fc.integer({ min: 0, max: 100_000 });
  const fine = fc.integer({ min: 0, max: 10_000_000 });
  const text = (value: number): string => Exact.ratio(BigInt(value), 100n).toString();
  fc.assert(
    fc.property(fine, cents, cents, fc.boolean(), (total, paid, credited, reversed) => {
      const sums = {
        category: 'normal',
        state: 'sent',
        currency: 'EUR',
        // Lines may be finer than the currency.
        total: Exact.ratio(BigInt(total), 10_000n).toString(),
        invoice: null,
        paid: text(paid),
        credited: text(credited),
      } as const;
      const { due, open, overpaid } = settlementOf(sums);
      const value = (one: string): Exact => Exact.fromText(one) ?? Exact.zero;
      expect(value(due).add(value(overpaid)).toString()).toBe(
        value(open)
          .add(value(text(paid)))
          .toString(),
      );
      expect(value(open).isZero() || value(overpaid).isZero()).toBe(true);
      const state = stateAfterPayment(sums, reversed);
      if (paid > 0) expect(state).toBe(value(open).isZero() ? 'settled' : 'partiallyPaid');
      expect(stateAfterPayment({ ...sums, state: state ?? 'sent' }, false)).toBeNull();
      expect(stateAfterPayment({ ...sums, state: 'settled' }, false)).toBeNull();
    }),
  );
});
