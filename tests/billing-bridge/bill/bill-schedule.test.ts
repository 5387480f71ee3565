// Bill runs by the clock on a real ledger: over a turn of the clock, after days away, held and tried again, and with a crash anywhere.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BillSchedule, ScheduledBills, periodsEnded } from '../../../billing-bridge/bill/bill-schedule.ts';
import type { Database } from '../../../common/database/database.ts';
import { parseCron } from '../../../common/model/cron.ts';
import { FailingDatabase } from '../../support/failing-database.ts';
import { LedgerFixture } from '../../support/ledger-fixture.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BEGIN = Date.parse('2026-10-22T12:00:00Z');

let server: TestDatabase;
let fixture: LedgerFixture;
let ports: { in: number; out: number }[];
/** The tests follow each other through one autumn. */
beforeAll(async () => {
  server = await startTestDatabase();
  fixture = await LedgerFixture.make(server.database, BEGIN);
  const zone = 'Europe/Berlin';
  await fixture.apply({
    customers: ['acme', 'bolt'].map((id) => ({
      id,
      name: id,
      currency: 'EUR',
      billing_cycle: 'day',
      billing_zone: zone,
    })),
    price_plans: [{ id: 'p', currency: 'EUR', items: [{ id: 'port', kind: 'flat', amount: '1' }] }],
    services: ['acme', 'bolt'].map((id) => ({
      id: `${id}-port`,
      customer: id,
      plan: 'p',
      from: '2026-10-22',
      bindings: [{ device: 'r1', interface: id }],
    })),
  });
  ports = ['acme', 'bolt'].map((name) => fixture.usage.port('r1', name));
});
afterAll(() => server.stop());

const fence = (): Promise<void> => Promise.resolve();

function daily(): BillSchedule {
  const pattern = '30 2 * * *';
  const cron = parseCron(pattern);
  if (cron === null) throw new Error('no cron');
  return { name: 'daily', cron, pattern, zone: 'Europe/Berlin', cycle: 'day', accept: [], retryHeldMs: HOUR };
}

function runs(database: Database = server.database, billing: Database = database): ScheduledBills {
  return new ScheduledBills(daily(), {
    database,
    clock: fixture.clock,
    book: () => fixture.ledger.book(),
    runBills: async (request) => {
      await billing.query('select 1');
      const result = await fixture.ledger.billRun.run({ ...request, fence });
      await billing.query('select 1');
      return result;
    },
  });
}

/** Everything until then is known and rated. */
async function until(text: string): Promise<void> {
  const at = Date.parse(text);
  await fixture.clock.advance(at - fixture.clock.now());
  fixture.usage.finish(at);
  await fixture.rate();
}

async function bills(): Promise<string[]> {
  const found = await fixture.ledger.bills({ customers: null, limit: 100 });
  return found.map(({ id }) => id).toSorted();
}

test('each night once, also in the one that is an hour longer, and nothing of before it was asked to', async () => {
  expect(await runs().run(fence)).toEqual({ dueMs: null, made: 0, held: 0 });
  const made: [string, number][] = [];
  // Every half hour of three nights, of which the clock shows 02:30 twice in the third.
  for (const night of ['2026-10-23', '2026-10-24', '2026-10-25'])
    for (const time of ['00:00', '00:30', '01:00', '01:30', '02:00']) {
      await until(`${night}T${time}:00Z`);
      const summary = await runs().run(fence);
      if (summary.made > 0) made.push([new Date(fixture.clock.now()).toISOString().slice(0, 16), summary.made]);
    }
  expect(made).toEqual([
    ['2026-10-23T00:30', 2],
    ['2026-10-24T00:30', 2],
    ['2026-10-25T00:30', 2],
  ]);
  expect(await bills()).toEqual(
    ['acme', 'bolt'].flatMap((id) => ['22', '23', '24'].map((day) => `${id}-2026-10-${day}`)),
  );
});

test('a bridge that was away makes every bill that it missed, and says how far it is', async () => {
  await until('2026-10-29T12:00:00Z');
  const progress: string[] = [];
  expect(await runs().run(fence, (done, of) => progress.push(`${done}/${of}`))).toMatchObject({ made: 8, held: 0 });
  expect([progress.length, progress.at(-1)]).toEqual([8, '8/8']);
  expect(await bills()).toHaveLength(14);
  expect(await runs().run(fence)).toMatchObject({ dueMs: null, made: 0 });
});

test('what a gate holds back is told, and tried again until it is made', async () => {
  await until('2026-10-30T01:30:00Z');
  const late = ports[1]?.in ?? 0;
  // Half a day behind: one that is silent for three days is waited for no longer.
  fixture.usage.finish(Date.parse('2026-10-29T12:00:00Z'), late);
  expect(await runs().run(fence)).toMatchObject({ made: 1, held: 1 });
  const [held] = await fixture.ledger.heldBills(10);
  expect(held).toMatchObject({ schedule: 'daily', period: '2026-10-29', customer: 'bolt' });
  await fixture.clock.advance(HOUR / 2);
  expect(await runs().run(fence)).toMatchObject({ made: 0, held: 1 });
  await until('2026-10-30T02:40:00Z');
  expect(await runs().run(fence)).toEqual({ dueMs: null, made: 1, held: 0 });
  expect(await fixture.ledger.heldBills(10)).toEqual([]);
});

test('a crash at any query, and two that run at once, make one bill of each', async () => {
  await until('2026-11-01T12:00:00Z');
  for (const after of [false, true])
    for (let at = 0; at < 14; at += 1)
      await runs(new FailingDatabase(server.database, at, after))
        .run(fence)
        .catch((error: unknown) => expect(String(error)).toContain('died here'));
  await Promise.all([runs().run(fence), runs().run(fence)]);
  expect(await bills()).toHaveLength(20);
  expect(await runs().run(fence)).toMatchObject({ dueMs: null });
});

test('periods that ended, in the zone of the account', () => {
  const at = Date.parse;
  expect(
    periodsEnded({ cycle: 'month', zone: 'Pacific/Honolulu' }, at('2026-11-01T10:00:00Z'), at('2027-01-01T09:59:59Z')),
  ).toEqual(['2026-11']);
  expect(
    periodsEnded({ cycle: 'month', zone: 'Pacific/Honolulu' }, at('2026-11-01T09:59:59Z'), at('2027-01-01T10:00:00Z')),
  ).toEqual(['2026-10', '2026-11', '2026-12']);
  expect(periodsEnded({ cycle: 'hour', zone: 'UTC' }, 0, DAY)).toHaveLength(24);
  expect(periodsEnded({ cycle: 'hour', zone: 'UTC' }, 0, 10 * DAY)).toHaveLength(100);
});
