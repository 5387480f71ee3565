// Composes the billing bridge: which stage hands to which. With ledger.ts and tasks.ts the only files of the bridge that know two stages.
import type { Migration } from '../common/database/database.ts';
import { Leases, leaseMigrations } from '../common/database/lease.ts';
import { migrate } from '../common/database/migrate.ts';
import { type OpenDatabase, openDatabase } from '../common/database/pool.ts';
import { DatabasePreparation } from '../common/database/preparation.ts';
import { SteadyAuthenticator } from '../common/database/steady-authenticator.ts';
import { accessMigrations, TokenStore } from '../common/database/tokens.ts';
import type { DurationMs } from '../common/model/time.ts';
import type { Role } from '../common/runtime/access.ts';
import type { Clock } from '../common/runtime/clock.ts';
import type { Component } from '../common/runtime/component.ts';
import { stopAll } from '../common/runtime/component.ts';
import { WeirError } from '../common/runtime/errors.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import { resolveSecret } from '../common/runtime/secrets.ts';
import { ledgerChainMigrations } from './audit/migrations.ts';
import { accountMigrations } from './account/migrations.ts';
import { BillingApi } from './api/billing-api.ts';
import { billDocuments } from './bill-documents.ts';
import { BillRunner } from './bill-runner.ts';
import { billScheduleMigrations, ScheduledBills, type ScheduledBillsDeps } from './bill/bill-schedule.ts';
import { BILL_STATES } from './bill/bill-state.ts';
import { GATE_NAMES } from './bill/gates.ts';
import { billMigrations } from './bill/migrations.ts';
import type { BillingBridgeConfig } from './config.ts';
import { Ledger } from './ledger.ts';
import { usageMigrations } from './mediate/migrations.ts';
import { type MediationParts, mediationParts } from './mediation-parts.ts';
import { type BullMqBackend, postgresBackend, redisBackend } from './queue/bullmq-backend.ts';
import { BullMqWorkQueue } from './queue/bullmq-work-queue.ts';
import { OutboxRelay, queueMigrations } from './queue/outbox.ts';
import { ScheduledWork } from './queue/scheduled-work.ts';
import { quotaMigrations } from './quota/migrations.ts';
import { levelMigrations } from './rate/level-migrations.ts';
import { MESSAGE_KINDS, MESSAGE_STATES } from './send/message-outbox.ts';
import { sendMigrations } from './send/migrations.ts';
import { ratingMigrations } from './rate/migrations.ts';
import { billHubMigrations } from './hub/bill-hub.ts';
import { usageLinkMigrations } from './link/usage-link-book.ts';
import { outwardParts } from './outward.ts';
import { type TaskParts, tasksOf } from './tasks.ts';

/** In an order in which each finds what it builds on; those that the collector has too are the very same objects. */
export const billingBridgeMigrations: readonly Migration[] = [
  ...leaseMigrations,
  ...accessMigrations,
  ...accountMigrations,
  ...usageMigrations,
  ...ratingMigrations,
  ...queueMigrations,
  ...billMigrations,
  ...ledgerChainMigrations,
  ...quotaMigrations,
  ...levelMigrations,
  ...sendMigrations,
  ...billScheduleMigrations,
  ...usageLinkMigrations,
  ...billHubMigrations,
];

export interface BillingBridgeDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly databaseUrl: string;
  /** Names this bridge in its leases: after a kill the same name takes them over at once, another waits until they run out. */
  readonly holder: string;
  /** Instead of mediation on the collector: for tests. */
  readonly mediation?: (database: OpenDatabase) => MediationParts;
  /** For tests. */
  readonly checkAnswers?: boolean;
}

