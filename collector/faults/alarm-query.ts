// From a question about alarms to its SQL: conditions, order, and cursors that hold while alarms change.
import { cleanText } from '../../common/model/table-columns.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { type AlarmSort, type AlarmsQuery, SEVERITIES, type Severity } from './alarm.ts';
import { ALARM_COLUMNS, type AlarmRow } from './alarm-row.ts';
import { symptomOf } from './cause/folding.ts';

export interface SqlQuery {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Each order is one index read backwards; the id decides between equals. */
const ORDERS: Readonly<Record<AlarmSort, { readonly keys: readonly string[]; readonly ascending: boolean }>> = {
  changed: { keys: ['changed_at_ms', 'id'], ascending: false },
  raised: { keys: ['raised_at_ms', 'id'], ascending: false },
  severity: { keys: ['severity_rank', 'changed_at_ms', 'id'], ascending: false },
  priority: { keys: ['priority', 'of_alarm'], ascending: false },
  id: { keys: ['id'], ascending: true },
};

/** As `severity_rank` of the table has it. */
export function rankOf(severity: Severity): number {
  return SEVERITIES.length - SEVERITIES.indexOf(severity);
}

/** Selects one row more than `limit`, which says that there are more. */
export function listQuery(query: AlarmsQuery, viewpoint: Viewpoint, nowMs: EpochMs, limit: number): SqlQuery {
  const { conditions, values } = conditionsOf(query, viewpoint, nowMs);
  const sort = query.sort ?? 'changed';
  const { keys, ascending } = ORDERS[sort];
  if (sort === 'priority' && query.state === 'cleared')
    throw new WeirError('invalid_request', 'sort: cleared alarms have no priority.', {
      issues: [{ path: 'sort', message: 'cleared alarms have no priority' }],
    });
  const from = sort === 'priority' ? 'faults.alarm_priority join faults.alarm on alarm.id = of_alarm' : 'faults.alarm';
  if (query.cursor !== undefined) {
    const place = readCursor(query.cursor, keys.length);
    const places = place.map((_, at) => `$${values.length + at + 1}::int8`);
    conditions.push(`(${keys.join(', ')}) ${ascending ? '>' : '<'} (${places.join(', ')})`);
    values.push(...place);
  }
  values.push(limit + 1);
  return {
    text: `select ${ALARM_COLUMNS}${sort === 'priority' ? ', priority' : ''} from ${from} where $1::int8 is not null and ${conditions.join(' and ')}
      order by ${keys.map((key) => (ascending ? key : `${key} desc`)).join(', ')} limit $${values.length}`,
    values,
  };
}

/** The cursor of the page that ends with the row. */
export function cursorAfter(row: AlarmRow & { readonly priority?: number }, sort: AlarmSort = 'changed'): string {
  const place: Readonly<Record<string, bigint | number>> = {
    changed_at_ms: row.changed_at_ms,
    raised_at_ms: row.raised_at_ms,
    severity_rank: rankOf(row.severity),
    priority: row.priority ?? 0,
    of_alarm: row.id,
    id: row.id,
  };
  return ORDERS[sort].keys.map((key) => String(place[key])).join('.');
}

function readCursor(cursor: string, parts: number): readonly string[] {
  const place = cursor.split('.');
  if (place.length === parts && place.every((part) => /^-?\d{1,18}$/.test(part))) return place;
  throw new WeirError('invalid_request', 'The cursor is not one that this list gave.', { cursor });
}

/** $1 is now, $2 and $3 the viewpoint. */
export function conditionsOf(
  query: AlarmsQuery,
  viewpoint: Viewpoint,
  nowMs: EpochMs,
): { readonly conditions: string[]; readonly values: unknown[] } {
  const values: unknown[] = [nowMs, ...seen(viewpoint)];
  const conditions = [stateCondition(query.state ?? 'all'), seesAlarm(2)];
  const add = (condition: (place: string) => string, value: unknown): void => {
    if (value === undefined) return;
    values.push(typeof value === 'string' ? cleanText(value) : value);
    conditions.push(condition(`$${values.length}`));
  };
  add((place) => `severity = ${place}`, query.severity);
  add((place) => `severity_rank >= ${place}`, query.severityAtLeast && rankOf(query.severityAtLeast));
  add((place) => `device = ${place}`, query.device);
  add((place) => `resource = ${place}`, query.resource);
  add((place) => `starts_with(resource, ${place})`, query.resourcePrefix);
  add((place) => `alarm_type = ${place}`, query.alarmType);
  add((place) => `operator_state = ${place}`, query.operatorState);
  add((place) => `updated_at_ms >= ${place}`, query.changedSinceMs);
  add(orNone('assigned_to'), query.assignedTo);
  add(orNone('ticket'), query.ticket);
  const like = query.text === undefined ? undefined : `%${query.text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  add((place) => `searched_text like lower(${place})`, like);
  return { conditions: conditions.map((condition) => `(${condition})`), values };
}

function orNone(column: string): (place: string) => string {
  return (place) => `${column} = ${place} or (${place} = '' and ${column} is null)`;
}

/** The values of `seesAlarm`. */
export function seen(viewpoint: Viewpoint): readonly unknown[] {
  return viewpoint.everything ? [null, []] : [viewpoint.devices, viewpoint.resources];
}

/** $N: names of devices, null for all; $N+1: single interfaces. Alarms of agents belong to no device. */
export function seesAlarm(place: number, of = ''): string {
  const [devices, resources] = [`$${place}::text[]`, `$${place + 1}::text[]`];
  return `(${devices} is null or ${of}device = any(${devices}) or ${of}resource = any(${resources}))`;
}

/** $1 is now, $2 and $3 are what is seen: a symptom of what is not seen is shown by itself. */
function stateCondition(state: NonNullable<AlarmsQuery['state']>): string {
  const shelved = 'coalesce(shelved_until_ms > $1, false)';
  if (state === 'root') return `not is_cleared and not ${shelved} and not exists (${symptomOf(seesAlarm(2, 'root.'))})`;
  if (state === 'active') return `not is_cleared and not ${shelved}`;
  if (state === 'cleared') return `is_cleared and not ${shelved}`;
  return state === 'shelved' ? shelved : 'true';
}
