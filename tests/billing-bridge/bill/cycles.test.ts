// Billing cycles on a real PostgreSQL: months that begin on another day, fees in advance and in arrears, a service that ends in what was paid, a plan that changes in a running month.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linesOf } from '../../../billing-bridge/bill/bill-store.ts';
import { reconcileBills } from '../../../billing-bridge/bill/reconcile.ts';
import { preview } from '../../../billing-bridge/rate/preview.ts';
import { reconcileCharges } from '../../../billing-bridge/rate/reconcile-charges.ts';
import { applyRerating, planRerating } from '../../../billing-bridge/rate/rerate.ts';
import { BillingFixture, BUCKET_MS, type ContractsText, WINDOW_MS } from '../../support/billing-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const ZONE = 'Europe/Berlin';
const midnight = (date: string): number => Date.parse(`${date}T00:00:00+01:00`);

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

const rack = (billed: string, amount: string): object => ({ id: billed, kind: 'flat', billed, amount });
const PLAN = { id: 'p', currency: 'EUR', items: [rack('advance', '300'), rack('arrears', '30')] };
const OTHER = { id: 'q', currency: 'EUR', items: [rack('advance', '600'), rack('arrears', '60')] };

function contracts(day: number, service: object = {}): ContractsText {
  return {
    customers: [{ id: 'acme', name: 'Acme', currency: 'EUR', billing_zone: ZONE, billing_day: day }],
    price_plans: [PLAN, OTHER],
    services: [{ id: 's', customer: 'acme', plan: 'p', from: '2026-11-21', ...service }],
  };
}

/** The lines of a bill: item, the day on which their period begins, amount. */
async function billed(billing: BillingFixture, period: string): Promise<string[]> {
  await billing.rate();
  const { accounts } = await billing
    .billRun()
    .run({ period, interim: false, accept: [], by: 'test', fence: () => Promise.resolve() });
  const [account] = accounts;
  if (account?.bill === undefined || account.bill === null) return [account?.outcome ?? 'no account'];
  return (await linesOf(server.database, account.bill)).map(
    (line) => `${line.item} ${new Date(line.period.startMs + 7_200_000).toISOString().slice(0, 10)} ${line.amount}`,
  );
}

async function until(billing: BillingFixture, date: string): Promise<void> {
  await billing.clock.advance(midnight(date) - billing.clock.now());
}

test('in advance and in arrears, both by days, from the first part of a month to the end of a service', async () => {
  const billing = await BillingFixture.make(server.database, midnight('2026-11-20'));
  await billing.apply(contracts(1));
  await until(billing, '2026-11-25');
  const book = await billing.accounts.book();
  const customer = book.customers.get('acme');
  if (customer === undefined) throw new Error('no customer');
  const shown = await preview({ usage: billing.usage, bucketMs: BUCKET_MS }, book, customer, billing.clock.now());
  expect(shown.lines.map((line) => [line.item, line.amount])).toEqual([
    ['advance', '100.00'],
    ['arrears', '10.00'],
    ['advance', '300.00'],
  ]);
  await until(billing, '2026-12-01');
  // Ten of thirty days of November, and all of December ahead.
  expect(await billed(billing, '2026-11')).toEqual([
    'advance 2026-11-01 100.00',
    'arrears 2026-11-01 10.00',
    'advance 2026-12-01 300.00',
  ]);
  // It ends on the eleventh, which becomes known on the fifth: what was paid ahead comes back.
  await until(billing, '2026-12-05');
  await billing.apply(contracts(1, { to: '2026-12-11' }));
  await until(billing, '2027-01-01');
  expect(await billed(billing, '2026-12')).toEqual(['advance 2026-12-01 -203.23', 'arrears 2026-12-01 9.68']);
  await until(billing, '2027-02-01');
  expect(await billed(billing, '2027-01')).toEqual(['nothing']);
  const [from, to] = [midnight('2026-11-01'), midnight('2027-02-01')];
  const now = await billing.accounts.book();
  expect((await reconcileBills(server.database, now, from, to)).differences).toEqual([]);
  const deps = { database: server.database, usage: billing.usage, bucketMs: BUCKET_MS, windowMs: WINDOW_MS };
  expect((await reconcileCharges(deps, now, from, to)).differences).toEqual([]);
  expect(await billing.rate()).toMatchObject({ charges: 0 });
});

