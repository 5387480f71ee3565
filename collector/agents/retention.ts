// Forgets events and finished work beyond their bounds, and marks work whose time is over: a little at a time, so that nothing waits for it.
import type { Database } from '../../common/database/database.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';

export interface RetentionConfig {
  /** Events and finished work are kept so long at most … */
  readonly keptMs: DurationMs;
  /** … and so many of each at most, the newest. */
  readonly most: number;
}

export interface RetentionDeps {
  readonly database: Database;
  readonly clock: Clock;
}

/** Rows of one statement. */
const STEP = 10_000;

export class Retention {
  readonly #reporter: Reporter;
  readonly #config: RetentionConfig;
  readonly #deps: RetentionDeps;
  readonly #forgotten: CounterMetric;

  constructor(reporter: Reporter, config: RetentionConfig, deps: RetentionDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#forgotten = reporter.counter('agents_forgotten_total', 'Events and pieces of work no longer kept, by bound', [
      'what',
      'bound',
    ]);
  }

  /** Never rejects: what was not done now is done the next time. */
  async run(): Promise<void> {
    try {
      await this.#work();
    } catch (error) {
      this.#reporter.debug('events not looked through', { code: codeOf(error), message: messageOf(error) });
    }
  }

  async #work(): Promise<void> {
    const { database, clock } = this.#deps;
    const nowMs = clock.now();
    await database.query(
      `update agents.work set state = 'expired' where state in ('queued', 'handed_out') and expires_at_ms <= $1`,
      [nowMs],
    );
    const oldestMs = nowMs - this.#config.keptMs;
    await this.#forget('event', 'age', 'agents.device_event', 'id', 'received_at_ms < $1', oldestMs);
    await this.#forget('work', 'age', 'agents.work', 'ordinal', `created_at_ms < $1 and ${CLOSED}`, oldestMs);
    for (const [what, table, key, condition] of [
      ['event', 'agents.device_event', 'id', 'true'],
      ['work', 'agents.work', 'ordinal', CLOSED],
    ] as const) {
      const { rows } = await database.query<{ last: bigint | null }>(`select max(${key}) as last from ${table}`);
      const upTo = Number(rows[0]?.last ?? 0n) - this.#config.most;
      // Numbers may be missing between, so that fewer stay than could: the bound holds all the same.
      if (upTo > 0) await this.#forget(what, 'number', table, key, `${key} <= $1 and ${condition}`, upTo);
    }
  }

  async #forget(
    what: string,
    bound: string,
    table: string,
    key: string,
    condition: string,
    limit: number,
  ): Promise<void> {
    for (;;) {
      const { rowCount } = await this.#deps.database.query(
        `delete from ${table} where ${key} in (select ${key} from ${table} where ${condition} order by ${key} limit ${STEP})`,
        [limit],
      );
      if (rowCount > 0) this.#forgotten.add(rowCount, { what, bound });
      if (rowCount < STEP) return;
    }
  }
}

const CLOSED = `state in ('done', 'failed', 'expired')`;
