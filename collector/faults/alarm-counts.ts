// How many alarms are raised where, by severity: what a roll-up of sites needs without reading every alarm.
import type { Database } from '../../common/database/database.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Severity } from './alarm.ts';
import { seen, seesAlarm } from './alarm-query.ts';

export interface AlarmCount {
  /** A device, or `site:NAME` for alarms of a site as a whole. */
  readonly place: string;
  readonly severity: Severity;
  readonly count: number;
}

export interface AlarmCounts {
  /** Raised and not shelved; those of agents are of no place. */
  byPlace(viewpoint: Viewpoint): Promise<readonly AlarmCount[]>;
}

export class PostgresAlarmCounts implements AlarmCounts {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(deps: { readonly database: Database; readonly clock: Clock }) {
    this.#database = deps.database;
    this.#clock = deps.clock;
  }

  async byPlace(viewpoint: Viewpoint): Promise<readonly AlarmCount[]> {
    const { rows } = await this.#database.query<{
      readonly place: string;
      readonly severity: Severity;
      readonly count: bigint;
    }>(
      `select coalesce(device, resource) as place, severity, count(*) as count from faults.alarm
        where not is_cleared and not coalesce(shelved_until_ms > $1, false) and ${seesAlarm(2)}
          and (device is not null or starts_with(resource, 'site:'))
        group by 1, 2`,
      [this.#clock.now(), ...seen(viewpoint)],
    );
    return rows.map(({ count, ...one }) => ({ ...one, count: Number(count) }));
  }
}
