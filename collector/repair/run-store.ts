// Diagnoses as they stand in the database: alarms that are due, runs with their steps, and what is kept no longer.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { AlarmRow } from '../faults/alarm-row.ts';
import type { Entry, Finding } from './entry.ts';
import type { RunsNow } from './run-decisions.ts';
import type { Step } from './runbook.ts';

export interface RunRow {
  readonly id: bigint;
  readonly alarm: bigint;
  readonly raised_at_ms: bigint;
  readonly device: string;
  readonly runbook: string;
  readonly title: string;
  readonly trigger: 'raised' | 'operator';
  readonly asked_by: string;
  readonly state: 'running' | 'done' | 'passed_over';
  readonly reason: string | null;
  readonly plan: readonly Step[];
  readonly created_at_ms: bigint;
  readonly finished_at_ms: bigint | null;
}

export interface AskedStepWork {
  readonly agent: string;
  readonly id: string;
  readonly device: string;
}

export interface StepRow {
  readonly run: bigint;
  readonly ordinal: number;
  readonly kind: string;
  readonly state: 'asked' | Finding['state'];
  readonly works: readonly AskedStepWork[];
  readonly begun_at_ms: bigint;
  readonly until_ms: bigint;
  readonly finished_at_ms: bigint | null;
  readonly summary: string;
  readonly entries: readonly Entry[];
  readonly left_out: number;
}

export interface NewRun {
  readonly alarm: string;
  readonly raisedAtMs: EpochMs;
  readonly device: string;
  readonly runbook: string;
  readonly title: string;
  readonly trigger: RunRow['trigger'];
  readonly askedBy: string;
  readonly state: RunRow['state'];
  readonly reason: string | null;
  readonly plan: readonly Step[];
}

/** Alarms of one look; the mildest wait for the next. */
const MOST_CANDIDATES = 2000;
/** Older ones were raised when nobody looked: what is found now says little of then. */
const NEW_MS: DurationMs = 3_600_000;
const HOUR_MS: DurationMs = 3_600_000;

export const RUN_COLUMNS =
  'id, alarm, raised_at_ms, device, runbook, title, trigger, asked_by, state, reason, plan, created_at_ms, finished_at_ms';

/** The worst first: raised lately, no symptoms and not held as such, neither diagnosed nor passed over since. */
export async function dueAlarms(
  connection: Queryable,
  types: readonly string[],
  leastHoldMs: DurationMs,
  nowMs: EpochMs,
): Promise<readonly AlarmRow[]> {
  const { rows } = await connection.query<AlarmRow>(
    `select alarm.* from faults.alarm
      where not is_cleared and alarm_type = any($1::text[])
        and raised_at_ms > $2 and raised_at_ms <= $3 and coalesce(shelved_until_ms <= $4, true)
        and not exists (select from faults.cause where cause.alarm = alarm.id and cause.raised_at_ms = alarm.raised_at_ms
                           and (cause.held_until_ms > $4 or (cause.held_until_ms is null and cause.root is not null)))
        and not exists (select from repair.run where run.alarm = alarm.id and run.raised_at_ms = alarm.raised_at_ms
                           and run.trigger = 'raised')
      order by severity_rank desc, raised_at_ms limit $5`,
    [types, nowMs - NEW_MS, nowMs - leastHoldMs, nowMs, MOST_CANDIDATES],
  );
  return rows;
}

export async function runsNow(connection: Queryable, nowMs: EpochMs): Promise<RunsNow> {
  const { rows } = await connection.query<{ device: string; running: bigint; lately: bigint }>(
    `select device, count(*) filter (where state = 'running') as running, count(*) filter (where created_at_ms > $1) as lately
       from repair.run where state = 'running' or (state <> 'passed_over' and created_at_ms > $1) group by device`,
    [nowMs - HOUR_MS],
  );
  const sum = (pick: (row: (typeof rows)[number]) => bigint): number =>
    rows.reduce((all, row) => all + Number(pick(row)), 0);
  return {
    running: sum(({ running }) => running),
    lately: sum(({ lately }) => lately),
    latelyOf: new Map(rows.map(({ device, lately }) => [device, Number(lately)])),
  };
}