/** What a request of the API may name. */
const NAMES = {
  gateNames: GATE_NAMES,
  billStates: BILL_STATES,
  messageKinds: MESSAGE_KINDS,
  messageStates: MESSAGE_STATES,
} as const;
const CONNECTIONS = 8;
const RELAY = { checkEveryMs: 300_000, keepDoneMs: 7 * 86_400_000 };
/** How long the stop waits for one part that hangs; what runs is let finish well within the supervisor's patience. */
const STOP_PATIENCE_MS: DurationMs = 15_000;

export function createBillingBridge(
  reporter: Reporter,
  config: BillingBridgeConfig,
  deps: BillingBridgeDeps,
): Component {
  return new RunningBridge(reporter, config, deps);
}

class RunningBridge implements Component {
  readonly #reporter: Reporter;
  readonly #config: BillingBridgeConfig;
  readonly #deps: BillingBridgeDeps;
  #parts: Parts | null = null;
  #working: Promise<void> = Promise.resolve();

  constructor(reporter: Reporter, config: BillingBridgeConfig, deps: BillingBridgeDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
  }

  /** Resolves when it listens and tried the database once. Throws what does not mend itself; a database, queue or collector that is away is waited for. */
  async start(): Promise<void> {
    if (this.#parts !== null) return;
    const parts = compose(this.#reporter, this.#config, this.#deps);
    this.#parts = parts;
    try {
      await parts.api.start();
      await parts.preparation.start();
      this.#working = parts.preparation.settled().then(() => (parts.preparation.done ? parts.work.start() : undefined));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Takes no more requests and wakes, lets the runs in hand finish, then closes what they used. */
  async stop(): Promise<void> {
    const parts = this.#parts;
    this.#parts = null;
    if (parts === null) return;
    parts.stopping.abort();
    const { clock } = this.#deps;
    const patiently = (stop: () => Promise<unknown>): Component => ({
      start: () => Promise.resolve(),
      stop: async () => void (await Promise.race([stop(), clock.sleep(STOP_PATIENCE_MS)])),
    });
    // In the order of a start: the last is stopped first.
    await stopAll([
      patiently(() => parts.database.close()),
      patiently(() => parts.queue.stop()),
      patiently(() => parts.bills.settled()),
      patiently(() => this.#working.then(() => parts.work.stop())),
      patiently(() => parts.preparation.stop()),
      patiently(() => parts.api.stop()),
    ]);
  }
}

interface Parts {
  readonly database: OpenDatabase;
  readonly preparation: DatabasePreparation;
  readonly queue: BullMqWorkQueue;
  readonly work: ScheduledWork;
  readonly api: BillingApi;
  readonly bills: BillRunner;
  /** Aborts when the bridge stops: a run of mediation then ends after the page in hand. */
  readonly stopping: AbortController;
}

function compose(reporter: Reporter, config: BillingBridgeConfig, deps: BillingBridgeDeps): Parts {
  const { clock, random, environment, databaseUrl, holder } = deps;
  const stopping = new AbortController();
  const database = openDatabase(reporter, {
    url: databaseUrl,
    maxConnections: CONNECTIONS,
    applicationName: 'weir-billing-bridge',
  });
  const mediated = deps.mediation?.(database) ?? mediationParts(reporter, config, { database, clock, environment });
  const ledger = new Ledger(reporter, config, { database, clock, ...mediated });
  const leases = new Leases(database);
  const queue = new BullMqWorkQueue(reporter, {
    backend: backendOf(config, environment, databaseUrl),
    onWake: (name) => work.wake(name),
  });
  const relay = new OutboxRelay(reporter, { maxBacklog: config.maxQueueBacklog, ...RELAY }, { database, queue, clock });
  const onPut = (): void => work.wake('messages');
  const bills = new BillRunner(reporter, { ledger, leases, clock, holder, stopping: stopping.signal, onBilled: onPut });
  const outward = outwardParts(reporter, config, { database, clock, random, environment, ledger, onPut });
  const tasks = tasksOf(config, {
    ...outward,
    bills: scheduledBills(config, {
      database,
      clock,
      book: () => ledger.book(),
      runBills: (asked) => bills.run(asked),
    }),
    mediation: mediated.mediation,
    rating: ledger.rating,
    levels: ledger.levels,
    relay,
    stopping: stopping.signal,
  });
  const work = new ScheduledWork(reporter, tasks, { queue, leases, clock, holder });
  const authenticator = new SteadyAuthenticator(reporter, {
    inner: new TokenStore(reporter, database, { clock }),
    clock,
  });
  const preparation = new DatabasePreparation(reporter, {
    clock,
    random,
    prepare: () => prepare(reporter, config, { database, ledger, clock, environment }),
  });
  for (const { token, name, role } of givenTokens(environment)) authenticator.give(token, { name, role, scope: null });
  const api = new BillingApi(reporter, apiConfigOf(config, deps), {
    ledger,
    documents: billDocuments(ledger, config.bucketMs),
    work,
    authenticator,
    clock,
    runBills: (request) => bills.run(request),
    runningBills: () => bills.running(),
    ...outward,
    ...NAMES,
    prepared: () => preparation.done,
  });
  return { database, preparation, queue, work, api, bills, stopping };
}

async function prepare(
  reporter: Reporter,
  { contracts }: BillingBridgeConfig,
  {
    database,
    ledger,
    clock,
    environment,
  }: { readonly database: OpenDatabase; readonly ledger: Ledger } & Pick<BillingBridgeDeps, 'clock' | 'environment'>,
): Promise<void> {
  await migrate(database, billingBridgeMigrations);
  await giveTokens(new TokenStore(reporter, database, { clock }), environment);
  await ledger.accounts.apply(contracts);
}

function scheduledBills({ billRuns }: BillingBridgeConfig, deps: ScheduledBillsDeps): TaskParts['bills'] {
  return billRuns.map((schedule) => ({ schedule, runs: new ScheduledBills(schedule, deps) }));
}

function apiConfigOf({ host, port, insecure }: BillingBridgeConfig, { checkAnswers = false }: BillingBridgeDeps) {
  return { host, port, insecure, checkAnswers };
}

/** WEIR_QUEUE_URL or queue.url; without them the queue lives in the database of the ledger. */
function backendOf(
  config: BillingBridgeConfig,
  environment: BillingBridgeDeps['environment'],
  databaseUrl: string,
): BullMqBackend {
  const reference = environment['WEIR_QUEUE_URL'] ?? config.queueUrl;
  if (reference === null || reference === '') return postgresBackend(databaseUrl);
  const url = resolveSecret(reference, environment);
  if (/^rediss?:\/\//.test(url)) return redisBackend(url);
  if (/^postgres(ql)?:\/\//.test(url)) return postgresBackend(url);
  throw new WeirError('configuration_invalid', 'queue.url: expected redis://, rediss:// or postgres://.');
}

interface GivenToken {
  readonly token: string;
  readonly name: string;
  readonly role: Role;
}

/** Tokens from the environment: an administrator's, and the one that the collector asks for the feed with. Throws misused where they are the same: one would lose its role. */
function givenTokens(environment: BillingBridgeDeps['environment']): GivenToken[] {
  const given = [
    { token: environment['WEIR_ADMIN_TOKEN'], name: 'administrator', role: 'administrator' as const },
    { token: environment['WEIR_BRIDGE_TOKEN'], name: 'billing-bridge', role: 'bridge' as const },
  ];
  const found = given.flatMap(({ token, ...who }) => (token === undefined || token === '' ? [] : [{ token, ...who }]));
  if (new Set(found.map(({ token }) => token)).size < found.length)
    throw new WeirError('misused', 'WEIR_ADMIN_TOKEN and WEIR_BRIDGE_TOKEN must differ.');
  return found;
}

async function giveTokens(store: TokenStore, environment: BillingBridgeDeps['environment']): Promise<void> {
  for (const { token, name, role } of givenTokens(environment)) await store.ensure(token, name, role);
}
