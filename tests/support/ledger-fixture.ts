// A ledger and its API on a real PostgreSQL, with usage, readings and time in the test's hand.
import type { FastifyInstance } from 'fastify';
import { BillingApi } from '../../billing-bridge/api/billing-api.ts';
import type { Work } from '../../billing-bridge/api/work-routes.ts';
import { BillRunner } from '../../billing-bridge/bill-runner.ts';
import { billDocuments } from '../../billing-bridge/bill-documents.ts';
import { BILL_STATES } from '../../billing-bridge/bill/bill-state.ts';
import { GATE_NAMES } from '../../billing-bridge/bill/gates.ts';
import { customerSchema, planSchema, serviceSchema } from '../../billing-bridge/contract-schema.ts';
import { Correspondence } from '../../billing-bridge/correspondence.ts';
import { Ledger, type LedgerConfig } from '../../billing-bridge/ledger.ts';
import { billingBridgeMigrations } from '../../billing-bridge/main.ts';
import { billHub, usagePages } from '../../billing-bridge/outward.ts';
import type { BillHub } from '../../billing-bridge/hub/bill-hub.ts';
import { underLease } from '../../billing-bridge/queue/held-lease.ts';
import type { DeadLetter } from '../../billing-bridge/queue/work-queue.ts';
import type { TaskState } from '../../billing-bridge/queue/scheduled-work.ts';
import type { LevelSummary } from '../../billing-bridge/rate/level-watch.ts';
import { MESSAGE_KINDS, MESSAGE_STATES } from '../../billing-bridge/send/message-outbox.ts';
import type { RatingSummary } from '../../billing-bridge/rate/rating-run.ts';
import type { Database } from '../../common/database/database.ts';
import { Leases } from '../../common/database/lease.ts';
import { migrate } from '../../common/database/migrate.ts';
import { type Role, ROLES, type Scope } from '../../common/runtime/access.ts';
import type { ContractsText } from './billing-fixture.ts';
import { MemoryUsageBook, NoSuspense, ReadingsDouble, ToldProof } from './memory-usage-book.ts';
import { OutageDouble } from './outage-double.ts';
import { silentReporter } from './silent-reporter.ts';
import { VirtualClock } from './virtual-clock.ts';

export const BUCKET_MS = 300_000;
export const WINDOW_MS = 3_600_000;

const CONFIG: LedgerConfig = {
  bucketMs: BUCKET_MS,
  ratingWindowMs: WINDOW_MS,
  publishCharges: true,
  hardGates: GATE_NAMES,
  watermark: null,
  infrastructure: [],
  legalEntities: new Map(),
};

export class LedgerFixture {
  readonly database: Database;
  readonly clock: VirtualClock;
  readonly usage = new MemoryUsageBook(BUCKET_MS);
  readonly proof = new ToldProof();
  readonly readings = new ReadingsDouble(BUCKET_MS);
  readonly outages = new OutageDouble();
  readonly ledger: Ledger;
  readonly leases: Leases;
  readonly work = new WorkDouble();
  readonly correspondence: Correspondence;
  readonly hub: BillHub;
  /** Addresses that may be registered at the hub. */
  readonly listeners: string[] = [];
  prepared = true;
  readonly #reporter = silentReporter().reporter;

  private constructor(database: Database, startMs: number, config: Partial<LedgerConfig>) {
    this.database = database;
    this.clock = new VirtualClock(startMs);
    this.leases = new Leases(database);
    this.correspondence = new Correspondence({ database, clock: this.clock, hasMail: true });
    this.ledger = new Ledger(
      this.#reporter,
      { ...CONFIG, ...config },
      {
        database,
        clock: this.clock,
        usage: this.usage,
        proof: this.proof,
        readings: this.readings,
        suspense: new NoSuspense(),
        outages: this.outages,
      },
    );
    this.hub = billHub(this.listeners, this);
  }

  /** On an empty database. */
  static async make(database: Database, startMs: number, config: Partial<LedgerConfig> = {}): Promise<LedgerFixture> {
    for (const schema of ['billing', 'usage', 'weir', 'access'])
      await database.query(`drop schema if exists ${schema} cascade`);
    await migrate(database, billingBridgeMigrations);
    return new LedgerFixture(database, startMs, config);
  }

