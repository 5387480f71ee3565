// Clock time in a zone: which instant a local time is, on days when the clock is turned as well, and rules of the week and the month.
import type { DurationMs, EpochMs } from './time.ts';
import { zoneOffset } from './period.ts';

/** As ISO 8601 counts them. */
export const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

const MINUTE_MS: DurationMs = 60_000;
const DAY_MS: DurationMs = 86_400_000;

/** Midnight of a date as if the zone were UTC: dates are reckoned with these. */
export type LocalDay = number;

export function localDayOf(atMs: EpochMs, zone: string): LocalDay {
  return Math.floor((atMs + zoneOffset(atMs, zone)) / DAY_MS) * DAY_MS;
}

export function nextDay(day: LocalDay): LocalDay {
  return day + DAY_MS;
}

export function minuteOfDay(atMs: EpochMs, zone: string): number {
  const localMs = atMs + zoneOffset(atMs, zone);
  return Math.floor((localMs - Math.floor(localMs / DAY_MS) * DAY_MS) / MINUTE_MS);
}

export function weekdayOf(day: LocalDay): Weekday {
  // 1970-01-01 was a Thursday.
  const number = (((Math.round(day / DAY_MS) + 3) % 7) + 7) % 7;
  return WEEKDAYS[number] ?? 'monday';
}

/** From 1; `fromEnd` counts from -1, the last day of the month. */
export function monthDayOf(day: LocalDay): { readonly fromStart: number; readonly fromEnd: number } {
  const date = new Date(day);
  const last = new Date(day);
  last.setUTCDate(1);
  last.setUTCMonth(last.getUTCMonth() + 1);
  last.setUTCDate(0);
  return { fromStart: date.getUTCDate(), fromEnd: date.getUTCDate() - last.getUTCDate() - 1 };
}

/** The instant of a clock time. One that the clock jumps over is the jump itself, one that it shows twice is the first. */
export function instantOf(day: LocalDay, minutes: number, zone: string): EpochMs {
  const local = day + minutes * MINUTE_MS;
  const before = local - zoneOffset(local - DAY_MS, zone);
  const after = local - zoneOffset(local + DAY_MS, zone);
  const exact = [before, after].filter((at) => at + zoneOffset(at, zone) === local).toSorted((a, b) => a - b);
  return exact[0] ?? jumpBetween(Math.min(before, after), Math.max(before, after), zone);
}

/** Where the offset changes in a span that holds one change. */
function jumpBetween(fromMs: EpochMs, toMs: EpochMs, zone: string): EpochMs {
  const offset = zoneOffset(fromMs, zone);
  let [low, high] = [fromMs, toMs];
  while (high - low > 1000) {
    const middle = low + Math.floor((high - low) / 2000) * 1000;
    if (zoneOffset(middle, zone) === offset) low = middle;
    else high = middle;
  }
  return high;
}

/** Minutes after midnight of `HH:MM`; `24:00` is the end of the day. Null for anything else. */
export function minutesOf(clock: string): number | null {
  const match = /^(\d{2}):(\d{2})$/.exec(clock);
  const [hours, minutes] = [Number(match?.[1] ?? 99), Number(match?.[2] ?? 99)];
  return minutes < 60 && (hours < 24 || (hours === 24 && minutes === 0)) ? hours * 60 + minutes : null;
}
