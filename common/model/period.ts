// The periods of a contract: months, days and hours in the contract's own time zone, with the hours that daylight saving takes and gives.
import type { DurationMs, EpochMs } from './time.ts';

/** `month-15`: months that begin on the fifteenth; where a month has no such day, on its last. */
export type BillingCycle = 'month' | 'day' | 'hour' | `month-${number}`;

export const BILLING_CYCLES = ['month', 'day', 'hour'] as const;

/** Months that begin on a day of the month, 1 to 31. */
export function monthlyFrom(day: number): BillingCycle {
  return day === 1 ? 'month' : `month-${day}`;
}

/** Half-open span `[startMs, endMs)` that is billed at once. */
export interface Period {
  /** `2026-11` (the month in which it begins), `2026-11-24`, or `2026-11-24T08Z`: hours are counted in UTC, because local hours repeat in autumn. */
  readonly name: string;
  readonly cycle: BillingCycle;
  readonly zone: string;
  readonly startMs: EpochMs;
  readonly endMs: EpochMs;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MAX_FORMATS = 1_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** True for an IANA zone that this runtime knows. */
export function zoneKnown(zone: string): boolean {
  try {
    return formatOf(zone) !== null;
  } catch {
    return false;
  }
}

/** Local date of an instant, `YYYY-MM-DD`. */
export function localDate(at: EpochMs, zone: string): string {
  return new Date(at + zoneOffset(at, zone)).toISOString().slice(0, 10);
}

/** The first instant of a local date (`YYYY-MM-DD`), also where daylight saving begins at midnight; null where it is no date. */
export function startOfDate(date: string, zone: string): EpochMs | null {
  const local = dateMs(date);
  return local === null ? null : startOfLocal(local, zone);
}

/** `local`: the date's midnight as if the zone were UTC. */
function startOfLocal(local: number, zone: string): EpochMs {
  const before = local - zoneOffset(local - DAY_MS, zone);
  const after = local - zoneOffset(local + DAY_MS, zone);
  const midnights = [before, after]
    .filter((at) => at + zoneOffset(at, zone) === local)
    .toSorted((left, right) => left - right);
  // Where no instant reads 00:00, the clock jumped over it: the jump is where the day begins.
  return midnights[0] ?? before;
}

/** The last that was asked for of each cycle and zone: rating asks for the same month a thousand times, and a zone's clock is slow to read. */
const lastPeriods = new Map<string, Period>();

/** The period that holds an instant. */
export function periodAt(at: EpochMs, cycle: BillingCycle, zone: string): Period {
  const key = `${cycle} ${zone}`;
  const last = lastPeriods.get(key);
  if (last !== undefined && at >= last.startMs && at < last.endMs) return last;
  const period = findPeriod(at, cycle, zone);
  if (lastPeriods.size >= MAX_FORMATS) lastPeriods.clear();
  lastPeriods.set(key, period);
  return period;
}

function findPeriod(at: EpochMs, cycle: BillingCycle, zone: string): Period {
  const named = (name: string): Period => {
    const period = periodNamed(name, zone, cycle);
    if (period === null) throw new Error(`BUG: ${name} is no period`);
    return period;
  };
  if (cycle === 'hour') return named(`${new Date(at).toISOString().slice(0, 13)}Z`);
  const ofLocal = (time: EpochMs): Period => {
    const date = localDate(time, zone);
    return named(cycle === 'day' ? date : monthBegun(date, firstDayOf(cycle)));
  };
  const period = ofLocal(at);
  // A clock that goes back over midnight shows a date again that has ended: periods follow time, not the clock.
  return at < period.endMs ? period : ofLocal(period.endMs);
}

/** Reads a period's name; null where it is none. The name of a month means the one of that cycle which begins in it. */
export function periodNamed(name: string, zone: string, months: BillingCycle = 'month'): Period | null {
  if (/^\d{4}-\d{2}-\d{2}T\d{2}Z?$/.test(name)) {
    const hour = name.slice(0, 13);
    const startMs = Date.parse(`${hour}:00:00Z`);
    // 30 February and hour 24 are read by some parsers as what follows.
    if (Number.isNaN(startMs) || new Date(startMs).toISOString().slice(0, 13) !== hour) return null;
    return { name: `${hour}Z`, cycle: 'hour', zone, startMs, endMs: startMs + HOUR_MS };
  }
  const isMonth = /^\d{4}-\d{2}$/.test(name);
  const cycle = !isMonth ? 'day' : isMonthly(months) ? months : 'month';
  const first = dateMs(isMonth ? `${name}-01` : name);
  if (first === null) return null;
  const day = firstDayOf(cycle);
  const startMs = startOfLocal(isMonth ? dayOfMonth(first, day) : first, zone);
  const endMs = startOfLocal(isMonth ? dayOfMonth(nextMonth(first), day) : first + DAY_MS, zone);
  // Where a zone crossed the date line, a day is missing.
  return endMs <= startMs ? null : { name, cycle, zone, startMs, endMs };
}

export function nextPeriod(period: Period): Period {
  return periodAt(period.endMs, period.cycle, period.zone);
}

export function previousPeriod(period: Period): Period {
  return periodAt(period.startMs - 1, period.cycle, period.zone);
}

/** A half-open span of time. */
export interface Stretch {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

/**
 * The part of a period that `[fromMs, toMs)` covers, as a fraction of two integers: local days of a month (a day that is
 * touched counts), milliseconds of a day or an hour.
 */
export function coveredPart(period: Period, fromMs: EpochMs, toMs: EpochMs): { covered: bigint; whole: bigint } {
  return stretchPart(period, { fromMs, toMs }, { fromMs, toMs });
}

/**
 * The share that one stretch of what is covered has in `coveredPart`: a day in which two stretches meet belongs to the one that
 * holds its noon. Stretches that follow each other add up to the whole of what they cover: no day is lost, none counts twice.
 */
export function stretchPart(period: Period, covered: Stretch, stretch: Stretch): { covered: bigint; whole: bigint } {
  const inner = cut(covered, period.startMs, period.endMs);
  const { fromMs, toMs } = cut(stretch, inner.fromMs, inner.toMs);
  if (!isMonthly(period.cycle))
    return { covered: BigInt(Math.max(0, toMs - fromMs)), whole: BigInt(period.endMs - period.startMs) };
  const { zone } = period;
  const whole = BigInt(dayNumber(period.endMs - 1, zone) - dayNumber(period.startMs, zone) + 1);
  if (inner.toMs <= inner.fromMs || toMs <= fromMs) return { covered: 0n, whole };
  const [first, past] = [dayNumber(inner.fromMs, zone), dayNumber(inner.toMs - 1, zone) + 1];
  const begin = fromMs === inner.fromMs ? first : Math.min(Math.max(firstNoon(fromMs, zone), first), past);
  const end = toMs === inner.toMs ? past : Math.min(Math.max(firstNoon(toMs, zone), first), past);
  return { covered: BigInt(end - begin), whole };
}

/** The days that `stretchPart` counts for a stretch, in words; null where there are none. */
export function stretchDays(zone: string, covered: Stretch, stretch: Stretch): string | null {
  const { fromMs, toMs } = cut(stretch, covered.fromMs, covered.toMs);
  const first = fromMs === covered.fromMs ? dayNumber(fromMs, zone) : firstNoon(fromMs, zone);
  const last = toMs === covered.toMs ? dayNumber(toMs - 1, zone) : firstNoon(toMs, zone) - 1;
  return toMs <= fromMs || last < first ? null : `${isoDate(first * DAY_MS)} to ${isoDate(last * DAY_MS)}`;
}

function cut({ fromMs, toMs }: Stretch, startMs: EpochMs, endMs: EpochMs): Stretch {
  return { fromMs: Math.max(fromMs, startMs), toMs: Math.min(toMs, endMs) };
}

/** The first day whose noon is not before an instant. */
function firstNoon(at: EpochMs, zone: string): number {
  return Math.ceil((at + zoneOffset(at, zone) - DAY_MS / 2) / DAY_MS);
}

/** What the zone adds to UTC at an instant. */
export function zoneOffset(at: EpochMs, zone: string): DurationMs {
  if (zone === 'UTC') return 0;
  const parts: Record<string, number> = {};
  for (const part of formatOf(zone).formatToParts(at)) parts[part.type] = Number(part.value);
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  // Not Date.UTC(year, …), which takes the first hundred years for those of the twentieth century.
  const local = new Date(0).setUTCFullYear(year, month - 1, day) + ((hour * 60 + minute) * 60 + second) * 1000;
  return local - Math.floor(at / 1000) * 1000;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    if (formats.size >= MAX_FORMATS) formats.clear();
    formats.set(zone, format);
  }
  return format;
}

function dayNumber(at: EpochMs, zone: string): number {
  return Math.floor((at + zoneOffset(at, zone)) / DAY_MS);
}

/** Midnight UTC of a date that exists; null for anything else, such as February 30. */
function dateMs(date: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return null;
  const at = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(at) || isoDate(at) !== date ? null : at;
}

function isoDate(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

export function isMonthly(cycle: BillingCycle): boolean {
  return cycle !== 'day' && cycle !== 'hour';
}

/** The day on which months of a cycle begin. */
export function firstDayOf(cycle: BillingCycle): number {
  return cycle.startsWith('month-') ? Number(cycle.slice('month-'.length)) : 1;
}

/** Day `day` of the month that begins at `first`; in a shorter month its last. */
function dayOfMonth(first: number, day: number): number {
  return Math.min(first + (day - 1) * DAY_MS, nextMonth(first) - DAY_MS);
}

/** The month in which the period begins that holds a local date. */
function monthBegun(date: string, day: number): string {
  const month = date.slice(0, 7);
  const [first, at] = [dateMs(`${month}-01`) ?? 0, dateMs(date) ?? 0];
  return at >= dayOfMonth(first, day) ? month : isoDate(first - DAY_MS).slice(0, 7);
}

function nextMonth(first: number): number {
  const date = new Date(first);
  return date.setUTCMonth(date.getUTCMonth() + 1);
}
