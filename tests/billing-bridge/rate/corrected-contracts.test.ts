// Contracts that are corrected after the fact: what was charged under them before, and what nobody was charged, comes right with the next run.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { applyRerating, planRerating } from '../../../billing-bridge/rate/rerate.ts';
import { BillingFixture, BUCKET_MS, type ContractsText } from '../../support/billing-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const START = Date.parse('2026-11-01T00:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const GB = 1_000_000_000n;

let server: TestDatabase;
let billing: BillingFixture;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());
beforeEach(async () => {
  billing = await BillingFixture.make(server.database, START);
});

const PORT = { device: 'r1', interface: 'ge-0' };
const OTHER = { device: 'r1', interface: 'ge-1' };
const ITEMS = [
  { id: 'setup', kind: 'one_off', amount: '150' },
  { id: 'port', kind: 'flat', amount: '31' },
];
const TRAFFIC = { id: 'traffic', kind: 'per_unit', unit: 'GB', direction: 'in', price: '1' };

function contracts(service: object, items: readonly object[] = ITEMS, more: readonly object[] = []): ContractsText {
  return {
    customers: [{ id: 'acme', name: 'Acme', currency: 'EUR' }],
    price_plans: [{ id: 'plan', currency: 'EUR', items }, ...more],
    services: [{ id: 's', customer: 'acme', plan: 'plan', from: '2026-11-16', bindings: [PORT], ...service }],
  };
}

/** `2026-11 setup 150` of every charge that stands and is not nothing, by month. */
async function told(): Promise<string[]> {
  return (await billing.charges())
    .filter(({ amount }) => amount !== '0')
    .map((one) => `${new Date(one.windowStartMs).toISOString().slice(0, 7)} ${one.item} ${one.amount}`)
    .toSorted();
}

async function rateable(untilMs: number): Promise<void> {
  billing.usage.finish(untilMs);
  await billing.clock.advance(untilMs + BUCKET_MS - billing.clock.now());
}

async function rateAt(atMs: number): Promise<void> {
  await rateable(atMs);
  await billing.rate();
}

test('a begin that is moved into another rated month takes its fee along', async () => {
  await billing.apply(contracts({}));
  billing.usage.port('r1', 'ge-0');
  await rateAt(START + 92 * DAY);
  const later = ['2026-12 port 31', '2027-01 port 31'];
  expect(await told()).toEqual(['2026-11 port 15.5', '2026-11 setup 150', ...later].toSorted());
  await billing.apply(contracts({ from: '2026-12-16' }));
  await billing.rate();
  expect(await told()).toEqual(['2026-12 port 16', '2026-12 setup 150', '2027-01 port 31']);
  await billing.apply(contracts({ from: '2026-11-16' }));
  await billing.rate();
  expect(await told()).toEqual(['2026-11 port 15.5', '2026-11 setup 150', ...later].toSorted());
  expect(await billing.rate()).toMatchObject({ charges: 0 });
});

test('months before the first that was charged are, once `billed_from` says so', async () => {
  await billing.apply(contracts({ from: '2026-09-16' }));
  billing.usage.port('r1', 'ge-0');
  await rateAt(START + 61 * DAY);
  expect(await told()).toEqual(['2026-11 port 31', '2026-12 port 31']);
  await billing.apply(contracts({ from: '2026-09-16', billed_from: '2026-09-16' }));
  await billing.rate();
  expect(await told()).toEqual(
    ['2026-09 port 15.5', '2026-09 setup 150', '2026-10 port 31', '2026-11 port 31', '2026-12 port 31'].toSorted(),
  );
});

test('a binding that is entered while a run begins is charged by the next one', async () => {
  await billing.apply(contracts({ from: '2026-11-01' }, [TRAFFIC]));
  const [first, other] = [billing.usage.port('r1', 'ge-0'), billing.usage.port('r1', 'ge-1')];
  billing.usage.add(first.in, START, GB);
  billing.usage.add(other.in, START, 2n * GB);
  billing.usage.finish(START + DAY);
  await billing.clock.advance(DAY);
  const all = billing.usage.allMeters.bind(billing.usage);
  let looks = 0;
  billing.usage.allMeters = async () => {
    looks += 1;
    const changed = { from: '2026-11-01', bindings: [PORT, { ...OTHER, from: '2026-11-01' }] };
    if (looks === 1) {
      await billing.apply(contracts(changed, [TRAFFIC]));
      billing.usage.add(other.in, START + DAY, 4n * GB);
      await rateable(START + DAY + HOUR);
    }
    return all();
  };
  await billing.rate();
  await billing.rate();
  expect(await told()).toEqual(['2026-11 traffic 3', '2026-11 traffic 4']);
});

