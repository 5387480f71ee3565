// Which of the samples of a period counts: the rank rules of contracts, over the whole period or day by day. Pure and exact.
import { Exact } from '../../common/model/exact.ts';
import { nextPeriod, periodAt } from '../../common/model/period.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { OrderedSamples } from './ordered-samples.ts';

/**
 * nearest_rank: ceil(p × n). round_rank: round(p × n), as some network management systems do. interpolated: on the straight line between the
 * two samples around 1 + p × (n − 1), as spreadsheets do.
 */
export type RankRule = 'nearest_rank' | 'round_rank' | 'interpolated';

/** Of the values of the days: the one at a percentile of the days, or the mean of the highest. */
export type DayRule = { readonly percentile: Exact } | { readonly meanOfHighest: number };

export interface RankContract {
  /** Percent, such as 95. */
  readonly percentile: Exact;
  readonly rank: RankRule;
  /** Instead of the percentile: the nth highest, where there are so many, else the lowest. */
  readonly nthHighest?: number;
  /** Each day has its value, and these are ranked; absent: the period is ranked as a whole. */
  readonly days?: DayRule;
  readonly intervalMs: DurationMs;
}

export interface Series {
  readonly direction: string;
  readonly values: Float64Array | bigint[];
  /** 1 where the interval may be ranked. */
  readonly usable: Uint8Array;
  readonly firstMs: EpochMs;
}

export interface RankedDirection {
  readonly direction: string;
  /** Samples ranked, or days; intervals, or days, left out. */
  readonly ranked: number;
  readonly missing: number;
  /** Position from the lowest, 1 is the lowest; 0 where nothing was ranked. */
  readonly rank: number;
  /** Octets of the interval at that rank, rounded down where the rule lies between two, and where it lies. */
  readonly octets: bigint;
  readonly atMs: EpochMs | null;
  readonly intervals: number;
}

export interface RankedSeries {
  readonly told: RankedDirection;
  /** Exact. */
  readonly value: Exact;
}

/** Position from the lowest of the sample that counts, of n samples; 0 for none. Of two between which a value lies the lower. */
export function rankOf(samples: number, percentile: Exact, rule: RankRule): number {
  if (samples === 0) return 0;
  return Math.min(samples, Math.max(1, Number(placeOf(samples, percentile, rule).round(0, ROUNDING[rule]).numerator)));
}

const ROUNDING = { nearest_rank: 'up', round_rank: 'half_up', interpolated: 'down' } as const;

function placeOf(samples: number, percentile: Exact, rule: RankRule): Exact {
  const share = percentile.divide(Exact.integer(100));
  if (rule === 'interpolated') return share.multiply(Exact.integer(samples - 1)).add(Exact.one);
  return share.multiply(Exact.integer(samples));
}

interface Picked {
  readonly rank: number;
  readonly value: Exact;
}

const NONE: Picked = { rank: 0, value: Exact.zero };

function pick(samples: OrderedSamples, contract: Omit<RankContract, 'intervalMs'>): Picked {
  const { count } = samples;
  if (count === 0) return NONE;
  const at = (rank: number): Exact => Exact.integer(BigInt(samples.at(rank)));
  if (contract.nthHighest !== undefined) {
    const rank = Math.max(1, count - contract.nthHighest + 1);
    return { rank, value: at(rank) };
  }
  const rank = rankOf(count, contract.percentile, contract.rank);
  if (contract.rank !== 'interpolated' || rank === count) return { rank, value: at(rank) };
  const beyond = placeOf(count, contract.percentile, contract.rank).subtract(Exact.integer(rank));
  return {
    rank,
    value: at(rank).add(
      at(rank + 1)
        .subtract(at(rank))
        .multiply(beyond),
    ),
  };
}

function samplesIn({ values, usable }: Series, first: number, past: number): OrderedSamples {
  if (!(values instanceof Float64Array))
    return new OrderedSamples(values.slice(first, past).filter((_, place) => usable[first + place] === 1));
  const samples = new Float64Array(past - first);
  let count = 0;
  for (let place = first; place < past; place += 1) {
    if (usable[place] !== 1) continue;
    samples[count] = values[place] ?? 0;
    count += 1;
  }
  return new OrderedSamples(samples.subarray(0, count));
}

export function rankSeries(series: Series, contract: RankContract, zone: string): RankedSeries {
  if (contract.days !== undefined) return rankDays(series, contract, contract.days, zone);
  const { direction, values } = series;
  const samples = samplesIn(series, 0, values.length);
  const { rank, value } = pick(samples, contract);
  const octets = whole(value);
  return {
    told: {
      direction,
      ranked: samples.count,
      missing: values.length - samples.count,
      rank,
      octets,
      atMs: rank === 0 ? null : placeIn(series, samples.at(rank), contract.intervalMs),
      intervals: values.length,
    },
    value,
  };
}

/** Days of the zone, from the first interval to the last; one without a usable sample is missing. */
function rankDays(series: Series, contract: RankContract, rule: DayRule, zone: string): RankedSeries {
  const values: Exact[] = [];
  const days = dayPlaces(series, contract.intervalMs, zone);
  for (const { first, past } of days) {
    const samples = samplesIn(series, first, past);
    if (samples.count > 0) values.push(pick(samples, contract).value);
  }
  const ordered = values.toSorted((left, right) => left.compare(right));
  const count = ordered.length;
  const common = { direction: `${series.direction}, by days`, ranked: count, missing: days.length - count };
  let [rank, value] = [0, Exact.zero];
  if (count > 0 && 'percentile' in rule) {
    rank = rankOf(count, rule.percentile, 'nearest_rank');
    value = ordered[rank - 1] ?? Exact.zero;
  } else if (count > 0 && 'meanOfHighest' in rule) {
    const highest = ordered.slice(-rule.meanOfHighest);
    rank = count - highest.length + 1;
    value = highest.reduce((sum, one) => sum.add(one), Exact.zero).divide(Exact.integer(highest.length));
  }
  return { told: { ...common, rank, octets: whole(value), atMs: null, intervals: days.length }, value };
}

/** Where the intervals of each day stand, by when they begin. */
export function dayPlaces(
  { values, firstMs }: Pick<Series, 'values' | 'firstMs'>,
  intervalMs: DurationMs,
  zone: string,
): { readonly first: number; readonly past: number }[] {
  const days: { first: number; past: number }[] = [];
  const endMs = firstMs + values.length * intervalMs;
  for (let day = periodAt(firstMs, 'day', zone); day.startMs < endMs; day = nextPeriod(day)) {
    const place = (at: EpochMs): number => Math.min(values.length, Math.max(0, Math.ceil((at - firstMs) / intervalMs)));
    if (place(day.endMs) > place(day.startMs)) days.push({ first: place(day.startMs), past: place(day.endMs) });
  }
  return days;
}

/** `octets`: one of the values. */
function placeIn({ values, usable, firstMs }: Series, octets: number | bigint, intervalMs: DurationMs): EpochMs | null {
  for (let at = 0; at < values.length; at += 1)
    if (usable[at] === 1 && values[at] === octets) return firstMs + at * intervalMs;
  return null;
}

function whole(value: Exact): bigint {
  return value.numerator / value.denominator;
}
