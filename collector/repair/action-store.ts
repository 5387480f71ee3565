// Corrective actions as they stand in the database: one row each, found again by its key for ever, and changed only from the state it was in.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { type ActionState, type Checks, OPEN_STATES, type Values } from './action-decisions.ts';
import type { ActionPlan, ActionsNow } from './action-plan.ts';

export interface ActionRow {
  readonly id: bigint;
  readonly key: string;
  readonly alarm: bigint;
  readonly raised_at_ms: bigint;
  readonly action: string;
  readonly title: string;
  readonly target: string;
  readonly device: string;
  readonly agent: string;
  /** Null of one that was refused before it came to one. */
  readonly plan: ActionPlan | null;
  readonly policy: string | null;
  readonly requested_by: string;
  readonly role: string;
  readonly reason: string;
  readonly state: ActionState;
  readonly message: string;
  readonly outcome: 'done' | 'unknown' | null;
  readonly before: Values | null;
  readonly after: Values | null;
  readonly checks: Checks | null;
  readonly created_at_ms: bigint;
  /** When the agent had ended it. */
  readonly effect_at_ms: bigint | null;
  readonly verify_until_ms: bigint | null;
  /** When it is looked at next, and how often it was. */
  readonly check_at_ms: bigint | null;
  readonly check_number: number;
  readonly finished_at_ms: bigint | null;
}

export interface NewAction {
  readonly key: string;
  readonly alarm: string;
  readonly raisedAtMs: EpochMs;
  readonly action: string;
  readonly title: string;
  readonly target: string;
  readonly device: string;
  readonly agent: string;
  readonly plan: ActionPlan | null;
  readonly policy: string | null;
  readonly requestedBy: string;
  readonly role: string;
  readonly reason: string;
  readonly state: 'asked' | 'refused';
  readonly message: string;
}

const COLUMNS = `id, key, alarm, raised_at_ms, action, title, target, device, agent, plan, policy, requested_by, role, reason, state,
  message, outcome, before, after, checks, created_at_ms, effect_at_ms, verify_until_ms, check_at_ms, check_number, finished_at_ms`;
const HOUR_MS: DurationMs = 3_600_000;
const DAY_MS: DurationMs = 86_400_000;

/** One at a time decides what may be done: limits are held against what others have just written. */
export async function lockActions(connection: Queryable): Promise<void> {
  await connection.query("select pg_advisory_xact_lock(hashtext('repair.action'))");
}

export async function actionByKey(connection: Queryable, key: string): Promise<ActionRow | null> {
  const { rows } = await connection.query<ActionRow>(`select ${COLUMNS} from repair.action where key = $1`, [key]);
  return rows[0] ?? null;
}

export async function actionsOf(connection: Queryable, alarm: string, most: number): Promise<readonly ActionRow[]> {
  const { rows } = await connection.query<ActionRow>(
    `select ${COLUMNS} from repair.action where alarm = $1 order by id desc limit $2`,
    [alarm, most],
  );
  return rows;
}

export async function openActions(connection: Queryable, most: number): Promise<readonly ActionRow[]> {
  const { rows } = await connection.query<ActionRow>(
    `select ${COLUMNS} from repair.action where finished_at_ms is null order by id limit $1`,
    [most],
  );
  return rows;
}

/** What was refused, and what was never sent, does not count against any limit. */
const COUNTS = "state not in ('refused', 'not_sent')";

export async function actionsNow(connection: Queryable, device: string, nowMs: EpochMs): Promise<ActionsNow> {
  const { rows: open } = await connection.query<{ action: string; device: string; alarm: bigint }>(
    'select action, device, alarm from repair.action where finished_at_ms is null order by id',
  );
  const { rows } = await connection.query<{ hour: bigint; device_hour: bigint; device_day: bigint }>(
    `select count(*) filter (where created_at_ms > $2) as hour,
            count(*) filter (where created_at_ms > $2 and device = $1) as device_hour,
            count(*) filter (where device = $1) as device_day
       from repair.action where created_at_ms > $3 and ${COUNTS}`,
    [device, nowMs - HOUR_MS, nowMs - DAY_MS],
  );
  const [counts] = rows;
  return {
    open: open.map(({ alarm, ...one }) => ({ ...one, alarm: alarm.toString() })),
    lastHour: Number(counts?.hour ?? 0n),
    ofDeviceLastHour: Number(counts?.device_hour ?? 0n),
    ofDeviceLastDay: Number(counts?.device_day ?? 0n),
  };
}