test('months from the thirty-first, which February does not have', async () => {
  const billing = await BillingFixture.make(server.database, midnight('2026-12-31'));
  await billing.apply(contracts(31, { from: '2026-12-31' }));
  const months: string[][] = [];
  for (const [end, name] of [
    ['2027-01-31', '2026-12'],
    ['2027-02-28', '2027-01'],
    ['2027-03-31', '2027-02'],
  ] as const) {
    // Berlin's summer begins on 28 March 2027.
    await billing.clock.advance(midnight(end) - billing.clock.now());
    months.push(await billed(billing, name));
  }
  expect(months).toEqual([
    ['advance 2026-12-31 300.00', 'arrears 2026-12-31 30.00', 'advance 2027-01-31 300.00'],
    ['arrears 2027-01-31 30.00', 'advance 2027-02-28 300.00'],
    ['arrears 2027-02-28 30.00', 'advance 2027-03-31 300.00'],
  ]);
  // The day is part of what was billed.
  await expect(billing.apply(contracts(15, { from: '2026-12-31' }))).rejects.toMatchObject({
    code: 'contract_change_refused',
  });
});

test('a plan that changes in a running month is charged by days from then on, in advance and in arrears', async () => {
  const billing = await BillingFixture.make(server.database, midnight('2026-11-01'));
  await billing.apply(contracts(1, { from: '2026-11-01' }));
  await until(billing, '2026-11-10');
  await billing.apply(contracts(1, { from: '2026-11-01', plan: 'q' }));
  await until(billing, '2026-12-01');
  // Nine of thirty days, and twenty-one.
  expect(await billed(billing, '2026-11')).toEqual([
    'advance 2026-11-01 90.00',
    'advance 2026-11-01 420.00',
    'arrears 2026-11-01 9.00',
    'arrears 2026-11-01 42.00',
    'advance 2026-12-01 600.00',
  ]);
  // Stated after the bill that had December ahead, for December: an item of another name is only found at its end.
  await until(billing, '2026-12-02');
  const more = { id: 'later', kind: 'flat', billed: 'advance', amount: '5' };
  await billing.apply({
    ...contracts(1, { from: '2026-11-01', plan: 'q' }),
    price_plans: [PLAN, OTHER, { ...OTHER, valid_from: '2027-01-01T00:00:00+01:00', items: [...OTHER.items, more] }],
  });
  await until(billing, '2027-01-01');
  expect(await billed(billing, '2026-12')).toEqual([
    'arrears 2026-12-01 60.00',
    'advance 2027-01-01 600.00',
    'later 2027-01-01 5.00',
  ]);
});

test('to the second, to the day, or not at all', async () => {
  const billing = await BillingFixture.make(server.database, midnight('2026-11-01'));
  const items = (['day', 'second', 'none'] as const).map((proration) => ({
    id: proration,
    kind: 'flat',
    proration,
    amount: '2592000',
  }));
  await billing.apply({
    ...contracts(1, { from: '2026-11-30T23:59:59+01:00' }),
    price_plans: [{ id: 'p', currency: 'EUR', items }],
  });
  await until(billing, '2026-12-01');
  expect(await billed(billing, '2026-11')).toEqual([
    'day 2026-11-01 86400.00',
    'none 2026-11-01 2592000.00',
    'second 2026-11-01 1.00',
  ]);
});

/** Books that agree with the contracts, and nothing more to rate. */
async function isSound(billing: BillingFixture, from: string, to: string): Promise<void> {
  const now = await billing.accounts.book();
  const deps = { database: server.database, usage: billing.usage, bucketMs: BUCKET_MS, windowMs: WINDOW_MS };
  expect((await reconcileCharges(deps, now, midnight(from), midnight(to))).differences).toEqual([]);
  expect((await reconcileBills(server.database, now, midnight(from), midnight(to))).differences).toEqual([]);
  expect(await billing.rate()).toMatchObject({ charges: 0 });
}

