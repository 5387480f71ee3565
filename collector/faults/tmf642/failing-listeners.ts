// Listeners of alarms that are not told: those that fail, and those that were given up and have not come back.
import type { Queryable } from '../../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../../common/model/time.ts';
import type { FailingReceiver } from '../receivers.ts';

export const LISTENER_PREFIX = 'listener:';
/** One that was given up is told for so long: whoever wants it has registered it anew by then. */
const TOLD_MS: DurationMs = 7 * 86_400_000;
const MOST = 200;

interface Row {
  readonly id: string;
  readonly callback: string;
  readonly since_ms: bigint;
  readonly given_up: boolean;
  readonly why: string | null;
}

export async function failingListeners(connection: Queryable, nowMs: EpochMs): Promise<readonly FailingReceiver[]> {
  const { rows } = await connection.query<Row>(
    `select id, callback, coalesce(ended_at_ms, failing_since_ms) as since_ms, ended_at_ms is not null as given_up,
            coalesce(end_reason, last_failure) as why
       from faults.alarm_listener one
      where (ended_at_ms is null and failures > 0 and failing_since_ms is not null)
         or (ended_at_ms > $1 and end_reason <> 'unregistered'
             and not exists (select from faults.alarm_listener anew where anew.ended_at_ms is null and anew.callback = one.callback))
      order by id limit ${MOST}`,
    [nowMs - TOLD_MS],
  );
  return rows.map(({ id, callback, since_ms: sinceMs, given_up: givenUp, why }) => ({
    resource: `${LISTENER_PREFIX}${id}`,
    name: `The listener ${callback}`,
    state: givenUp ? 'given_up' : 'failing',
    sinceMs: Number(sinceMs),
    why: why ?? '',
  }));
}
