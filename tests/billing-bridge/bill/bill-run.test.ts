// Bills on a real PostgreSQL: made once, exact, held back by their gates, never changed, corrected on the next one to the cent.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AccountResult, BillRequest } from '../../../billing-bridge/bill/bill-run.ts';
import { findBillRuns } from '../../../billing-bridge/bill/bill-run-store.ts';
import { findBill, findBills, linesOf } from '../../../billing-bridge/bill/bill-store.ts';
import { chargesBehind, evidenceOf, metersBehind } from '../../../billing-bridge/bill/evidence.ts';
import { GATE_NAMES, type GateName } from '../../../billing-bridge/bill/gates.ts';
import { sumOf } from '../../../billing-bridge/bill/lines.ts';
import { reconcileBills } from '../../../billing-bridge/bill/reconcile.ts';
import { CHARGE_COLUMNS, chargeOf } from '../../../billing-bridge/rate/charge-store.ts';
import type { Database } from '../../../common/database/database.ts';
import { BillingFixture, BUCKET_MS, type ContractsText } from '../../support/billing-fixture.ts';
import { FailingDatabase } from '../../support/failing-database.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOVEMBER = Date.parse('2026-11-01T00:00:00Z');
const DECEMBER = Date.parse('2026-12-01T00:00:00Z');
const JANUARY = Date.parse('2027-01-01T00:00:00Z');
const GB = 1_000_000_000n;
const READ = { columns: CHARGE_COLUMNS, charge: chargeOf };

const PLAN = {
  id: 'p',
  currency: 'EUR',
  items: [
    { id: 'traffic', kind: 'per_unit', unit: 'GB', direction: 'sum', price: '0.0333' },
    { id: 'port', kind: 'flat', amount: '25' },
  ],
};
const SERVICE = {
  id: 's',
  customer: 'acme',
  plan: 'p',
  from: '2026-11-01',
  bindings: [{ device: 'r1', interface: 'a' }],
};
const CONTRACTS: ContractsText = {
  customers: [{ id: 'acme', name: 'Acme', currency: 'EUR' }],
  price_plans: [PLAN],
  services: [SERVICE],
};

let server: TestDatabase;
let billing: BillingFixture;
let port: { in: number; out: number };
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());
beforeEach(async () => {
  await begin(CONTRACTS);
});

async function begin(contracts: ContractsText): Promise<void> {
  billing = await BillingFixture.make(server.database, NOVEMBER);
  await billing.apply(contracts);
  port = billing.usage.port('r1', 'a');
}

/** A gigabyte in at the first bucket of each day, final to its end. */
function useDays(fromMs: number, days: number, octets = GB): void {
  for (let day = 0; day < days; day += 1) billing.usage.add(port.in, fromMs + day * DAY, octets);
  billing.usage.finish(fromMs + days * DAY);
}

/** November, used, over and rated. */
async function novemberRated(): Promise<void> {
  useDays(NOVEMBER, 30);
  await billing.clock.advance(30 * DAY);
  await billing.rate();
}

const request = (more: Partial<BillRequest> = {}): BillRequest => ({
  period: '2026-11',
  interim: false,
  accept: [],
  by: 'test',
  fence: () => Promise.resolve(),
  ...more,
});

async function bill(more: Partial<BillRequest> = {}, database?: Database): Promise<AccountResult> {
  const { accounts } = await billing.billRun(database).run(request(more));
  const [first] = accounts;
  if (first === undefined || accounts.length > 1) throw new Error(`${accounts.length} accounts`);
  return first;
}

const linesIn = (id: string): ReturnType<typeof linesOf> => linesOf(server.database, id);
const reconcile = async (): ReturnType<typeof reconcileBills> =>
  reconcileBills(server.database, await billing.accounts.book(), NOVEMBER, JANUARY);

const TABLES = ['bill', 'bill_line', 'bill_line_charge', 'bill_state'] as const;

/** Everything that is kept of a bill. */
async function kept(id: string): Promise<string> {
  const parts = [];
  for (const table of TABLES) {
    const { rows } = await server.database.query(
      `select to_jsonb(t) as row from billing.${table} t where t.${table === 'bill' ? 'id' : 'bill'} = $1 order by to_jsonb(t)::text`,
      [id],
    );
    parts.push(rows);
  }
  return JSON.stringify(parts);
}

async function rowsIn(table: string): Promise<number> {
  const { rows } = await server.database.query<{ count: bigint }>(
    `select count(*)::int8 as count from billing.${table}`,
  );
  return Number(rows[0]?.count ?? -1n);
}

