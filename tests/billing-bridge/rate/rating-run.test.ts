// Rating on a real PostgreSQL: one charge for ever, late usage as the next version, replays and crashes without effect.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reconcileCharges } from '../../../billing-bridge/rate/reconcile-charges.ts';
import type { Database } from '../../../common/database/database.ts';
import { BillingFixture, BUCKET_MS, WINDOW_MS } from '../../support/billing-fixture.ts';
import { FailingDatabase } from '../../support/failing-database.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-11-01T00:00:00Z');

const CONTRACTS = {
  customers: [{ id: 'acme', name: 'Acme', currency: 'EUR' }],
  price_plans: [
    {
      id: 'mixed',
      currency: 'EUR',
      items: [
        { id: 'traffic', kind: 'per_unit', unit: 'GB', direction: 'sum', price: '0.07' },
        { id: 'port', kind: 'flat', amount: '25' },
        { id: 'burst', kind: 'percentile', commit: '1', commit_price: '10', overage_price: '2.5' },
        {
          id: 'steps',
          kind: 'graduated',
          unit: 'GB',
          direction: 'out',
          tiers: [{ up_to: '1', price: '3' }, { price: '1' }],
        },
      ],
    },
  ],
  services: [
    {
      id: 'acme-port',
      customer: 'acme',
      plan: 'mixed',
      from: '2026-11-01',
      bindings: [{ device: 'r1', interface: 'ge-0/0/0' }],
    },
  ],
};

let server: TestDatabase;
let billing: BillingFixture;
let port: { in: number; out: number };

beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());
beforeEach(async () => {
  billing = await BillingFixture.make(server.database, START);
  await billing.apply(CONTRACTS);
  port = billing.usage.port('r1', 'ge-0/0/0');
});

/** `hours` of usage from an hour on: so many octets each bucket in, half of it out; final. */
function use(fromHour: number, hours: number, octets: bigint): void {
  for (let at = START + fromHour * HOUR; at < START + (fromHour + hours) * HOUR; at += BUCKET_MS) {
    billing.usage.add(port.in, at, octets);
    billing.usage.add(port.out, at, octets / 2n);
  }
  billing.usage.finish(START + (fromHour + hours) * HOUR);
}

async function outbox(): Promise<{ jobs: number; charges: string[] }> {
  const { rows } = await server.database.query<{ data: { charges: { id: string }[] } }>(
    'select data from billing.outbox',
  );
  return { jobs: rows.length, charges: rows.flatMap((row) => row.data.charges.map((one) => one.id)) };
}

describe('rating windows', () => {
  test('a final window has one charge, exact, with its working and evidence; a second run adds nothing', async () => {
    use(0, 2, 1_000_000_000n);
    await billing.clock.advance(2 * HOUR);
    expect(await billing.rate()).toMatchObject({ charges: 2, waiting: 0, usageRecords: 48 });
    const charges = await billing.charges();
    // 12 buckets of 1 GB in and 0.5 GB out: 18 GB at 0.07.
    expect(charges.map((one) => [one.item, one.quantity, one.amount])).toEqual([
      ['traffic', '18', '1.26'],
      ['traffic', '18', '1.26'],
    ]);
    expect(charges[0]?.evidence).toMatchObject({ records: 24, corrected: [] });
    expect(charges[0]?.working).toMatchObject({ steps: [{ quantity: '18', price: '0.07', amount: '1.26' }] });
    expect(await outbox()).toMatchObject({ jobs: 1 });
    expect(await billing.rate()).toMatchObject({ charges: 0, run: null });
    expect(await billing.charges(true)).toHaveLength(2);
  });

  test('a window waits until every meter is final', async () => {
    use(0, 1, 10n);
    billing.usage.finish(START + HOUR - 1, port.out);
    await billing.clock.advance(2 * HOUR);
    expect(await billing.rate()).toMatchObject({ charges: 0, waiting: 1 });
    billing.usage.finish(START + HOUR);
    expect(await billing.rate()).toMatchObject({ charges: 1, waiting: 0 });
  });

  test('a meter that is made while a run looks is not passed over', async () => {
    use(0, 1, 1_000_000_000n);
    await billing.clock.advance(2 * HOUR);
    const all = billing.usage.allMeters.bind(billing.usage);
    let looks = 0;
    billing.usage.allMeters = () => {
      looks += 1;
      return looks === 1 ? Promise.resolve([]) : all();
    };
    expect(await billing.rate()).toMatchObject({ charges: 1, usageRecords: 24 });
    expect((await billing.charges())[0]).toMatchObject({ quantity: '18', usageRecords: 24 });
  });

  test('late usage makes the next version of that window alone', async () => {
    use(0, 3, 1_000_000_000n);
    await billing.clock.advance(3 * HOUR);
    await billing.rate();
    billing.usage.add(port.in, START + HOUR, 2_000_000_000n);
    await billing.rate();
    const charges = await billing.charges(true);
    const byTime = charges.toSorted((a, b) => a.windowStartMs - b.windowStartMs || a.version - b.version);
    expect(byTime.map((one) => [(one.windowStartMs - START) / HOUR, one.version, one.quantity])).toEqual([
      [0, 1, '18'],
      [1, 1, '18'],
      [1, 2, '19'],
      [2, 1, '18'],
    ]);
    expect((await billing.charges()).map((one) => one.version).toSorted((a, b) => a - b)).toEqual([1, 1, 2]);
  });

  test('a charge can neither be changed nor deleted', async () => {
    use(0, 1, 1n);
    await billing.clock.advance(HOUR);
    await billing.rate();
    await expect(server.database.query(`update billing.charge set amount = '0'`)).rejects.toThrow('never change');
    await expect(server.database.query('delete from billing.charge')).rejects.toThrow('never change');
  });

  test('usage of a port that nobody holds is not charged until a binding with a date takes it', async () => {
    const other = billing.usage.port('r1', 'ge-0/0/9');
    for (let at = START; at < START + HOUR; at += BUCKET_MS) billing.usage.add(other.in, at, 1_000_000_000n);
    billing.usage.finish(START + HOUR);
    await billing.clock.advance(2 * HOUR);
    expect(await billing.rate()).toMatchObject({ charges: 0 });
    const service = CONTRACTS.services[0];
    await billing.apply({
      ...CONTRACTS,
      services: [
        {
          ...service,
          bindings: [
            { device: 'r1', interface: 'ge-0/0/0' },
            { device: 'r1', interface: 'ge-0/0/9', from: '2026-11-01' },
          ],
        },
      ],
    });
    expect(await billing.rate()).toMatchObject({ charges: 1 });
    expect((await billing.charges())[0]).toMatchObject({ item: 'traffic', quantity: '12', version: 1 });
  });
});

