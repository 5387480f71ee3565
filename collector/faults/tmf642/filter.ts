// What alarms are asked for by in TMF642: equality on every attribute, in the query of a list, in patterns, and at the hub; as SQL and in memory, to the same effect.
import { cleanText } from '../../../common/model/table-columns.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { ALARM_TYPES, alarmTypeOf, EXTERNAL_ALARM } from '../alarm-types.ts';
import {
  ACK_STATES,
  ALARM_ATTRIBUTES,
  ALARM_STATES,
  ALARM_TYPE_NAMES,
  PERCEIVED_SEVERITIES,
  type TmfAlarm,
  TMF642_BASE,
  WEIR_SYSTEM,
} from './tmf-alarm.ts';

type Comparison = 'eq' | 'gt' | 'gte' | 'lt' | 'lte';

/** All filters must fit; of one filter any value. */
export interface Filter {
  readonly path: string;
  readonly comparison: Comparison;
  readonly values: readonly string[];
}

type Kind = 'text' | 'time' | 'flag';

interface Attribute {
  readonly kind: Kind;
  /** Of the row; or, where there may be several of it, a condition on a list of values. */
  readonly sql: string | ((place: string) => string);
  /** Values are taken in any case, and several may stand in one parameter. */
  readonly names?: readonly string[];
}

const text = (sql: Attribute['sql'], names?: readonly string[]): Attribute =>
  names === undefined ? { kind: 'text', sql } : { kind: 'text', sql, names };
const time = (sql: string): Attribute => ({ kind: 'time', sql });
const flag = (sql: string): Attribute => ({ kind: 'flag', sql });
const said = (...path: readonly string[]): string => `external #>> '{${path.join(',')}}'`;
const saidFlag = (name: string): string => `(${said(name)})::boolean`;

/** Of a list that another system said. */
const listed = (list: string, name: string): Attribute =>
  text(
    (place) =>
      `external ? '${list}' and exists (select from jsonb_array_elements(external -> '${list}') item
        where item ->> '${name}' = any(${place}))`,
  );
const commented = (column: string): Attribute =>
  text(
    (place) =>
      `id in (select said.alarm from faults.operator_change said where said.action = 'comment' and ${column} = any(${place}))`,
  );

/** From the inventory of alarm types, where nobody said otherwise. */
function ofType(name: string, value: 'eventType' | 'probableCause' | 'proposedRepair'): string {
  const quoted = (words: string): string => `'${words.replaceAll("'", "''")}'`;
  const cases = Object.entries(ALARM_TYPES).map(([type, of]) => `when ${quoted(type)} then ${quoted(of[value])}`);
  const otherwise = quoted(alarmTypeOf(EXTERNAL_ALARM)[value]);
  return `nullif(coalesce(${said(name)}, case alarm_type ${cases.join(' ')} else ${otherwise} end), '')`;
}

/** Once for all rows, not once for each: there are a hundred thousand. */
const PARENTS = `select unnest(child.parent_alarms) from faults.alarm child where child.parent_alarms <> '{}'`;
const acknowledged = (name: string, own: string): string =>
  `case when operator_state = 'none' then null when ${said('ackAtMs')} = operator_at_ms::text then ${said(name)} else ${own} end`;
const cleared = (name: string, own: string): string =>
  `case when not is_cleared then null when ${said('clearAtMs')} = cleared_at_ms::text then ${said(name)} else ${own} end`;
const crossed = (name: string, own: string): Attribute =>
  text(`case when external -> 'crossedThresholdInformation' is null then ${own}
    else ${said('crossedThresholdInformation', name)} end`);

