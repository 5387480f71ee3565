// One item of a price plan, and the one place where usage, the contract and a price model meet.
import { Exact } from '../../common/model/exact.ts';
import { zoneOffset } from '../../common/model/period.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { UsageRecord } from '../mediate/usage.ts';
import { priceFlat } from './flat.ts';
import { type GraduatedPrice, priceGraduated } from './graduated.ts';
import { type PackagePrice, pricePackage } from './package.ts';
import { pricePerUnit } from './per-unit.ts';
import { type PercentileContract, type PercentileMeter, pricePercentile, type RankedDirection } from './percentile.ts';
import { limitSpend, type SpendLimits } from './spend-limits.ts';
import { priceStairstep, type Stair } from './stairstep.ts';
import { priceTimeOfDay, type TimeBand } from './time-of-day.ts';
import { type VolumeUnit, volumeIn } from './unit.ts';
import { priceVolume, type VolumePrice } from './volume.ts';
import type { Priced, WorkingStep } from './working.ts';

/** higher: the higher of the sums in and out over what is rated at once. */
export type VolumeDirection = 'in' | 'out' | 'sum' | 'higher';

interface OfVolume {
  readonly unit: VolumeUnit;
  readonly direction: VolumeDirection;
}

export type Price =
  | { readonly kind: 'flat'; readonly amount: Exact }
  | ({ readonly kind: 'per_unit'; readonly price: Exact } & OfVolume)
  | ({ readonly kind: 'graduated' } & GraduatedPrice & OfVolume)
  | ({ readonly kind: 'volume' } & VolumePrice & OfVolume)
  | ({ readonly kind: 'package' } & PackagePrice & OfVolume)
  | ({ readonly kind: 'stairstep'; readonly stairs: readonly Stair[] } & OfVolume)
  | ({ readonly kind: 'time_of_day'; readonly bands: readonly TimeBand[]; readonly otherwise: Exact } & OfVolume)
  | ({ readonly kind: 'percentile' } & PercentileContract);

export interface PriceItem {
  readonly id: string;
  readonly name: string;
  readonly price: Price;
  readonly limits: SpendLimits;
}