test('what was paid ahead is split on the next bill, up and down; a price that is to come is split ahead, also where it is taken back', async () => {
  const billing = await BillingFixture.make(server.database, midnight('2026-11-01'));
  const service = { from: '2026-11-01' };
  await billing.apply(contracts(1, service));
  await until(billing, '2026-12-01');
  await billed(billing, '2026-11');
  await until(billing, '2026-12-11');
  await billing.apply(contracts(1, { ...service, plan: 'q' }));
  // Known on the twentieth: the price of a part of January.
  await until(billing, '2026-12-20');
  const dearer = { ...OTHER, valid_from: '2027-01-22T00:00:00+01:00', items: [rack('advance', '620')] };
  const later = { ...contracts(1, { ...service, plan: 'q' }), price_plans: [PLAN, OTHER, dearer] };
  await billing.apply(later);
  const book = await billing.accounts.book();
  const customer = book.customers.get('acme');
  if (customer === undefined) throw new Error('no customer');
  const shown = await preview({ usage: billing.usage, bucketMs: BUCKET_MS }, book, customer, billing.clock.now());
  await until(billing, '2027-01-01');
  const december = [
    'advance 2026-12-01 -203.23',
    'advance 2026-12-01 406.45',
    'arrears 2026-12-01 9.68',
    'arrears 2026-12-01 40.65',
    'advance 2027-01-01 406.45',
    'advance 2027-01-01 200.00',
  ];
  expect(shown.lines.map(({ item, amount }) => `${item} ${amount}`).toSorted()).toEqual(
    december.map((line) => line.replace(/ \S+/, '')).toSorted(),
  );
  expect(await billed(billing, '2026-12')).toEqual(december);
  // Taken back before it began: all of January is at the old price, and the fee in arrears is there again.
  await until(billing, '2027-01-10');
  await billing.apply(contracts(1, { ...service, plan: 'q' }));
  await until(billing, '2027-02-01');
  expect(await billed(billing, '2027-01')).toEqual([
    'advance 2027-01-01 193.55',
    'advance 2027-01-01 -200.00',
    'arrears 2027-01-01 60.00',
    'advance 2027-02-01 600.00',
  ]);
  await isSound(billing, '2026-11-01', '2027-03-01');
});

test('fees by the year and the quarter on monthly bills: a change of the plan, and the end of the service', async () => {
  const billing = await BillingFixture.make(server.database, midnight('2027-01-01'));
  const yearly = (amount: string): object => ({
    ...rack('advance', amount),
    cycle_months: 12,
    cycle_from: 'anniversary',
  });
  const quarterly = (amount: string): object => ({ ...rack('arrears', amount), cycle_months: 3 });
  const plans = {
    price_plans: [
      { ...PLAN, items: [yearly('3650'), quarterly('90')] },
      { ...OTHER, items: [yearly('7300'), quarterly('181')] },
    ],
  };
  const stated = (service: object): ContractsText => ({
    ...contracts(1, { from: '2027-01-15', ...service }),
    ...plans,
  });
  await billing.apply(stated({}));
  const told: string[] = [];
  for (let month = 1; month <= 14; month += 1) {
    const name = (at: number): string => new Date(Date.UTC(2027, at - 1, 1)).toISOString().slice(0, 7);
    const next = Date.parse(`${name(month + 1)}-01T00:00:00${month >= 3 && month <= 9 ? '+02:00' : '+01:00'}`);
    if (month === 5) {
      await until(billing, '2027-05-11');
      await billing.apply(stated({ plan: 'q' }));
    }
    if (month === 14) {
      await until(billing, '2028-02-11');
      await billing.apply(stated({ plan: 'q', to: '2028-02-15' }));
    }
    await billing.clock.advance(next - billing.clock.now());
    const lines = await billed(billing, name(month));
    told.push(...lines.filter((line) => line !== 'nothing').map((line) => `${name(month)}: ${line}`));
  }
  expect(told).toEqual([
    // From 15 January to 14 January.
    '2027-01: advance 2027-01-01 3650.00',
    // 76 of 90 days.
    '2027-03: arrears 2027-03-01 76.00',
    // 40 days of April and May by the one plan; the rest of the year by the other, less what was paid of it.
    '2027-05: advance 2027-05-01 4980.00',
    '2027-05: arrears 2027-05-01 39.56',
    '2027-05: advance 2027-01-01 -2490.00',
    '2027-06: arrears 2027-06-01 101.44',
    '2027-09: arrears 2027-09-01 181.00',
    '2027-12: arrears 2027-12-01 181.00',
    // A leap year from 15 January: 31 of 366 days in the end.
    '2027-12: advance 2028-01-01 7300.00',
    '2028-02: arrears 2028-02-01 89.51',
    '2028-02: advance 2028-01-01 -6681.69',
  ]);
  await isSound(billing, '2027-01-01', '2028-04-01');
});

