// Changes of alarms into the database: the alarm as it is now, one status change for each, and the operators' word taken back where it is raised anew.
import type { Queryable } from '../../common/database/database.ts';
import type { AlarmChange } from './alarm-machine.ts';
import { alarmKeyText } from './alarm-machine.ts';
import { ALARM_COLUMNS, type AlarmRow } from './alarm-row.ts';

/** Where in which journal a change came from: no status change comes twice from one place. */
export interface Origin {
  readonly journal: string;
  readonly position: number;
  readonly ordinal: number;
}

export type OriginatedChange = AlarmChange & { readonly origin: Origin };

type NewRow = Pick<
  AlarmRow,
  | 'resource'
  | 'alarm_type'
  | 'qualifier'
  | 'device'
  | 'severity'
  | 'is_cleared'
  | 'text'
  | 'threshold'
  | 'external'
  | 'created_at_ms'
  | 'raised_at_ms'
  | 'changed_at_ms'
  | 'cleared_at_ms'
>;

export interface Written {
  readonly row: AlarmRow;
  /** The last of its changes. */
  readonly kind: AlarmChange['kind'];
}

/** Writes changes in their order and returns each alarm touched, as it is then. `historyEntries`: status changes kept of an alarm. */
export async function writeChanges(
  connection: Queryable,
  changes: readonly OriginatedChange[],
  historyEntries: number,
): Promise<Written[]> {
  if (changes.length === 0) return [];
  const before = await lockAlarms(connection, changes);
  const after = new Map<string, NewRow>();
  const raised = new Set<string>();
  for (const change of changes) {
    const key = alarmKeyText(change);
    after.set(key, afterChange(after.get(key) ?? before.get(key), change));
    if (change.kind === 'raised') raised.add(key);
  }
  await takeBack(
    connection,
    [...raised]
      .flatMap((key) => before.get(key) ?? [])
      .filter((row) => row.operator_state !== 'none' || row.escalation_level > 0),
    after,
  );
  const rows = await upsert(connection, [...after.values()]);
  const ids = new Map(rows.map((row) => [keyOfRow(row), row]));
  await insertStatusChanges(connection, changes, ids);
  await prune(
    connection,
    rows.map((row) => row.id),
    historyEntries,
  );
  const kinds = new Map(changes.map((change) => [alarmKeyText(change), change.kind]));
  return rows.map((row) => ({ row, kind: kinds.get(keyOfRow(row)) ?? 'changed' }));
}

function afterChange(held: NewRow | undefined, change: AlarmChange): NewRow {
  const { resource, alarmType, qualifier, kind, severity, text, threshold } = change;
  const atMs = BigInt(change.atMs);
  const cleared = kind === 'cleared';
  return {
    resource,
    alarm_type: alarmType,
    qualifier,
    device: deviceOf(resource),
    severity,
    is_cleared: cleared,
    // What was wrong stays readable after it ended; how it ended is in the history.
    text: cleared && held !== undefined ? held.text : text,
    threshold: cleared ? (held?.threshold ?? null) : threshold,
    // Where the rule has a probable cause of its own; the form is that of what other systems say.
    external: change.probableCause === undefined ? null : { probableCause: change.probableCause },
    created_at_ms: held?.created_at_ms ?? atMs,
    raised_at_ms: kind === 'raised' || held === undefined ? atMs : held.raised_at_ms,
    changed_at_ms: atMs,
    cleared_at_ms: cleared ? atMs : null,
  };
}

/** `agent:NAME` and `site:NAME` are no devices: no device has a colon in its name. */
function deviceOf(resource: string): string | null {
  const [first = resource] = resource.split('/');
  return first.includes(':') ? null : first;
}

function keyOfRow(row: Pick<AlarmRow, 'resource' | 'alarm_type' | 'qualifier'>): string {
  return alarmKeyText({ resource: row.resource, alarmType: row.alarm_type, qualifier: row.qualifier });
}

async function lockAlarms(connection: Queryable, changes: readonly AlarmChange[]): Promise<Map<string, AlarmRow>> {
  const keys = [...new Map(changes.map((change) => [alarmKeyText(change), change])).values()];
  const { rows } = await connection.query<AlarmRow>(
    `select ${ALARM_COLUMNS} from faults.alarm
      where (resource, alarm_type, qualifier) in (select * from unnest($1::text[], $2::text[], $3::text[]))
      order by id for update`,
    [keys.map((key) => key.resource), keys.map((key) => key.alarmType), keys.map((key) => key.qualifier)],
  );
  return new Map(rows.map((row) => [keyOfRow(row), row]));
}

