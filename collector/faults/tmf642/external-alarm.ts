// An alarm as another system entered it: when two are the same, which columns a change sets, and what the audit log says of it.
import type { Queryable } from '../../../common/database/database.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import type { Severity } from '../alarm.ts';
import type { AlarmChange } from '../alarm-machine.ts';
import { ALARM_COLUMNS, type AlarmRow } from '../alarm-row.ts';
import type { AlarmDecision } from './alarm-change.ts';
import type { AlarmCreate, AlarmPatch, Said } from './tmf-body.ts';

/** Who it is said for: what the other system says of itself stands beside the name of its token. */
export interface Behalf {
  readonly userId: string | null;
  readonly systemId: string | null;
}

export function statusOf({ perceivedSeverity, state }: AlarmCreate): {
  readonly severity: Severity;
  readonly cleared: boolean;
} {
  if ((perceivedSeverity === 'cleared') !== (state === 'cleared'))
    throw new WeirError(
      'invalid_request',
      'state: an alarm that is cleared has both the state and the severity cleared.',
    );
  return perceivedSeverity === 'cleared'
    ? { severity: 'indeterminate', cleared: true }
    : { severity: perceivedSeverity, cleared: false };
}

export function isSame(
  row: AlarmRow,
  wanted: { readonly said: Said; readonly severity: Severity; readonly text: string },
): boolean {
  const { ackAtMs: _at, ackUserId: _user, ackSystemId: _system, ...said } = row.external ?? {};
  const sorted = (value: Said): string =>
    JSON.stringify(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return row.severity === wanted.severity && row.text === wanted.text && sameJson(sorted(said), sorted(wanted.said));
}

/** The database may order the keys of an object otherwise. */
function sameJson(a: string, b: string): boolean {
  const ordered = (text: string): string =>
    JSON.stringify(JSON.parse(text), (_, value: unknown) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).toSorted(([x], [y]) => (x < y ? -1 : 1)))
        : value,
    );
  return ordered(a) === ordered(b);
}

export function keyOf(row: AlarmRow): Pick<AlarmChange, 'resource' | 'alarmType' | 'qualifier'> {
  return { resource: row.resource, alarmType: row.alarm_type, qualifier: row.qualifier };
}

export function columnsOf(held: AlarmRow, { said, parents, escalate }: AlarmDecision): [string, unknown][] {
  const columns: [string, unknown][] = [];
  if (!sameJson(JSON.stringify(held.external ?? {}), JSON.stringify(said)))
    columns.push(['external', JSON.stringify(said)]);
  if (parents !== null) columns.push(['parent_alarms', parents]);
  if (escalate !== null && escalate !== held.escalation_level > 0) columns.push(['escalation_level', escalate ? 1 : 0]);
  return columns;
}

export function behalfOfClear(body: AlarmPatch): Behalf {
  return { userId: body.clearUserId ?? null, systemId: body.clearSystemId ?? null };
}

export function markClear(connection: Queryable, row: AlarmRow, { userId, systemId }: Behalf): Promise<AlarmRow> {
  const said = {
    ...row.external,
    clearAtMs: Number(row.cleared_at_ms),
    clearUserId: userId,
    clearSystemId: systemId ?? row.source_system_id,
  };
  return update(connection, row.id, [['external', JSON.stringify(said)]]);
}

export async function update(
  connection: Queryable,
  id: bigint,
  columns: readonly (readonly [column: string, value: unknown])[],
): Promise<AlarmRow> {
  const sets = columns.map(([column], at) => `${column} = $${at + 2}`);
  const { rows } = await connection.query<AlarmRow>(
    `update faults.alarm set ${sets.join(', ')} where id = $1 returning ${ALARM_COLUMNS}`,
    [id, ...columns.map(([, value]) => value)],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`BUG: the locked alarm ${id} is gone`);
  return row;
}

export async function findExternal(connection: Queryable, source: string, external: string): Promise<AlarmRow | null> {
  const { rows } = await connection.query<AlarmRow>(
    `select ${ALARM_COLUMNS} from faults.alarm where source_system_id = $1 and external_alarm_id = $2 for update`,
    [source, external],
  );
  return rows[0] ?? null;
}

/** What an entry of the audit log says of an alarm. */
export function auditOf(row: AlarmRow): object {
  return {
    resource: row.resource,
    alarmType: row.alarm_type,
    qualifier: row.qualifier,
    severity: row.severity,
    isCleared: row.is_cleared,
    text: row.text,
    parents: row.parent_alarms.map(String),
    said: row.external,
  };
}
