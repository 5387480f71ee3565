// An alarm as TMF642 v4 has it: from the row of RFC 8632, its comments, and what is grouped under it.
import { isoTime } from '../../../common/model/time.ts';
import { type AlarmRow, natureOf, timeOf } from '../alarm-row.ts';
import { EXTERNAL_ALARM } from '../alarm-types.ts';

/** Also where it is asked for under the other base path. */
export const TMF642_BASE = '/tmf-api/alarmManagement/v4';
/** What Weir calls itself as a system. */
export const WEIR_SYSTEM = 'weir';

export const ALARM_TYPE_NAMES = [
  'communicationsAlarm',
  'processingErrorAlarm',
  'environmentalAlarm',
  'qualityOfServiceAlarm',
  'equipmentAlarm',
  'integrityViolation',
  'operationalViolation',
  'physicalViolation',
  'securityService',
  'mechanismViolation',
  'timeDomainViolation',
] as const;
export const PERCEIVED_SEVERITIES = ['critical', 'major', 'minor', 'warning', 'indeterminate', 'cleared'] as const;
export const ALARM_STATES = ['raised', 'updated', 'cleared'] as const;
export const ACK_STATES = ['acknowledged', 'unacknowledged'] as const;

/** First-level attributes, `id` and `href` first; what an alarm lacks is left out. */
export const ALARM_ATTRIBUTES = [
  'id',
  'href',
  'externalAlarmId',
  'sourceSystemId',
  'reportingSystemId',
  'state',
  'perceivedSeverity',
  'alarmType',
  'probableCause',
  'specificProblem',
  'alarmDetails',
  'proposedRepairedActions',
  'alarmedObject',
  'alarmedObjectType',
  'alarmRaisedTime',
  'alarmReportingTime',
  'alarmChangedTime',
  'alarmClearedTime',
  'ackState',
  'ackUserId',
  'ackSystemId',
  'clearUserId',
  'clearSystemId',
  'alarmEscalation',
  'isRootCause',
  'parentAlarm',
  'correlatedAlarm',
  'affectedService',
  'serviceAffecting',
  'plannedOutageIndicator',
  'crossedThresholdInformation',
  'place',
  'comment',
  '@type',
  '@baseType',
  '@schemaLocation',
] as const;
export type AlarmAttribute = (typeof ALARM_ATTRIBUTES)[number];
export type TmfAlarm = Readonly<Partial<Record<AlarmAttribute, unknown>>> & {
  readonly id: string;
  readonly href: string;
};

export interface TmfComment {
  readonly comment: string;
  readonly userId: string;
  readonly systemId: string;
  readonly time: string;
}

/** What stands beside the row. */
export interface Beside {
  readonly comments: readonly TmfComment[];
  /** Alarms that are grouped under it. */
  readonly children: readonly bigint[];
}

export const NOTHING_BESIDE: Beside = { comments: [], children: [] };

export function alarmHref(id: bigint | string): string {
  return `${TMF642_BASE}/alarm/${id}`;
}

export function tmfAlarmOf(row: AlarmRow, beside: Beside): TmfAlarm {
  const said = row.external ?? {};
  const { eventType, probableCause, proposedRepair } = natureOf(row);
  const whole: Partial<Record<AlarmAttribute, unknown>> = {
    id: row.id.toString(),
    href: alarmHref(row.id),
    externalAlarmId: row.external_alarm_id,
    sourceSystemId: row.source_system_id ?? WEIR_SYSTEM,
    reportingSystemId: said['reportingSystemId'] ?? WEIR_SYSTEM,
    state: stateOf(row),
    perceivedSeverity: row.is_cleared ? 'cleared' : row.severity,
    alarmType: eventType,
    probableCause,
    specificProblem: said['specificProblem'] ?? specificProblem(row),
    alarmDetails: row.text === '' ? null : row.text,
    proposedRepairedActions: proposedRepair === '' ? null : proposedRepair,
    alarmedObject: { ...objectOf(said['alarmedObject']), id: row.resource },
    alarmedObjectType: said['alarmedObjectType'] ?? objectTypeOf(row.resource),
    alarmRaisedTime: timeOf(row.raised_at_ms),
    alarmReportingTime: isoTime(Number(said['alarmReportingMs'] ?? row.created_at_ms)),
    alarmChangedTime: timeOf(row.changed_at_ms),
    alarmClearedTime: row.cleared_at_ms === null ? null : timeOf(row.cleared_at_ms),
    ...acknowledgementOf(row, said),
    ...clearanceOf(row, said),
    alarmEscalation: row.escalation_level > 0,
    isRootCause: said['isRootCause'] ?? beside.children.length > 0,
    parentAlarm: filled(row.parent_alarms.map(alarmRef)),
    correlatedAlarm: filled(correlatedOf(said['correlatedAlarm'], beside.children)),
    affectedService: said['affectedService'],
    serviceAffecting: said['serviceAffecting'],
    plannedOutageIndicator: said['plannedOutageIndicator'],
    crossedThresholdInformation: said['crossedThresholdInformation'] ?? crossedThreshold(row),
    place: said['place'],
    comment: filled(beside.comments),
    '@type': said['@type'] ?? 'Alarm',
    '@baseType': said['@baseType'],
    '@schemaLocation': said['@schemaLocation'],
  };
  const given = ALARM_ATTRIBUTES.filter((name) => whole[name] !== null && whole[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, whole[name]])) as TmfAlarm;
}