export interface PolicyCounts {
  readonly ofDeviceLastHour: number;
  readonly ofDeviceLastDay: number;
  readonly lastDay: number;
}

export async function policyCounts(
  connection: Queryable,
  policy: string,
  device: string,
  nowMs: EpochMs,
): Promise<PolicyCounts> {
  const { rows } = await connection.query<{ day: bigint; device_hour: bigint; device_day: bigint }>(
    `select count(*) as day, count(*) filter (where created_at_ms > $3 and device = $2) as device_hour,
            count(*) filter (where device = $2) as device_day
       from repair.action where policy = $1 and created_at_ms > $4 and ${COUNTS}`,
    [policy, device, nowMs - HOUR_MS, nowMs - DAY_MS],
  );
  const [counts] = rows;
  return {
    ofDeviceLastHour: Number(counts?.device_hour ?? 0n),
    ofDeviceLastDay: Number(counts?.device_day ?? 0n),
    lastDay: Number(counts?.day ?? 0n),
  };
}

/** Null where the key is taken. */
export async function insertAction(
  connection: Queryable,
  action: NewAction,
  nowMs: EpochMs,
): Promise<ActionRow | null> {
  const { rows } = await connection.query<ActionRow>(
    `insert into repair.action (key, alarm, raised_at_ms, action, title, target, device, agent, plan, policy, requested_by, role,
                                reason, state, message, created_at_ms, finished_at_ms)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, $12, $13, $14, $15, $16, case when $14 = 'refused' then $16::int8 end)
     on conflict (key) do nothing returning ${COLUMNS}`,
    [
      action.key,
      action.alarm,
      action.raisedAtMs,
      action.action,
      action.title,
      action.target,
      action.device,
      action.agent,
      action.plan === null ? null : JSON.stringify(action.plan),
      action.policy,
      action.requestedBy,
      action.role,
      action.reason,
      action.state,
      action.message,
      nowMs,
    ],
  );
  return rows[0] ?? null;
}

export type ActionChange = Partial<{
  readonly state: ActionState;
  readonly message: string;
  readonly outcome: 'done' | 'unknown';
  readonly before: Values | null;
  readonly after: Values | null;
  readonly checks: Checks;
  readonly effect_at_ms: EpochMs;
  readonly verify_until_ms: EpochMs;
  readonly check_at_ms: EpochMs;
  readonly check_number: number;
}>;

const JSON_COLUMNS: readonly string[] = ['before', 'after', 'checks'];

/** From the state it was read in: false where another has moved it on. One that ends is finished now. */
export async function moveAction(
  connection: Queryable,
  row: Pick<ActionRow, 'id' | 'state'>,
  change: ActionChange,
  nowMs: EpochMs,
): Promise<boolean> {
  const columns = Object.entries(change);
  const sets = columns.map(([name], at) => `${name} = $${at + 5}${JSON_COLUMNS.includes(name) ? '::jsonb' : ''}`);
  const ends = change.state !== undefined && !OPEN_STATES.some((one) => one === change.state);
  const { rowCount } = await connection.query(
    `update repair.action set finished_at_ms = case when $3::boolean then $4::int8 else finished_at_ms end${sets.map((set) => `, ${set}`).join('')}
      where id = $1 and state = $2 and finished_at_ms is null`,
    [
      row.id,
      row.state,
      ends,
      nowMs,
      ...columns.map(([name, value]) =>
        JSON_COLUMNS.includes(name) && value !== null ? JSON.stringify(value) : value,
      ),
    ],
  );
  return rowCount > 0;
}

const FORGET_STEP = 5000;

export async function forgetActions(database: Database, oldestMs: EpochMs): Promise<void> {
  await database.query(
    `delete from repair.action where id in
       (select id from repair.action where finished_at_ms is not null and created_at_ms < $1 order by id limit ${FORGET_STEP})`,
    [oldestMs],
  );
}
