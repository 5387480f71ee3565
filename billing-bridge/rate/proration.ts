// Proration by days: the share of a period that a service was there, and cycles that begin on a day of the month.
import { Exact } from '../../common/model/exact.ts';

/** A calendar date as days since 1970. */
export type DayNumber = number;

export interface CycleRule {
  readonly months: 1 | 3 | 12;
  /** Day of the month on which a cycle begins; in shorter months the last. */
  readonly day: number;
}

/**
 * Cycles billed in advance by `target` for a service from `start` to `end` (exclusive; null is open), one after the other:
 * a whole cycle is 1, the part before the first cycle day and the part after the last one days / days of that cycle.
 */
export function cyclesInAdvance(rule: CycleRule, start: DayNumber, end: DayNumber | null, target: DayNumber): Exact[] {
  if (target < start || (end !== null && end <= start)) return [];
  const anchor = firstCycleDay(rule, start);
  const cycleDay = (count: number): DayNumber => addMonths(anchor, count * rule.months, rule.day);
  let count = 0;
  while (cycleDay(count) <= target) count += 1;
  const paidUntil = cycleDay(count);
  const until = end !== null && end < paidUntil ? end : paidUntil;
  const cycles = [share(start, Math.min(until, anchor), cycleDay(-1), anchor)];
  for (let at = 0; cycleDay(at) < until; at += 1)
    cycles.push(share(cycleDay(at), Math.min(until, cycleDay(at + 1)), cycleDay(at), cycleDay(at + 1)));
  return cycles.filter((cycle) => !cycle.isZero());
}

function share(from: DayNumber, to: DayNumber, cycleFrom: DayNumber, cycleTo: DayNumber): Exact {
  return to <= from ? Exact.zero : Exact.ratio(BigInt(to - from), BigInt(cycleTo - cycleFrom));
}

function firstCycleDay(rule: CycleRule, start: DayNumber): DayNumber {
  let proposed = addMonths(start, 0, rule.day);
  for (let added = rule.months; proposed < start; added += rule.months) proposed = addMonths(start, added, rule.day);
  return proposed;
}

/** The day `day` of the month that lies so many months after that of `from`. */
function addMonths(from: DayNumber, months: number, day: number): DayNumber {
  const date = new Date(from * DAY_MS);
  const year = date.getUTCFullYear();
  const month = date.getUTCMonth() + months;
  const last = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return Date.UTC(year, month, Math.min(day, last)) / DAY_MS;
}

const DAY_MS = 86_400_000;
