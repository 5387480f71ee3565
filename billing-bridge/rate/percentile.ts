// Burstable percentile: the contract is data; samples are whole octets of an interval, ranked without rounding.
import { Exact } from '../../common/model/exact.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { type CountedUsage, intervalSamples, type IntervalSamples } from './counted-usage.ts';
import { type Metered, OCTETS } from './metered.ts';
import { rateIn } from './unit.ts';
import { most, type Priced, Sum } from './working.ts';

/** higher: in and out ranked apart, the higher counts. per_interval_max: the higher of each interval is ranked. sum: in + out of each interval. */
export type PercentileDirection = 'higher' | 'per_interval_max' | 'sum' | 'in' | 'out';
/** nearest_rank: ceil(p × n). round_rank: round(p × n), as some network management systems do. */
export type RankRule = 'nearest_rank' | 'round_rank';
/**
 * What becomes of an interval that was not measured throughout. exclude: it is not ranked. zero: it is ranked with what was
 * measured in it. spread: octets of a gap count evenly over the gap; what then still lacks a quantity is not ranked.
 */
export type GapRule = 'exclude' | 'zero' | 'spread';
/** full: a part period costs the whole price. prorated: the price counts for the days of the service only. */
export type PartPeriodRule = 'full' | 'prorated';

export interface PercentileContract extends Metered {
  /** Percent, such as 95. */
  readonly percentile: Exact;
  readonly intervalMs: DurationMs;
  readonly direction: PercentileDirection;
  readonly rank: RankRule;
  readonly gaps: GapRule;
  readonly partPeriod: PartPeriodRule;
  /** Of the prices, such as Mbit/s or kW. */
  readonly unit: string;
  /** Units that the fixed price holds. */
  readonly commit: Exact;
  readonly commitPrice: Exact;
  /** Price of each unit above the commit. */
  readonly overagePrice: Exact;
}

export interface PercentileInput extends CountedUsage {
  readonly part: { readonly covered: bigint; readonly whole: bigint };
}

export interface RankedDirection {
  readonly direction: string;
  /** Samples ranked; intervals left out. */
  readonly ranked: number;
  readonly missing: number;
  /** Position from the lowest, 1 is the lowest; 0 where nothing was ranked. */
  readonly rank: number;
  /** Octets of the interval at that rank, and where it lies. */
  readonly octets: bigint;
  readonly atMs: EpochMs | null;
  readonly intervals: number;
}

export interface PercentileResult extends Priced {
  readonly rankings: readonly RankedDirection[];
  /** Units at the percentile, exact. */
  readonly units: Exact;
}

/** Position from the lowest of the sample that counts, of n samples; 0 for none. */
export function rankOf(samples: number, percentile: Exact, rule: RankRule): number {
  if (samples === 0) return 0;
  const place = percentile.multiply(Exact.integer(samples)).divide(Exact.integer(100));
  const rounded = rule === 'nearest_rank' ? place.round(0, 'up') : place.round(0, 'half_up');
  return Math.min(samples, Math.max(1, Number(rounded.numerator)));
}

/** Ranks the samples of the set, each interval summed over its ports first, and prices what counts. */
export function pricePercentile(input: PercentileInput, contract: PercentileContract): PercentileResult {
  const samples = samplesOf(input, contract);
  const rankings = seriesOf(contract.direction, samples).map((series) => rank(series, samples, contract));
  const highest = rankings.reduce((best, one) => (one.octets > best.octets ? one : best), rankings[0] ?? EMPTY);
  const { class: meterClass } = contract.meter ?? OCTETS;
  const measured = rateIn(highest.octets, contract.intervalMs, contract.unit, meterClass);
  const units = measured.multiply(contract.factor ?? Exact.one);
  const found = `${highest.direction} at rank ${highest.rank} of ${highest.ranked}`;
  return { ...priceUnits(units, found, input.part, contract), rankings, units };
}

/** The commit, and what was found above it. */
export function priceUnits(
  units: Exact,
  found: string,
  { covered, whole }: PercentileInput['part'],
  contract: PercentileContract,
): Priced {
  const sum = new Sum();
  const part = contract.partPeriod === 'full' ? Exact.one : Exact.ratio(covered, whole);
  const over = most(Exact.zero, units.subtract(contract.commit));
  sum.multiply(`commit of ${contract.commit.toString()}`, part, contract.commitPrice);
  sum.multiply(`above the commit, ${found}`, over.multiply(part), contract.overagePrice);
  return sum.priced();
}

const EMPTY: RankedDirection = {
  direction: 'none',
  ranked: 0,
  missing: 0,
  rank: 0,
  octets: 0n,
  atMs: null,
  intervals: 0,
};

interface Samples extends IntervalSamples {
  /** 1 where the interval may be ranked. */
  readonly usable: Uint8Array;
}

/** Interval by interval: octets of every port that belongs to the set then, and whether all of them were known. */
function samplesOf(input: PercentileInput, contract: PercentileContract): Samples {
  const samples = intervalSamples(input, contract.intervalMs, contract.gaps === 'spread');
  const { count, wantedMs, knownMs } = samples;
  const usable = new Uint8Array(count);
  for (let at = 0; at < count; at += 1) {
    const needed = wantedMs[at] ?? 0;
    if (needed > 0 && (contract.gaps === 'zero' || (knownMs[at] ?? 0) >= needed)) usable[at] = 1;
  }
  return { ...samples, usable };
}

interface Series {
  readonly direction: string;
  readonly values: Float64Array | bigint[];
}

function seriesOf(rule: PercentileDirection, samples: Samples): Series[] {
  const { in: incoming, out: outgoing } = samples;
  switch (rule) {
    case 'higher':
      return [
        { direction: 'in', values: incoming },
        { direction: 'out', values: outgoing },
      ];
    case 'in':
      return [{ direction: 'in', values: incoming }];
    case 'out':
      return [{ direction: 'out', values: outgoing }];
    case 'sum':
      return [
        {
          direction: 'in + out',
          values: combined(
            samples,
            (left, right) => left + right,
            (left, right) => left + right,
          ),
        },
      ];
    case 'per_interval_max':
      return [
        {
          direction: 'the higher of in and out',
          values: combined(samples, Math.max, (left, right) => (left > right ? left : right)),
        },
      ];
  }
}

/** Both kinds of numbers are exact here: samples are doubles only where in and out together are. */
function combined(
  samples: Samples,
  ofDoubles: (left: number, right: number) => number,
  ofBigints: (left: bigint, right: bigint) => bigint,
): Float64Array | bigint[] {
  const { in: left, out: right } = samples;
  if (left instanceof Float64Array) return left.map((value, at) => ofDoubles(value, Number(right[at] ?? 0)));
  return left.map((value, at) => ofBigints(value, BigInt(right[at] ?? 0)));
}

function rank({ direction, values }: Series, samples: Samples, contract: PercentileContract): RankedDirection {
  const { usable } = samples;
  const sorted =
    values instanceof Float64Array
      ? values.filter((_, at) => usable[at] === 1).sort()
      : values.filter((_, at) => usable[at] === 1).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const place = rankOf(sorted.length, contract.percentile, contract.rank);
  const octets = place === 0 ? 0n : BigInt(sorted[place - 1] ?? 0);
  let at = place === 0 ? values.length : 0;
  while (at < values.length && !(usable[at] === 1 && BigInt(values[at] ?? 0) === octets)) at += 1;
  return {
    direction,
    ranked: sorted.length,
    missing: values.length - sorted.length,
    rank: place,
    octets,
    atMs: at === values.length ? null : samples.firstMs + at * contract.intervalMs,
    intervals: values.length,
  };
}
