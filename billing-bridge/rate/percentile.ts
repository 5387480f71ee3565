// Burstable percentile: the contract is data; samples are whole octets of an interval, ranked without rounding.
import { Exact } from '../../common/model/exact.ts';
import type { DurationMs } from '../../common/model/time.ts';
import { type CountedMeter, intervalSamples, type IntervalSamples } from './counted-usage.ts';
import { type Metered, OCTETS } from './metered.ts';
import { type PairedUsage, pairSamples } from './poll-pairs.ts';
import {
  dayPlaces,
  type RankContract,
  type RankedDirection,
  type RankedSeries,
  rankSeries,
  type Series,
} from './sample-rank.ts';
import { rateIn } from './unit.ts';
import { most, type Priced, Sum } from './working.ts';

/** higher: in and out ranked apart, the higher counts. per_interval_max: the higher of each interval is ranked. sum: in + out of each interval. */
export type PercentileDirection = 'higher' | 'per_interval_max' | 'sum' | 'in' | 'out';
/**
 * What becomes of an interval that was not measured throughout. exclude: it is not ranked. zero: it is ranked with what was
 * measured in it. spread: octets of a gap count evenly over the gap; what then still lacks a quantity is not ranked.
 */
export type GapRule = 'exclude' | 'zero' | 'spread';
/** full: a part period costs the whole price. prorated: for the days of the service only. measured_days: for the days that have a sample. */
export type PartPeriodRule = 'full' | 'prorated' | 'measured_days';

export interface PercentileContract extends Metered, RankContract {
  readonly intervalMs: DurationMs;
  readonly direction: PercentileDirection;
  readonly gaps: GapRule;
  readonly partPeriod: PartPeriodRule;
  /** grid: what moved in each interval of the grid. poll_pair: the pairs of polls that end in it. Absent: grid. */
  readonly samples?: 'grid' | 'poll_pair';
  /** interval: ports are summed interval by interval, and the sums ranked. port: each is ranked by itself, and what counts is summed. Absent: interval. */
  readonly aggregation?: 'interval' | 'port';
  /** Of the prices, such as Mbit/s or kW. */
  readonly unit: string;
  /** Units that are billed at least. */
  readonly floor?: Exact;
  /** Units that the fixed price holds. */
  readonly commit: Exact;
  readonly commitPrice: Exact;
  /** Price of each unit above the commit. */
  readonly overagePrice: Exact;
}

export interface PercentileInput extends PairedUsage {
  readonly part: { readonly covered: bigint; readonly whole: bigint };
  /** Of the days; absent: UTC. */
  readonly zone?: string;
}

export interface PercentileResult extends Priced {
  readonly rankings: readonly RankedDirection[];
  /** Units at the percentile, exact. */
  readonly units: Exact;
}

/** Ranks the samples of the set, each interval summed over its ports first, and prices what counts. */
export function pricePercentile(input: PercentileInput, contract: PercentileContract): PercentileResult {
  const sets = contract.aggregation === 'port' ? portsOf(input.meters) : [{ port: null, meters: input.meters }];
  const ranked = sets.map(({ port, meters }) => rankSet({ ...input, meters }, contract, port));
  const { class: meterClass } = contract.meter ?? OCTETS;
  const octets = ranked.reduce((sum, { highest }) => sum.add(highest.value), Exact.zero);
  const measured = rateIn(1n, contract.intervalMs, contract.unit, meterClass).multiply(octets);
  const units = most(measured.multiply(contract.factor ?? Exact.one), contract.floor ?? Exact.zero);
  const [only] = ranked;
  const found =
    ranked.length === 1 && only !== undefined
      ? `${only.highest.told.direction} at rank ${only.highest.told.rank} of ${only.highest.told.ranked}`
      : `${ranked.length} ports, each ranked by itself`;
  const priced = priceUnits(units, found, partOf(input, contract), contract);
  return { ...priced, rankings: ranked.flatMap(({ all }) => all), units };
}

