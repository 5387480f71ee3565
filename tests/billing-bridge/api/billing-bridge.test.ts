// The billing bridge as a process has it, on a real PostgreSQL and its queue: usage in the test's hand, everything else as it runs.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createPostgresBackend, Queue } from 'bullmq';
import { z } from 'zod';
import { type BillingBridgeConfig, billingBridgeConfig, billingBridgeShape } from '../../../billing-bridge/config.ts';
import { CollectorWatch } from '../../../billing-bridge/collector-watch.ts';
import { createBillingBridge } from '../../../billing-bridge/main.ts';
import type { Mediation, MediationSummary, ReadingsSource } from '../../../billing-bridge/mediate/mediation.ts';
import type { Database, Queryable } from '../../../common/database/database.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import type { Component } from '../../../common/runtime/component.ts';
import { codeOf } from '../../../common/runtime/errors.ts';
import { freePortBlock } from '../../support/free-port.ts';
import { MemoryUsageBook, NoSuspense, ReadingsDouble, ToldProof } from '../../support/memory-usage-book.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { waitFor } from '../../support/weir-process.ts';

const BUCKET_MS = 300_000;
const HOUR = 3_600_000;
const TOKEN = 'weir_the-administrator-of-this-test';
/** A full window well in the past. */
const BEGIN = Date.parse('2026-01-05T00:00:00Z');

const CONTRACTS = {
  customers: [{ id: 'acme', name: 'Acme', currency: 'EUR' }],
  price_plans: [
    {
      id: 'by-volume',
      currency: 'EUR',
      items: [{ id: 'traffic', kind: 'per_unit', unit: 'MB', direction: 'sum', price: '0.0125' }],
    },
  ],
  services: [
    {
      id: 'acme-port',
      customer: 'acme',
      plan: 'by-volume',
      from: '2026-01-01',
      bindings: [{ device: 'sw1', interface: 'ge-0' }],
    },
  ],
};

/** Mediation that asks the collector and writes a line in the database under its fence, as the real one writes usage. */
class CountingMediation implements Mediation {
  runs = 0;
  /** How each run ended: done, or the code of its error. */
  readonly outcomes: string[] = [];
  /** Called in the middle of a run, before its effect. */
  inTheMiddle: () => Promise<void> = () => Promise.resolve();
  readonly #database: Database;
  readonly #source: ReadingsSource;

  constructor(database: Database, source: ReadingsSource) {
    this.#database = database;
    this.#source = source;
  }

  async run(fence: (connection: Queryable) => Promise<void>): Promise<MediationSummary> {
    try {
      await this.#source.after(null, 1);
      await this.inTheMiddle();
      await this.#database.transaction(async (connection) => {
        await fence(connection);
        await connection.query('insert into public.mediated default values');
      });
    } catch (error) {
      this.outcomes.push(codeOf(error));
      throw error;
    }
    this.runs += 1;
    this.outcomes.push('done');
    return { pages: 0, records: 1, corrected: 0, quarantined: 0 };
  }
}

/** A run stands still at it until it is opened. */
class Barrier {
  readonly reached: Promise<void>;
  readonly #opened: Promise<void>;
  #tell: () => void = () => undefined;
  #open: () => void = () => undefined;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#tell = resolve;
    });
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  readonly pass = async (): Promise<void> => {
    this.#tell();
    await this.#opened;
  };

  open(): void {
    this.#open();
  }
}

let server: TestDatabase;
let port = 0;
let usage: MemoryUsageBook;
let mediation: CountingMediation;
let collector: ReadingsDouble;
let logged: string[] = [];
const running: Component[] = [];

beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());
beforeEach(async () => {
  for (const schema of ['billing', 'usage', 'weir', 'access', 'bullmq'])
    await server.database.query(`drop schema if exists ${schema} cascade`);
  await server.database.query('drop table if exists public.mediated');
  await server.database.query('create table public.mediated (id int8 generated always as identity)');
  usage = new MemoryUsageBook(BUCKET_MS);
  port = await freePortBlock(1);
});
afterEach(async () => {
  for (const bridge of running.splice(0)) await bridge.stop();
});

function configOf(more: object = {}, contracts: object = CONTRACTS): BillingBridgeConfig {
  const settings = { port, mediate_every_ms: 1000, rate_every_ms: 1000, ...more };
  return billingBridgeConfig(z.object(billingBridgeShape).parse({ ...contracts, billing_bridge: settings }));
}

function bridgeWith(
  config: BillingBridgeConfig,
  holder = 'bridge-1',
  environment: Record<string, string> = {},
): Component {
  const { reporter, lines } = silentReporter();
  logged = lines;
  const bridge = createBillingBridge(reporter, config, {
    clock: new SystemClock(),
    random: () => 0.5,
    environment: { WEIR_ADMIN_TOKEN: TOKEN, WEIR_BRIDGE_TOKEN: 'weir_the-bridge-of-this-test', ...environment },
    databaseUrl: server.url,
    holder,
    checkAnswers: true,
    mediation: (database) => {
      collector = new ReadingsDouble(BUCKET_MS);
      const readings = new CollectorWatch(reporter, collector);
      mediation = new CountingMediation(database, readings);
      return { mediation, usage, proof: new ToldProof(), readings, suspense: new NoSuspense() };
    },
  });
  running.push(bridge);
  return bridge;
}

