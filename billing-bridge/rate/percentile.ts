// Burstable percentile: the contract is data; samples are whole octets of an interval, ranked without rounding.
import { Exact } from '../../common/model/exact.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { UsageRecord } from '../mediate/usage.ts';
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

export interface PercentileContract {
  /** Percent, such as 95. */
  readonly percentile: Exact;
  readonly intervalMs: DurationMs;
  readonly direction: PercentileDirection;
  readonly rank: RankRule;
  readonly gaps: GapRule;
  readonly partPeriod: PartPeriodRule;
  /** bit/s in one unit of the prices, such as 1,000,000. */
  readonly unitBps: Exact;
  /** Units that the fixed price holds. */
  readonly commit: Exact;
  readonly commitPrice: Exact;
  /** Price of each unit above the commit. */
  readonly overagePrice: Exact;
}

/** A meter of the aggregation set, for the span in which it belongs to the service. */
export interface PercentileMeter {
  readonly meter: number;
  readonly direction: 'in' | 'out';
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

export interface PercentileInput {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly meters: readonly PercentileMeter[];
  readonly records: readonly UsageRecord[];
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
  const rankings = seriesOf(contract.direction, samples).map(({ direction, values }) =>
    rank(direction, values, samples, contract),
  );
  const highest = rankings.reduce((best, one) => (one.octets > best.octets ? one : best), rankings[0] ?? EMPTY);
  const bits = Exact.integer(highest.octets * 8n * 1000n);
  const units = bits.divide(Exact.integer(contract.intervalMs)).divide(contract.unitBps);
  const sum = new Sum();
  const part = contract.partPeriod === 'full' ? Exact.one : Exact.ratio(input.part.covered, input.part.whole);
  const over = most(Exact.zero, units.subtract(contract.commit));
  sum.multiply(`commit of ${contract.commit.toString()}`, part, contract.commitPrice);
  sum.multiply(
    `above the commit, ${highest.direction} at rank ${highest.rank} of ${highest.ranked}`,
    over.multiply(part),
    contract.overagePrice,
  );
  return { ...sum.priced(), rankings, units };
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

interface Samples {
  readonly firstMs: EpochMs;
  readonly in: BigUint64Array;
  readonly out: BigUint64Array;
  /** 1 where the interval may be ranked. */
  readonly usable: Uint8Array;
}

/** Interval by interval: octets of every port that belongs to the set then, and whether all of them were known. */
function samplesOf(input: PercentileInput, contract: PercentileContract): Samples {
  const { intervalMs } = contract;
  const firstMs = Math.ceil(input.fromMs / intervalMs) * intervalMs;
  const count = Math.max(0, Math.floor((input.toMs - firstMs) / intervalMs));
  const octets = { in: new BigUint64Array(count), out: new BigUint64Array(count) };
  const known = new Float64Array(count);
  const wanted = new Float64Array(count);
  const spans = new Map<number, PercentileMeter[]>();
  for (const meter of input.meters) {
    spans.set(meter.meter, [...(spans.get(meter.meter) ?? []), meter]);
    const first = Math.max(0, Math.ceil((meter.fromMs - firstMs) / intervalMs));
    const end = Math.min(count, Math.floor((meter.toMs - firstMs) / intervalMs));
    for (let at = first; at < end; at += 1) wanted[at] = (wanted[at] ?? 0) + intervalMs;
  }
  for (const record of input.records) {
    const at = Math.floor((record.bucketStartMs - firstMs) / intervalMs);
    const span = spans
      .get(record.meter)
      ?.find((one) => record.bucketStartMs >= one.fromMs && record.bucketStartMs < one.toMs);
    if (span === undefined || at < 0 || at >= count) continue;
    const spread = contract.gaps === 'spread';
    const measured = record.octets.good + record.octets.wrapped + (spread ? record.octets.gap : 0n);
    octets[span.direction][at] = (octets[span.direction][at] ?? 0n) + measured;
    known[at] = (known[at] ?? 0) + record.coveredMs - (spread ? 0 : record.gapMs);
  }
  const usable = new Uint8Array(count);
  for (let at = 0; at < count; at += 1) {
    const needed = wanted[at] ?? 0;
    if (needed > 0 && (contract.gaps === 'zero' || (known[at] ?? 0) >= needed)) usable[at] = 1;
  }
  return { firstMs, in: octets.in, out: octets.out, usable };
}

function seriesOf(rule: PercentileDirection, samples: Samples): { direction: string; values: BigUint64Array }[] {
  const one = (direction: string, values: BigUint64Array): { direction: string; values: BigUint64Array } => ({
    direction,
    values,
  });
  const combine = (of: (left: bigint, right: bigint) => bigint): BigUint64Array =>
    samples.in.map((value, at) => of(value, samples.out[at] ?? 0n));
  switch (rule) {
    case 'higher':
      return [one('in', samples.in), one('out', samples.out)];
    case 'in':
      return [one('in', samples.in)];
    case 'out':
      return [one('out', samples.out)];
    case 'sum':
      return [
        one(
          'in + out',
          combine((left, right) => left + right),
        ),
      ];
    case 'per_interval_max':
      return [
        one(
          'the higher of in and out',
          combine((left, right) => (left > right ? left : right)),
        ),
      ];
  }
}

function rank(
  direction: string,
  values: BigUint64Array,
  samples: Samples,
  contract: PercentileContract,
): RankedDirection {
  const sorted = values.filter((_, at) => samples.usable[at] === 1).sort();
  const place = rankOf(sorted.length, contract.percentile, contract.rank);
  const octets = place === 0 ? 0n : (sorted[place - 1] ?? 0n);
  const at = place === 0 ? -1 : values.findIndex((value, index) => value === octets && samples.usable[index] === 1);
  return {
    direction,
    ranked: sorted.length,
    missing: values.length - sorted.length,
    rank: place,
    octets,
    atMs: at < 0 ? null : samples.firstMs + at * contract.intervalMs,
    intervals: values.length,
  };
}