const ATTRIBUTES: Readonly<Record<string, Attribute>> = {
  id: text((place) => `id in (select given::int8 from unnest(${place}) given where given ~ '^[0-9]{1,18}$')`),
  href: text(`'${TMF642_BASE}/alarm/' || id`),
  externalAlarmId: text('external_alarm_id'),
  sourceSystemId: text(`coalesce(source_system_id, '${WEIR_SYSTEM}')`),
  reportingSystemId: text(`coalesce(${said('reportingSystemId')}, '${WEIR_SYSTEM}')`),
  state: text(
    `case when is_cleared then 'cleared'
      when source_system_id is not null then case when ${said('state')} = 'updated' then 'updated' else 'raised' end
      when changed_at_ms > raised_at_ms then 'updated' else 'raised' end`,
    ALARM_STATES,
  ),
  perceivedSeverity: text(`case when is_cleared then 'cleared' else severity end`, PERCEIVED_SEVERITIES),
  alarmType: text(ofType('alarmType', 'eventType'), ALARM_TYPE_NAMES),
  probableCause: text(ofType('probableCause', 'probableCause')),
  proposedRepairedActions: text(ofType('proposedRepairedActions', 'proposedRepair')),
  specificProblem: text(
    `coalesce(${said('specificProblem')}, case when alarm_type = '${EXTERNAL_ALARM}' then null
      when qualifier = '' then alarm_type else alarm_type || ' ' || qualifier end)`,
  ),
  alarmDetails: text(`nullif(text, '')`),
  'alarmedObject.id': text('resource'),
  'alarmedObject.href': text(said('alarmedObject', 'href')),
  alarmedObjectType: text(
    `coalesce(${said('alarmedObjectType')}, case when starts_with(resource, 'agent:') then 'agent'
      when position('/' in resource) = 0 then 'device' else coalesce(substring(resource from '/([a-z_]+):'), 'interface') end)`,
  ),
  alarmRaisedTime: time('raised_at_ms'),
  alarmReportingTime: time(`coalesce((${said('alarmReportingMs')})::int8, created_at_ms)`),
  alarmChangedTime: time('changed_at_ms'),
  alarmClearedTime: time('cleared_at_ms'),
  ackState: text(`case when operator_state = 'none' then 'unacknowledged' else 'acknowledged' end`, ACK_STATES),
  ackUserId: text(acknowledged('ackUserId', 'operator')),
  ackSystemId: text(acknowledged('ackSystemId', `'${WEIR_SYSTEM}'`)),
  clearUserId: text(cleared('clearUserId', 'null')),
  clearSystemId: text(cleared('clearSystemId', `coalesce(source_system_id, '${WEIR_SYSTEM}')`)),
  alarmEscalation: flag('escalation_level > 0'),
  isRootCause: flag(`coalesce(${saidFlag('isRootCause')}, id in (${PARENTS}))`),
  serviceAffecting: flag(saidFlag('serviceAffecting')),
  plannedOutageIndicator: text(said('plannedOutageIndicator')),
  'parentAlarm.id': text((place) => `parent_alarms::text[] && ${place}`),
  'correlatedAlarm.id': text(
    (place) =>
      `(${condition(listed('correlatedAlarm', 'id'), place)} or id in (${PARENTS} and child.id::text = any(${place})))`,
  ),
  'affectedService.id': listed('affectedService', 'id'),
  'affectedService.href': listed('affectedService', 'href'),
  'crossedThresholdInformation.indicatorName': crossed('indicatorName', `threshold ->> 'indicator'`),
  'crossedThresholdInformation.indicatorUnit': crossed('indicatorUnit', `threshold ->> 'unit'`),
  'crossedThresholdInformation.observedValue': crossed('observedValue', `threshold ->> 'observed'`),
  'crossedThresholdInformation.direction': crossed(
    'direction',
    `case when threshold is null or threshold = 'null' then null else 'up' end`,
  ),
  'place.id': listed('place', 'id'),
  'place.name': listed('place', 'name'),
  'place.role': listed('place', 'role'),
  'comment.comment': commented('said.text'),
  'comment.userId': commented('coalesce(said.on_behalf_of, said.operator)'),
  'comment.systemId': commented(`coalesce(said.system, '${WEIR_SYSTEM}')`),
  '@type': text(`coalesce(${said('@type')}, 'Alarm')`),
  '@baseType': text(said('@baseType')),
  '@schemaLocation': text(said('@schemaLocation')),
};

/** What is meant by an attribute of several parts. */
const MEANT: Readonly<Record<string, string>> = {
  alarmedObject: 'alarmedObject.id',
  parentAlarm: 'parentAlarm.id',
  correlatedAlarm: 'correlatedAlarm.id',
  affectedService: 'affectedService.id',
  crossedThresholdInformation: 'crossedThresholdInformation.indicatorName',
  place: 'place.id',
  comment: 'comment.comment',
};

export const FILTER_PATHS: readonly string[] = [...Object.keys(ATTRIBUTES), ...Object.keys(MEANT)];
const COMPARISONS: Readonly<Record<Exclude<Comparison, 'eq'>, string>> = { gt: '>', gte: '>=', lt: '<', lte: '<=' };
const MAX_VALUES = 100;

/** `name`: a path, for times with `.gt`, `.gte`, `.lt` or `.lte` behind it. Throws invalid_request for what no alarm has. */
export function filterOf(name: string, given: string | readonly string[]): Filter {
  const { path, comparison } = split(name);
  const attribute = attributeOf(path, name);
  const parts = [given].flat().flatMap((value) => (attribute.names === undefined ? [value] : value.split(',')));
  if (parts.length > MAX_VALUES) throw refusal(name, `at most ${MAX_VALUES} values`);
  return { path, comparison, values: parts.map((value) => valueOf(attribute, name, value)) };
}

