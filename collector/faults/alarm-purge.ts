// Lets go of alarms that ended long ago, by policy or when asked to: a little at a time, each in the audit log, never an active one.
import { recordAudit } from '../../common/database/audit.ts';
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { AlarmsPurge, Publish, PurgeAnswer, PurgeQuestion } from './alarm.ts';
import { ALARM_COLUMNS, type AlarmRow, alarmOf, timeOf } from './alarm-row.ts';
import { operatorPart } from './operator-deed.ts';

export interface AlarmRetention {
  /** Cleared, closed, and untouched so long. */
  readonly closedMs: DurationMs;
  /** Cleared and untouched so long, whatever operators said. */
  readonly clearedMs: DurationMs;
}

export interface AlarmPurgeDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly publish: Publish;
}

type Rule = 'closed' | 'cleared';
interface Purged {
  readonly row: AlarmRow;
  readonly rule: Rule;
}

/** Alarms of one transaction, and of one turn or request. */
const STEP = 500;
const MOST = 5000;
const SHOWN = 100;
const SYSTEM = { name: 'system', role: 'system' };

export class AlarmPurge implements AlarmsPurge {
  readonly #reporter: Reporter;
  readonly #retention: AlarmRetention;
  readonly #deps: AlarmPurgeDeps;
  readonly #purged: CounterMetric;

  constructor(reporter: Reporter, retention: AlarmRetention, deps: AlarmPurgeDeps) {
    this.#reporter = reporter;
    this.#retention = retention;
    this.#deps = deps;
    this.#purged = reporter.counter('alarms_purged_total', 'Cleared alarms no longer kept, by rule', ['rule']);
  }

  /** What the policy says. Never rejects: what was not done now is done the next time. */
  async run(): Promise<void> {
    try {
      await this.purge({ clearedBeforeMs: null, closedOnly: false, dryRun: false }, SYSTEM);
    } catch (error) {
      this.#reporter.debug('alarms not looked through', { code: codeOf(error), message: messageOf(error) });
    }
  }

  async purge(question: PurgeQuestion, by: { readonly name: string; readonly role: string }): Promise<PurgeAnswer> {
    const nowMs = this.#deps.clock.now();
    const rules = this.#rulesOf(question, nowMs);
    const done: Purged[] = [];
    let full = true;
    if (question.dryRun) {
      done.push(...(await this.#find(this.#deps.database, rules, nowMs, MOST, '')));
      full = done.length === MOST;
    } else
      while (full && done.length < MOST) {
        const step = await this.#step(rules, nowMs, by);
        done.push(...step);
        full = step.length === STEP;
      }
    return {
      dryRun: question.dryRun,
      purged: done.length,
      more: full,
      items: done.slice(0, SHOWN).map(({ row, rule }) => ({
        id: row.id.toString(),
        resource: row.resource,
        alarmType: row.alarm_type,
        clearedAt: row.cleared_at_ms === null ? null : timeOf(row.cleared_at_ms),
        rule,
      })),
    };
  }

  /** Up to when an alarm must have been left alone: if closed, and if not. */
  #rulesOf({ clearedBeforeMs, closedOnly }: PurgeQuestion, nowMs: EpochMs): Readonly<Record<Rule, EpochMs>> {
    if (clearedBeforeMs !== null) return { closed: clearedBeforeMs, cleared: closedOnly ? -1 : clearedBeforeMs };
    return { closed: nowMs - this.#retention.closedMs, cleared: closedOnly ? -1 : nowMs - this.#retention.clearedMs };
  }

  async #step(
    rules: Readonly<Record<Rule, EpochMs>>,
    nowMs: EpochMs,
    by: { readonly name: string; readonly role: string },
  ): Promise<Purged[]> {
    const gone = await this.#deps.database.transaction(async (connection) => {
      const found = await this.#find(connection, rules, nowMs, STEP, 'for update skip locked');
      for (const { row, rule } of found)
        await recordAudit(connection, {
          atMs: nowMs,
          actor: by.name,
          role: by.role,
          action: 'alarm.purge',
          subject: `alarm/${row.id}`,
          before: { ...keyOf(row), ...operatorPart(row) },
          note: rule,
        });
      await connection.query('delete from faults.alarm where id = any($1::int8[])', [found.map(({ row }) => row.id)]);
      return found;
    });
    for (const { row, rule } of gone) {
      this.#purged.add(1, { rule });
      this.#deps.publish('alarm', { change: 'purged', ...alarmOf(row, nowMs) });
    }
    return gone;
  }

  async #find(
    connection: Queryable,
    { closed, cleared }: Readonly<Record<Rule, EpochMs>>,
    nowMs: EpochMs,
    limit: number,
    lock: string,
  ): Promise<Purged[]> {
    const { rows } = await connection.query<AlarmRow>(
      `select ${ALARM_COLUMNS} from faults.alarm
        where is_cleared and not coalesce(shelved_until_ms > $3, false)
          and ((operator_state = 'closed' and cleared_at_ms <= $1 and updated_at_ms <= $1)
               or (cleared_at_ms <= $2 and updated_at_ms <= $2))
        order by cleared_at_ms, id limit $4 ${lock}`,
      [closed, cleared, nowMs, limit],
    );
    const isClosed = (row: AlarmRow): boolean =>
      row.operator_state === 'closed' && Number(row.cleared_at_ms) <= closed && Number(row.updated_at_ms) <= closed;
    return rows.map((row) => ({ row, rule: isClosed(row) ? 'closed' : 'cleared' }));
  }
}

function keyOf(row: AlarmRow): object {
  return {
    resource: row.resource,
    alarmType: row.alarm_type,
    qualifier: row.qualifier,
    severity: row.severity,
    raisedAt: timeOf(row.raised_at_ms),
    clearedAt: row.cleared_at_ms === null ? null : timeOf(row.cleared_at_ms),
  };
}
