// From what changed in the book to what a listener is told: which event of TMF642 it is, and whether the listener wants it.
import { type EpochMs, isoTime } from '../../../common/model/time.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { type AlarmRow, isShelved } from '../alarm-row.ts';
import { type Filter, fieldsOf, filterOf, matches } from './filter.ts';
import { type Beside, chosen, NOTHING_BESIDE, type TmfAlarm, tmfAlarmOf, WEIR_SYSTEM } from './tmf-alarm.ts';

/** As the table has it: rows as JSON, so that numbers are what int8 was. */
export interface EventRow {
  readonly id: bigint;
  readonly event_id: string;
  readonly at_ms: bigint;
  readonly alarm: bigint | null;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  readonly task_kind: string | null;
  readonly task: Readonly<Record<string, unknown>> | null;
}

/** What a listener asked to be told, from the `query` it registered with. */
export interface Interest {
  /** In lower case; null: all. */
  readonly eventTypes: readonly string[] | null;
  readonly filters: readonly Filter[];
  readonly fields: readonly string[] | null;
}

export interface AlarmNotification {
  /** As the path of a listener has it: `alarmCreateEvent`. */
  readonly name: string;
  readonly body: object;
}

const BIGINTS = ['id', 'created_at_ms', 'raised_at_ms', 'changed_at_ms', 'cleared_at_ms', 'operator_at_ms'];
const MORE_BIGINTS = ['shelved_until_ms', 'updated_at_ms'];
/** Change with every change: by themselves they are none. */
const CLOCKS = new Set(['alarmChangedTime']);
const MAX_QUERY = 2000;

/** Throws invalid_request for what no alarm is asked by. */
export function interestOf(query: string): Interest {
  if (query.length > MAX_QUERY)
    throw new WeirError('invalid_request', `query: expected at most ${MAX_QUERY} characters.`);
  let eventTypes: readonly string[] | null = null;
  let fields: readonly string[] | null = null;
  const filters: Filter[] = [];
  for (const [name, value] of new URLSearchParams(query.replace(/^\?/, ''))) {
    if (name === 'eventType') eventTypes = value.split(',').map((one) => one.trim().toLowerCase());
    else if (name === 'fields') fields = fieldsOf(value);
    else filters.push(filterOf(name.replace(/^(?:event[.])?alarm[.]/, ''), value));
  }
  return { eventTypes, filters, fields };
}

/** Null where this listener is not told: it asked for other things, the alarm is shelved, or nothing is different for it. */
export function notificationOf(event: EventRow, interest: Interest, beside: Beside): AlarmNotification | null {
  if (event.task !== null && event.task_kind !== null) return taskNotification(event, interest);
  const before = event.before === null ? null : rowOf(event.before);
  const after = event.after === null ? null : rowOf(event.after);
  const told = after ?? before;
  if (told === null) return null;
  const name = nameOf(before, after, Number(event.at_ms));
  if (name === null || !wants(interest, name)) return null;
  const alarm = tmfAlarmOf(told, beside);
  const fits = matches(alarm, interest.filters);
  // An alarm that just left what is asked for is told too: else it would stand there for ever.
  const fitted = before !== null && matches(tmfAlarmOf(before, beside), interest.filters);
  if (!fits && !fitted) return null;
  return notification(name, event, { alarm: chosen(alarm, interest.fields) });
}

function taskNotification(event: EventRow, interest: Interest): AlarmNotification | null {
  const kind = event.task_kind ?? '';
  const created = event.before === null;
  const name = `${kind}${created ? 'Create' : 'StateChange'}Event`;
  if (!wants(interest, name) || interest.filters.length > 0) return null;
  // It begins and is done in one transaction; who listens sees both.
  const task = created ? { ...event.task, state: 'inProgress' } : event.task;
  return notification(name, event, { [kind]: task });
}

function nameOf(before: AlarmRow | null, after: AlarmRow | null, atMs: EpochMs): string | null {
  if (before === null) return after === null || isShelved(after, atMs) ? null : 'alarmCreateEvent';
  if (after === null) return 'alarmDeleteEvent';
  if (isShelved(after, atMs)) return null;
  // What became of it on the shelf is told when it leaves it.
  if (before.shelved_until_ms !== null && after.shelved_until_ms === null) return 'alarmStateChangeEvent';
  const [old, now] = [tmfAlarmOf(before, NOTHING_BESIDE), tmfAlarmOf(after, NOTHING_BESIDE)];
  if (old['state'] !== now['state']) return 'alarmStateChangeEvent';
  return differs(old, now) || commented(before, after) ? 'alarmAttributeValueChangeEvent' : null;
}

function differs(old: TmfAlarm, now: TmfAlarm): boolean {
  const without = (alarm: TmfAlarm): string =>
    JSON.stringify(Object.entries(alarm).filter(([name]) => !CLOCKS.has(name)));
  return without(old) !== without(now);
}

/** A comment changes no column but the time of the last change. */
function commented(before: AlarmRow, after: AlarmRow): boolean {
  const same = (row: AlarmRow): string =>
    JSON.stringify({ ...row, updated_at_ms: null }, (_, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
  return same(before) === same(after);
}

function wants({ eventTypes }: Interest, name: string): boolean {
  return eventTypes === null || eventTypes.includes(name.toLowerCase());
}

function notification(name: string, event: EventRow, payload: object): AlarmNotification {
  return {
    name,
    body: {
      eventId: event.event_id,
      eventTime: isoTime(Number(event.at_ms)),
      eventType: `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`,
      correlationId: event.id.toString(),
      domain: WEIR_SYSTEM,
      title: name,
      event: payload,
    },
  };
}

export function rowOf(json: Readonly<Record<string, unknown>>): AlarmRow {
  const row: Record<string, unknown> = { ...json };
  for (const name of [...BIGINTS, ...MORE_BIGINTS]) row[name] = bigintOf(row[name]);
  const parents = row['parent_alarms'];
  row['parent_alarms'] = Array.isArray(parents) ? parents.map(bigintOf) : [];
  const typed: object = row;
  return typed as AlarmRow;
}

function bigintOf(value: unknown): bigint | null {
  return typeof value === 'number' || typeof value === 'string' ? BigInt(value) : null;
}