/** Acknowledgement and escalation were of the fault before: the next one must not hide behind them. */
async function takeBack(
  connection: Queryable,
  rows: readonly AlarmRow[],
  after: ReadonlyMap<string, NewRow>,
): Promise<void> {
  if (rows.length === 0) return;
  const ids = rows.map((row) => row.id);
  const times = rows.map((row) => after.get(keyOfRow(row))?.raised_at_ms ?? row.changed_at_ms);
  await connection.query(
    `insert into faults.operator_change (alarm, at_ms, operator, state, text, action)
     select alarm, at_ms, 'weir', 'none', 'raised again', 'reset' from unnest($1::int8[], $2::int8[]) as raised (alarm, at_ms)`,
    [ids, times],
  );
  await connection.query(
    `update faults.alarm set operator_state = 'none', operator = null, operator_at_ms = null, escalation_level = 0,
            escalation_reason = null where id = any($1::int8[])`,
    [ids],
  );
}

async function upsert(connection: Queryable, rows: readonly NewRow[]): Promise<AlarmRow[]> {
  const plain = rows.map((row) => ({
    ...row,
    created_at_ms: Number(row.created_at_ms),
    raised_at_ms: Number(row.raised_at_ms),
    changed_at_ms: Number(row.changed_at_ms),
    cleared_at_ms: row.cleared_at_ms === null ? null : Number(row.cleared_at_ms),
  }));
  const answer = await connection.query<AlarmRow>(
    `insert into faults.alarm (resource, alarm_type, qualifier, device, severity, is_cleared, text, threshold, external,
                               created_at_ms, raised_at_ms, changed_at_ms, cleared_at_ms)
     select resource, alarm_type, qualifier, device, severity, is_cleared, text, threshold, nullif(external, 'null'),
            created_at_ms, raised_at_ms, changed_at_ms, cleared_at_ms
       from jsonb_to_recordset($1::jsonb)
            as new (resource text, alarm_type text, qualifier text, device text, severity text, is_cleared boolean,
                    text text, threshold jsonb, external jsonb, created_at_ms int8, raised_at_ms int8, changed_at_ms int8, cleared_at_ms int8)
     on conflict (resource, alarm_type, qualifier) do update
        set severity = excluded.severity, is_cleared = excluded.is_cleared, text = excluded.text,
            threshold = excluded.threshold, external = coalesce(excluded.external, faults.alarm.external), raised_at_ms = excluded.raised_at_ms,
            changed_at_ms = excluded.changed_at_ms, cleared_at_ms = excluded.cleared_at_ms
     returning ${ALARM_COLUMNS}`,
    [JSON.stringify(plain)],
  );
  return [...answer.rows];
}

async function insertStatusChanges(
  connection: Queryable,
  changes: readonly OriginatedChange[],
  rows: ReadonlyMap<string, AlarmRow>,
): Promise<void> {
  const lines = changes.map((change) => ({
    alarm: Number(rows.get(alarmKeyText(change))?.id ?? -1n),
    at_ms: change.atMs,
    severity: change.kind === 'cleared' ? 'cleared' : change.severity,
    text: change.text,
    since_ms: change.sinceMs ?? null,
    loses_service: change.losesService ?? true,
    ...change.origin,
  }));
  await connection.query(
    `insert into faults.status_change (alarm, at_ms, severity, text, since_ms, loses_service, journal, position, ordinal)
     select alarm, at_ms, severity, text, since_ms, loses_service, journal, position, ordinal
       from jsonb_to_recordset($1::jsonb)
            as new (alarm int8, at_ms int8, severity text, text text, since_ms int8, loses_service boolean, journal text, position int8, ordinal int4)`,
    [JSON.stringify(lines)],
  );
}

async function prune(connection: Queryable, alarms: readonly bigint[], historyEntries: number): Promise<void> {
  await connection.query(
    `delete from faults.status_change where id in (
       select id from (select id, row_number() over (partition by alarm order by id desc) as place
                         from faults.status_change where alarm = any($1::int8[])) as kept
        where place > $2)`,
    [alarms, historyEntries],
  );
}
