// What a service was worth over a span: measured time, outages and what made them, from the records of its ports and the terms of its contract. Pure.
import { Exact } from './exact.ts';
import { instantOf, localDayOf, nextDay, type Weekday, weekdayOf } from './local-time.ts';
import { differenceOf, intersectionOf, lengthOf, type Span, unionOf } from './spans.ts';
import type { DurationMs, EpochMs } from './time.ts';

/** What may be promised; the lowest first. */
export const SERVICE_LEVELS = ['bronze', 'silver', 'gold', 'platinum'] as const;
export type ServiceLevelName = (typeof SERVICE_LEVELS)[number];

/** 0 where nothing was promised, or something that is not known here. */
export function levelRank(level: string | null): number {
  return SERVICE_LEVELS.findIndex((one) => one === level) + 1;
}

/** Part of a day in which a service is measured, on the clock of the contract. */
export interface ServiceHours {
  readonly days: readonly Weekday[];
  /** Minutes after midnight; 1440 is the end of the day. */
  readonly fromMinute: number;
  readonly toMinute: number;
}

export interface LevelTerms {
  /** How many of its ports must be down at once for the service to be. */
  readonly downWhen: 'every_port' | 'any_port';
  /** Whether planned maintenance counts as an outage. */
  readonly maintenance: 'excluded' | 'counted';
  /** Excluded is only what was announced at least so long before it began. */
  readonly noticeMs: DurationMs;
  /** Null: always. */
  readonly hours: readonly ServiceHours[] | null;
  readonly zone: string;
}

/** Where no contract says anything else. */
export const USUAL_TERMS: LevelTerms = {
  downWhen: 'every_port',
  maintenance: 'excluded',
  noticeMs: 0,
  hours: null,
  zone: 'UTC',
};

/** One raising of an alarm that means loss of service. */
export interface DownRecord {
  readonly alarm: string;
  readonly alarmType: string;
  /** The port, or the device that it is a port of. */
  readonly resource: string;
  readonly fromMs: EpochMs;
  /** Null: not cleared. */
  readonly toMs: EpochMs | null;
}

/** One occurrence of a maintenance window that was agreed with customers. */
export interface AgreedWindow extends Span {
  readonly window: string;
  readonly announcedAtMs: EpochMs;
  readonly reason: string;
}

/** A port while it is bound to the service, with what happened to it. */
export interface PortRecord extends Span {
  readonly resource: string;
  readonly downs: readonly DownRecord[];
  readonly windows: readonly AgreedWindow[];
}

/** A time in which the service was down. */
export interface Outage extends Span {
  /** False where maintenance that was agreed took it out. */
  readonly counted: boolean;
  /** By id. */
  readonly alarms: readonly DownRecord[];
  readonly windows: readonly string[];
}

export interface ServiceLevel {
  /** Time in which an outage would have counted. */
  readonly measuredMs: DurationMs;
  readonly outageMs: DurationMs;
  /** The service was down, and maintenance that was agreed took it out. */
  readonly excludedMs: DurationMs;
  /** Some of its ports were down, and the service was not. */
  readonly degradedMs: DurationMs;
  /** In their order. */
  readonly outages: readonly Outage[];
}

interface PortTimes {
  readonly bound: readonly Span[];
  readonly down: readonly Span[];
  /** Not in a window that was agreed. */
  readonly due: readonly Span[];
  readonly dueAndDown: readonly Span[];
}

