// Quotas on a real ledger: each share is told once a period, with its job in the same transaction, over crashes and again in the next period.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { putIntoOutbox } from '../../../billing-bridge/queue/outbox.ts';
import { type Quota, QuotaWatch, sharesReached, usedOf } from '../../../billing-bridge/quota/quota-watch.ts';
import type { Database } from '../../../common/database/database.ts';
import { FailingDatabase } from '../../support/failing-database.ts';
import { LedgerFixture } from '../../support/ledger-fixture.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

const DAY = 86_400_000;
const NOVEMBER = Date.parse('2026-11-01T00:00:00Z');
const DECEMBER = Date.parse('2026-12-01T00:00:00Z');
const QUOTA: Quota = { id: 'q', service: 's', octets: 1_000n, direction: 'sum', shares: [80, 100, 150] };

let server: TestDatabase;
let fixture: LedgerFixture;
let port: { in: number; out: number };
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());
beforeEach(async () => {
  fixture = await LedgerFixture.make(server.database, NOVEMBER);
  await fixture.apply({
    customers: [{ id: 'acme', name: 'Acme', currency: 'EUR' }],
    price_plans: [{ id: 'p', currency: 'EUR', items: [{ id: 'port', kind: 'flat', amount: '1' }] }],
    services: [
      { id: 's', customer: 'acme', plan: 'p', from: '2026-11-01', bindings: [{ device: 'r1', interface: 'a' }] },
    ],
  });
  port = fixture.usage.port('r1', 'a');
});

const fence = (): Promise<void> => Promise.resolve();
function watch(database: Database = server.database, quota = QUOTA): QuotaWatch {
  return new QuotaWatch(silentReporter().reporter, [quota], {
    database,
    clock: fixture.clock,
    usage: fixture.usage,
    book: () => fixture.ledger.book(),
    publish: (connection, jobs) => putIntoOutbox(connection, jobs, fixture.clock.now()),
  });
}

async function told(): Promise<[string, number, string][]> {
  const events = await fixture.ledger.quotaEvents({ customers: null, before: null, limit: 100 });
  const { rows } = await server.database.query<{ data: { share: number } }>(
    `select data from billing.outbox where name = 'quota-threshold' order by id`,
  );
  expect(rows.map((row) => row.data.share)).toEqual(events.toReversed().map((event) => event.share));
  return events.toReversed().map((event) => [event.period, event.share, event.usedOctets]);
}

test('says each share once a period, and again in the next', async () => {
  fixture.usage.add(port.in, NOVEMBER, 500n);
  fixture.usage.add(port.out, NOVEMBER, 299n);
  await fixture.clock.advance(DAY);
  expect(await watch().run(fence)).toEqual({ quotas: 1, reached: 0 });
  fixture.usage.add(port.out, NOVEMBER + DAY - 300_000, 1n);
  expect((await watch().run(fence)).reached).toBe(1);
  expect((await watch().run(fence)).reached).toBe(0);
  await fixture.clock.advance(DAY);
  fixture.usage.add(port.out, NOVEMBER + DAY, 900n);
  expect((await watch().run(fence)).reached).toBe(2);
  expect(await told()).toEqual([
    ['2026-11', 80, '800'],
    ['2026-11', 100, '1700'],
    ['2026-11', 150, '1700'],
  ]);
  await fixture.clock.advance(DECEMBER + DAY - fixture.clock.now());
  fixture.usage.add(port.in, DECEMBER, 1_000n);
  expect((await watch().run(fence)).reached).toBe(2);
  expect((await told()).slice(3)).toEqual([
    ['2026-12', 80, '1000'],
    ['2026-12', 100, '1000'],
  ]);
});

test('what the last minutes of a period used is told when the next has begun', async () => {
  await fixture.clock.advance(DECEMBER + 300_000 - fixture.clock.now());
  fixture.usage.add(port.in, DECEMBER - 300_000, 900n);
  expect((await watch().run(fence)).reached).toBe(1);
  expect(await told()).toEqual([['2026-11', 80, '900']]);
});

test('a crash at any query, and many that look at one time, say it once', async () => {
  fixture.usage.add(port.in, NOVEMBER, 850n);
  await fixture.clock.advance(DAY);
  for (const after of [false, true])
    for (let at = 0; at < 5; at += 1)
      await watch(new FailingDatabase(server.database, at, after))
        .run(fence)
        .catch((error: unknown) => expect(String(error)).toContain('died here'));
  await Promise.all(Array.from({ length: 5 }, () => watch().run(fence)));
  expect(await told()).toEqual([['2026-11', 80, '850']]);
});

test('who lost the lease says nothing; a service that is gone has none', async () => {
  fixture.usage.add(port.in, NOVEMBER, 850n);
  await fixture.clock.advance(DAY);
  await expect(watch().run(() => Promise.reject(new Error('lease_lost')))).rejects.toThrow('lease_lost');
  expect(await watch(server.database, { ...QUOTA, service: 'gone' }).run(fence)).toEqual({ quotas: 1, reached: 0 });
  expect(await told()).toEqual([]);
});

test('shares are exact, directions as named', () => {
  const huge = 2n ** 63n;
  expect(sharesReached(huge - 1n, { octets: huge, shares: [99, 100] })).toEqual([99]);
  expect(sharesReached(huge, { octets: huge, shares: [99, 100] })).toEqual([99, 100]);
  expect((['in', 'out', 'sum', 'higher'] as const).map((direction) => usedOf(direction, 3n, 5n))).toEqual([
    3n,
    5n,
    8n,
    5n,
  ]);
});
