// Bill runs by the clock: what is due comes from the ledger, so that a bridge that was away catches up, and a bill held by a gate is tried again.
import type { Database, Migration, Queryable } from '../../common/database/database.ts';
import { type Cron, lastDue } from '../../common/model/cron.ts';
import { type BillingCycle, periodAt, previousPeriod } from '../../common/model/period.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Customer } from '../account/contract.ts';
import { type BillRequest, type BillRunResult, isOfAccount } from './bill-run.ts';
import type { GateName } from './gates.ts';

export const billScheduleMigrations: readonly Migration[] = [
  {
    id: 'billing-bill-schedule-001',
    sql: `
      create table billing.bill_schedule (
        name text primary key,
        done_ms bigint not null,
        tried_at_ms bigint
      );
      create table billing.bill_schedule_held (
        name text not null references billing.bill_schedule (name),
        period text not null,
        customer text not null,
        since_ms bigint not null,
        primary key (name, period, customer)
      );`,
  },
];

export interface BillSchedule {
  readonly name: string;
  readonly cron: Cron;
  /** As it is stated. */
  readonly pattern: string;
  readonly zone: string;
  readonly cycle: BillingCycle;
  readonly accept: readonly GateName[];
  /** How long after a run that was held back it is tried again. */
  readonly retryHeldMs: DurationMs;
}

export interface ScheduledBillsDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly book: () => Promise<ContractBook>;
  /** Under the lease of bill runs; throws run_elsewhere. */
  readonly runBills: (request: Omit<BillRequest, 'fence'>) => Promise<BillRunResult>;
}

export interface ScheduledBillsSummary {
  /** The time of the cron that this run was for; null where none was due. */
  readonly dueMs: EpochMs | null;
  readonly made: number;
  readonly held: number;
}

interface Due {
  readonly period: string;
  readonly customer: string;
}

/** A bridge that was away for longer has so many periods of an account billed, the newest. */
const MOST_PERIODS = 100;
const MOST_HELD = 100_000;

/** What of an account ended in a span: after the one, at or before the other. Oldest first. */
export function periodsEnded(
  { cycle, zone }: Pick<Customer, 'cycle' | 'zone'>,
  afterMs: EpochMs,
  untilMs: EpochMs,
): string[] {
  const found: string[] = [];
  let period = previousPeriod(periodAt(untilMs, cycle, zone));
  while (period.endMs > afterMs && found.length < MOST_PERIODS) {
    found.push(period.name);
    period = previousPeriod(period);
  }
  return found.toReversed();
}

export class ScheduledBills {
  readonly #schedule: BillSchedule;
  readonly #deps: ScheduledBillsDeps;

  constructor(schedule: BillSchedule, deps: ScheduledBillsDeps) {
    this.#schedule = schedule;
    this.#deps = deps;
  }

  /** Makes what is due; done again, or after a crash anywhere, it makes no bill twice. `fence` throws lease_lost. */
  async run(
    fence: (connection: Queryable) => Promise<void>,
    progress: (done: number, of: number) => void = () => undefined,
  ): Promise<ScheduledBillsSummary> {
    const { clock } = this.#deps;
    const { cron, zone, retryHeldMs } = this.#schedule;
    const now = clock.now();
    const { doneMs, triedAtMs } = await this.#begin(now);
    const dueMs = lastDue(cron, zone, doneMs, now);
    const held = await this.#held();
    const retry = held.length > 0 && now - (triedAtMs ?? 0) >= retryHeldMs;
    if (dueMs === null && !retry) return { dueMs: null, made: 0, held: held.length };
    const book = await this.#deps.book();
    const due = dueMs === null ? held : [...held, ...endedIn(book, this.#schedule.cycle, doneMs, dueMs)];
    const result = await this.#bill(due, book, progress);
    await this.#deps.database.transaction(async (connection) => {
      await fence(connection);
      await this.#keep(connection, dueMs ?? doneMs, now, result.held);
    });
    return { dueMs, made: result.made, held: result.held.length };
  }