/** A pattern is an alarm of which only that counts which it has. */
export function filtersOfPattern(pattern: Readonly<Record<string, unknown>>, above = ''): Filter[] {
  return Object.entries(pattern).flatMap(([key, value]): Filter[] => {
    const name = above === '' ? key : `${above}.${key}`;
    return [value].flat().flatMap((one: unknown): Filter[] => {
      if (typeof one === 'object' && one !== null)
        return filtersOfPattern(Object.fromEntries(Object.entries(one)), name);
      if (typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean')
        return [filterOf(name, String(one))];
      throw refusal(name, 'a text, a number or true or false');
    });
  });
}

/** Conditions on `faults.alarm alarm`; their values are added to `values`. */
export function conditionsOf(filters: readonly Filter[], values: unknown[]): string[] {
  return filters.map(({ path, comparison, values: wanted }) => {
    const attribute = attributeOf(path, path);
    const isTime = attribute.kind === 'time';
    values.push(isTime ? wanted.map(Number) : wanted);
    const place = `$${values.length}::${isTime ? 'int8' : 'text'}[]`;
    if (comparison === 'eq' || typeof attribute.sql !== 'string') return condition(attribute, place);
    return `(${attribute.sql}) ${COMPARISONS[comparison]} any(${place})`;
  });
}

function condition({ kind, sql }: Attribute, place: string): string {
  if (typeof sql !== 'string') return sql(place);
  return `(${sql})${kind === 'flag' ? '::text' : ''} = any(${place})`;
}

export function matches(alarm: TmfAlarm, filters: readonly Filter[]): boolean {
  return filters.every(({ path, comparison, values }) => {
    const { kind } = attributeOf(path, path);
    return found(alarm, path.split('.')).some((value) => {
      if (kind !== 'time') return values.includes(String(value));
      const at = Date.parse(String(value));
      return values.some((wanted) => compares(at, comparison, Number(wanted)));
    });
  });
}

function compares(value: number, comparison: Comparison, wanted: number): boolean {
  switch (comparison) {
    case 'eq':
      return value === wanted;
    case 'gt':
      return value > wanted;
    case 'gte':
      return value >= wanted;
    case 'lt':
      return value < wanted;
    case 'lte':
      return value <= wanted;
  }
}

function found(value: unknown, path: readonly string[]): unknown[] {
  if (Array.isArray(value)) return value.flatMap((one: unknown) => found(one, path));
  const [key, ...rest] = path;
  if (key === undefined) return value === undefined || value === null ? [] : [value];
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return [];
  return found((value as Readonly<Record<string, unknown>>)[key], rest);
}

function split(name: string): { readonly path: string; readonly comparison: Comparison } {
  const match = /^(.*)\.(gte?|lte?)$/.exec(name);
  const path = match?.[1] ?? name;
  return { path: MEANT[path] ?? path, comparison: (match?.[2] as Comparison | undefined) ?? 'eq' };
}

function attributeOf(path: string, name: string): Attribute {
  const attribute = Object.hasOwn(ATTRIBUTES, path) ? ATTRIBUTES[path] : undefined;
  if (attribute === undefined || (name !== path && /\.[gl]te?$/.test(name) && attribute.kind !== 'time'))
    throw refusal(name, 'an attribute of alarms that is filtered by');
  return attribute;
}

function valueOf(attribute: Attribute, name: string, value: string): string {
  if (cleanText(value) !== value) throw refusal(name, 'characters that a text may have');
  if (attribute.kind === 'time') {
    const at = /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(at)) throw refusal(name, 'a time such as 2026-11-01T00:00:00Z');
    return String(at);
  }
  if (attribute.kind === 'flag' && !/^(true|false)$/.test(value)) throw refusal(name, 'true or false');
  return attribute.names?.find((one) => one.toLowerCase() === value.trim().toLowerCase()) ?? value;
}

function refusal(name: string, expected: string): WeirError {
  const message = `${name.slice(0, 100)}: expected ${expected}.`;
  return new WeirError('invalid_request', message, { issues: [{ path: name.slice(0, 100), message }] });
}

/** Names of first-level attributes, from `fields`; null for all of them. */
export function fieldsOf(fields: string | undefined, known: readonly string[] = ALARM_ATTRIBUTES): string[] | null {
  if (fields === undefined || fields === '') return null;
  const names = fields.split(',').map((name) => name.trim());
  if (names.length === 1 && names[0] === 'none') return [];
  for (const name of names)
    if (!known.includes(name)) throw refusal(name, 'an attribute, or several with commas between');
  return names;
}
