// What an item of a price plan counts, where that is not octets, and what of a gauge its contract lets count. Pure.
import type { Exact } from '../../common/model/exact.ts';
import type { Integration, MeterClass } from '../../common/model/meter-class.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { UsageColumns, UsageOctets, UsageTable } from '../../common/model/usage-columns.ts';
import { type CountedPlaces, type CountedUsage, countedPlaces } from './counted-usage.ts';

export interface MeterTerms {
  readonly class: MeterClass;
  /** Of a gauge: which of its integrals counts. */
  readonly integration: Integration;
  /** Of a gauge: over how long without a reading it counts as the integration says; beyond it nothing is known. */
  readonly longestHoldMs: DurationMs;
}

export const OCTETS: MeterTerms = { class: 'octets', integration: 'held', longestHoldMs: 0 };

/** What every item that counts may say of it. */
export interface Metered {
  /** Absent: octets. */
  readonly meter?: MeterTerms;
  /** What is measured times this is what is billed: losses before the meter, or the cooling of a hall (PUE). Absent: 1. */
  readonly factor?: Exact;
}

/** Of a service's gauges only what its contract lets count: gaps no longer than the longest hold stay, others are lost. */
export function heldUsage<Input extends CountedUsage>(input: Input, longestHoldMs: DurationMs): Input {
  const usage = new Map(input.usage);
  const copies = new Map<number, OwnTable>();
  for (const { meter, columns, first, past } of wholeSpans(countedPlaces(input))) {
    const { table, offset, count } = columns;
    if (!table.gapMs.subarray(first, past).some((ms) => ms > 0)) continue;
    // A port that left and came back has two spans, and one table.
    const own = copies.get(meter.meter) ?? copyOf(table, offset, count);
    copies.set(meter.meter, own);
    dropLongGaps(own, columns, first, past, longestHoldMs);
    usage.set(meter.meter, { ...columns, offset: 0, table: own });
  }
  return { ...input, usage };
}

/** Spans of one meter that touch are one: a gap over their line is. */
function wholeSpans(places: readonly CountedPlaces[]): CountedPlaces[] {
  const found: CountedPlaces[] = [];
  for (const one of places.toSorted(
    (left, right) => left.meter.meter - right.meter.meter || left.first - right.first,
  )) {
    const before = found.at(-1);
    if (before?.meter.meter === one.meter.meter && one.first <= before.past)
      found[found.length - 1] = { ...before, past: Math.max(before.past, one.past) };
    else found.push(one);
  }
  return found;
}

function dropLongGaps(
  own: OwnTable,
  { table, offset }: UsageColumns,
  first: number,
  past: number,
  longestHoldMs: DurationMs,
): void {
  const longest = longestGaps(table, first, past);
  for (let place = first; place < past; place += 1) {
    const gapMs = table.gapMs[place] ?? 0;
    if (gapMs === 0 || (longest[place - first] ?? 0) <= longestHoldMs) continue;
    const at = place - offset;
    own.gap[at] = 0;
    own.gapMs[at] = 0;
    own.coveredMs[at] = (table.coveredMs[place] ?? 0) - gapMs;
    own.lostMs[at] = (table.lostMs[place] ?? 0) + gapMs;
    const large = own.large.get(at);
    if (large !== undefined) own.large.set(at, { ...large, gap: 0n });
  }
}

/**
 * For each place the longest gap that its records leave possible: a bucket that is a gap throughout has no reading, so it joins its
 * neighbours; one that is not is where a gap begins or ends, and the part before it and the part behind it are told apart.
 */
function longestGaps(table: UsageTable, first: number, past: number): Float64Array {
  const gapMs = (place: number): number =>
    place < first || place >= past || table.versions[place] === 0 ? 0 : (table.gapMs[place] ?? 0);
  const longest = new Float64Array(past - first);
  for (let from = first; from < past; from += 1) {
    if (gapMs(from) === 0) continue;
    // Whole buckets between two that are not: one run, with what of the neighbours may belong to it.
    let to = from + 1;
    let length = gapMs(from);
    while (gapMs(to) >= table.bucketMs) {
      length += table.bucketMs;
      to += 1;
    }
    length += gapMs(to);
    const last = gapMs(to) > 0 ? to : to - 1;
    for (let place = from; place <= last; place += 1)
      longest[place - first] = Math.max(longest[place - first] ?? 0, length);
  }
  return longest;
}

/** A table of one meter alone, to be changed. */
type OwnTable = UsageTable & { readonly large: Map<number, UsageOctets> };

function copyOf(table: UsageTable, offset: number, count: number): OwnTable {
  const end = offset + count;
  const large = new Map<number, UsageOctets>();
  for (const [place, octets] of table.large) if (place >= offset && place < end) large.set(place - offset, octets);
  return {
    bucketMs: table.bucketMs,
    versions: table.versions.slice(offset, end),
    good: table.good.slice(offset, end),
    wrapped: table.wrapped.slice(offset, end),
    gap: table.gap.slice(offset, end),
    suspended: table.suspended.slice(offset, end),
    coveredMs: table.coveredMs.slice(offset, end),
    gapMs: table.gapMs.slice(offset, end),
    lostMs: table.lostMs.slice(offset, end),
    large,
  };
}