test('a begin that was wrong moves the cycles that count from it: what stands where none begins any more is given back', async () => {
  const billing = await BillingFixture.make(server.database, midnight('2026-11-01'));
  const yearly = { ...rack('advance', '365'), cycle_months: 12, cycle_from: 'anniversary' };
  const stated = (from: string): ContractsText => ({
    ...contracts(1, { from, billed_from: '2026-11-01' }),
    price_plans: [{ ...PLAN, items: [yearly] }],
  });
  await billing.apply(stated('2026-11-17'));
  await until(billing, '2026-12-01');
  expect(await billed(billing, '2026-11')).toEqual(['advance 2026-11-01 365.00']);
  await until(billing, '2027-12-01');
  expect(await billed(billing, '2027-10')).toEqual(['advance 2027-11-01 365.00']);
  // It had begun on the third.
  await billing.apply(stated('2026-11-03'));
  const lines = await billed(billing, '2027-11');
  // Two years, as before: from other days on.
  expect(lines).toEqual(['advance 2027-11-01 0.00', 'advance 2026-11-01 0.00']);
  const standing = (await billing.charges()).filter(({ amount }) => amount !== '0');
  expect(
    standing.map(({ windowStartMs, amount }) => [
      new Date(windowStartMs + 7_200_000).toISOString().slice(0, 10),
      amount,
    ]),
  ).toEqual([
    ['2027-11-03', '365'],
    ['2026-11-03', '365'],
  ]);
  await isSound(billing, '2026-11-01', '2027-12-01');
});

test('a fee that was charged whole before fees were split: rated anew it is split, and no day is lost', async () => {
  const billing = await BillingFixture.make(server.database, midnight('2026-11-01'));
  await billing.apply({
    ...contracts(1, { from: '2026-11-01' }),
    price_plans: [{ ...PLAN, items: [rack('arrears', '30')] }],
  });
  await until(billing, '2026-12-01');
  await billing.rate();
  await server.database.query(
    `insert into billing.contract_version (kind, id, version, stated, valid_from_ms, applied_at_ms, document)
     select kind, id, version + 1, stated, $1, applied_at_ms, jsonb_set(document::jsonb, '{items,0,amount}', '"60"')
       from billing.contract_version where kind = 'price_plan' and id = 'p'`,
    [midnight('2026-11-11')],
  );
  const deps = { database: server.database, usage: billing.usage, bucketMs: BUCKET_MS, windowMs: WINDOW_MS };
  const span = { fromMs: midnight('2026-11-01'), toMs: midnight('2026-12-01'), account: null };
  await applyRerating(server.database, await planRerating(deps, await billing.accounts.book(), span));
  await billing.rate();
  expect((await billing.charges()).map(({ amount, version }) => [amount, version])).toEqual([
    ['40', 1],
    ['10', 2],
  ]);
  await isSound(billing, '2026-11-01', '2026-12-01');
});
