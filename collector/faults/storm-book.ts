// Reads from the alarms whether they arrive faster than a person can read, and which causes they are folded under.
import type { Database } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Severity } from './alarm.ts';
import { seen, seesAlarm } from './alarm-query.ts';
import { STORM, type Storm, type StormRoot, type Storms, stormSince } from './alarm-storm.ts';

/** A storm that goes on for longer is told as one of that age. */
const LOOKED_BACK_MS: DurationMs = 12 * 3_600_000;
const MOST_COUNTED = 20_000;
const ROOTS_SHOWN = 5;

/** $1 is now, $2 and $3 the viewpoint, $4 since when. Shelved alarms are read by nobody, and a warning asks nobody to act. */
const RAISED = `alarm.raised_at_ms >= $4 and alarm.severity <> 'warning' and not coalesce(alarm.shelved_until_ms > $1, false) and ${seesAlarm(2, 'alarm.')}`;

interface RootRow {
  readonly id: bigint;
  readonly resource: string;
  readonly text: string;
  readonly severity: Severity;
  readonly is_cleared: boolean;
  readonly symptoms: bigint;
  readonly folded: bigint;
}

export class StormBook implements Storms {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(deps: { readonly database: Database; readonly clock: Clock }) {
    this.#database = deps.database;
    this.#clock = deps.clock;
  }

  async now(viewpoint: Viewpoint): Promise<Storm | null> {
    const nowMs = this.#clock.now();
    const { rows } = await this.#database.query<{ readonly at: bigint }>(
      `select raised_at_ms as at from faults.alarm where ${RAISED} order by raised_at_ms desc
        limit ${MOST_COUNTED + 1}`,
      [nowMs, ...seen(viewpoint), nowMs - LOOKED_BACK_MS],
    );
    const times = rows.map(({ at }) => Number(at)).toReversed();
    const sinceMs = stormSince(times, nowMs);
    if (sinceMs === null) return null;
    return {
      sinceMs,
      raised: Math.min(MOST_COUNTED, times.filter((at) => at >= sinceMs).length),
      raisedLately: times.filter((at) => at > nowMs - STORM.spanMs).length,
      counted: rows.length <= MOST_COUNTED,
      ...(await this.#roots(viewpoint, nowMs, sinceMs)),
    };
  }

  async #roots(
    viewpoint: Viewpoint,
    nowMs: EpochMs,
    sinceMs: EpochMs,
  ): Promise<{ readonly roots: readonly StormRoot[]; readonly folded: number }> {
    const { rows } = await this.#database.query<RootRow>(
      `select root.id, root.resource, root.text, root.severity, root.is_cleared, count(*) as symptoms,
              sum(count(*)) over ()::int8 as folded
         from faults.alarm
         join faults.cause on cause.alarm = alarm.id and cause.raised_at_ms = alarm.raised_at_ms
          and cause.held_until_ms is null
         join faults.alarm root on root.id = cause.root
        where ${RAISED} and ${seesAlarm(2, 'root.')}
        group by root.id order by count(*) desc, root.id limit ${ROOTS_SHOWN}`,
      [nowMs, ...seen(viewpoint), sinceMs],
    );
    const roots = rows.map(({ id, is_cleared: isCleared, symptoms, folded: _all, ...root }) => ({
      ...root,
      id: id.toString(),
      isCleared,
      symptoms: Number(symptoms),
    }));
    return { roots, folded: Number(rows[0]?.folded ?? 0n) };
  }
}