  async apply(text: ContractsText): Promise<number> {
    const application = await this.ledger.accounts.apply({
      customers: text.customers.map((one) => customerSchema.parse(one)),
      price_plans: text.price_plans.map((one) => planSchema.parse(one)),
      services: text.services.map((one) => serviceSchema.parse(one)),
    });
    return application.versions.length;
  }

  /** Under the lease of rating. */
  async rate(): Promise<RatingSummary> {
    const deps = { leases: this.leases, clock: this.clock };
    const done = await underLease(this.#reporter, deps, 'billing-rate', 'test', (lease) =>
      this.ledger.rating.run(lease),
    );
    if (done === null) throw new Error('the lease is held elsewhere');
    return done.result;
  }

  /** Asks for outages, under a lease of its own. */
  async levels(): Promise<LevelSummary> {
    const deps = { leases: this.leases, clock: this.clock };
    const done = await underLease(this.#reporter, deps, 'billing-service-levels', 'test', ({ fence }) => {
      if (this.ledger.levels === null) throw new Error('nobody is asked for outages');
      return this.ledger.levels.run(fence);
    });
    if (done === null) throw new Error('the lease is held elsewhere');
    return done.result;
  }

  /** The API, not listening; each answer is held against its documented form. A token is the name of its role, alone or with a scope: `care@customers=acme,bolt`, `care@sites=north`. */
  api(): FastifyInstance {
    const isRole = (token: string): token is Role => ROLES.some((role) => role === token);
    const { leases, clock, ledger } = this;
    const bills = new BillRunner(this.#reporter, {
      ledger,
      leases,
      clock,
      holder: 'test',
      stopping: new AbortController().signal,
      onBilled: () => undefined,
      waitMs: 0,
    });
    const api = new BillingApi(
      this.#reporter,
      { host: '127.0.0.1', port: 0, insecure: false, checkAnswers: true },
      {
        ledger,
        documents: billDocuments(ledger, BUCKET_MS),
        work: this.work,
        clock,
        authenticator: {
          authenticate: (token) => {
            const [role = '', scope] = token.split('@');
            return Promise.resolve(isRole(role) ? { name: `a ${role}`, role, scope: scopeOf(scope) } : null);
          },
        },
        prepared: () => this.prepared,
        gateNames: GATE_NAMES,
        billStates: BILL_STATES,
        correspondence: this.correspondence,
        usagePages: usagePages(this.database, this.clock),
        hub: this.hub,
        messageKinds: MESSAGE_KINDS,
        messageStates: MESSAGE_STATES,
        runBills: (request) => bills.run(request),
        runningBills: () => bills.running(),
      },
    );
    return api.build();
  }
}

function scopeOf(text: string | undefined): Scope | null {
  const [kind, names = ''] = text?.split('=') ?? [];
  if (kind === undefined) return null;
  return { sites: [], customers: [], [kind]: names.split(',') };
}

/** Scheduled work that only counts how often it was asked. */
export class WorkDouble implements Work {
  asked: string[] = [];

  states(): TaskState[] {
    return [
      {
        name: 'mediate',
        everyMs: 60_000,
        cron: null,
        nextAtMs: null,
        running: false,
        progress: null,
        runs: this.asked.length,
        lastStartedAtMs: null,
        lastFinishedAtMs: 0,
        lastSummary: { pages: 0 },
        lastError: null,
        fallbackWakes: 0,
      },
    ];
  }

  deadLetters(): Promise<{ items: DeadLetter[]; all: number }> {
    const one = { id: 'charges-1', name: 'charges', attempts: 10, reason: 'refused', failedAtMs: 0 };
    return Promise.resolve({ items: [one], all: 1 });
  }

  retryDeadLetter(id: string): Promise<boolean> {
    this.asked.push(id);
    return Promise.resolve(id === 'charges-1');
  }

  runNow(name: string): Promise<TaskState | null> {
    if (name !== 'mediate') return Promise.resolve(null);
    this.asked.push(name);
    return Promise.resolve(this.states()[0] ?? null);
  }
}