/** The commit, and what was found above it; of a part of the period only that. */
export function priceUnits(units: Exact, found: string, part: Exact, contract: PercentileContract): Priced {
  const sum = new Sum();
  const over = most(Exact.zero, units.subtract(contract.commit));
  sum.multiply(`commit of ${contract.commit.toString()}`, part, contract.commitPrice);
  sum.multiply(`above the commit, ${found}`, over.multiply(part), contract.overagePrice);
  return sum.priced();
}

interface RankedSet {
  readonly all: readonly RankedDirection[];
  readonly highest: RankedSeries;
}

const NOTHING: RankedSeries = {
  told: { direction: 'none', ranked: 0, missing: 0, rank: 0, octets: 0n, atMs: null, intervals: 0 },
  value: Exact.zero,
};

function rankSet(input: PercentileInput, contract: PercentileContract, port: string | null): RankedSet {
  const samples = samplesOf(input, contract);
  const ranked = seriesOf(contract.direction, samples, port).map((series) =>
    rankSeries(series, contract, input.zone ?? 'UTC'),
  );
  const [first = NOTHING] = ranked;
  const highest = ranked.reduce((best, one) => (one.value.compare(best.value) > 0 ? one : best), first);
  return { all: ranked.map(({ told }) => told), highest };
}

function portsOf(meters: readonly CountedMeter[]): { port: string; meters: CountedMeter[] }[] {
  const ports = new Map<string, CountedMeter[]>();
  for (const meter of meters) {
    const port = meter.port ?? String(meter.meter);
    ports.set(port, [...(ports.get(port) ?? []), meter]);
  }
  return [...ports].map(([port, own]) => ({ port, meters: own }));
}

function partOf(input: PercentileInput, contract: PercentileContract): Exact {
  if (contract.partPeriod === 'full') return Exact.one;
  if (contract.partPeriod === 'prorated') return Exact.ratio(input.part.covered, input.part.whole);
  const samples = samplesOf(input, contract);
  const days = dayPlaces({ values: samples.in, firstMs: samples.firstMs }, contract.intervalMs, input.zone ?? 'UTC');
  const measured = days.filter(({ first, past }) => samples.usable.subarray(first, past).includes(1)).length;
  return measured === 0
    ? Exact.zero
    : Exact.ratio(BigInt(Math.min(measured, Number(input.part.whole))), input.part.whole);
}

interface Samples extends IntervalSamples {
  /** 1 where the interval may be ranked. */
  readonly usable: Uint8Array;
}

/** Interval by interval: octets of every port that belongs to the set then, and whether all of them were known. */
function samplesOf(input: PercentileInput, contract: PercentileContract): Samples {
  // A preview knows no pairs: it shows what the grid says.
  const read = contract.samples === 'poll_pair' && input.pairs !== undefined ? pairSamples : intervalSamples;
  const samples = read(input, contract.intervalMs, contract.gaps === 'spread');
  const { count, wantedMs, knownMs } = samples;
  const usable = new Uint8Array(count);
  for (let at = 0; at < count; at += 1) {
    const needed = wantedMs[at] ?? 0;
    if (needed > 0 && (contract.gaps === 'zero' || (knownMs[at] ?? 0) >= needed)) usable[at] = 1;
  }
  return { ...samples, usable };
}

function seriesOf(rule: PercentileDirection, samples: Samples, port: string | null): Series[] {
  const { in: incoming, out: outgoing, usable, firstMs } = samples;
  const of = (direction: string, values: Float64Array | bigint[]): Series => ({
    direction: port === null ? direction : `${port} ${direction}`,
    values,
    usable,
    firstMs,
  });
  switch (rule) {
    case 'higher':
      return [of('in', incoming), of('out', outgoing)];
    case 'in':
      return [of('in', incoming)];
    case 'out':
      return [of('out', outgoing)];
    case 'sum': {
      const add = (left: number, right: number): number => left + right;
      return [
        of(
          'in + out',
          combined(samples, add, (left, right) => left + right),
        ),
      ];
    }
    case 'per_interval_max': {
      const higher = (left: bigint, right: bigint): bigint => (left > right ? left : right);
      return [of('the higher of in and out', combined(samples, Math.max, higher))];
    }
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
