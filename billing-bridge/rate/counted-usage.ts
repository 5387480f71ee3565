// Usage of a service in a window, as prices ask for it: which buckets count, what they add up to, and how much was measured. Pure.
import type { UsageColumns, UsageOctets, UsageTable } from '../../common/model/usage-columns.ts';
import { bucketStart, type DurationMs, type EpochMs } from '../../common/model/time.ts';

/** A meter of the aggregation set, for the span in which it belongs to the service. */
export interface CountedMeter {
  readonly meter: number;
  readonly direction: 'in' | 'out';
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** Which meters are of one port, where that is asked. */
  readonly port?: string;
  /** When its port leaves the service; null or absent: not yet. */
  readonly leavesMs?: EpochMs | null;
}

/** Usage and the span in which it counts; the records that belong are those whose bucket begins inside a meter's span and the window. */
export interface CountedUsage {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly meters: readonly CountedMeter[];
  /** By meter. */
  readonly usage: ReadonlyMap<number, UsageColumns>;
}

/** Places [first, past) of the table that count for one meter. */
export interface CountedPlaces {
  readonly meter: CountedMeter;
  readonly columns: UsageColumns;
  readonly table: UsageTable;
  readonly first: number;
  readonly past: number;
}

const CLASSES = ['good', 'wrapped', 'gap'] as const;
/** Below it two numbers add up exactly. */
const HALF_EXACT = 2 ** 52;

export function countedPlaces(input: CountedUsage): CountedPlaces[] {
  return input.meters.flatMap((meter): CountedPlaces[] => {
    const columns = input.usage.get(meter.meter);
    if (columns === undefined) return [];
    const { table, offset, count, firstMs } = columns;
    const placeOf = (at: EpochMs): number =>
      offset + Math.min(count, Math.max(0, Math.ceil((at - firstMs) / table.bucketMs)));
    const first = placeOf(Math.max(meter.fromMs, input.fromMs));
    const past = placeOf(Math.min(meter.toMs, input.toMs));
    return past > first ? [{ meter, columns, table, first, past }] : [];
  });
}

/** Where the bucket at a place begins. */
export function timeAt({ columns, table }: Pick<CountedPlaces, 'columns' | 'table'>, place: number): EpochMs {
  return columns.firstMs + (place - columns.offset) * table.bucketMs;
}

/** Adds octets exactly: doubles while they are, bigint beyond. */
export class OctetSum {
  #whole = 0n;
  #part = 0;

  add(octets: number): void {
    if (octets > HALF_EXACT) this.#whole += BigInt(octets);
    else this.#part += octets;
    if (this.#part > HALF_EXACT) this.#carry();
  }

  addLarge(octets: bigint): void {
    this.#whole += octets;
  }

  total(): bigint {
    this.#carry();
    return this.#whole;
  }

  #carry(): void {
    this.#whole += BigInt(this.#part);
    this.#part = 0;
  }
}

/** Octets that are rated: what is known exactly, gaps included, suspended ones not. */
export function ratedOctetsOf(octets: UsageOctets): bigint {
  return octets.good + octets.wrapped + octets.gap;
}

/** Of one place; a bucket without a record has none. */
export function ratedAt(table: UsageTable, place: number): bigint {
  const large = table.large.get(place);
  if (large !== undefined) return ratedOctetsOf(large);
  return CLASSES.reduce((sum, name) => sum + BigInt(table[name][place] ?? 0), 0n);
}

/** Octets that are rated, by direction. */
export function ratedSums(input: CountedUsage): { in: bigint; out: bigint } {
  const sums = { in: new OctetSum(), out: new OctetSum() };
  for (const { meter, table, first, past } of countedPlaces(input)) {
    const sum = sums[meter.direction];
    const { good, wrapped, gap } = table;
    const anyLarge = table.large.size > 0;
    for (let place = first; place < past; place += 1) {
      const large = anyLarge ? table.large.get(place) : undefined;
      if (large !== undefined) sum.addLarge(ratedOctetsOf(large));
      else {
        sum.add(good[place] ?? 0);
        sum.add(wrapped[place] ?? 0);
        sum.add(gap[place] ?? 0);
      }
    }
  }
  return { in: sums.in.total(), out: sums.out.total() };
}

/** How much of what should have been measured was, so that a bill line can say it. */
export interface Coverage {
  readonly expectedMs: DurationMs;
  readonly coveredMs: DurationMs;
  readonly gapMs: DurationMs;
  readonly lostMs: DurationMs;
  readonly gapOctets: bigint;
  readonly suspendedOctets: bigint;
  readonly records: number;
}