describe('a bill', () => {
  test('has a line for each item, rounded once, and a total', async () => {
    await novemberRated();
    const made = await bill();
    expect(made).toMatchObject({ outcome: 'made', bill: 'acme-2026-11', total: '26.00', currency: 'EUR' });
    const lines = await linesIn('acme-2026-11');
    // Thirty windows of 0.0333, each of which would have been 0.03.
    expect(
      lines.map((line) => [line.line, line.kind, line.item, line.quantity, line.exactAmount, line.amount]),
    ).toEqual([
      [1, 'charge', 'port', '1', '25', '25.00'],
      [2, 'charge', 'traffic', '30', '0.999', '1.00'],
    ]);
    expect(await findBill(server.database, 'acme-2026-11', null)).toMatchObject({
      customer: 'acme',
      customerName: 'Acme',
      state: 'validated',
      category: 'normal',
      period: { name: '2026-11', startMs: NOVEMBER, endMs: DECEMBER, zone: 'UTC' },
      issuedAtMs: billing.clock.now(),
    });
    expect(await reconcile()).toMatchObject({ bills: 1, lines: 2, differences: [] });
  });

  test('is made once: asked again, it is the one that is there', async () => {
    await novemberRated();
    await bill();
    const before = await kept('acme-2026-11');
    await billing.clock.advance(DAY);
    expect(await bill()).toMatchObject({ outcome: 'closed', bill: 'acme-2026-11', total: '26.00' });
    expect(await kept('acme-2026-11')).toBe(before);
    expect(await rowsIn('bill')).toBe(1);
    const runs = await findBillRuns(server.database, { beforeId: null, limit: 10 });
    expect(runs.map((run) => [run.period, run.by, run.result])).toMatchObject([
      ['2026-11', 'test', { accounts: [{ outcome: 'closed' }] }],
      ['2026-11', 'test', { accounts: [{ outcome: 'made' }] }],
    ]);
  });

  test('is made once by many runs at one time', async () => {
    await novemberRated();
    const results = await Promise.all(Array.from({ length: 6 }, () => bill()));
    expect(results.map((one) => one.outcome).toSorted()).toEqual([
      ...Array.from({ length: 5 }, () => 'closed'),
      'made',
    ]);
    expect(new Set(results.map((one) => one.bill))).toEqual(new Set(['acme-2026-11']));
    expect([await rowsIn('bill'), await rowsIn('bill_line'), await rowsIn('bill_state')]).toEqual([1, 2, 1]);
  });

  test('a crash at any query leaves the whole bill or none, and the next run ends with one', {
    timeout: 120_000,
  }, async () => {
    for (const after of [false, true])
      for (let failAt = 0; ; failAt += 1) {
        await begin(CONTRACTS);
        await novemberRated();
        const broken = new FailingDatabase(server.database, failAt, after);
        await bill({}, broken).catch((error: unknown) => expect(String(error)).toContain('died here'));
        const there = await rowsIn('bill');
        expect([await rowsIn('bill_line'), await rowsIn('bill_state')]).toEqual([2 * there, there]);
        await bill();
        expect([await rowsIn('bill'), await rowsIn('bill_line'), await rowsIn('bill_line_charge')]).toEqual([1, 2, 31]);
        if (!broken.failed) break;
        expect(failAt).toBeLessThan(60);
      }
  });

  test('an old holder of the lease makes none', async () => {
    await novemberRated();
    const lease = await billing.leases.acquire('billing-bill', 'old', 60_000);
    if (lease === null) throw new Error('not granted');
    await server.database.query(`update weir.lease set token = token + 1, holder = 'new' where name = 'billing-bill'`);
    await expect(bill({ fence: (connection) => billing.leases.assertHeld(connection, lease) })).rejects.toMatchObject({
      code: 'lease_lost',
    });
    expect(await rowsIn('bill')).toBe(0);
  });

  test('nothing to bill makes none, and the account may be billed later', async () => {
    await begin({ ...CONTRACTS, services: [] });
    await billing.clock.advance(30 * DAY);
    expect(await bill()).toMatchObject({ outcome: 'nothing', bill: null, total: null });
    expect(await rowsIn('bill')).toBe(0);
  });

  test('two prices in one month are two lines, each rounded once', async () => {
    useDays(NOVEMBER, 30);
    await billing.clock.advance(10 * DAY);
    const [traffic, flat] = PLAN.items;
    await billing.apply({ ...CONTRACTS, price_plans: [{ ...PLAN, items: [{ ...traffic, price: '0.0555' }, flat] }] });
    await billing.clock.advance(20 * DAY);
    await billing.rate();
    await bill();
    const lines = await linesIn('acme-2026-11');
    expect(lines.map((line) => [line.item, line.planVersion, line.quantity, line.amount])).toEqual([
      ['port', 1, '1', '25.00'],
      ['traffic', 1, '10', '0.33'],
      ['traffic', 2, '20', '1.11'],
    ]);
    expect((await reconcile()).differences).toEqual([]);
  });

  test('of a day of 25 hours in a zone has all of them', async () => {
    await begin({
      customers: [{ id: 'acme', name: 'Acme', currency: 'JPY', billing_zone: 'Europe/Berlin', billing_cycle: 'day' }],
      price_plans: [
        { ...PLAN, currency: 'JPY', items: [{ id: 'traffic', kind: 'per_unit', unit: 'GB', price: '1.5' }] },
      ],
      services: [{ ...SERVICE, from: '2026-10-01' }],
    });
    const start = Date.parse('2026-10-24T22:00:00Z');
    for (let hour = -1; hour < 26; hour += 1) billing.usage.add(port.in, start + hour * HOUR, GB);
    billing.usage.finish(start + 2 * DAY);
    await billing.rate();
    // The day before was used too, and was never billed.
    expect(await bill({ period: '2026-10-25', accept: ['earlier_period'] })).toMatchObject({
      outcome: 'made',
      total: '40',
    });
    const lines = await linesIn('acme-2026-10-25');
    expect(lines.map((line) => [line.kind, line.quantity, line.exactAmount, line.amount])).toEqual([
      ['charge', '25', '37.5', '38'],
      ['adjustment', '1', '1.5', '2'],
    ]);
  });
});

