// When a recurring maintenance window comes next, for the eye before it is planned; the collector decides by the same rule. Pure.
import {
  instantOf,
  localDayOf,
  minutesOf,
  monthDayOf,
  nextDay,
  type Weekday,
  weekdayOf,
} from '../../../../common/model/local-time.ts';

export interface Rule {
  readonly zone: string;
  readonly weekdays: readonly Weekday[];
  readonly monthDays: readonly number[];
  readonly start: string;
  readonly durationMinutes: number;
}

const MOST_DAYS = 800;

/** Those that have not ended, in their order; nothing where the rule is none. */
export function nextOccurrences(
  { zone, weekdays, monthDays, start, durationMinutes }: Rule,
  fromMs: number,
  most: number,
): readonly { readonly fromMs: number; readonly toMs: number }[] {
  const minutes = minutesOf(start);
  if (minutes === null || !(durationMinutes > 0)) return [];
  const durationMs = durationMinutes * 60_000;
  const found: { fromMs: number; toMs: number }[] = [];
  let day = localDayOf(fromMs - durationMs - 86_400_000, zone);
  for (let looked = 0; looked < MOST_DAYS && found.length < most; looked += 1, day = nextDay(day)) {
    if (weekdays.length > 0 && !weekdays.includes(weekdayOf(day))) continue;
    const { fromStart, fromEnd } = monthDayOf(day);
    if (monthDays.length > 0 && !monthDays.includes(fromStart) && !monthDays.includes(fromEnd)) continue;
    const begin = instantOf(day, minutes, zone);
    if (begin + durationMs > fromMs) found.push({ fromMs: begin, toMs: begin + durationMs });
  }
  return found;
}

/** `1, 15 -1` as days of the month; null where one is none. */
export function monthDaysOf(text: string): readonly number[] | null {
  const days = text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .map(Number);
  return days.every((day) => Number.isInteger(day) && day !== 0 && Math.abs(day) <= 31) ? days : null;
}