test('an end that is entered late ends what was bound before as well', async () => {
  await billing.apply(contracts({ from: '2026-11-01', bindings: [PORT, OTHER] }, [TRAFFIC]));
  const other = billing.usage.port('r1', 'ge-1');
  billing.usage.port('r1', 'ge-0');
  for (let day = 0; day < 20; day += 1) billing.usage.add(other.in, START + day * DAY, GB);
  await rateAt(START + 20 * DAY);
  expect(await told()).toHaveLength(20);
  await billing.apply(contracts({ from: '2026-11-01', to: '2026-11-11', bindings: [PORT] }, [TRAFFIC]));
  await billing.rate();
  expect(await told()).toHaveLength(10);
});

test('a begin that is moved behind a change of the plan takes back what the plan no longer has', async () => {
  const rack = { id: 'rack', kind: 'flat', amount: '300' };
  const plans = [{ id: 'plan', currency: 'EUR', valid_from: '2026-12-01', items: ITEMS }];
  await billing.apply(contracts({}, [...ITEMS, rack], plans));
  billing.usage.port('r1', 'ge-0');
  await rateAt(START + 61 * DAY);
  expect(await told()).toContain('2026-11 rack 150');
  await billing.apply(contracts({ from: '2026-12-16' }, [...ITEMS, rack], plans));
  await billing.rate();
  expect(await told()).toEqual(['2026-12 port 16', '2026-12 setup 150']);
});

test('a port that comes back on the day that it left is one port', async () => {
  const bindings = [
    { ...PORT, from: '2026-11-01', to: '2026-11-16T10:00:00Z' },
    { ...PORT, from: '2026-11-16T16:00:00Z' },
  ];
  await billing.apply(
    contracts({ from: '2026-11-01', bindings }, [{ id: 'ports', kind: 'assigned_ports', price: '30' }]),
  );
  billing.usage.port('r1', 'ge-0');
  await rateAt(START + 30 * DAY);
  expect(await told()).toEqual(['2026-11 ports 30']);
});

test('a service that has ended does not begin again later: what it was charged would be given back', async () => {
  const stated = contracts({ from: '2026-11-01' });
  await billing.apply(stated);
  billing.usage.port('r1', 'ge-0');
  await rateAt(START + 61 * DAY);
  const charged = ['2026-11 port 31', '2026-11 setup 150', '2026-12 port 31'];
  expect(await told()).toEqual(charged);
  await billing.apply({ ...stated, services: [] });
  await billing.clock.advance(60 * DAY);
  await expect(billing.apply(contracts({ from: '2027-03-01' }))).rejects.toMatchObject({
    code: 'contract_change_refused',
    detail: { kind: 'service', id: 's', field: 'from' },
  });
  await billing.rate();
  expect((await told()).slice(0, 3)).toEqual(charged);
});

test('a fee and energy that have no charge are told, and charged once they are rated anew', async () => {
  const energy = { id: 'energy', kind: 'per_unit', unit: 'kWh', meter: 'energy', price: '1' };
  await billing.apply(contracts({ from: '2026-11-01' }, [...ITEMS, energy]));
  billing.usage.add(billing.usage.meter('r1', 'ge-0', 'energy'), START, 5_000_000n);
  await rateAt(START + 61 * DAY);
  const charged = ['2026-11 energy 5', '2026-11 port 31', '2026-11 setup 150', '2026-12 port 31'];
  expect(await told()).toEqual(charged);
  const deps = { database: server.database, usage: billing.usage, bucketMs: BUCKET_MS, windowMs: HOUR };
  const plan = async () =>
    planRerating(deps, await billing.accounts.book(), { fromMs: START, toMs: START + 61 * DAY, account: null });
  expect((await plan()).differences).toEqual([]);
  await server.database.query('alter table billing.charge disable trigger user');
  // As a mistake of ours may have made it.
  await server.database.query(`update billing.charge set amount = '30' where item = 'port' and window_start_ms > $1`, [
    START,
  ]);
  await server.database.query(`delete from billing.charge where item <> 'setup' and window_start_ms = $1`, [START]);
  await server.database.query('alter table billing.charge enable trigger user');
  const found = await plan();
  expect(
    found.differences
      .map(({ item, charge, before }) => `${item} ${charge === null ? 'none' : 'stands'} ${before}`)
      .toSorted(),
  ).toEqual(['energy none 0', 'port none 0', 'port stands 30']);
  await applyRerating(server.database, found);
  await billing.rate();
  expect(await told()).toEqual(charged);
  expect((await plan()).differences).toEqual([]);
});