describe('what cannot be billed', () => {
  test.each<[string, Partial<BillRequest>, string]>([
    ['a period that is none', { period: '2026-13' }, 'period_unknown'],
    ['a period of another cycle', { period: '2026-11-24' }, 'period_unknown'],
    ['an account that is none', { account: 'nobody' }, 'not_found'],
    ['a month that runs', { period: '2026-12' }, 'period_open'],
  ])('%s', async (_name, more, code) => {
    await novemberRated();
    await expect(bill(more)).rejects.toMatchObject({ code });
    expect([await rowsIn('bill'), await rowsIn('bill_run')]).toEqual([0, 0]);
  });

  test('accounts of another cycle are left out', async () => {
    await billing.apply({
      ...CONTRACTS,
      customers: [...CONTRACTS.customers, { id: 'daily', name: 'Daily', currency: 'EUR', billing_cycle: 'day' }],
    });
    await novemberRated();
    const { accounts } = await billing.billRun().run(request());
    expect(accounts.map((one) => one.account)).toEqual(['acme']);
  });
});

describe('an interim bill', () => {
  test('shows a month that runs, is numbered, and closes nothing', async () => {
    useDays(NOVEMBER, 10);
    await billing.clock.advance(10 * DAY);
    await billing.rate();
    expect(await bill({ interim: true })).toMatchObject({ bill: 'acme-2026-11-interim-1', total: '0.33' });
    expect(await bill({ interim: true })).toMatchObject({ bill: 'acme-2026-11-interim-2' });
    const twice = await Promise.all([bill({ interim: true }), bill({ interim: true })]);
    expect(twice.map((one) => one.bill ?? '').toSorted()).toEqual(['acme-2026-11-interim-3', 'acme-2026-11-interim-4']);
    expect((await findBill(server.database, 'acme-2026-11-interim-1', null))?.state).toBe('new');
    useDays(NOVEMBER + 10 * DAY, 20);
    await billing.clock.advance(20 * DAY);
    await billing.rate();
    expect(await bill()).toMatchObject({ outcome: 'made', total: '26.00' });
    // After the close it shows that nothing is left.
    expect(await bill({ interim: true })).toMatchObject({ bill: 'acme-2026-11-interim-5', total: '0.00' });
    expect((await reconcile()).differences).toEqual([]);
  });

  test('is not held by gates, and says them', async () => {
    billing.facts.quarantinedBatches = 3;
    useDays(NOVEMBER, 10);
    await billing.clock.advance(10 * DAY);
    await billing.rate();
    const made = await bill({ interim: true });
    expect(made.outcome).toBe('made');
    expect(made.gates.filter((gate) => !gate.open).map((gate) => gate.name)).toEqual(['quarantine', 'finality']);
  });
});

