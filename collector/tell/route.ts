// Who is told of what: routes as data, held against an alarm; each refusal says why. Pure.
import { fitsPattern } from '../../common/model/name-pattern.ts';
import {
  instantOf,
  localDayOf,
  minuteOfDay,
  minutesOf,
  nextDay,
  type Weekday,
  weekdayOf,
} from '../../common/model/local-time.ts';
import { levelRank, type ServiceLevelName } from '../../common/model/service-level.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Severity } from '../faults/alarm.ts';
import type { AlarmNow } from './told.ts';

export interface Hours {
  readonly zone: string;
  /** Where `to` is not after `from`, it is of the next day. */
  readonly spans: readonly { readonly weekdays: readonly Weekday[]; readonly from: string; readonly to: string }[];
}

export interface EscalationStep {
  /** Only alarms of what carries a service of this level, or of a higher one; absent: any. */
  readonly serviceLevel?: ServiceLevelName | null;
  readonly afterMs: DurationMs;
  readonly channels: readonly string[];
}

export interface Route {
  readonly name: string;
  readonly severity: Severity;
  /** Empty: any. A device may be a pattern with `*`. */
  readonly sites: readonly string[];
  readonly tags: readonly string[];
  readonly devices: readonly string[];
  readonly alarmTypes: readonly string[];
  /** At least; absent: any. */
  readonly serviceLevel?: ServiceLevelName | null;
  /** Null: always. */
  readonly hours: Hours | null;
  readonly channels: readonly string[];
  readonly groupBy: 'site' | 'device' | 'all' | 'none';
  readonly groupWaitMs: DurationMs;
  /** 0: never. */
  readonly repeatMs: DurationMs;
  readonly updates: { readonly severity: boolean; readonly acknowledgement: boolean; readonly clear: boolean };
  readonly escalation: readonly EscalationStep[];
}

/** The worse the higher. */
export const SEVERITY_RANK: Readonly<Record<Severity, number>> = {
  critical: 5,
  major: 4,
  minor: 3,
  warning: 2,
  indeterminate: 1,
};

/** Why a route does not take an alarm, or null where it does; the severity is held apart, because it changes. */
export function whyNot(route: Route, alarm: AlarmNow): string | null {
  const { device } = alarm.row;
  const { sites, tags, devices, alarmTypes } = route;
  if (alarmTypes.length > 0 && !alarmTypes.includes(alarm.row.alarm_type))
    return `the type ${alarm.row.alarm_type} is none of ${alarmTypes.join(', ')}`;
  if (sites.length > 0 && (alarm.site === null || !sites.includes(alarm.site)))
    return `${alarm.site === null ? 'no site' : `the site ${alarm.site}`} is none of ${sites.join(', ')}`;
  if (tags.length > 0 && !alarm.tags.some((tag) => tags.includes(tag)))
    return `no tag of the device is one of ${tags.join(', ')}`;
  if (devices.length > 0 && (device === null || !devices.some((pattern) => fitsPattern(pattern, device))))
    return `${device === null ? 'no device' : `the device ${device}`} fits none of ${devices.join(', ')}`;
  return whyTooLow(route, alarm);
}

/** Of a route, or of a step of its escalation. */
export function whyTooLow(
  { serviceLevel: wanted = null }: { readonly serviceLevel?: ServiceLevelName | null },
  alarm: AlarmNow,
): string | null {
  const carried = alarm.serviceLevel ?? null;
  if (levelRank(carried) >= levelRank(wanted)) return null;
  return `${carried === null ? 'it carries no service level' : `the service level ${carried}`}, which is below ${wanted}`;
}

export function whyTooMild({ severity }: Route, alarm: AlarmNow): string | null {
  return SEVERITY_RANK[alarm.row.severity] >= SEVERITY_RANK[severity]
    ? null
    : `the severity ${alarm.row.severity} is below ${severity}`;
}

/** Null where it may be told now, else when next. */
export function opensAtMs(hours: Hours | null, nowMs: EpochMs): EpochMs | null {
  if (hours === null) return null;
  const { zone, spans } = hours;
  const today = localDayOf(nowMs, zone);
  const minute = minuteOfDay(nowMs, zone);
  const isOpen = spans.some(({ weekdays, from, to }) => {
    const [begin, end] = [minutesOf(from) ?? 0, minutesOf(to) ?? 0];
    const onDay = (day: number): boolean => weekdays.length === 0 || weekdays.includes(weekdayOf(day));
    if (begin < end) return onDay(today) && begin <= minute && minute < end;
    return (onDay(today) && minute >= begin) || (onDay(today - 86_400_000) && minute < end);
  });
  if (isOpen) return null;
  let next = Infinity;
  let day = today;
  for (let looked = 0; looked <= 8 && next === Infinity; looked += 1, day = nextDay(day))
    for (const { weekdays, from } of spans) {
      if (weekdays.length > 0 && !weekdays.includes(weekdayOf(day))) continue;
      const begins = instantOf(day, minutesOf(from) ?? 0, zone);
      if (begins > nowMs) next = Math.min(next, begins);
    }
  return next;
}

export function groupOf({ groupBy }: Route, alarm: AlarmNow): string {
  if (groupBy === 'all') return 'all';
  if (groupBy === 'site') return `site ${alarm.site ?? ''}`;
  return groupBy === 'device' ? `device ${alarm.row.device ?? alarm.row.resource}` : `alarm ${alarm.id}`;
}