describe('period items', () => {
  test('flat, percentile and graduated are charged once, when the month has ended and is final', async () => {
    const days = 30;
    for (let at = START; at < START + days * 24 * HOUR; at += BUCKET_MS) {
      billing.usage.add(port.in, at, 75_000_000n);
      billing.usage.add(port.out, at, 37_500_000n);
    }
    billing.usage.finish(START + days * 24 * HOUR);
    await billing.clock.advance(days * 24 * HOUR - 1);
    await billing.rate();
    expect((await billing.charges()).some((one) => one.item !== 'traffic')).toBe(false);
    await billing.clock.advance(1);
    await billing.rate();
    const byItem = new Map((await billing.charges()).map((one) => [one.item, one]));
    expect(byItem.get('port')).toMatchObject({ amount: '25', quantity: '1' });
    // 75 MB in five minutes are 2 Mbit/s: one above the commit.
    expect(byItem.get('burst')).toMatchObject({ quantity: '2', amount: '12.5' });
    expect(byItem.get('burst')?.working).toMatchObject({
      rankings: [{ direction: 'in', ranked: 8640, rank: 8208 }, { direction: 'out' }],
    });
    // 8640 × 0.0375 GB out = 324 GB: one at 3, the rest at 1.
    expect(byItem.get('steps')).toMatchObject({ quantity: '324', amount: '326' });
    expect(await billing.rate()).toMatchObject({ charges: 0 });
    const found = await reconcileCharges(
      { database: server.database, usage: billing.usage, bucketMs: BUCKET_MS, windowMs: WINDOW_MS },
      await billing.accounts.book(),
      START,
      START + days * 24 * HOUR,
    );
    expect(found).toMatchObject({ charges: 723, usageRecords: 17_280, differences: [] });
  });

  test('a service that began mid month pays its days', async () => {
    await billing.apply({
      ...CONTRACTS,
      services: [{ ...CONTRACTS.services[0], id: 'late', from: '2026-11-16', bindings: [] }],
    });
    await billing.clock.advance(30 * 24 * HOUR);
    await billing.rate();
    const flat = (await billing.charges()).find((one) => one.item === 'port' && one.service === 'late');
    expect(flat).toMatchObject({ amount: '12.5', quantity: '0.5' });
  });
});

test.each([false, true])(
  'a crash at any query leaves each charge once, and once in the outbox (after the query: %s)',
  { timeout: 120_000 },
  async (after) => {
    for (let failAt = 0; ; failAt += 1) {
      billing = await BillingFixture.make(server.database, START);
      await billing.apply(CONTRACTS);
      port = billing.usage.port('r1', 'ge-0/0/0');
      use(0, 2, 1_000_000_000n);
      await billing.clock.advance(2 * HOUR);
      const broken = new FailingDatabase(server.database, failAt, after);
      await billing.rate(broken).catch((error: unknown) => expect(String(error)).toContain('died here'));
      await billing.rate();
      const charges = await billing.charges(true);
      expect(charges.map((one) => [one.item, one.version, one.amount])).toEqual([
        ['traffic', 1, '1.26'],
        ['traffic', 1, '1.26'],
      ]);
      const carried = (await outbox()).charges;
      expect(carried.toSorted()).toEqual(charges.map((one) => one.id.toString()).toSorted());
      if (!broken.failed) break;
      expect(failAt).toBeLessThan(100);
    }
  },
);

test('an old holder of the lease cannot write', async () => {
  use(0, 1, 1_000_000_000n);
  await billing.clock.advance(HOUR);
  const stolen: Database = {
    query: (text, values) => server.database.query(text, values),
    transaction: async (work) => {
      // Another process is granted the lease just before the effect.
      await server.database.query(
        `update weir.lease set token = token + 1, holder = 'other' where name = 'billing-rate'`,
      );
      return server.database.transaction(work);
    },
  };
  await expect(billing.rate(stolen)).rejects.toMatchObject({ code: 'lease_lost' });
  expect(await billing.charges(true)).toEqual([]);
});