/** Those that are new: of a raising there is one that began by itself. */
export async function insertRuns(
  connection: Queryable,
  runs: readonly NewRun[],
  nowMs: EpochMs,
): Promise<readonly RunRow[]> {
  if (runs.length === 0) return [];
  const { rows } = await connection.query<RunRow>(
    `insert into repair.run (alarm, raised_at_ms, device, runbook, title, trigger, asked_by, state, reason, plan, created_at_ms, finished_at_ms)
     select alarm, "raisedAtMs", device, runbook, title, trigger, "askedBy", state, reason, plan, $2::int8,
            case when state = 'running' then null else $2::int8 end
       from jsonb_to_recordset($1::jsonb) as new (alarm int8, "raisedAtMs" int8, device text, runbook text, title text,
            trigger text, "askedBy" text, state text, reason text, plan jsonb)
     on conflict do nothing returning ${RUN_COLUMNS}`,
    [JSON.stringify(runs), nowMs],
  );
  return rows;
}

export async function runningRuns(connection: Queryable, most: number): Promise<readonly RunRow[]> {
  const { rows } = await connection.query<RunRow>(
    `select ${RUN_COLUMNS} from repair.run where state = 'running' order by id limit $1`,
    [most],
  );
  return rows;
}

export async function stepsOf(connection: Queryable, runs: readonly bigint[]): Promise<readonly StepRow[]> {
  const { rows } = await connection.query<StepRow>(
    `select run, ordinal, kind, state, works, begun_at_ms, until_ms, finished_at_ms, summary, entries, left_out
       from repair.step where run = any($1::int8[]) order by run, ordinal`,
    [runs],
  );
  return rows;
}

export async function writeAsked(
  connection: Queryable,
  step: Pick<StepRow, 'run' | 'ordinal' | 'kind' | 'works'> & { readonly nowMs: EpochMs; readonly untilMs: EpochMs },
): Promise<void> {
  await connection.query(
    `insert into repair.step (run, ordinal, kind, state, works, begun_at_ms, until_ms, summary, entries, left_out)
     values ($1, $2, $3, 'asked', $4::jsonb, $5, $6, '', '[]', 0) on conflict do nothing`,
    [step.run, step.ordinal, step.kind, JSON.stringify(step.works), step.nowMs, step.untilMs],
  );
}

export async function writeFinding(
  connection: Queryable,
  step: Pick<StepRow, 'run' | 'ordinal' | 'kind'>,
  { state, summary, entries, leftOut }: Finding,
  nowMs: EpochMs,
): Promise<void> {
  await connection.query(
    `insert into repair.step as held (run, ordinal, kind, state, works, begun_at_ms, until_ms, finished_at_ms, summary, entries, left_out)
     values ($1, $2, $3, $4, '[]', $8::int8, $8::int8, $8::int8, $5, $6::jsonb, $7)
     on conflict (run, ordinal) do update set state = excluded.state, finished_at_ms = excluded.finished_at_ms,
        summary = excluded.summary, entries = excluded.entries, left_out = excluded.left_out
      where held.finished_at_ms is null`,
    [step.run, step.ordinal, step.kind, state, summary, JSON.stringify(entries), leftOut, nowMs],
  );
}

export async function finishRun(connection: Queryable, run: bigint, nowMs: EpochMs): Promise<void> {
  await connection.query(
    `update repair.run set state = 'done', finished_at_ms = $2 where id = $1 and state = 'running'`,
    [run, nowMs],
  );
}

const FORGET_STEP = 5000;

/** What is older, or is of an alarm that is no longer there. */
export async function forgetRuns(database: Database, oldestMs: EpochMs): Promise<void> {
  await database.query(
    `delete from repair.run where id in
       (select id from repair.run where state <> 'running'
           and (created_at_ms < $1 or not exists (select from faults.alarm where alarm.id = run.alarm))
         order by id limit ${FORGET_STEP})`,
    [oldestMs],
  );
}