async function ask<T>(
  place: string,
  init: { readonly method?: string; readonly token?: string } = {},
): Promise<{ status: number; body: T }> {
  const answer = await fetch(`http://127.0.0.1:${port}${place}`, {
    method: init.method ?? 'GET',
    headers: { authorization: `Bearer ${init.token ?? TOKEN}` },
  });
  return { status: answer.status, body: (await answer.json()) as T };
}

const run = (task: string): Promise<{ status: number; body: { lastError: string | null; runs: number } }> =>
  ask(`/billing/v1/schedules/${task}/run`, { method: 'POST' });

interface Ready {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, { readonly healthy: boolean; readonly message: string }>>;
}

async function untilReady(ready: boolean): Promise<Ready> {
  let last: Ready | null = null;
  await waitFor(
    async () => {
      last = (await ask<Ready>('/readyz')).body;
      return last.ready === ready;
    },
    30_000,
    () => `${JSON.stringify(last)}\n${logged.join('')}`,
  );
  if (last === null) throw new Error('never asked');
  return last;
}

function oneWindow(): void {
  const meters = usage.port('sw1', 'ge-0');
  for (let at = BEGIN; at < BEGIN + HOUR; at += BUCKET_MS) usage.add(meters.in, at, 1_000_000n);
  usage.finish(BEGIN + 2 * HOUR);
}

const count = async (table: string): Promise<number> => {
  const { rows } = await server.database.query<{ count: bigint }>(`select count(*)::int8 as count from ${table}`);
  return Number(rows[0]?.count);
};

test('usage becomes charges, and charges are carried to the billing queue, once', async () => {
  oneWindow();
  await bridgeWith(configOf()).start();
  await untilReady(true);
  await waitFor(
    async () => (await count('billing.outbox where delivered_at_ms is not null')) === 1,
    20_000,
    () => logged.join(''),
  );
  const { body } = await ask<{ items: { amount: string }[] }>('/billing/v1/charges');
  expect(body.items.map(({ amount }) => amount)).toEqual(['0.15']);
  const queue = new Queue('billing', { connection: { connectionString: server.url } }, createPostgresBackend);
  try {
    const jobs = await queue.getJobs(['waiting']);
    expect(jobs.map(({ data }): unknown => data)).toMatchObject([
      { schema: 'weir.rated-charges', version: 1, account: 'acme', charges: [{ amount: '0.15', usageRecords: 12 }] },
    ]);
  } finally {
    await queue.close();
  }
  const schedules = await ask<{ items: { name: string; lastError: string | null }[] }>('/billing/v1/schedules');
  expect(schedules.body.items.map(({ name, lastError }) => [name, lastError])).toEqual(
    ['mediate', 'rate', 'relay', 'messages'].map((name) => [name, null]),
  );
});

test('without publish_charges nothing is carried', async () => {
  oneWindow();
  await bridgeWith(configOf({ publish_charges: false })).start();
  await untilReady(true);
  await run('rate');
  expect([await count('billing.charge'), await count('billing.outbox')]).toEqual([1, 0]);
});

test('a second start with the same contracts changes nothing; a change that would rewrite history ends the start', async () => {
  const first = bridgeWith(configOf());
  await first.start();
  await untilReady(true);
  await first.stop();
  const versions = await count('billing.contract_version');
  expect(versions).toBe(3);
  const second = bridgeWith(configOf());
  await second.start();
  await untilReady(true);
  expect(await count('billing.contract_version')).toBe(versions);
  await second.stop();
  const [customer] = CONTRACTS.customers;
  const other = { ...CONTRACTS, customers: [{ ...customer, billing_cycle: 'hour' }] };
  await expect(bridgeWith(configOf({}, other)).start()).rejects.toMatchObject({ code: 'contract_change_refused' });
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
  expect(await count('billing.contract_version')).toBe(versions);
});

test('a port that is taken, or that others could reach, ends the start', async () => {
  await bridgeWith(configOf()).start();
  await expect(bridgeWith(configOf(), 'bridge-2').start()).rejects.toMatchObject({ code: 'port_in_use' });
  await expect(bridgeWith(configOf({ host: '0.0.0.0' })).start()).rejects.toMatchObject({ code: 'listen_refused' });
});

test('a database that is away stops nothing: told, waited for, and gone on with', async () => {
  await server.server.stop();
  await bridgeWith(configOf()).start();
  const early = await untilReady(false);
  expect(early.parts['database schema']?.message).toContain('database_unreachable');
  expect((await ask('/healthz')).status).toBe(200);
  expect((await ask<object>('/billing/v1/customers')).body).toMatchObject({ error: { code: 'not_ready' } });
  await server.server.start();
  await untilReady(true);
  await waitFor(
    () => mediation.runs > 0,
    20_000,
    () => logged.join(''),
  );
  await server.server.stop();
  await untilReady(false);
  expect((await ask('/billing/v1/customers')).status).toBe(503);
  await server.server.start();
  await untilReady(true);
  const before = mediation.runs;
  await waitFor(
    () => mediation.runs > before,
    30_000,
    () => logged.join(''),
  );
  expect((await ask('/billing/v1/customers')).status).toBe(200);
}, 120_000);