/** What is rated at once: a window or a period, cut to the time of the service. */
export interface RatingInput {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly zone: string;
  readonly bucketMs: DurationMs;
  /** Ports of the service, each for the span in which it is bound. */
  readonly meters: readonly PercentileMeter[];
  readonly records: readonly UsageRecord[];
  /** The part of the period that the service was there. */
  readonly part: { readonly covered: bigint; readonly whole: bigint };
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

export interface Rated extends Priced {
  readonly quantity: Exact;
  readonly unit: string;
  readonly coverage: Coverage;
  readonly rankings: readonly RankedDirection[];
}

/** Additive items may be rated window by window; all others need the whole period, because their parts do not add up. */
export function isAdditive(item: PriceItem): boolean {
  const limited = item.limits.least !== null || item.limits.most !== null;
  const { price } = item;
  return !limited && (price.kind === 'per_unit' || price.kind === 'time_of_day') && price.direction !== 'higher';
}

/** Prices one item for one span; pure, exact, and with its working. */
export function rateItem(item: PriceItem, input: RatingInput): Rated {
  const rated = rateUnlimited(item.price, input);
  return { ...rated, ...limitSpend(rated, item.limits) };
}

function rateUnlimited(price: Price, input: RatingInput): Rated {
  const coverage = coverageOf(input);
  if (price.kind === 'flat') {
    const priced = priceFlat(price.amount, input.part);
    const quantity = Exact.ratio(input.part.covered, input.part.whole);
    return { ...priced, quantity, unit: 'period', coverage, rankings: [] };
  }
  if (price.kind === 'percentile') {
    const { amount, steps, rankings, units } = pricePercentile(input, price);
    return { amount, steps, rankings, quantity: units, unit: `${price.unitBps.toString()} bit/s`, coverage };
  }
  const quantity = volumeIn(octetsOf(price.direction, input), price.unit);
  return { ...priceOfVolume(price, quantity, input), quantity, unit: price.unit, coverage, rankings: [] };
}

function priceOfVolume(
  price: Exclude<Price, { kind: 'flat' | 'percentile' }>,
  quantity: Exact,
  input: RatingInput,
): Priced {
  switch (price.kind) {
    case 'per_unit':
      return pricePerUnit(quantity, price.price);
    case 'graduated':
      return priceGraduated(quantity, price);
    case 'volume':
      return priceVolume(quantity, price);
    case 'package':
      return pricePackage(quantity, price);
    case 'stairstep':
      return priceStairstep(quantity, price.stairs);
    case 'time_of_day': {
      const chosen = chosenDirection(price.direction, input);
      const parts = counted(input)
        .filter(({ direction }) => chosen === 'sum' || direction === chosen)
        .map(({ record, octets }) => ({
          atMs: record.bucketStartMs,
          zoneOffsetMs: zoneOffset(record.bucketStartMs, input.zone),
          quantity: volumeIn(octets, price.unit),
        }));
      return priceTimeOfDay(parts, price.bands, price.otherwise);
    }
  }
}

/** Octets that are rated: what is known exactly, gaps included, suspended ones not. */
export function ratedOctets(record: UsageRecord): bigint {
  return record.octets.good + record.octets.wrapped + record.octets.gap;
}

interface Counted {
  readonly record: UsageRecord;
  readonly direction: 'in' | 'out';
  readonly octets: bigint;
}

/** The records that belong to the service, by the binding that holds the start of their bucket. */
function counted(input: RatingInput): Counted[] {
  const byMeter = new Map<number, PercentileMeter[]>();
  for (const meter of input.meters) byMeter.set(meter.meter, [...(byMeter.get(meter.meter) ?? []), meter]);
  return input.records.flatMap((record) => {
    const at = record.bucketStartMs;
    if (at < input.fromMs || at >= input.toMs) return [];
    const span = byMeter.get(record.meter)?.find((meter) => at >= meter.fromMs && at < meter.toMs);
    return span === undefined ? [] : [{ record, direction: span.direction, octets: ratedOctets(record) }];
  });
}

function sums(input: RatingInput): { in: bigint; out: bigint } {
  const total = { in: 0n, out: 0n };
  for (const { direction, octets } of counted(input)) total[direction] += octets;
  return total;
}

function chosenDirection(direction: VolumeDirection, input: RatingInput): 'in' | 'out' | 'sum' {
  if (direction !== 'higher') return direction;
  const total = sums(input);
  return total.in >= total.out ? 'in' : 'out';
}

function octetsOf(direction: VolumeDirection, input: RatingInput): bigint {
  const total = sums(input);
  const chosen = chosenDirection(direction, input);
  return chosen === 'sum' ? total.in + total.out : total[chosen];
}

function coverageOf(input: RatingInput): Coverage {
  const coverage = { expectedMs: 0, coveredMs: 0, gapMs: 0, lostMs: 0, gapOctets: 0n, suspendedOctets: 0n, records: 0 };
  for (const meter of input.meters)
    coverage.expectedMs += Math.max(0, Math.min(meter.toMs, input.toMs) - Math.max(meter.fromMs, input.fromMs));
  for (const { record } of counted(input)) {
    coverage.coveredMs += record.coveredMs;
    coverage.gapMs += record.gapMs;
    coverage.lostMs += record.lostMs;
    coverage.gapOctets += record.octets.gap;
    coverage.suspendedOctets += record.octets.suspended;
    coverage.records += 1;
  }
  return coverage;
}

/** The working of a charge as it is kept and shown: everything as exact text. */
export function workingOf(rated: Rated): {
  readonly steps: readonly WorkingStep[];
  readonly rankings: readonly object[];
  readonly coverage: object;
} {
  const { gapOctets, suspendedOctets, ...times } = rated.coverage;
  return {
    steps: rated.steps,
    rankings: rated.rankings.map((one) => ({ ...one, octets: one.octets.toString() })),
    coverage: { ...times, gapOctets: gapOctets.toString(), suspendedOctets: suspendedOctets.toString() },
  };
}