describe('gates', () => {
  /** How each gate is spoiled after November was rated. */
  const SPOILT: Readonly<Record<GateName, () => Promise<void> | void>> = {
    conservation: () => void (billing.facts.conservationFindings = [{ meter: 1 }]),
    quarantine: () => void (billing.facts.quarantinedBatches = 2),
    clock: () => void (billing.facts.clockFindings = [{ device: 'r1' }]),
    finality: () => billing.usage.finish(DECEMBER - 1, port.out),
    earlier_period: async () => {
      billing.usage.add(port.in, NOVEMBER - DAY, GB);
      await billing.apply({
        ...CONTRACTS,
        services: [
          { ...SERVICE, from: '2026-10-01', bindings: [{ device: 'r1', interface: 'a', from: '2026-10-01' }] },
        ],
      });
      await billing.rate();
    },
    gaps: async () => {
      billing.usage.add(port.in, NOVEMBER + HOUR, 5n, {
        octets: { good: 0n, wrapped: 0n, gap: 5n, suspended: 0n },
        gapMs: BUCKET_MS,
      });
      await billing.rate();
    },
    suspense: async () => {
      billing.usage.add(port.in, NOVEMBER, GB, { octets: { good: GB, wrapped: 0n, gap: 0n, suspended: 7n } });
      await billing.rate();
    },
    unassigned: () => {
      const other = billing.usage.port('r1', 'b');
      billing.usage.add(other.out, NOVEMBER, 9n);
      billing.usage.finish(DECEMBER);
    },
    vanished: async () => {
      billing.usage.seen.set(port.in, NOVEMBER + DAY);
      await billing.rate();
    },
  };

  test('are all open where everything is in order', async () => {
    await novemberRated();
    const { gates } = await bill();
    expect(gates.map((gate) => [gate.name, gate.open, gate.hard, gate.count])).toEqual(
      GATE_NAMES.map((name) => [name, true, true, 0]),
    );
  });

  test.each(GATE_NAMES)('%s holds a bill back, until it is accepted by its name', async (name) => {
    await novemberRated();
    await SPOILT[name]();
    const held = await bill();
    expect(held).toMatchObject({ outcome: 'held', bill: null });
    expect(held.gates.filter((gate) => !gate.open).map((gate) => gate.name)).toEqual([name]);
    expect(held.gates.find((gate) => gate.name === name)?.count).toBeGreaterThan(0);
    const others = GATE_NAMES.filter((one) => one !== name);
    expect((await bill({ accept: others })).outcome).toBe('held');
    expect(await rowsIn('bill')).toBe(0);
    expect((await bill({ accept: [name] })).outcome).toBe('made');
    const kept = await findBill(server.database, 'acme-2026-11', null);
    expect(kept?.gates.find((gate) => gate.name === name)).toMatchObject({ open: false, accepted: true });
  });

  test.each(GATE_NAMES)('%s holds nothing back where it is soft, and is told', async (name) => {
    await novemberRated();
    await SPOILT[name]();
    const { accounts } = await billing
      .billRun(
        undefined,
        GATE_NAMES.filter((one) => one !== name),
      )
      .run(request());
    expect(accounts).toMatchObject([{ outcome: 'made' }]);
    expect(accounts[0]?.gates.find((gate) => gate.name === name)).toMatchObject({
      open: false,
      hard: false,
      accepted: false,
    });
  });

  test('infrastructure with a reason, a port without traffic, and a binding for a part are not unassigned', async () => {
    await billing.apply({
      ...CONTRACTS,
      services: [{ ...SERVICE, bindings: [...SERVICE.bindings, { device: 'r1', interface: 'b', from: '2026-11-10' }] }],
    });
    const [part, silent] = [billing.usage.port('r1', 'b'), billing.usage.port('r1', 'c')];
    billing.usage.add(part.in, NOVEMBER + 12 * DAY, 9n);
    billing.usage.add(silent.in, NOVEMBER, 0n);
    await novemberRated();
    expect((await bill()).outcome).toBe('made');
  });

  test.each<[string, () => Promise<void> | void]>([
    ['a month is over and rating has not looked yet', () => useDays(NOVEMBER, 30)],
    [
      'usage came since rating looked',
      async () => {
        await novemberRated();
        billing.usage.add(port.in, NOVEMBER + HOUR, GB);
      },
    ],
    [
      'bindings changed since',
      async () => {
        await novemberRated();
        await billing.apply({
          ...CONTRACTS,
          services: [{ ...SERVICE, bindings: [{ device: 'r1', interface: 'a', to: '2026-11-15' }] }],
        });
      },
    ],
    [
      'a service without ports was not charged its month',
      async () => {
        await billing.apply({ ...CONTRACTS, services: [SERVICE, { ...SERVICE, id: 'support', bindings: [] }] });
        useDays(NOVEMBER, 30);
        await billing.clock.advance(30 * DAY - 1);
        await billing.rate();
      },
    ],
  ])('a bill is not final while %s', async (_name, spoil) => {
    await spoil();
    await billing.clock.advance(Math.max(0, DECEMBER - billing.clock.now()));
    // What a change of bindings leaves to nobody is another gate's.
    const held = await bill({ accept: ['unassigned'] });
    expect(held.outcome).toBe('held');
    expect(held.gates.filter((gate) => !gate.open && !gate.accepted).map((gate) => gate.name)).toEqual(['finality']);
    await billing.rate();
    expect((await bill({ accept: ['unassigned'] })).outcome).toBe('made');
  });

  test('a service that costs without usage only has neither gaps nor suspense', async () => {
    await begin({
      ...CONTRACTS,
      price_plans: [{ ...PLAN, items: [PLAN.items[1]] }],
      services: [{ ...SERVICE, bindings: [] }],
    });
    await billing.clock.advance(30 * DAY);
    await billing.rate();
    expect(await bill()).toMatchObject({ outcome: 'made', total: '25.00' });
  });

  test('a month of which every octet is held back is told, not passed over', async () => {
    const traffic = { ...PLAN, items: [PLAN.items[0]] };
    await begin({ ...CONTRACTS, price_plans: [traffic] });
    const octets = { good: 0n, wrapped: 0n, gap: 0n, suspended: 9n * GB };
    billing.usage.add(port.in, NOVEMBER + DAY, 0n, { octets });
    billing.usage.finish(DECEMBER);
    await billing.clock.advance(30 * DAY);
    await billing.rate();
    const held = await bill();
    expect(held.outcome).toBe('held');
    expect(held.gates.find((gate) => !gate.open)).toMatchObject({
      name: 'suspense',
      findings: [{ service: 's', octets: '9000000000' }],
    });
    expect(await billing.rate()).toMatchObject({ charges: 0 });
  });

  test('what happens to others does not hold an account back', async () => {
    await billing.apply({
      customers: [...CONTRACTS.customers, { id: 'late', name: 'Late', currency: 'EUR' }],
      price_plans: [PLAN],
      services: [SERVICE, { ...SERVICE, id: 't', customer: 'late', bindings: [{ device: 'r2', interface: 'a' }] }],
    });
    const other = billing.usage.port('r2', 'a');
    await novemberRated();
    billing.usage.add(other.in, NOVEMBER, GB);
    const { accounts } = await billing.billRun().run(request());
    expect(accounts.map((one) => [one.account, one.outcome])).toEqual([
      ['acme', 'made'],
      ['late', 'held'],
    ]);
  });

  test('usage that is stored while a run is at other accounts holds back those that come after', async () => {
    const traffic = { ...PLAN, items: PLAN.items.slice(0, 1) };
    await begin({
      customers: [...CONTRACTS.customers, { id: 'late', name: 'Late', currency: 'EUR' }],
      price_plans: [traffic],
      services: [SERVICE, { ...SERVICE, id: 't', customer: 'late', bindings: [{ device: 'r2', interface: 'a' }] }],
    });
    const other = billing.usage.port('r2', 'a');
    billing.usage.add(other.in, NOVEMBER, GB);
    await novemberRated();
    billing.usage.finish(DECEMBER - HOUR, other.in);
    let accounts = 0;
    billing.facts.conservation = () => {
      accounts += 1;
      if (accounts === 2) billing.usage.add(other.in, DECEMBER - HOUR, GB);
      if (accounts === 2) billing.usage.finish(DECEMBER);
      return Promise.resolve([]);
    };
    const found = await billing.billRun().run(request());
    expect(found.accounts.map((one) => [one.account, one.outcome])).toEqual([
      ['acme', 'made'],
      ['late', 'held'],
    ]);
  });
});