test('a collector that is away is told by /readyz, and mediation goes on when it is back', async () => {
  await bridgeWith(configOf()).start();
  await untilReady(true);
  collector.away = true;
  const told = await untilReady(false);
  expect(told.parts['collector']?.message).toContain('[collector_unreachable]');
  expect((await run('mediate')).body.lastError).toContain('[collector_unreachable]');
  collector.away = false;
  await untilReady(true);
});

test('a queue that is away is told by /readyz; a timer wakes instead, and charges wait in the outbox', async () => {
  oneWindow();
  const nobody = await freePortBlock(1);
  await bridgeWith(configOf(), 'bridge-1', { WEIR_QUEUE_URL: `redis://127.0.0.1:${nobody}` }).start();
  const told = await untilReady(false);
  expect(told.parts['queue']?.healthy).toBe(false);
  expect(told.parts['database schema']?.healthy).toBe(true);
  const before = mediation.runs;
  await waitFor(
    async () => mediation.runs > before + 1 && (await count('billing.charge')) === 1,
    30_000,
    () => logged.join(''),
  );
  expect(await count('billing.outbox where delivered_at_ms is null')).toBe(1);
  expect((await ask('/billing/v1/charges')).status).toBe(200);
}, 60_000);

test.for([['http://127.0.0.1:1'], ['nonsense']])('queue.url %s is refused', async ([url = '']) => {
  await expect(bridgeWith(configOf(), 'bridge-1', { WEIR_QUEUE_URL: url }).start()).rejects.toMatchObject({
    code: 'configuration_invalid',
  });
});

test('a run whose lease was lost writes nothing, in mediation and in rating', async () => {
  await bridgeWith(configOf()).start();
  await untilReady(true);
  await run('mediate');
  mediation.inTheMiddle = () => steal('billing-mediate');
  const before = await count('public.mediated');
  expect((await run('mediate')).body.lastError).toContain('[lease_lost]');
  expect(await count('public.mediated')).toBe(before);
  oneWindow();
  const latest = usage.latest.bind(usage);
  usage.latest = async (...span) => {
    await steal('billing-rate');
    return latest(...span);
  };
  await run('rate');
  const state = (await run('rate')).body;
  expect([state.lastError === null, await count('billing.charge')]).toEqual([false, 0]);
  usage.latest = latest;
  await server.database.query('update weir.lease set expires_ms = 0');
  await run('rate');
  expect(await count('billing.charge')).toBe(1);
});

async function steal(lease: string): Promise<void> {
  await server.database.query(
    `update weir.lease set token = token + 1, holder = 'a thief', expires_ms = 9000000000000000 where name = $1`,
    [lease],
  );
}

test('of two bridges on one database, one does each run; killed without a word, its own name goes on at once', async () => {
  await bridgeWith(configOf()).start();
  await untilReady(true);
  const first = mediation;
  const barrier = new Barrier();
  first.inTheMiddle = barrier.pass;
  await barrier.reached;
  const outcomes = first.outcomes.length;
  port = await freePortBlock(1);
  await bridgeWith(configOf(), 'bridge-2').start();
  await untilReady(true);
  expect((await run('mediate')).body.runs).toBe(0);
  expect(mediation.outcomes).toEqual([]);
  port = await freePortBlock(1);
  await bridgeWith(configOf(), 'bridge-1').start();
  await untilReady(true);
  await waitFor(
    () => mediation.runs > 0,
    20_000,
    () => logged.join(''),
  );
  barrier.open();
  await waitFor(
    () => first.outcomes.length > outcomes,
    20_000,
    () => 'the run of the first to end',
  );
  expect(first.outcomes[outcomes]).toBe('lease_lost');
});

test('the stop lets a run in hand finish', async () => {
  const bridge = bridgeWith(configOf());
  await bridge.start();
  await untilReady(true);
  const barrier = new Barrier();
  mediation.inTheMiddle = barrier.pass;
  await barrier.reached;
  const before = await count('public.mediated');
  const stopped = bridge.stop();
  barrier.open();
  await stopped;
  expect(await count('public.mediated')).toBe(before + 1);
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
});

test('tokens of the environment open the door, and only theirs', async () => {
  await bridgeWith(configOf()).start();
  await untilReady(true);
  const by = async (token: string, place: string): Promise<number> => (await ask(place, { token })).status;
  expect(await by('weir_the-bridge-of-this-test', '/billing/v1/feed')).toBe(200);
  expect(await by('weir_the-bridge-of-this-test', '/billing/v1/charges')).toBe(403);
  expect(await by('weir_nobody', '/billing/v1/feed')).toBe(401);
});
