// A ledger with a billed November of two customers, acme and bolt, and ports that each holds, one after the other, or that nobody does.
import type { FastifyInstance } from 'fastify';
import type { Database } from '../../common/database/database.ts';
import { BUYER, legalEntity } from './invoice-parties.ts';
import { LedgerFixture } from './ledger-fixture.ts';

const HOUR = 3_600_000;
const NOVEMBER = Date.parse('2026-11-01T00:00:00Z');
const DECEMBER = Date.parse('2026-12-01T00:00:00Z');
/** What acme holds until noon of the first of November, bolt holds from then on. */
const NOON = '2026-11-01T12:00:00Z';

const line = (id: string) => ({
  id,
  currency: 'EUR',
  items: [
    { id: 'line', kind: 'flat', amount: '29.00' },
    { id: 'traffic', kind: 'per_unit', unit: 'MB', direction: 'sum', price: '0.0125' },
  ],
});
const service = (customer: string, bindings: object[]) => ({
  id: `${customer}-port`,
  customer,
  plan: `plan-of-${customer}`,
  from: '2026-11-01',
  bindings,
});
const CONTRACTS = {
  customers: [
    { id: 'acme', name: 'Acme', currency: 'EUR', ...BUYER },
    { id: 'bolt', name: 'Bolt', currency: 'EUR', ...BUYER, legal_name: 'Bolt SA', email: 'ap@bolt.example' },
  ],
  price_plans: [line('plan-of-acme'), line('plan-of-bolt')],
  services: [
    service('acme', [
      { device: 'sw1', interface: 'ge-0' },
      { device: 'sw1', interface: 'shared', from: '2026-11-01', to: NOON },
    ]),
    service('bolt', [
      { device: 'sw1', interface: 'ge-1' },
      { device: 'sw1', interface: 'shared', from: NOON },
    ]),
  ],
};

export interface TwoCustomers {
  readonly ledger: LedgerFixture;
  readonly api: FastifyInstance;
}

export async function twoCustomers(database: Database): Promise<TwoCustomers> {
  const ledger = await LedgerFixture.make(database, NOVEMBER, {
    legalEntities: new Map([['weir-net', legalEntity()]]),
  });
  await ledger.apply(CONTRACTS);
  for (const name of ['ge-0', 'ge-1', 'shared', 'stray']) {
    const port = ledger.usage.port('sw1', name);
    for (const meter of [port.in, port.out])
      for (const hour of [0, 11, 12, 13]) ledger.usage.add(meter, NOVEMBER + hour * HOUR, 1_000_000n);
  }
  ledger.usage.finish(DECEMBER);
  await ledger.clock.advance(DECEMBER - NOVEMBER + HOUR);
  await ledger.rate();
  const api = ledger.api();
  const made = await api.inject({
    method: 'POST',
    url: '/billing/v1/bill-runs',
    headers: { authorization: 'Bearer billing' },
    payload: { period: '2026-11', accept: ['unassigned'] },
  });
  if (made.statusCode !== 200) throw new Error(made.body);
  for (const customer of ['acme', 'bolt'])
    await ledger.ledger.credit({
      bill: `${customer}-2026-11`,
      request: 'goodwill',
      reason: 'goodwill',
      lines: [{ line: 1, amount: '1' }],
      by: 'test',
    });
  for (const customer of ['acme', 'bolt'])
    await database.query(
      `insert into billing.quota_event (quota, service, customer, period, period_start_ms, share, limit_octets, used_octets, at_ms)
       values ($1, $2, $1, '2026-11', 0, 80, 100, 90, 0)`,
      [customer, `${customer}-port`],
    );
  await ledger.ledger.payments.record({
    bill: 'bolt-2026-11',
    request: 'first',
    kind: 'payment',
    amount: '5',
    paidOn: '2026-12-01',
    reference: 'of bolt',
    by: 'test',
  });
  for (const customer of ['acme', 'bolt']) {
    const bill = await ledger.ledger.bill(`${customer}-2026-11`, null);
    if (bill === null) throw new Error(`no bill of ${customer}`);
    await ledger.correspondence.sendBill(bill, { request: 'a', to: null, by: { name: 'test', role: 'system' } });
  }
  for (const customer of ['acme', 'bolt'])
    await database.query(
      `insert into billing.final_record (customer, service, meter, device, interface_key, class, direction, ended_at_ms, outcome, made_at_ms)
       values ($1, $2, 1, 'sw1', $3, 'octets', 'in', 0, 'final', 0)`,
      [customer, `${customer}-port`, customer === 'acme' ? 'ge-0' : 'ge-1'],
    );
  for (const customer of ['acme', 'bolt'])
    await ledger.ledger.addBillOnDemand({
      customer,
      name: null,
      description: null,
      bill: null,
      by: 'test',
      atMs: DECEMBER,
    });
  return { ledger, api };
}
