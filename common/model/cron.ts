// Five fields of cron in a time zone: when it is due next, also on days when the clock is turned. Pure.
import { instantOf, type LocalDay, localDayOf, minuteOfDay, nextDay } from './local-time.ts';
import type { EpochMs } from './time.ts';

export interface Cron {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly monthDays: readonly number[];
  readonly months: readonly number[];
  /** 0 is Sunday. */
  readonly weekDays: readonly number[];
  /** Where both are given one of the two is enough, as cron has it. */
  readonly anyMonthDay: boolean;
  readonly anyWeekDay: boolean;
  /** Counts on through a turn of the clock: an hour that the clock shows twice has it twice. */
  readonly everyHour: boolean;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Longer than from one leap day to the next, over a century without one. */
const MOST_DAYS = 3_000;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEK = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** `minute hour day-of-month month day-of-week`; null where it is none. */
export function parseCron(text: string): Cron | null {
  const fields = text.trim().toLowerCase().split(/\s+/);
  if (fields.length !== 5) return null;
  const [minute = '', hour = '', monthDay = '', month = '', weekDay = ''] = fields;
  const minutes = valuesOf(minute, 0, 59);
  const hours = valuesOf(hour, 0, 23);
  const monthDays = valuesOf(monthDay, 1, 31);
  const months = valuesOf(month, 1, 12, MONTHS, 1);
  const weekDays = valuesOf(weekDay, 0, 7, WEEK, 0);
  if (minutes === null || hours === null || monthDays === null || months === null || weekDays === null) return null;
  const cron: Cron = {
    minutes,
    hours,
    monthDays,
    months,
    weekDays: [...new Set(weekDays.map((day) => day % 7))].toSorted((left, right) => left - right),
    anyMonthDay: monthDay.startsWith('*'),
    anyWeekDay: weekDay.startsWith('*'),
    everyHour: hours.length === 24,
  };
  // 30 February never comes.
  return nextDue(cron, 'UTC', 0) === null ? null : cron;
}

/** The first time after an instant; null where none comes. */
export function nextDue(cron: Cron, zone: string, afterMs: EpochMs): EpochMs | null {
  let day = localDayOf(afterMs, zone);
  for (let looked = 0; looked < MOST_DAYS; looked += 1, day = nextDay(day)) {
    if (!dayFits(cron, day)) continue;
    const found = nextOfDay(cron, zone, day, afterMs);
    if (found !== null) return found;
  }
  return null;
}

/** The last time at or before an instant, but after another; null where there is none. */
export function lastDue(cron: Cron, zone: string, afterMs: EpochMs, untilMs: EpochMs): EpochMs | null {
  const last = localDayOf(untilMs, zone);
  for (let day = last; nextDay(day) > afterMs - DAY_MS && day > last - MOST_DAYS * DAY_MS; day -= DAY_MS) {
    if (!dayFits(cron, day)) continue;
    // From before the day on: local days begin at their own times.
    let found: EpochMs | null = null;
    let at = nextOfDay(cron, zone, day, Math.max(afterMs, instantOf(day, 0, zone) - 1));
    while (at !== null && at <= untilMs) {
      found = at;
      at = nextOfDay(cron, zone, day, at);
    }
    if (found !== null && found > afterMs) return found;
  }
  return null;
}

function nextOfDay(cron: Cron, zone: string, day: LocalDay, afterMs: EpochMs): EpochMs | null {
  return cron.everyHour ? minuteAfter(cron, zone, day, afterMs) : clockTimeAfter(cron, zone, day, afterMs);
}

/** A time that the clock jumps over is due at the jump, one that it shows twice the first time. */
function clockTimeAfter(cron: Cron, zone: string, day: LocalDay, afterMs: EpochMs): EpochMs | null {
  let found: EpochMs | null = null;
  for (const hour of cron.hours)
    for (const minute of cron.minutes) {
      const at = instantOf(day, hour * 60 + minute, zone);
      if (at > afterMs && (found === null || at < found)) found = at;
    }
  return found;
}

function minuteAfter(cron: Cron, zone: string, day: LocalDay, afterMs: EpochMs): EpochMs | null {
  const end = instantOf(nextDay(day), 0, zone);
  const first = Math.max(instantOf(day, 0, zone), (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS);
  for (let at = first; at < end; at += MINUTE_MS)
    if (cron.minutes.includes(minuteOfDay(at, zone) % 60) && localDayOf(at, zone) === day) return at;
  return null;
}

function dayFits(cron: Cron, day: LocalDay): boolean {
  const date = new Date(day);
  if (!cron.months.includes(date.getUTCMonth() + 1)) return false;
  const monthDay = cron.monthDays.includes(date.getUTCDate());
  const weekDay = cron.weekDays.includes(date.getUTCDay());
  return cron.anyMonthDay || cron.anyWeekDay ? monthDay && weekDay : monthDay || weekDay;
}

/** Lists, ranges and steps: `1,15`, `1-5`, `*`, `0-30/10`, names where a field has them. */
function valuesOf(
  field: string,
  least: number,
  most: number,
  names: readonly string[] = [],
  nameBase = 0,
): number[] | null {
  const found = new Set<number>();
  const numberOf = (text: string): number => {
    const named = names.indexOf(text);
    if (named >= 0) return named + nameBase;
    return /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  };
  for (const part of field.split(',')) {
    const [, range = '', step = '1'] = /^([^/]+)(?:\/(\d{1,2}))?$/.exec(part) ?? [];
    const [from = '', to = from] = range === '*' ? [String(least), String(most)] : range.split('-');
    const [first, last, by] = [
      numberOf(from),
      range.includes('-') || range === '*' ? numberOf(to) : lastOf(part, from),
      Number(step),
    ];
    if (!(first >= least && last <= most && first <= last && by >= 1) || range.split('-').length > 2) return null;
    for (let value = first; value <= last; value += by) found.add(value);
  }
  return [...found].toSorted((left, right) => left - right);

  /** `5/10` is from five to the end. */
  function lastOf(part: string, from: string): number {
    return part.includes('/') ? most : numberOf(from);
  }
}
