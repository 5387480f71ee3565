// The relay from outbox to queue, on a real PostgreSQL and a queue that loses, finishes and refuses as it is told.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { accountMigrations } from '../../../billing-bridge/account/migrations.ts';
import { OutboxRelay, putIntoOutbox, queueMigrations } from '../../../billing-bridge/queue/outbox.ts';
import type { CarriedJob, CarriedState, WorkQueue } from '../../../billing-bridge/queue/work-queue.ts';
import { migrate } from '../../../common/database/migrate.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const CHECK_MS = 60_000;
const DAY_MS = 86_400_000;

class QueueDouble implements WorkQueue {
  readonly jobs = new Map<string, CarriedState>();
  deliveries: string[] = [];
  away = false;

  deliver(jobs: readonly CarriedJob[]): Promise<void> {
    if (this.away) return Promise.reject(new Error('the queue does not answer'));
    for (const { id } of jobs) if (!this.jobs.has(id)) this.jobs.set(id, 'waiting');
    this.deliveries.push(...jobs.map(({ id }) => id));
    return Promise.resolve();
  }

  stateOf(ids: readonly string[]): Promise<Map<string, CarriedState>> {
    return Promise.resolve(new Map(ids.map((id) => [id, this.jobs.get(id) ?? 'gone'])));
  }

  backlog(): Promise<number> {
    return Promise.resolve([...this.jobs.values()].filter((state) => state === 'waiting').length);
  }

  deadLetters = (): Promise<{ items: []; all: number }> => Promise.resolve({ items: [], all: 0 });
  retry = (): Promise<boolean> => Promise.resolve(false);
  start = (): Promise<void> => Promise.resolve();
  stop = (): Promise<void> => Promise.resolve();
  schedule = (): Promise<void> => Promise.resolve();
  scheduled = (): Promise<boolean> => Promise.resolve(true);
}

let server: TestDatabase;
let queue: QueueDouble;
let clock: VirtualClock;

beforeAll(async () => {
  server = await startTestDatabase();
  await migrate(server.database, [...accountMigrations, ...queueMigrations]);
});
afterAll(() => server.stop());
beforeEach(async () => {
  await server.database.query('truncate billing.outbox');
  queue = new QueueDouble();
  clock = new VirtualClock(Date.parse('2026-11-01T00:00:00Z'));
});

function relay(maxBacklog = 1000): OutboxRelay {
  const config = { maxBacklog, checkEveryMs: CHECK_MS, keepDoneMs: 7 * DAY_MS };
  return new OutboxRelay(silentReporter().reporter, config, { database: server.database, queue, clock });
}

const run = (one = relay(), fence = (): Promise<void> => Promise.resolve()): ReturnType<OutboxRelay['run']> =>
  one.run(fence);

async function put(...ids: string[]): Promise<void> {
  const jobs = ids.map((id) => ({ id, name: 'rated-charges', data: { id } }));
  await server.database.transaction((connection) => putIntoOutbox(connection, jobs, clock.now()));
}

const left = async (condition: string): Promise<number> => {
  const { rows } = await server.database.query(`select from billing.outbox where ${condition}`);
  return rows.length;
};

test('delivered once; found done; forgotten after its time', async () => {
  await put('a', 'b');
  expect(await run()).toEqual({ delivered: 2, lost: 0, done: 0 });
  expect(await run()).toEqual({ delivered: 0, lost: 0, done: 0 });
  queue.jobs.set('a', 'done');
  await clock.advance(CHECK_MS);
  expect(await run()).toEqual({ delivered: 0, lost: 0, done: 1 });
  await clock.advance(8 * DAY_MS);
  await run();
  expect(await left('true')).toBe(1);
  expect(queue.deliveries).toEqual(['a', 'b']);
});

test('what the queue lost is delivered again, under the same id', async () => {
  await put('a', 'b');
  await run();
  queue.jobs.delete('a');
  await clock.advance(CHECK_MS);
  expect(await run()).toEqual({ delivered: 1, lost: 1, done: 0 });
  expect(queue.deliveries).toEqual(['a', 'b', 'a']);
});

test('waits while too much waits on the queue, and goes on', async () => {
  await put('a', 'b', 'c');
  expect((await run(relay(2))).delivered).toBe(2);
  expect((await run(relay(2))).delivered).toBe(0);
  queue.jobs.set('a', 'done');
  expect((await run(relay(2))).delivered).toBe(1);
});

test('a queue that is away costs nothing but time; a lost lease marks nothing', async () => {
  await put('a');
  queue.away = true;
  await expect(run()).rejects.toThrow('does not answer');
  expect(await left('delivered_at_ms is null')).toBe(1);
  queue.away = false;
  const lost = (): Promise<void> => Promise.reject(new WeirError('lease_lost', 'The lease is lost.'));
  await expect(run(relay(), lost)).rejects.toMatchObject({ code: 'lease_lost' });
  expect(await left('delivered_at_ms is null')).toBe(1);
  expect((await run()).delivered).toBe(1);
  // Twice under one id: the queue has it once.
  expect(queue.jobs.size).toBe(1);
});