describe('a closed bill', () => {
  test('never changes, and later usage is the difference on the next one, exactly', async () => {
    await novemberRated();
    await bill();
    const closed = await kept('acme-2026-11');
    // Three gigabytes more in one window, one gigabyte less in another.
    billing.usage.add(port.in, NOVEMBER, 4n * GB);
    billing.usage.add(port.in, NOVEMBER + DAY, 0n);
    useDays(DECEMBER, 31);
    await billing.rate();
    expect((await reconcile()).differences.map((one) => one.kind)).toEqual([
      'charge_never_billed',
      'charge_never_billed',
    ]);
    await billing.clock.advance(31 * DAY);
    await billing.rate();
    expect(await bill({ period: '2026-12' })).toMatchObject({ outcome: 'made', bill: 'acme-2026-12', total: '26.10' });
    const lines = await linesIn('acme-2026-12');
    expect(
      lines.map((line) => [line.kind, line.period.name, line.item, line.exactAmount, line.billedBefore, line.amount]),
    ).toEqual([
      ['charge', '2026-12', 'port', '25', '0', '25.00'],
      ['charge', '2026-12', 'traffic', '1.0323', '0', '1.03'],
      ['adjustment', '2026-11', 'traffic', '1.0656', '1', '0.07'],
    ]);
    expect(await kept('acme-2026-11')).toBe(closed);
    expect((await reconcile()).differences).toEqual([]);
  });

  test('corrected again and again, all bills together are the rounded sum of all charges', async () => {
    await novemberRated();
    await bill();
    const months = ['2026-12', '2027-01', '2027-02', '2027-03'];
    const corrections = [5n * GB, 0n, 123_456_789n, GB];
    let begin = DECEMBER;
    for (const [at, period] of months.entries()) {
      billing.usage.add(port.in, NOVEMBER + 3 * DAY, corrections[at] ?? 0n);
      begin = Date.parse(`${months[at + 1] ?? '2027-04'}-01T00:00:00Z`);
      billing.usage.finish(begin);
      await billing.clock.advance(begin - billing.clock.now());
      await billing.rate();
      expect((await bill({ period })).outcome).toBe('made');
    }
    const amounts = [];
    for (const one of await findBills(server.database, { customers: null, limit: 100 }))
      for (const line of await linesIn(one.id)) if (line.period.name === '2026-11') amounts.push(line.amount);
    // Corrected four times, at last to what it was.
    expect(amounts).toHaveLength(6);
    expect(sumOf(amounts).toString()).toBe('26');
    const found = await reconcileBills(server.database, await billing.accounts.book(), NOVEMBER, begin);
    expect(found.differences).toEqual([]);
  });

  test('a correction that rounds to nothing is a line of nothing, and is not told again', async () => {
    await novemberRated();
    await bill();
    billing.usage.add(port.in, NOVEMBER, GB + 1n);
    billing.usage.finish(JANUARY);
    await billing.clock.advance(31 * DAY);
    await billing.rate();
    await bill({ period: '2026-12' });
    const lines = await linesIn('acme-2026-12');
    expect(lines.map((line) => [line.kind, line.item, line.amount])).toEqual([
      ['charge', 'port', '25.00'],
      ['adjustment', 'traffic', '0.00'],
    ]);
    expect((await reconcile()).differences).toEqual([]);
  });

  test('a first bill of next to nothing, corrected, reconciles too', async () => {
    billing.usage.add(port.in, NOVEMBER, GB / 100n);
    billing.usage.add(port.in, NOVEMBER + DAY, GB / 100n);
    billing.usage.finish(DECEMBER);
    await billing.clock.advance(30 * DAY);
    await billing.rate();
    await bill();
    billing.usage.add(port.in, NOVEMBER, 10n * GB);
    billing.usage.finish(JANUARY);
    await billing.clock.advance(31 * DAY);
    await billing.rate();
    await bill({ period: '2026-12' });
    expect((await reconcile()).differences).toEqual([]);
  });

  test('a port that turns out to be another’s is given back and charged there', async () => {
    const text = {
      ...CONTRACTS,
      customers: [...CONTRACTS.customers, { id: 'new', name: 'New', currency: 'EUR' }],
      services: [SERVICE, { ...SERVICE, id: 't', customer: 'new', bindings: [] }],
    };
    await billing.apply(text);
    await novemberRated();
    await billing.billRun().run(request());
    await billing.apply({
      ...text,
      services: [
        { ...SERVICE, bindings: [{ device: 'r1', interface: 'a', to: '2026-11-16' }] },
        { ...SERVICE, id: 't', customer: 'new', bindings: [{ device: 'r1', interface: 'a', from: '2026-11-16' }] },
      ],
    });
    billing.usage.finish(JANUARY);
    await billing.clock.advance(31 * DAY);
    await billing.rate();
    const { accounts } = await billing.billRun().run(request({ period: '2026-12' }));
    expect(accounts.map((one) => one.outcome)).toEqual(['made', 'made']);
    const corrected = async (id: string): Promise<unknown[]> =>
      (await linesIn(id))
        .filter((line) => line.kind === 'adjustment')
        .map((line) => [line.service, line.exactAmount, line.amount]);
    expect(await corrected('acme-2026-12')).toEqual([['s', '0.4995', '-0.50']]);
    expect(await corrected('new-2026-12')).toEqual([['t', '0.4995', '0.50']]);
    expect((await reconcile()).differences).toEqual([]);
  });

  test('what moves to another version of its plan is given back under the old one', async () => {
    const flat = (amount: string, more: object = {}): object => ({
      id: 'p',
      currency: 'EUR',
      items: [{ id: 'port', kind: 'flat', amount }],
      ...more,
    });
    const price_plans = [flat('30'), flat('60', { valid_from: '2026-11-10' })];
    await begin({ ...CONTRACTS, price_plans, services: [{ ...SERVICE, from: '2026-11-06', bindings: [] }] });
    await billing.clock.advance(30 * DAY);
    await billing.rate();
    // Four of thirty days at 30, twenty-one at 60.
    expect(await bill()).toMatchObject({ total: '46.00' });
    // It began later, when the new price was in force.
    await billing.apply({ ...CONTRACTS, price_plans, services: [{ ...SERVICE, from: '2026-11-16', bindings: [] }] });
    await billing.clock.advance(31 * DAY);
    await billing.rate();
    await bill({ period: '2026-12' });
    const lines = await linesIn('acme-2026-12');
    expect(
      lines.map((line) => [line.kind, line.planVersion, line.exactAmount, line.billedBefore, line.amount]),
    ).toEqual([
      ['charge', 2, '60', '0', '60.00'],
      ['adjustment', 1, '0', '4', '-4.00'],
      ['adjustment', 2, '30', '42', '-12.00'],
    ]);
    expect((await reconcile()).differences).toEqual([]);
    await billing.clock.advance(31 * DAY);
    await billing.rate();
    await bill({ period: '2027-01' });
    expect((await linesIn('acme-2027-01')).map((line) => line.kind)).toEqual(['charge']);
  });

  test('cannot be changed, deleted, emptied, or added to', async () => {
    await novemberRated();
    await bill();
    const before = await kept('acme-2026-11');
    const columns = {
      bill: 'total',
      bill_line: 'amount',
      bill_line_charge: 'charge',
      bill_state: 'state',
      bill_run: 'by_whom',
    };
    const changes = Object.entries(columns).flatMap(([table, column]) => [
      `update billing.${table} set ${column} = ${column}`,
      `update billing.${table} set ${column} = ${column} where false`,
      `delete from billing.${table}`,
      `truncate billing.${table} cascade`,
    ]);
    for (const sql of changes) await expect(server.database.query(sql), sql).rejects.toThrow('never change');
    await expect(
      server.database.query(
        `insert into billing.bill_line select bill, 99, kind, service, item, item_name, plan, plan_version, period, period_start_ms,
           period_end_ms, quantity, unit, exact_amount, billed_before, amount, final, working from billing.bill_line where line = 1`,
      ),
    ).rejects.toThrow('closed');
    await expect(
      server.database.query(
        `insert into billing.bill_line_charge select bill, 1, charge, false from billing.bill_line_charge where line = 2`,
      ),
    ).rejects.toThrow('closed');
    expect(await kept('acme-2026-11')).toBe(before);
  });
});

