// Maintenance windows as nouns, and what they say of a resource at an instant: pure.
import {
  instantOf,
  type LocalDay,
  localDayOf,
  minutesOf,
  monthDayOf,
  nextDay,
  type Weekday,
  weekdayOf,
} from '../../common/model/local-time.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';

export interface MaintenanceTargets {
  readonly devices: readonly string[];
  readonly sites: readonly string[];
  readonly tags: readonly string[];
  /** What a service is bound to at the time, and nothing else of those devices. */
  readonly services: readonly string[];
  /** `device/interfaceKey`, or another part of a device. */
  readonly resources: readonly string[];
}

export interface OnceTimes {
  readonly kind: 'once';
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

/** Where days of the week and of the month are both given, both must fit: Sunday and 1 to 7 is the first Sunday. */
export interface RecurringTimes {
  readonly kind: 'recurring';
  readonly zone: string;
  readonly weekdays: readonly Weekday[];
  /** 1 to 31, or -1 for the last, -2 for the one before it. */
  readonly monthDays: readonly number[];
  /** `HH:MM` on the clock of the zone. */
  readonly start: string;
  /** Time that passes, whatever the clock does meanwhile. */
  readonly durationMinutes: number;
  readonly fromMs: EpochMs | null;
  readonly untilMs: EpochMs | null;
}

export interface WindowDefinition {
  readonly targets: MaintenanceTargets;
  readonly times: OnceTimes | RecurringTimes;
  readonly reason: string;
  /** Software of its devices is to change: their versions before and after are kept. */
  readonly upgrade: boolean;
  /** Agreed in the contract: this time does not count for KPIs. */
  readonly excludedFromKpis: boolean;
}

/** One version of a window: what it said from when to when. A change of the future leaves the past as it was. */
export interface MaintenanceWindow extends WindowDefinition {
  readonly id: string;
  readonly version: number;
  readonly by: string;
  readonly validFromMs: EpochMs;
  readonly validUntilMs: EpochMs | null;
}

/** What a window is held against. */
export interface MaintenanceSubject {
  readonly resource: string;
  readonly device: string | null;
  readonly site: string | null;
  readonly tags: readonly string[];
  /** Ids of the services that the resource itself is bound to. */
  readonly services: readonly string[];
}

export interface Span {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

export interface WindowInForce {
  readonly window: MaintenanceWindow;
  readonly span: Span;
}

const MINUTE_MS: DurationMs = 60_000;
const DAY_MS: DurationMs = 86_400_000;
/** No rule says less often than once in so many days: the 31st on a certain weekday, say. */
const MAX_DAYS_LOOKED_AT = 4000;

export function concerns(targets: MaintenanceTargets, subject: MaintenanceSubject): boolean {
  return (
    targets.resources.includes(subject.resource) ||
    (subject.device !== null && targets.devices.includes(subject.device)) ||
    (subject.site !== null && targets.sites.includes(subject.site)) ||
    subject.tags.some((tag) => targets.tags.includes(tag)) ||
    subject.services.some((service) => targets.services.includes(service))
  );
}

/** The window that hides a resource at an instant; of several the one that ends last. Null where none does. */
export function windowAt(
  windows: readonly MaintenanceWindow[],
  subject: MaintenanceSubject,
  atMs: EpochMs,
): WindowInForce | null {
  let found: WindowInForce | null = null;
  for (const window of windows) {
    if (!concerns(window.targets, subject)) continue;
    const span = occurrenceAt(window, atMs);
    if (span !== null && (found === null || span.toMs > found.span.toMs)) found = { window, span };
  }
  return found;
}

/** The occurrence that holds an instant, cut to the time in which the window says so. */
export function occurrenceAt(window: MaintenanceWindow, atMs: EpochMs): Span | null {
  return occurrences(window, { fromMs: atMs, toMs: atMs + 1 })[0] ?? null;
}

/** Whole occurrences that overlap a span, in their order; each half-open, cut to the time in which the window says so. */
export function occurrences(window: MaintenanceWindow, span: Span): Span[] {
  const { times, validFromMs, validUntilMs } = window;
  if (times.kind === 'once') return cut([times], window, span);
  const fromMs = Math.max(span.fromMs, validFromMs, times.fromMs ?? -Infinity);
  const toMs = Math.min(span.toMs, validUntilMs ?? Infinity, times.untilMs ?? Infinity);
  const minutes = minutesOf(times.start) ?? 0;
  const durationMs = times.durationMinutes * MINUTE_MS;
  const found: Span[] = [];
  let day = localDayOf(fromMs - durationMs - DAY_MS, times.zone);
  for (let looked = 0; looked < MAX_DAYS_LOOKED_AT; looked += 1, day = nextDay(day)) {
    // No zone is a day away from UTC.
    if (day - DAY_MS >= toMs) break;
    if (!fits(times, day)) continue;
    const startMs = instantOf(day, minutes, times.zone);
    if (startMs < (times.fromMs ?? -Infinity) || startMs >= (times.untilMs ?? Infinity)) continue;
    found.push({ fromMs: startMs, toMs: startMs + durationMs });
  }
  return cut(found, window, span);
}

function cut(spans: readonly Span[], { validFromMs, validUntilMs }: MaintenanceWindow, span: Span): Span[] {
  return spans
    .map(({ fromMs, toMs }) => ({
      fromMs: Math.max(fromMs, validFromMs),
      toMs: Math.min(toMs, validUntilMs ?? Infinity),
    }))
    .filter(({ fromMs, toMs }) => fromMs < toMs && fromMs < span.toMs && toMs > span.fromMs);
}

function fits({ weekdays, monthDays }: RecurringTimes, day: LocalDay): boolean {
  if (weekdays.length > 0 && !weekdays.includes(weekdayOf(day))) return false;
  if (monthDays.length === 0) return true;
  const { fromStart, fromEnd } = monthDayOf(day);
  return monthDays.includes(fromStart) || monthDays.includes(fromEnd);
}

/** Since when a window has said without a break that an occurrence of it would be: a change that moves it announces it anew. */
export function announcedAtMs(
  windows: readonly MaintenanceWindow[],
  window: MaintenanceWindow,
  occurrence: Span,
): EpochMs {
  let sinceMs = window.validFromMs;
  const before = windows
    .filter(({ id, version }) => id === window.id && version < window.version)
    .toSorted((one, other) => other.version - one.version);
  for (const one of before) {
    const said = occurrences({ ...one, validUntilMs: null }, occurrence);
    if (
      !one.excludedFromKpis ||
      !said.some(({ fromMs, toMs }) => fromMs <= occurrence.fromMs && toMs >= occurrence.toMs)
    )
      break;
    sinceMs = one.validFromMs;
  }
  return sinceMs;
}

/** When the last occurrence is over; null where there is always another. */
export function overAtMs({ times, validUntilMs }: MaintenanceWindow): EpochMs | null {
  const ends = times.kind === 'once' ? times.toMs : null;
  const last =
    times.kind === 'recurring' && times.untilMs !== null ? times.untilMs + times.durationMinutes * MINUTE_MS : ends;
  if (last === null) return validUntilMs;
  return validUntilMs === null ? last : Math.min(last, validUntilMs);
}
