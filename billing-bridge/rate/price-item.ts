// One item of a price plan, and the one place where usage, the contract and a price model meet.
import { Exact } from '../../common/model/exact.ts';
import { isGauge } from '../../common/model/meter-class.ts';
import { zoneOffset } from '../../common/model/period.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { type Coverage, countedPlaces, coverageOf, ratedAt, ratedSums, timeAt } from './counted-usage.ts';
import { type AssignedPart, assignedPorts, priceAssignedPorts } from './assigned-ports.ts';
import { type CommitmentPrice, priceCommitment } from './commitment.ts';
import { type Discount, discounted } from './discount.ts';
import { type FeeParts, type FlatPrice, flatPart, priceFlat, shareOf } from './flat.ts';
import { type GraduatedPrice, priceGraduated } from './graduated.ts';
import { heldUsage, type Metered, type MeterTerms, OCTETS } from './metered.ts';
import { isChargedIn, type OneOffPrice, priceOneOff, type ServiceTimes } from './one-off.ts';
import { type PackagePrice, pricePackage } from './package.ts';
import { pricePerUnit } from './per-unit.ts';
import { type PercentileContract, pricePercentile } from './percentile.ts';
import type { PairedUsage } from './poll-pairs.ts';
import type { RankedDirection } from './sample-rank.ts';
import { type CreditGrounds, outageMinutes, priceServiceCredit, type ServiceCreditPrice } from './service-credit.ts';
import { limitSpend, type SpendLimits } from './spend-limits.ts';
import { priceStairstep, type Stair } from './stairstep.ts';
import { priceTimeOfDay, type TimeBand } from './time-of-day.ts';
import { RATE_UNITS, volumeIn } from './unit.ts';
import { priceVolume, type VolumePrice } from './volume.ts';
import type { Priced, WorkingStep } from './working.ts';

/** higher: the higher of the sums in and out over what is rated at once. */
export type VolumeDirection = 'in' | 'out' | 'sum' | 'higher';

interface OfVolume extends Metered {
  readonly unit: string;
  readonly direction: VolumeDirection;
}

export type Price =
  | ({ readonly kind: 'flat' } & FlatPrice)
  | ({ readonly kind: 'flat_in_advance' } & FlatPrice)
  | { readonly kind: 'assigned_ports'; readonly price: Exact }
  | ({ readonly kind: 'one_off' } & OneOffPrice)
  | ({ readonly kind: 'commitment' } & CommitmentPrice & OfVolume)
  | ({ readonly kind: 'per_unit'; readonly price: Exact } & OfVolume)
  | ({ readonly kind: 'graduated' } & GraduatedPrice & OfVolume)
  | ({ readonly kind: 'volume' } & VolumePrice & OfVolume)
  | ({ readonly kind: 'package' } & PackagePrice & OfVolume)
  | ({ readonly kind: 'stairstep'; readonly stairs: readonly Stair[] } & OfVolume)
  | ({ readonly kind: 'time_of_day'; readonly bands: readonly TimeBand[]; readonly otherwise: Exact } & OfVolume)
  | ({ readonly kind: 'percentile' } & PercentileContract)
  | ({ readonly kind: 'service_credit' } & ServiceCreditPrice);

export interface PriceItem {
  readonly id: string;
  readonly name: string;
  readonly price: Price;
  readonly discounts: readonly Discount[];
  readonly limits: SpendLimits;
}

/** Prices of time alone, which no meter moves. */
export type PriceWithoutUsage = Extract<
  Price,
  { kind: 'flat' | 'flat_in_advance' | 'one_off' | 'service_credit' | 'assigned_ports' }
>;

/** What an item counts. */
export function meterTermsOf(price: Price): MeterTerms {
  return needsNoUsage(price) ? OCTETS : (price.meter ?? OCTETS);
}

const WITHOUT_USAGE: readonly string[] = ['flat', 'flat_in_advance', 'one_off', 'service_credit', 'assigned_ports'];

export function needsNoUsage(price: Price): price is PriceWithoutUsage {
  return WITHOUT_USAGE.includes(price.kind);
}

/** What is rated at once: a window or a period, cut to the time of the service. */
export interface RatingInput extends PairedUsage, FeeParts {
  readonly zone: string;
  readonly bucketMs: DurationMs;
  /** Of a fee for a part of the period or for a cycle of its own: its days, for people. */
  readonly dates?: string;
  readonly service: ServiceTimes;
  /** Of a service credit, once outages of the period are known. */
  readonly credit?: CreditGrounds | null;
  /** Of each binding that there was in the period. */
  readonly assigned?: readonly AssignedPart[];
}

export interface Rated extends Priced {
  readonly quantity: Exact;
  readonly unit: string;
  readonly coverage: Coverage;
  readonly rankings: readonly RankedDirection[];
}

/** Additive items may be rated window by window; all others need the whole period, because their parts do not add up. */
export function isAdditive(item: PriceItem): boolean {
  const limited =
    item.limits.least !== null || item.limits.most !== null || item.discounts.some((one) => 'amount' in one);
  const { price } = item;
  // What of a gauge is held is judged over the whole period: a window would cut a gap in two.
  if (isGauge(meterTermsOf(price).class)) return false;
  return !limited && (price.kind === 'per_unit' || price.kind === 'time_of_day') && price.direction !== 'higher';
}