export function coverageOf(input: CountedUsage): Coverage {
  const times = { expectedMs: 0, coveredMs: 0, gapMs: 0, lostMs: 0, records: 0 };
  const [gap, suspended] = [new OctetSum(), new OctetSum()];
  for (const meter of input.meters)
    times.expectedMs += Math.max(0, Math.min(meter.toMs, input.toMs) - Math.max(meter.fromMs, input.fromMs));
  for (const { table, first, past } of countedPlaces(input)) {
    const anyLarge = table.large.size > 0;
    for (let place = first; place < past; place += 1) {
      if (table.versions[place] === 0) continue;
      times.records += 1;
      times.coveredMs += table.coveredMs[place] ?? 0;
      times.gapMs += table.gapMs[place] ?? 0;
      times.lostMs += table.lostMs[place] ?? 0;
      const large = anyLarge ? table.large.get(place) : undefined;
      if (large !== undefined) {
        gap.addLarge(large.gap);
        suspended.addLarge(large.suspended);
        continue;
      }
      // Nearly always there is neither.
      const [ofGap, held] = [table.gap[place] ?? 0, table.suspended[place] ?? 0];
      if (ofGap !== 0) gap.add(ofGap);
      if (held !== 0) suspended.add(held);
    }
  }
  return { ...times, gapOctets: gap.total(), suspendedOctets: suspended.total() };
}

/** Intervals of a grid, each with what every port of the set moved in it. */
export interface IntervalSamples {
  readonly firstMs: EpochMs;
  readonly count: number;
  readonly in: Float64Array | bigint[];
  readonly out: Float64Array | bigint[];
  /** Time that was measured, and that should have been, of all ports. */
  readonly knownMs: Float64Array;
  readonly wantedMs: Float64Array;
}

/** Whole intervals of the window. `withGaps`: octets of gaps, and their time, count as measured. */
export function intervalSamples(input: CountedUsage, intervalMs: DurationMs, withGaps: boolean): IntervalSamples {
  const firstMs = Math.ceil(input.fromMs / intervalMs) * intervalMs;
  const count = Math.max(0, Math.floor((input.toMs - firstMs) / intervalMs));
  const [knownMs, wantedMs] = [new Float64Array(count), new Float64Array(count)];
  /** Intervals in which the meter belongs to the set throughout. */
  const wholeOf = (meter: CountedMeter): { first: number; past: number } => ({
    first: Math.max(0, Math.ceil((meter.fromMs - firstMs) / intervalMs)),
    past: Math.min(count, Math.floor((meter.toMs - firstMs) / intervalMs)),
  });
  for (const meter of input.meters) {
    const whole = wholeOf(meter);
    for (let at = whole.first; at < whole.past; at += 1) wantedMs[at] = (wantedMs[at] ?? 0) + intervalMs;
  }
  const sums = { in: new Float64Array(count), out: new Float64Array(count) };
  const places = countedPlaces(input);
  let exact = true;
  for (const counted of places) {
    const { meter, table, first, past } = counted;
    const { bucketMs, good, wrapped, gap, coveredMs, gapMs } = table;
    const sum = sums[meter.direction];
    const whole = wholeOf(meter);
    let beginMs = timeAt(counted, first) - firstMs;
    for (let place = first; place < past; place += 1, beginMs += bucketMs) {
      const at = Math.floor(beginMs / intervalMs);
      if (at < 0 || at >= count) continue;
      const octets = (sum[at] ?? 0) + (good[place] ?? 0) + (wrapped[place] ?? 0) + (withGaps ? (gap[place] ?? 0) : 0);
      sum[at] = octets;
      // Not a number where the columns hold none.
      if (!(octets <= HALF_EXACT)) exact = false;
      // What was not wanted of it must not stand for what was of another.
      if (at >= whole.first && at < whole.past)
        knownMs[at] = (knownMs[at] ?? 0) + (coveredMs[place] ?? 0) - (withGaps ? 0 : (gapMs[place] ?? 0));
    }
  }
  const octets = exact ? sums : wideSums(places, firstMs, intervalMs, count, withGaps);
  return { firstMs, count, ...octets, knownMs, wantedMs };
}

/** As above where octets of an interval are beyond what two doubles add up exactly: slower, and as exact. */
function wideSums(
  places: readonly CountedPlaces[],
  firstMs: EpochMs,
  intervalMs: DurationMs,
  count: number,
  withGaps: boolean,
): { in: bigint[]; out: bigint[] } {
  const empty = (): bigint[] => Array.from({ length: count }, () => 0n);
  const sums = { in: empty(), out: empty() };
  for (const counted of places) {
    const { meter, table, first, past } = counted;
    for (let place = first; place < past; place += 1) {
      const at = bucketStart(timeAt(counted, place) - firstMs, intervalMs) / intervalMs;
      const before = sums[meter.direction][at];
      if (before === undefined) continue;
      const gap = table.large.get(place)?.gap ?? BigInt(table.gap[place] ?? 0);
      sums[meter.direction][at] = before + ratedAt(table, place) - (withGaps ? 0n : gap);
    }
  }
  return sums;
}
