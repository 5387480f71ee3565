// A billing bridge without its outside: contracts, rating and bills on a real PostgreSQL, usage and time in the test's hand.
import { seal } from '../../billing-bridge/audit/chain.ts';
import { ledgerChainMigrations } from '../../billing-bridge/audit/migrations.ts';
import { AccountStore } from '../../billing-bridge/account/account-store.ts';
import { interfaceState } from '../../billing-bridge/account/interface-state.ts';
import { accountMigrations } from '../../billing-bridge/account/migrations.ts';
import { BillRun } from '../../billing-bridge/bill/bill-run.ts';
import { GateCheck, type GateCheckDeps, type MediationFacts } from '../../billing-bridge/bill/gate-check.ts';
import { GATE_NAMES, type GateName } from '../../billing-bridge/bill/gates.ts';
import type { LegalEntity } from '../../billing-bridge/bill/legal-entity.ts';
import { billMigrations } from '../../billing-bridge/bill/migrations.ts';
import { customerSchema, planSchema, readPlanTerms, serviceSchema } from '../../billing-bridge/contract-schema.ts';
import { buyerOf } from '../../billing-bridge/invoice-schema.ts';
import { chargeJobs } from '../../billing-bridge/queue/charge-job.ts';
import { putIntoOutbox, queueMigrations } from '../../billing-bridge/queue/outbox.ts';
import { CHARGE_COLUMNS, type Charge, chargeOf, findCharges } from '../../billing-bridge/rate/charge-store.ts';
import { isSilent, isWaitedOut } from '../../billing-bridge/rate/final-record.ts';
import { ratingMigrations } from '../../billing-bridge/rate/migrations.ts';
import type { ReadPairs } from '../../billing-bridge/rate/poll-pairs.ts';
import { RatingRun, type RatingSummary } from '../../billing-bridge/rate/rating-run.ts';
import { dueByTime } from '../../billing-bridge/rate/windows.ts';
import type { UsageReader } from '../../billing-bridge/mediate/usage.ts';
import type { Database } from '../../common/database/database.ts';
import { Leases, leaseMigrations } from '../../common/database/lease.ts';
import { migrate } from '../../common/database/migrate.ts';
import { Exact } from '../../common/model/exact.ts';
import { MemoryUsage } from './memory-usage.ts';
import { silentReporter } from './silent-reporter.ts';
import { VirtualClock } from './virtual-clock.ts';

export const BUCKET_MS = 300_000;
export const WINDOW_MS = 3_600_000;

export interface ContractsText {
  readonly customers: readonly object[];
  readonly price_plans: readonly object[];
  readonly services: readonly object[];
}

/** Facts of mediation that a test may spoil. */
export class PerfectFacts implements MediationFacts {
  conservationFindings: object[] = [];
  quarantinedBatches = 0;
  clockFindings: object[] = [];

  conservation(): Promise<{}[]> {
    return Promise.resolve(this.conservationFindings);
  }
  quarantined(): Promise<number> {
    return Promise.resolve(this.quarantinedBatches);
  }
  unsoundClocks(): Promise<{}[]> {
    return Promise.resolve(this.clockFindings);
  }
}

export class BillingFixture {
  readonly database: Database;
  readonly clock: VirtualClock;
  readonly usage = new MemoryUsage(BUCKET_MS);
  readonly facts = new PerfectFacts();
  readonly accounts: AccountStore;
  readonly leases: Leases;
  readonly legalEntities = new Map<string, LegalEntity>();
  /** For contracts whose samples are pairs of polls. */
  pairs: ReadPairs | null = null;
  readonly #reporter = silentReporter().reporter;

  readonly #reader: UsageReader;

  /** `reader`: where rating finds usage, where it is not what the test adds here. */
  constructor(database: Database, startMs: number, reader?: UsageReader) {
    this.database = database;
    this.#reader = reader ?? this.usage;
    this.clock = new VirtualClock(startMs);
    this.leases = new Leases(database);
    this.accounts = new AccountStore(this.#reporter, {
      database,
      clock: this.clock,
      readPlanTerms,
      readCustomer: (document) => customerSchema.parse(document),
      buyerOf,
    });
  }

  static async make(database: Database, startMs: number, reader?: UsageReader): Promise<BillingFixture> {
    await database.query('drop schema if exists billing cascade');
    await database.query('drop schema if exists weir cascade');
    await migrate(database, [
      ...leaseMigrations,
      ...accountMigrations,
      ...ratingMigrations,
      ...queueMigrations,
      ...billMigrations,
      ...ledgerChainMigrations,
    ]);
    return new BillingFixture(database, startMs, reader);
  }

  async apply(text: ContractsText): Promise<void> {
    await this.accounts.apply({
      customers: text.customers.map((one) => customerSchema.parse(one)),
      price_plans: text.price_plans.map((one) => planSchema.parse(one)),
      services: text.services.map((one) => serviceSchema.parse(one)),
    });
  }

  /** Rates under a lease of its own, on a database that a test may make fail. */
  async rate(database: Database = this.database, holder = 'test'): Promise<RatingSummary> {
    const lease = await this.leases.acquire('billing-rate', holder, 60_000);
    if (lease === null) throw new Error('the lease is held elsewhere');
    const run = new RatingRun(
      this.#reporter,
      { windowMs: WINDOW_MS, bucketMs: BUCKET_MS },
      {
        database,
        usage: this.#reader,
        book: (until) => this.accounts.book(until),
        publish: (connection, id, charges) => putIntoOutbox(connection, chargeJobs(id, charges), this.clock.now()),
        clock: this.clock,
        ...(this.pairs === null ? {} : { pairs: this.pairs }),
      },
    );
    return run.run({
      holder,
      token: lease.token,
      fence: (connection) => this.leases.assertHeld(connection, lease),
    });
  }

  billRun(database: Database = this.database, hardGates: readonly GateName[] = GATE_NAMES): BillRun {
    const gateDeps: GateCheckDeps = {
      database: this.database,
      usage: this.#reader,
      facts: this.facts,
      stateOf: (book, device, interfaceKey, at) => interfaceState(book, [], device, interfaceKey, at),
      dueByTime: (book, service, afterMs, untilMs) => dueByTime(book, service, afterMs, untilMs, 1).length > 0,
      waitedOut: (endedAtMs) => isWaitedOut(endedAtMs, this.clock.now()),
      isSilent,
    };
    return new BillRun(
      this.#reporter,
      { hardGates, watermark: null, legalEntities: this.legalEntities },
      {
        database,
        book: () => this.accounts.book(),
        beginGates: () => {
          const gates = new GateCheck(gateDeps);
          return (book, customer, period) => gates.check(book, customer, period);
        },
        readCharges: { columns: CHARGE_COLUMNS, charge: chargeOf },
        seal,
        clock: this.clock,
      },
    );
  }

  charges(allVersions = false): Promise<Charge[]> {
    return findCharges(this.database, { customers: null, allVersions, limit: 100_000 });
  }

  async chargeTotal(): Promise<string> {
    const charges = await this.charges();
    return charges.reduce((sum, one) => sum.add(Exact.fromText(one.amount) ?? Exact.zero), Exact.zero).toString();
  }
}
