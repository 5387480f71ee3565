// The outbox: what is to be carried is written with its cause in one transaction, and delivered until the queue has it.
import type { Database, Migration, Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { CarriedJob, WorkQueue } from './work-queue.ts';

export const queueMigrations: readonly Migration[] = [
  {
    id: 'billing-queue-001',
    sql: `
      create table billing.outbox (
        id bigint generated always as identity primary key,
        job_id text not null unique,
        name text not null,
        data jsonb not null,
        created_at_ms bigint not null,
        delivered_at_ms bigint,
        checked_at_ms bigint,
        done_at_ms bigint
      );
      create index outbox_undelivered on billing.outbox (id) where delivered_at_ms is null;
      create index outbox_unchecked on billing.outbox (checked_at_ms) where delivered_at_ms is not null and done_at_ms is null;
      create index outbox_done on billing.outbox (done_at_ms) where done_at_ms is not null;`,
  },
];

/** Writes jobs to be carried; to be called in the transaction of their cause. */
export async function putIntoOutbox(
  connection: Queryable,
  jobs: readonly CarriedJob[],
  createdAtMs: EpochMs,
): Promise<void> {
  if (jobs.length === 0) return;
  await connection.query(
    `insert into billing.outbox (job_id, name, data, created_at_ms)
     select job_id, name, data, $4 from unnest($1::text[], $2::text[], $3::jsonb[]) as job (job_id, name, data)`,
    [jobs.map((job) => job.id), jobs.map((job) => job.name), jobs.map((job) => JSON.stringify(job.data)), createdAtMs],
  );
}

export interface OutboxConfig {
  /** The relay waits while more jobs than this wait on the queue: the outbox is durable, the queue need not be. */
  readonly maxBacklog: number;
  /** How often a delivered job is looked for, until it is done: one that the queue lost is delivered again. */
  readonly checkEveryMs: DurationMs;
  /** How long done jobs stay on record. */
  readonly keepDoneMs: DurationMs;
}

export interface OutboxDeps {
  readonly database: Database;
  readonly queue: WorkQueue;
  readonly clock: Clock;
}

export interface RelaySummary {
  readonly delivered: number;
  readonly lost: number;
  readonly done: number;
}

const AT_ONCE = 100;
const CHECKS_AT_ONCE = 500;
const REMOVED_AT_ONCE = 10_000;

export class OutboxRelay {
  readonly #config: OutboxConfig;
  readonly #deps: OutboxDeps;
  readonly #delivered: CounterMetric;
  readonly #lost: CounterMetric;
  readonly #waiting: GaugeMetric;

  constructor(reporter: Reporter, config: OutboxConfig, deps: OutboxDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#delivered = reporter.counter('outbox_delivered_total', 'Jobs delivered to the queue of rated charges');
    this.#lost = reporter.counter(
      'outbox_lost_total',
      'Delivered jobs that the queue lost and that were delivered again',
    );
    this.#waiting = reporter.gauge('outbox_waiting', 'Jobs in the outbox that were not delivered yet');
  }

  /**
   * Delivers what waits and looks after what was delivered. A crash between delivery and its record delivers again under the
   * same job id: at least once, and exactly once while the queue remembers the id. `fence` throws lease_lost.
   */
  async run(fence: (connection: Queryable) => Promise<void>): Promise<RelaySummary> {
    const checked = await this.#check(fence);
    const delivered = await this.#deliver(fence);
    await this.#removeOld();
    return { ...checked, delivered };
  }

  async #deliver(fence: (connection: Queryable) => Promise<void>): Promise<number> {
    let delivered = 0;
    let room = this.#config.maxBacklog - (await this.#deps.queue.backlog());
    for (;;) {
      const jobs = await this.#undelivered(Math.min(AT_ONCE, room));
      if (jobs.length === 0) break;
      await this.#deps.queue.deliver(jobs);
      await this.#deps.database.transaction(async (connection) => {
        await fence(connection);
        await connection.query(
          'update billing.outbox set delivered_at_ms = $2, checked_at_ms = $2 where job_id = any($1::text[])',
          [jobs.map((job) => job.id), this.#deps.clock.now()],
        );
      });
      this.#delivered.add(jobs.length);
      delivered += jobs.length;
      room -= jobs.length;
    }
    await this.#countWaiting();
    return delivered;
  }

  async #undelivered(limit: number): Promise<CarriedJob[]> {
    if (limit <= 0) return [];
    const { rows } = await this.#deps.database.query<{ job_id: string; name: string; data: unknown }>(
      'select job_id, name, data from billing.outbox where delivered_at_ms is null order by id limit $1',
      [limit],
    );
    return rows.map((row) => ({ id: row.job_id, name: row.name, data: row.data }));
  }

  async #countWaiting(): Promise<void> {
    const { rows } = await this.#deps.database.query<{ count: bigint }>(
      'select count(*)::int8 as count from billing.outbox where delivered_at_ms is null',
    );
    this.#waiting.set(Number(rows[0]?.count ?? 0n));
  }

  async #check(fence: (connection: Queryable) => Promise<void>): Promise<{ lost: number; done: number }> {
    const now = this.#deps.clock.now();
    const { rows } = await this.#deps.database.query<{ job_id: string }>(
      `select job_id from billing.outbox where delivered_at_ms is not null and done_at_ms is null and checked_at_ms <= $1
        order by checked_at_ms limit $2`,
      [now - this.#config.checkEveryMs, CHECKS_AT_ONCE],
    );
    if (rows.length === 0) return { lost: 0, done: 0 };
    const states = await this.#deps.queue.stateOf(rows.map((row) => row.job_id));
    const ids = (wanted: string): string[] => [...states].filter(([, state]) => state === wanted).map(([id]) => id);
    const [gone, done] = [ids('gone'), ids('done')];
    await this.#deps.database.transaction(async (connection) => {
      await fence(connection);
      await connection.query(
        `update billing.outbox set checked_at_ms = $2::int8,
            done_at_ms = case when job_id = any($3::text[]) then $2::int8 end,
            delivered_at_ms = case when job_id = any($4::text[]) then null else delivered_at_ms end
          where job_id = any($1::text[])`,
        [[...states.keys()], now, done, gone],
      );
    });
    this.#lost.add(gone.length);
    return { lost: gone.length, done: done.length };
  }

  async #removeOld(): Promise<void> {
    await this.#deps.database.query(
      `delete from billing.outbox where id in (
         select id from billing.outbox where done_at_ms < $1 order by done_at_ms limit $2)`,
      [this.#deps.clock.now() - this.#config.keepDoneMs, REMOVED_AT_ONCE],
    );
  }
}