/** A port in a window that was agreed is not down by the contract; time in which nothing could count is not measured. */
export function serviceLevelOf(terms: LevelTerms, span: Span, ports: readonly PortRecord[]): ServiceLevel {
  const hours = terms.hours === null ? [span] : hoursIn(terms.hours, terms.zone, span);
  const times = ports.map((port) => timesOf(terms, span, port));
  const bound = unionOf(times.flatMap((one) => one.bound));
  const together = (of: (one: PortTimes) => readonly Span[]): Span[] =>
    intersectionOf(hours, byRule(terms, times, bound, of));
  const down = together((one) => one.down);
  const counted = together((one) => one.dueAndDown);
  const excluded = differenceOf(down, counted);
  const anyDown = intersectionOf(hours, unionOf(times.flatMap((one) => one.down)));
  const outages = [
    ...counted.map((one) => outageOf(terms, one, true, ports)),
    ...excluded.map((one) => outageOf(terms, one, false, ports)),
  ];
  return {
    measuredMs: lengthOf(together((one) => one.due)),
    outageMs: lengthOf(counted),
    excludedMs: lengthOf(excluded),
    degradedMs: lengthOf(differenceOf(anyDown, down)),
    outages: outages.toSorted((one, other) => one.fromMs - other.fromMs),
  };
}

/** Percent; null where nothing was measured. */
export function availabilityOf({ measuredMs, outageMs }: Pick<ServiceLevel, 'measuredMs' | 'outageMs'>): Exact | null {
  return measuredMs === 0 ? null : Exact.ratio(BigInt(measuredMs - outageMs) * 100n, BigInt(measuredMs));
}

function timesOf(terms: LevelTerms, span: Span, port: PortRecord): PortTimes {
  const bound = intersectionOf([span], unionOf([port]));
  const down = unionOf(port.downs.map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs ?? span.toMs })));
  const downWhileBound = intersectionOf(bound, down);
  const windows = unionOf(agreedOf(terms, port));
  return {
    bound,
    down: downWhileBound,
    due: differenceOf(bound, windows),
    dueAndDown: differenceOf(downWhileBound, windows),
  };
}

function agreedOf(terms: LevelTerms, { windows }: PortRecord): AgreedWindow[] {
  return windows.filter(
    ({ fromMs, announcedAtMs }) => terms.maintenance === 'excluded' && fromMs - announcedAtMs >= terms.noticeMs,
  );
}

/** Where the rule of the contract holds of the ports: of any one, or of every one that is bound at the instant. */
function byRule(
  terms: LevelTerms,
  times: readonly PortTimes[],
  bound: readonly Span[],
  of: (one: PortTimes) => readonly Span[],
): Span[] {
  if (terms.downWhen === 'any_port') return unionOf(times.flatMap(of));
  const without = times.flatMap((one) => differenceOf(one.bound, of(one)));
  return differenceOf(bound, unionOf(without));
}

function outageOf(terms: LevelTerms, span: Span, counted: boolean, ports: readonly PortRecord[]): Outage {
  const meets = (other: { readonly fromMs: EpochMs; readonly toMs: EpochMs | null }): boolean =>
    other.fromMs < span.toMs && (other.toMs ?? Infinity) > span.fromMs;
  const bound = ports.filter(meets);
  const alarms = new Map(bound.flatMap(({ downs }) => downs.filter(meets)).map((one) => [keyOf(one), one]));
  const windows = counted ? [] : bound.flatMap((port) => agreedOf(terms, port).filter(meets));
  return {
    ...span,
    counted,
    alarms: [...alarms.values()].toSorted(
      (one, other) => one.fromMs - other.fromMs || (one.alarm < other.alarm ? -1 : one.alarm > other.alarm ? 1 : 0),
    ),
    windows: [...new Set(windows.map(({ window }) => window))].toSorted(),
  };
}

function keyOf({ alarm, fromMs }: DownRecord): string {
  return `${alarm} ${fromMs}`;
}

/** The hours of the days that a span touches, each by the clock of the zone. */
function hoursIn(hours: readonly ServiceHours[], zone: string, span: Span): Span[] {
  const found: Span[] = [];
  for (let day = localDayOf(span.fromMs, zone); instantOf(day, 0, zone) < span.toMs; day = nextDay(day))
    for (const { days, fromMinute, toMinute } of hours)
      if (days.includes(weekdayOf(day)))
        found.push({ fromMs: instantOf(day, fromMinute, zone), toMs: instantOf(day, toMinute, zone) });
  return intersectionOf([span], unionOf(found));
}