describe('evidence', () => {
  test('leads from a line to its charges, their usage, and the readings', async () => {
    await novemberRated();
    await bill();
    const [, line] = await linesIn('acme-2026-11');
    if (line === undefined) throw new Error('no line');
    const found = [];
    let after: { windowStartMs: number; id: bigint } | null = null;
    for (;;) {
      const page = await chargesBehind(server.database, READ, 'acme-2026-11', line.line, after, 7);
      found.push(...page);
      const last = page.at(-1);
      if (last === undefined) break;
      after = { windowStartMs: last.windowStartMs, id: last.id };
    }
    expect(found).toHaveLength(30);
    expect(found.map((charge) => charge.windowStartMs)).toEqual(found.map((_, day) => NOVEMBER + day * DAY));
    expect(sumOf(found.map((charge) => charge.amount)).toString()).toBe(line.exactAmount);
    const records = [];
    for (const charge of found)
      for (const span of metersBehind(charge))
        records.push(...(await billing.usage.latest([span.meter], span.fromMs, span.toMs)));
    expect(records.reduce((sum, record) => sum + record.octets.good, 0n)).toBe(30n * GB);
    const [first] = found;
    if (first === undefined) throw new Error('no charge');
    const asked: number[][] = [];
    const evidence = await evidenceOf(
      {
        usage: billing.usage,
        readings: (meter, fromMs, toMs) => {
          asked.push([meter, fromMs, toMs]);
          return Promise.resolve({ items: [{ at: fromMs }], complete: true, problem: null });
        },
      },
      first,
      { maxRecords: 100, readings: true },
    );
    expect(asked).toEqual([[port.in, NOVEMBER, NOVEMBER + BUCKET_MS + 1]]);
    expect(evidence).toMatchObject({
      charge: first.id.toString(),
      usage: [
        {
          meter: port.in,
          device: 'r1',
          interfaceKey: 'a',
          direction: 'in',
          recordsInAll: 1,
          readings: [{ at: NOVEMBER }],
        },
        { meter: port.out, direction: 'out', recordsInAll: 0, readings: [] },
      ],
    });
  });

  test('is bounded: it says how much there is, and shows the first of it', async () => {
    await novemberRated();
    for (let bucket = 1; bucket < 12; bucket += 1) billing.usage.add(port.in, NOVEMBER + bucket * BUCKET_MS, 1n);
    await billing.rate();
    const charge = (await billing.charges()).find((one) => one.windowStartMs === NOVEMBER && one.item === 'traffic');
    if (charge === undefined) throw new Error('no charge');
    const readings = (): never => {
      throw new Error('not asked');
    };
    const evidence = await evidenceOf({ usage: billing.usage, readings }, charge, { maxRecords: 5, readings: false });
    expect(evidence).toMatchObject({ usage: [{ recordsInAll: 12, records: { length: 5 } }, { recordsInAll: 0 }] });
  });

  test('of damage is nothing, not an error', async () => {
    await novemberRated();
    const [charge] = await billing.charges();
    if (charge === undefined) throw new Error('no charge');
    for (const evidence of [null, 1, 'x', {}, { meters: 1 }, { meters: [1, [1], ['1', 'in', 2, 3], null] }])
      expect(metersBehind({ ...charge, evidence })).toEqual([]);
  });
});

