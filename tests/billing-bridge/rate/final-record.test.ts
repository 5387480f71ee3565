// A port that leaves a service: its usage up to the end is charged and closed once, what comes later is an adjustment, what flows later is nobody's.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFinalRecords } from '../../../billing-bridge/rate/final-record.ts';
import { BillingFixture, BUCKET_MS, type ContractsText } from '../../support/billing-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.parse('2026-11-01T00:00:00Z');
/** In the middle of an hour of rating. */
const END = Date.parse('2026-11-10T10:30:00Z');
const MB = 1_000_000n;

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

const contracts: ContractsText = {
  customers: [{ id: 'acme', name: 'Acme', currency: 'EUR' }],
  price_plans: [{ id: 'p', currency: 'EUR', items: [{ id: 'traffic', kind: 'per_unit', unit: 'MB', price: '1' }] }],
  services: [
    {
      id: 's',
      customer: 'acme',
      plan: 'p',
      from: '2026-11-01',
      bindings: [{ device: 'r1', interface: 'a', to: '2026-11-10T10:30:00Z' }],
    },
  ],
};

async function begun(): Promise<{ billing: BillingFixture; port: { in: number; out: number } }> {
  const billing = await BillingFixture.make(server.database, START);
  await billing.apply(contracts);
  const port = billing.usage.port('r1', 'a');
  // A megabyte in each bucket, before the end and behind it.
  for (let at = END - HOUR; at < END + HOUR; at += BUCKET_MS) billing.usage.add(port.in, at, MB);
  await billing.clock.advance(END + HOUR - START);
  return { billing, port };
}

const records = (): ReturnType<typeof findFinalRecords> =>
  findFinalRecords(server.database, { customers: null, before: null, limit: 100 });
const amounts = async (billing: BillingFixture): Promise<string[]> =>
  (await billing.charges()).map(({ amount, version }) => `${amount} v${version}`).toSorted();

test('closed at once where everything up to the end is final; what comes later is a correction, and no second record', async () => {
  const { billing, port } = await begun();
  await billing.rate();
  expect([await amounts(billing), await records()]).toEqual([[], []]);
  billing.usage.finish(END + HOUR);
  await billing.rate();
  // Six buckets of the hour before, six of the one in which it ends; none of those behind.
  expect(await amounts(billing)).toEqual(['6 v1', '6 v1']);
  const made = await records();
  expect(made.toReversed()).toMatchObject([
    {
      service: 's',
      customer: 'acme',
      meter: port.in,
      endedAtMs: END,
      outcome: 'final',
      lastBucketMs: END - BUCKET_MS,
      lastVersion: 1,
    },
    { meter: port.out, endedAtMs: END, outcome: 'final', lastBucketMs: null },
  ]);
  billing.usage.add(port.in, END - BUCKET_MS, 3n * MB);
  await billing.rate();
  expect(await amounts(billing)).toEqual(['6 v1', '8 v2']);
  expect(await records()).toEqual(made);
  await expect(server.database.query('delete from billing.final_record')).rejects.toThrow(/never change/);
});

test('where nobody reads the device any more it is waited for, three days, and then closed with what is known', async () => {
  const { billing, port } = await begun();
  billing.usage.finish(END - HOUR);
  await billing.rate();
  await billing.clock.advance(2 * DAY);
  await billing.rate();
  expect([await amounts(billing), await records()]).toEqual([[], []]);
  const run = async (): Promise<(string | number | undefined)[]> => {
    const { accounts } = await billing
      .billRun(server.database, ['finality', 'conservation'])
      .run({ period: '2026-11', interim: false, accept: [], by: 'test', fence: () => Promise.resolve() });
    const found = (gate: string): number | undefined => accounts[0]?.gates.find(({ name }) => name === gate)?.count;
    return [accounts[0]?.outcome, found('finality'), found('unassigned')];
  };
  await billing.clock.advance(DAY);
  await billing.rate();
  expect(await amounts(billing)).toEqual(['6 v1', '6 v1']);
  expect(await records()).toMatchObject([{ outcome: 'waited_out' }, { outcome: 'waited_out', meter: port.in }]);
  await billing.clock.advance(20 * DAY);
  await billing.rate();
  // What flowed behind the end is nobody's, and told.
  expect(await run()).toEqual(['made', 0, 1]);
});
