// Cycles of several months, for fees that are charged by the quarter or the year while bills are made by the month.
import { localDate, type Period, startOfDate } from './period.ts';
import type { EpochMs } from './time.ts';

/** Cycles of so many months, one after the other without an end in either direction. */
export interface CycleRule {
  readonly months: number;
  /** The day of the month on which a cycle begins; in a shorter month its last. */
  readonly day: number;
  /** A month in which a cycle begins, counted from January of the year 0. */
  readonly month: number;
}

/** Where the cycles of an item begin: with the calendar's, or where the service began, on the day of its bills or on its own. */
export const CYCLE_ANCHORS = ['calendar', 'anniversary', 'service_month'] as const;
export type CycleAnchor = (typeof CYCLE_ANCHORS)[number];

/** calendar: counted from January. service_month: from the month in which the service began. anniversary: also from its day. */
export function cycleRule(
  months: number,
  anchor: CycleAnchor,
  service: { readonly fromMs: EpochMs; readonly zone: string; readonly billingDay: number },
): CycleRule {
  if (anchor === 'calendar') return { months, day: service.billingDay, month: 0 };
  const date = localDate(service.fromMs, service.zone);
  return { months, day: anchor === 'anniversary' ? dayOf(date) : service.billingDay, month: monthOf(date) };
}

/** The cycle that holds an instant. */
export function cycleAt(rule: CycleRule, at: EpochMs, zone: string): Period {
  const since = monthOf(localDate(at, zone)) - rule.month;
  let first = rule.month + Math.floor(since / rule.months) * rule.months;
  if (beginOf(first, rule.day, zone) > at) first -= rule.months;
  return {
    name: dateIn(first, rule.day),
    cycle: 'month',
    zone,
    startMs: beginOf(first, rule.day, zone),
    endMs: beginOf(first + rule.months, rule.day, zone),
  };
}

function beginOf(month: number, day: number, zone: string): EpochMs {
  const begin = startOfDate(dateIn(month, day), zone);
  if (begin === null) throw new Error(`BUG: ${dateIn(month, day)} is no date`);
  return begin;
}

function dateIn(month: number, day: number): string {
  const [year, ofYear] = [Math.floor(month / 12), month % 12];
  const last = new Date(Date.UTC(year, ofYear + 1, 0)).getUTCDate();
  return new Date(Date.UTC(year, ofYear, Math.min(day, last))).toISOString().slice(0, 10);
}

function monthOf(date: string): number {
  return Number(date.slice(0, 4)) * 12 + Number(date.slice(5, 7)) - 1;
}

function dayOf(date: string): number {
  return Number(date.slice(8, 10));
}
