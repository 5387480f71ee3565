// What the correlator reads and writes: raised alarms with what was decided of them, the last polls of what lies before them, and the decisions.
import type { Queryable } from '../../../common/database/database.ts';
import type { EpochMs } from '../../../common/model/time.ts';
import type { Severity } from '../alarm.ts';
import type { AlarmRow } from '../alarm-row.ts';
import { CAUSAL_TYPES, type RaisedAlarm } from './causes.ts';
import type { Decision, LastPoll } from './decisions.ts';

/** Raised alarms of one pass; those that changed longest ago are left out and count as causes. */
export const MOST_ALARMS = 100_000;
/** Devices whose last polls one pass reads; of others nothing is known, and their alarms are held as long as may be. */
export const MOST_ASKED = 10_000;

export type AlarmOfPass = RaisedAlarm & { readonly severity: Severity; readonly text: string };

/** Of a row of faults.alarm. */
export function alarmOfPass(row: AlarmColumns): AlarmOfPass {
  return {
    id: row.id.toString(),
    resource: row.resource,
    alarmType: row.alarm_type,
    device: row.device,
    severity: row.severity,
    text: row.text,
    raisedAtMs: Number(row.raised_at_ms),
  };
}

export interface ReadAlarms {
  readonly alarms: readonly AlarmOfPass[];
  readonly decided: ReadonlyMap<string, Decision>;
  /** When roots of decisions cleared; a root that is nowhere any more has done so long ago. */
  readonly clearedAtMs: ReadonlyMap<string, EpochMs>;
  readonly leftOut: boolean;
}

type AlarmColumns = Pick<AlarmRow, 'id' | 'resource' | 'alarm_type' | 'device' | 'severity' | 'text' | 'raised_at_ms'>;

interface Row extends AlarmColumns {
  readonly decided_at_ms: bigint | null;
  readonly decided_raised_at_ms: bigint | null;
  readonly root: bigint | null;
  readonly held_until_ms: bigint | null;
  readonly reason: string | null;
  readonly root_active: boolean;
  readonly root_cleared_at_ms: bigint | null;
}

/** Grows with each change of an alarm by any collector; a transaction that commits late may hide behind it for a while. */
export async function lastChange(connection: Queryable): Promise<bigint> {
  const { rows } = await connection.query<{ last: bigint | null }>('select max(id) as last from faults.status_change');
  return rows[0]?.last ?? 0n;
}

export async function readAlarms(connection: Queryable): Promise<ReadAlarms> {
  const { rows } = await connection.query<Row>(
    `select alarm.id, alarm.resource, alarm.alarm_type, alarm.device, alarm.severity, alarm.text, alarm.raised_at_ms,
            cause.decided_at_ms, cause.raised_at_ms as decided_raised_at_ms, cause.root, cause.held_until_ms, cause.reason,
            coalesce(not root.is_cleared, false) as root_active, root.cleared_at_ms as root_cleared_at_ms
       from faults.alarm alarm
       left join faults.cause cause on cause.alarm = alarm.id
       left join faults.alarm root on root.id = cause.root
      where not alarm.is_cleared and alarm.alarm_type = any($1::text[])
      order by alarm.changed_at_ms desc, alarm.id desc limit $2`,
    [CAUSAL_TYPES, MOST_ALARMS + 1],
  );
  const kept = rows.slice(0, MOST_ALARMS);
  const decided = new Map<string, Decision>();
  const clearedAtMs = new Map<string, EpochMs>();
  for (const row of kept) {
    if (row.decided_at_ms === null) continue;
    decided.set(row.id.toString(), {
      alarm: row.id.toString(),
      raisedAtMs: Number(row.decided_raised_at_ms),
      root: row.root?.toString() ?? null,
      heldUntilMs: row.held_until_ms === null ? null : Number(row.held_until_ms),
      reason: row.reason ?? '',
      decidedAtMs: Number(row.decided_at_ms),
    });
    if (row.root !== null && !row.root_active)
      clearedAtMs.set(row.root.toString(), Number(row.root_cleared_at_ms ?? 0n));
  }
  return { alarms: kept.map(alarmOfPass), decided, clearedAtMs, leftOut: rows.length > MOST_ALARMS };
}

/** Of devices their last poll, of agents (`agent:NAME`) when they were last heard. */
export async function readPolls(connection: Queryable, asked: Iterable<string>): Promise<Map<string, LastPoll>> {
  const names = [...asked].slice(0, MOST_ASKED);
  if (names.length === 0) return new Map();
  const { rows } = await connection.query<{ name: string; at_ms: bigint; answered: boolean }>(
    `select device as name, last_at_ms as at_ms, coalesce((state ->> 'failures')::int, 0) = 0 as answered
       from faults.device_state where device = any($1::text[]) and version > 0
      union all
     select 'agent:' || agent, last_received_at_ms, true
       from faults.agent_state where 'agent:' || agent = any($1::text[]) and version > 0`,
    [names],
  );
  return new Map(rows.map(({ name, at_ms: atMs, answered }) => [name, { atMs: Number(atMs), answered }]));
}

export async function writeDecisions(connection: Queryable, decisions: readonly Decision[]): Promise<void> {
  if (decisions.length === 0) return;
  await connection.query(
    `insert into faults.cause (alarm, root, held_until_ms, reason, decided_at_ms, raised_at_ms)
     select * from unnest($1::int8[], $2::int8[], $3::int8[], $4::text[], $5::int8[], $6::int8[])
     on conflict (alarm) do update
        set root = excluded.root, held_until_ms = excluded.held_until_ms, reason = excluded.reason,
            decided_at_ms = excluded.decided_at_ms, raised_at_ms = excluded.raised_at_ms`,
    [
      decisions.map(({ alarm }) => alarm),
      decisions.map(({ root }) => root),
      decisions.map(({ heldUntilMs }) => heldUntilMs),
      decisions.map(({ reason }) => reason),
      decisions.map(({ decidedAtMs }) => decidedAtMs),
      decisions.map(({ raisedAtMs }) => raisedAtMs),
    ],
  );
}

/** A decision ends with its alarm. */
export async function forgetCleared(connection: Queryable): Promise<void> {
  await connection.query(
    `delete from faults.cause
      where not exists (select from faults.alarm where alarm.id = cause.alarm and not alarm.is_cleared)`,
  );
}
