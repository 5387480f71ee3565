// Two clocks of a rating run: what happened when, and what was stored by then. Repeated after more came, it gives the same bits.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sealUsage } from '../../../billing-bridge/mediate/sealed-usage.ts';
import { repeatRun } from '../../../billing-bridge/rate/repeat-run.ts';
import { BillingFixture, type ContractsText } from '../../support/billing-fixture.ts';
import { BUCKET, MediationFixture, MINUTE, NO_FENCE, T0 } from '../../support/mediation-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const DAY = 86_400_000;

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

const contracts = (price: string): ContractsText => ({
  customers: [{ id: 'acme', name: 'Acme', currency: 'EUR', billing_cycle: 'day' }],
  price_plans: [
    {
      id: 'p',
      currency: 'EUR',
      items: [
        { id: 'traffic', kind: 'per_unit', unit: 'MB', price },
        { id: 'p95', kind: 'percentile', unit: 'kbit/s', overage_price: price },
        { id: 'fee', kind: 'flat', amount: price },
      ],
    },
  ],
  services: [
    {
      id: 's',
      customer: 'acme',
      plan: 'p',
      from: '2026-11-24',
      billed_from: '2026-11-24',
      bindings: [{ device: 'r1', interface: 'a' }],
    },
  ],
});

test('late readings and new contracts make other charges, and change no run before', async () => {
  const mediation = await MediationFixture.empty(server.database);
  const { source, store } = mediation;
  const layout = source.layout('r1', [{ name: 'a' }]);
  const poll = (minute: number, octets: bigint): void =>
    void source.poll({
      layout,
      atMs: T0 + minute * MINUTE,
      octets: [[octets, octets / 3n]],
      intervalMs: BUCKET,
      uptimeTicks: 1_000_000 + minute * 6000,
    });
  for (let minute = 0; minute <= 1440; minute += 5) if (minute !== 300) poll(minute, BigInt(minute * minute) * 1000n);
  source.watermark('r1', T0 + DAY + 100 * BUCKET);
  await mediation.run();
  const billing = await BillingFixture.make(server.database, T0 + DAY + BUCKET, store);
  await billing.apply(contracts('0.01'));
  await billing.rate();
  const runs = async (): Promise<bigint[]> =>
    [...new Set((await billing.charges(true)).map(({ run }) => run))].toSorted((a, b) => Number(a - b));
  const [first = 0n] = await runs();
  const deps = { database: server.database, usage: store, book: (until?: bigint) => billing.accounts.book(until) };
  const before = await repeatRun(deps, BUCKET, first);
  expect(before).toMatchObject({ differences: [], charges: 26 });

  // The poll that was missing comes late, prices change, days are sealed, and another port of the same name's meters appear.
  poll(300, 123_456_789n);
  await mediation.run();
  source.layout('r1', [{ name: 'a' }, { name: 'b' }]);
  await billing.clock.advance(MINUTE);
  await billing.apply(contracts('0.02'));
  await billing.rate();
  await sealUsage({ database: server.database, bucketMs: BUCKET, clock: billing.clock, fence: NO_FENCE });
  const [, second = 0n] = await runs();
  expect(second).toBeGreaterThan(first);
  expect(await repeatRun(deps, BUCKET, first)).toEqual(before);
  const after = await repeatRun(deps, BUCKET, second);
  expect(after).toMatchObject({ differences: [] });
  expect(after.charges).toBeGreaterThan(0);
  expect(after.usageSerial).toBeGreaterThan(before.usageSerial);
  expect(after.contractSerial).toBeGreaterThan(before.contractSerial);

  // One bit of a kept record, and the run that rests on it says so.
  await server.database.query('alter table usage.record disable trigger record_never_changes');
  await server.database.query(
    'update usage.record set good = good + 1 where serial = (select min(serial) from usage.record where good > 0 and version = 1)',
  );
  await server.database.query('alter table usage.record enable trigger record_never_changes');
  const spoiled = await repeatRun(deps, BUCKET, first);
  expect(spoiled.differences.map(({ field }) => field)).toContain('amount');
  await expect(repeatRun(deps, BUCKET, 999n)).rejects.toMatchObject({ code: 'not_found' });
});