  /** What was held back at the last try. */
  async #held(): Promise<Due[]> {
    const { rows } = await this.#deps.database.query<{ period: string; customer: string }>(
      `select period, customer from billing.bill_schedule_held where name = $1 order by since_ms, period, customer limit ${MOST_HELD}`,
      [this.#schedule.name],
    );
    return [...rows];
  }

  /** A schedule begins when it is first seen: what ended before is nobody's wish yet. */
  async #begin(now: EpochMs): Promise<{ readonly doneMs: EpochMs; readonly triedAtMs: EpochMs | null }> {
    const { database } = this.#deps;
    await database.query('insert into billing.bill_schedule (name, done_ms) values ($1, $2) on conflict do nothing', [
      this.#schedule.name,
      now,
    ]);
    const { rows } = await database.query<{ done_ms: bigint; tried_at_ms: bigint | null }>(
      'select done_ms, tried_at_ms from billing.bill_schedule where name = $1',
      [this.#schedule.name],
    );
    const tried = rows[0]?.tried_at_ms ?? null;
    return { doneMs: Number(rows[0]?.done_ms ?? now), triedAtMs: tried === null ? null : Number(tried) };
  }

  /** Period by period, the oldest first: a bill waits for the one before it. */
  async #bill(
    due: readonly Due[],
    book: ContractBook,
    progress: (done: number, of: number) => void,
  ): Promise<{ made: number; held: Due[] }> {
    const wanted = due.filter(({ customer }) => book.customers.has(customer));
    const byPeriod = new Map<string, Set<string>>();
    for (const { period, customer } of wanted) byPeriod.set(period, (byPeriod.get(period) ?? new Set()).add(customer));
    let [made, done] = [0, 0];
    const held: Due[] = [];
    let failure: Error | null = null;
    for (const [period, customers] of [...byPeriod].toSorted(([left], [right]) => (left < right ? -1 : 1))) {
      const accounts = [...customers];
      const before = done;
      const asked = {
        period,
        accounts,
        interim: false,
        accept: this.#schedule.accept,
        by: `schedule ${this.#schedule.name}`,
        progress: (count: number): void => progress(before + count, wanted.length),
      };
      const result = await this.#deps.runBills(asked).catch((error: unknown) => {
        // Later periods of other accounts do not wait for it; what is due stays so until it can be billed.
        if (!isOfAccount(error)) throw error;
        failure ??= error;
        return { accounts: [] };
      });
      done += accounts.length;
      made += result.accounts.filter(({ outcome }) => outcome === 'made').length;
      for (const { account, outcome } of result.accounts)
        if (outcome === 'held') held.push({ period, customer: account });
    }
    if (failure !== null) throw failure;
    return { made, held };
  }

  async #keep(connection: Queryable, doneMs: EpochMs, triedAtMs: EpochMs, held: readonly Due[]): Promise<void> {
    const { name } = this.#schedule;
    await connection.query('update billing.bill_schedule set done_ms = $2, tried_at_ms = $3 where name = $1', [
      name,
      doneMs,
      triedAtMs,
    ]);
    const [periods, customers] = [held.map((one) => one.period), held.map((one) => one.customer)];
    await connection.query(
      `delete from billing.bill_schedule_held where name = $1
          and (period, customer) not in (select * from unnest($2::text[], $3::text[]))`,
      [name, periods, customers],
    );
    await connection.query(
      `insert into billing.bill_schedule_held (name, period, customer, since_ms)
       select $1, period, customer, $4 from unnest($2::text[], $3::text[]) as held (period, customer) on conflict do nothing`,
      [name, periods, customers, triedAtMs],
    );
  }
}

function endedIn(book: ContractBook, cycle: BillingCycle, afterMs: EpochMs, untilMs: EpochMs): Due[] {
  return [...book.customers.values()]
    .filter((customer) => customer.cycle === cycle)
    .flatMap((customer) =>
      periodsEnded(customer, afterMs, untilMs).map((period) => ({ period, customer: customer.id })),
    );
}

export interface HeldBill {
  readonly schedule: string;
  readonly period: string;
  readonly customer: string;
  readonly sinceMs: EpochMs;
}

/** Bills that a gate held back at the last try of their schedule, the oldest first. */
export async function findHeldBills(connection: Queryable, limit: number): Promise<HeldBill[]> {
  const { rows } = await connection.query<{ name: string; period: string; customer: string; since_ms: bigint }>(
    'select name, period, customer, since_ms from billing.bill_schedule_held order by since_ms, period, customer limit $1',
    [limit],
  );
  return rows.map(({ name, since_ms: since, ...row }) => ({ schedule: name, ...row, sinceMs: Number(since) }));
}