/** What `fields` asks for: id, href, and these alone; everything where it does not say. */
export function chosen<T extends object>(whole: T, fields: readonly string[] | null): Partial<T> {
  if (fields === null) return whole;
  const wanted = new Set(['id', 'href', ...fields]);
  return Object.fromEntries(Object.entries(whole).filter(([name]) => wanted.has(name))) as Partial<T>;
}

export function stateOf(row: AlarmRow): (typeof ALARM_STATES)[number] {
  if (row.is_cleared) return 'cleared';
  if (row.source_system_id !== null) return row.external?.['state'] === 'updated' ? 'updated' : 'raised';
  return row.changed_at_ms > row.raised_at_ms ? 'updated' : 'raised';
}

export function alarmRef(id: bigint | string): object {
  return { id: id.toString(), href: alarmHref(id), '@referredType': 'Alarm' };
}

function correlatedOf(said: unknown, children: readonly bigint[]): object[] {
  const named: readonly unknown[] = Array.isArray(said) ? said : [];
  const known = new Set(named.map((one) => objectOf(one)['id']));
  return [...named.map(objectOf), ...children.filter((id) => !known.has(id.toString())).map(alarmRef)];
}

function acknowledgementOf(row: AlarmRow, said: Readonly<Record<string, unknown>>): Partial<TmfAlarm> {
  if (row.operator_state === 'none') return { ackState: 'unacknowledged' };
  const through = said['ackAtMs'] === Number(row.operator_at_ms);
  return {
    ackState: 'acknowledged',
    ackUserId: through ? said['ackUserId'] : row.operator,
    ackSystemId: through ? said['ackSystemId'] : WEIR_SYSTEM,
  };
}

function clearanceOf(row: AlarmRow, said: Readonly<Record<string, unknown>>): Partial<TmfAlarm> {
  if (!row.is_cleared) return {};
  const through = said['clearAtMs'] === Number(row.cleared_at_ms);
  return {
    clearUserId: through ? said['clearUserId'] : null,
    clearSystemId: through ? said['clearSystemId'] : (row.source_system_id ?? WEIR_SYSTEM),
  };
}

function specificProblem({ alarm_type: type, qualifier }: AlarmRow): string | null {
  if (type === EXTERNAL_ALARM) return null;
  return qualifier === '' ? type : `${type} ${qualifier}`;
}

function objectTypeOf(resource: string): string {
  if (resource.startsWith('agent:')) return 'agent';
  if (!resource.includes('/')) return 'device';
  return /\/([a-z_]+):/.exec(resource)?.[1] ?? 'interface';
}

function crossedThreshold({ threshold, alarm_type: type }: AlarmRow): object | null {
  if (threshold === null) return null;
  return {
    direction: 'up',
    indicatorName: threshold.indicator,
    indicatorUnit: threshold.unit,
    observedValue: String(threshold.observed),
    thresholdCrossingDescription: `raised at ${threshold.raiseAt}, cleared below ${threshold.clearBelow}`,
    threshold: { id: type, '@referredType': 'PerformanceThreshold' },
  };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function filled<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}