/** Prices one item for one span; pure, exact, and with its working. */
export function rateItem(item: PriceItem, input: RatingInput): Rated {
  const { class: meterClass, longestHoldMs } = meterTermsOf(item.price);
  const rated = rateUnlimited(item.price, isGauge(meterClass) ? heldUsage(input, longestHoldMs) : input);
  const { discounts, limits } = isFee(item.price)
    ? sharedTerms(item, shareOf('proration' in item.price ? item.price : {}, input))
    : item;
  return { ...rated, ...limitSpend(discounted(rated, discounts), limits) };
}

/** Fixed amounts are agreed for a whole period: where the terms change in it, each has its share. */
function sharedTerms({ discounts, limits }: PriceItem, share: Exact): Pick<PriceItem, 'discounts' | 'limits'> {
  if (share.compare(Exact.one) === 0) return { discounts, limits };
  return {
    discounts: discounts.map((one) => ('percent' in one ? one : { ...one, amount: one.amount.multiply(share) })),
    limits: {
      least: limits.least?.multiply(share) ?? null,
      most: limits.most?.multiply(share) ?? null,
    },
  };
}

type Fee = Extract<Price, { kind: 'flat' | 'flat_in_advance' | 'assigned_ports' }>;

/** Prices that are so much for a time: only these can be split where the terms change. */
export function isFee(price: Price): price is Fee {
  return price.kind === 'flat' || price.kind === 'flat_in_advance' || price.kind === 'assigned_ports';
}

function rateUnlimited(price: Price, input: RatingInput): Rated {
  const coverage = coverageOf(input);
  if (price.kind === 'flat' || price.kind === 'flat_in_advance') {
    const part = flatPart(price, input);
    const priced = priceFlat(price.amount, part, input.dates);
    const quantity = Exact.ratio(part.covered, part.whole);
    return { ...priced, quantity, unit: 'period', coverage, rankings: [] };
  }
  if (price.kind === 'one_off') {
    const charged = isChargedIn(price, input.service, input);
    const quantity = charged ? Exact.one : Exact.zero;
    return { ...priceOneOff(price, charged), quantity, unit: 'fee', coverage, rankings: [] };
  }
  if (price.kind === 'service_credit') {
    if (input.credit == null) throw new Error('BUG: a service credit is rated before its outages are known');
    const quantity = outageMinutes(input.credit.level);
    return { ...priceServiceCredit(price, input.credit), quantity, unit: 'minute', coverage, rankings: [] };
  }
  if (price.kind === 'assigned_ports') {
    const assigned = input.assigned ?? [];
    return {
      ...priceAssignedPorts(assigned, price.price),
      quantity: assignedPorts(assigned),
      unit: 'port',
      coverage,
      rankings: [],
    };
  }
  if (price.kind === 'percentile') {
    const { amount, steps, rankings, units } = pricePercentile(input, price);
    return { amount, steps, rankings, quantity: units, unit: rateName(price), coverage };
  }
  const quantity = quantityOf(price, octetsOf(price.direction, input));
  return { ...priceOfVolume(price, quantity, input), quantity, unit: price.unit, coverage, rankings: [] };
}

/** A base unit stands in charges since the first: bit/s with how many of them. */
function rateName({ unit, meter }: PercentileContract): string {
  const bps = Object.entries(RATE_UNITS).find(([name]) => name === unit)?.[1];
  return bps !== undefined && (meter ?? OCTETS).class === 'octets' ? `${bps} bit/s` : unit;
}

function quantityOf({ unit, meter, factor }: OfVolume, base: bigint): Exact {
  return volumeIn(base, unit, (meter ?? OCTETS).class).multiply(factor ?? Exact.one);
}

function priceOfVolume(
  price: Exclude<Price, PriceWithoutUsage | { kind: 'percentile' }>,
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
    case 'commitment':
      return priceCommitment(quantity, price, input.part);
    case 'package':
      return pricePackage(quantity, price);
    case 'stairstep':
      return priceStairstep(quantity, price.stairs);
    case 'time_of_day': {
      const chosen = chosenDirection(price.direction, input);
      return priceTimeOfDay(partsOf(chosen, price, input), price.bands, price.otherwise);
    }
  }
}

/** Bucket by bucket, each with the hour of the zone in which it begins. */
function partsOf(
  chosen: 'in' | 'out' | 'sum',
  price: OfVolume,
  input: RatingInput,
): { readonly atMs: EpochMs; readonly zoneOffsetMs: number; readonly quantity: Exact }[] {
  return countedPlaces(input)
    .filter(({ meter }) => chosen === 'sum' || meter.direction === chosen)
    .flatMap((places) =>
      Array.from({ length: places.past - places.first }, (_, step) => {
        const atMs = timeAt(places, places.first + step);
        const quantity = quantityOf(price, ratedAt(places.table, places.first + step));
        return { atMs, zoneOffsetMs: zoneOffset(atMs, input.zone), quantity };
      }),
    );
}

function chosenDirection(direction: VolumeDirection, input: RatingInput): 'in' | 'out' | 'sum' {
  if (direction !== 'higher') return direction;
  const total = ratedSums(input);
  return total.in >= total.out ? 'in' : 'out';
}

function octetsOf(direction: VolumeDirection, input: RatingInput): bigint {
  const total = ratedSums(input);
  const chosen = chosenDirection(direction, input);
  return chosen === 'sum' ? total.in + total.out : total[chosen];
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
