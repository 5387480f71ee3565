// Results of work, found among the events of batches and written to the work they are of.
import type { Queryable } from '../../common/database/database.ts';
import type { EventDetail } from '../../common/model/event.ts';
import type { EpochMs } from '../../common/model/time.ts';

/** The detail that names the work. */
export const WORK_DETAIL = 'work';

const STATES: ReadonlyMap<string, 'done' | 'failed'> = new Map([
  ['work_done', 'done'],
  ['work_failed', 'failed'],
]);

export interface WorkResult {
  readonly id: string;
  readonly agent: string;
  readonly state: 'done' | 'failed';
  readonly finished_at_ms: EpochMs;
  readonly result: readonly EventDetail[];
}

/** What an event says of a piece of work; null where it is of something else. */
export function resultOf(event: {
  readonly agent: string;
  readonly origin: string;
  readonly name: string;
  readonly observed_at_ms: EpochMs;
  readonly details: readonly EventDetail[];
}): WorkResult | null {
  const state = STATES.get(event.name);
  const id = event.details.find(({ name }) => name === WORK_DETAIL)?.value;
  if (event.origin !== 'work' || state === undefined || id === undefined) return null;
  const result = event.details.filter(({ name }) => name !== WORK_DETAIL);
  return { id, agent: event.agent, state, finished_at_ms: event.observed_at_ms, result };
}

/** Closes work once, also where its time was over: it was done after all. Results of work that another agent was given change nothing. */
export async function closeWork(connection: Queryable, results: readonly WorkResult[]): Promise<void> {
  if (results.length === 0) return;
  const first = new Map(results.toReversed().map((result) => [`${result.agent} ${result.id}`, result]));
  await connection.query(
    `update agents.work work
        set state = told.state, finished_at_ms = told.finished_at_ms, result = told.result,
            handed_out_at_ms = coalesce(work.handed_out_at_ms, told.finished_at_ms)
       from jsonb_to_recordset($1::jsonb)
            as told (id text, agent text, state text, finished_at_ms int8, result jsonb)
      where work.id = told.id and work.agent = told.agent and work.state in ('queued', 'handed_out', 'expired')`,
    [JSON.stringify([...first.values()])],
  );
}