describe('reconciliation', () => {
  const PLANTED: readonly [string, string, string][] = [
    ['an amount of a line', `update billing.bill_line set amount = '1.01' where item = 'traffic'`, 'line_sum'],
    [
      'the exact sum of a line',
      `update billing.bill_line set exact_amount = '0.9991' where item = 'traffic'`,
      'line_sum',
    ],
    [
      'what a line says was billed before',
      `update billing.bill_line set billed_before = '0.01', amount = '0.99' where item = 'traffic'`,
      'line_sum',
    ],
    ['a total', `update billing.bill set total = '26.01'`, 'bill_total'],
    [
      'a line that is gone',
      `delete from billing.bill_line_charge where line = 2; delete from billing.bill_line where line = 2`,
      'bill_total',
    ],
    ['a charge that no line holds', `delete from billing.bill_line_charge where line = 1`, 'charge_never_billed'],
    ['a charge that changed', `update billing.charge set amount = '26' where item = 'port'`, 'line_sum'],
    [
      'a version of a plan that is gone',
      `update billing.bill_line set plan_version = 9 where item = 'port'`,
      'line_sum',
    ],
    ['an amount that is none', `update billing.bill_line set amount = 'many' where item = 'port'`, 'line_sum'],
  ];

  test.each(PLANTED)('finds %s', async (_name, sql, kind) => {
    await novemberRated();
    await bill();
    expect((await reconcile()).differences).toEqual([]);
    // As nobody but the owner of the database could.
    await server.database.query(
      `set session_replication_role = replica; ${sql}; set session_replication_role = default`,
    );
    const { differences } = await reconcile();
    expect(differences.map((one) => one.kind)).toContain(kind);
    expect(differences.every((one) => one.expected !== one.found)).toBe(true);
  });

  test('looks at adjustments as closely as at first bills', async () => {
    await novemberRated();
    await bill();
    billing.usage.add(port.in, NOVEMBER, 4n * GB);
    billing.usage.finish(JANUARY);
    await billing.clock.advance(31 * DAY);
    await billing.rate();
    await bill({ period: '2026-12' });
    expect((await reconcile()).differences).toEqual([]);
    const plant = `update billing.bill_line set exact_amount = '2.0989', amount = '1.10' where kind = 'adjustment';
      update billing.bill set total = '26.10' where id = 'acme-2026-12'`;
    await server.database.query(
      `set session_replication_role = replica; ${plant}; set session_replication_role = default`,
    );
    expect((await reconcile()).differences).toMatchObject([
      { kind: 'line_sum', bill: 'acme-2026-12', line: 2, expected: '1.0989', found: '2.0989' },
      { kind: 'line_sum', bill: 'acme-2026-12', line: 2, expected: '0.1', found: '1.10' },
    ]);
  });

  test('leaves interim bills and other spans alone', async () => {
    await novemberRated();
    await bill({ interim: true });
    await bill();
    expect(await reconcile()).toMatchObject({ bills: 1, lines: 2 });
    const elsewhere = await reconcileBills(server.database, await billing.accounts.book(), DECEMBER, JANUARY);
    expect(elsewhere).toEqual({ bills: 0, lines: 0, differences: [] });
  });
});
