// What an item of a price plan means to rating, from its form in the configuration.
import { Exact } from '../common/model/exact.ts';
import { isGauge, type MeterClass } from '../common/model/meter-class.ts';
import type { ItemDocument, MeterDocument } from './contract-schema.ts';
import { type Metered, type MeterTerms, OCTETS } from './rate/metered.ts';
import type { PercentileContract } from './rate/percentile.ts';
import type { DayRule } from './rate/sample-rank.ts';
import type { Price, PriceItem, VolumeDirection } from './rate/price-item.ts';
import type { CreditRule, ServiceCreditPrice } from './rate/service-credit.ts';
import type { TimeBand } from './rate/time-of-day.ts';

/** Days as a plan names them, from Sunday on. */
export const WEEK = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

const exact = (text: string): Exact => {
  const value = Exact.parse(text);
  if (value === null) throw new Error(`BUG: ${text} passed the schema and is no decimal`);
  return value;
};

export function itemTerms(item: ItemDocument): PriceItem {
  return {
    id: item.id,
    name: item.name ?? item.id,
    price: priceOf(item),
    discounts: ('discounts' in item ? (item.discounts ?? []) : []).map((one) =>
      'percent' in one
        ? { name: one.name, percent: exact(one.percent) }
        : { name: one.name, amount: exact(one.amount) },
    ),
    limits: {
      least: 'min_spend' in item && item.min_spend !== undefined ? exact(item.min_spend) : null,
      most: 'max_spend' in item && item.max_spend !== undefined ? exact(item.max_spend) : null,
    },
  };
}

/** The class of meters that an item counts. */
export function meterClassOf(meter: MeterDocument | undefined): MeterClass {
  if (meter === undefined) return 'octets';
  return typeof meter === 'string' ? meter : meter.class;
}

/** How long a value of a gauge stands where nothing else is said. */
const HOLD_MS = 300_000;

function meteredOf(item: {
  readonly meter?: MeterDocument | undefined;
  readonly factor?: string | undefined;
}): Metered {
  const { meter, factor } = item;
  const terms: MeterTerms =
    meter === undefined || typeof meter === 'string'
      ? { ...OCTETS, class: meterClassOf(meter), longestHoldMs: HOLD_MS }
      : { class: meter.class, integration: meter.integration, longestHoldMs: meter.longest_hold_ms };
  return {
    ...(terms.class === 'octets' ? {} : { meter: terms }),
    ...(factor === undefined ? {} : { factor: exact(factor) }),
  };
}

/** What has no direction counts as one. */
function directed<Direction extends string>(meter: MeterDocument | undefined, direction: Direction): Direction | 'in' {
  const meterClass = meterClassOf(meter);
  return meterClass === 'octets' || meterClass === 'packets' || meterClass === 'all_packets' ? direction : 'in';
}

function ofVolume(item: Extract<ItemDocument, { direction: 'in' | 'out' | 'sum' | 'higher' }>): Metered & {
  readonly unit: string;
  readonly direction: VolumeDirection;
} {
  return { unit: item.unit, direction: directed(item.meter, item.direction), ...meteredOf(item) };
}

function priceOf(item: ItemDocument): Price {
  switch (item.kind) {
    case 'flat':
      return {
        kind: item.billed === 'advance' ? 'flat_in_advance' : 'flat',
        amount: exact(item.amount),
        ...(item.proration === undefined ? {} : { proration: item.proration }),
        ...(item.cycle_months === undefined
          ? {}
          : { cycle: { months: item.cycle_months, anchor: item.cycle_from ?? 'calendar' } }),
      };
    case 'one_off':
      return { kind: 'one_off', amount: exact(item.amount), when: item.when };
    case 'commitment':
      return {
        kind: 'commitment',
        ...ofVolume(item),
        commit: exact(item.commit),
        commitPrice: exact(item.commit_price),
        overagePrice: exact(item.overage_price),
        partPeriod: item.part_period,
      };
    case 'per_unit':
      return { kind: 'per_unit', ...ofVolume(item), price: exact(item.price) };
    case 'graduated':
    case 'volume':
      return {
        kind: item.kind,
        ...ofVolume(item),
        flatAtZero: item.flat_at_zero,
        tiers: item.tiers.map((tier) => ({
          upTo: boundOf(tier.up_to),
          unit: exact(tier.price),
          flat: exact(tier.flat),
        })),
      };
    case 'package':
      return {
        kind: 'package',
        ...ofVolume(item),
        amount: exact(item.price),
        size: exact(item.size),
        freeUnits: exact(item.free),
        oneAtZero: item.one_at_zero,
      };
    case 'stairstep':
      return {
        kind: 'stairstep',
        ...ofVolume(item),
        stairs: item.steps.map((step) => ({ upTo: boundOf(step.up_to), flat: exact(step.flat) })),
      };
    case 'time_of_day':
      return {
        kind: 'time_of_day',
        ...ofVolume(item),
        otherwise: exact(item.price),
        bands: bandsOf(item.bands),
      };
    case 'percentile':
      return percentileOf(item);
    case 'service_credit':
      return { kind: 'service_credit', ...creditOf(item) };
    case 'demand':
      return percentileOf({ ...item, kind: 'percentile', percentile: '100', direction: 'in', rank: 'nearest_rank' });
    case 'assigned_ports':
      return { kind: 'assigned_ports', price: exact(item.price) };
  }
}

function bandsOf(bands: Extract<ItemDocument, { kind: 'time_of_day' }>['bands']): TimeBand[] {
  return bands.map((band) => ({
    name: band.name,
    days: band.days.map((day) => WEEK.indexOf(day)),
    fromMinute: minuteOf(band.from),
    toMinute: minuteOf(band.to),
    price: exact(band.price),
  }));
}

function percentileOf(item: Extract<ItemDocument, { kind: 'percentile' }>): Price {
  return {
    kind: 'percentile',
    percentile: exact(item.percentile),
    intervalMs: item.interval_ms,
    direction: directed(item.meter, item.direction),
    rank: item.rank,
    // What of a gauge may be held is its gap rule.
    gaps: item.gaps === 'exclude' && isGauge(meterClassOf(item.meter)) ? 'spread' : item.gaps,
    partPeriod: item.part_period,
    unit: item.unit,
    commit: exact(item.commit),
    commitPrice: exact(item.commit_price),
    overagePrice: exact(item.overage_price),
    ...variantsOf(item),
    ...meteredOf(item),
  };
}

function creditOf(item: Extract<ItemDocument, { kind: 'service_credit' }>): ServiceCreditPrice {
  const { hours } = item;
  return {
    terms: {
      downWhen: item.down_when,
      maintenance: item.maintenance,
      noticeMs: item.notice_hours * 3_600_000,
      hours:
        hours === 'always'
          ? null
          : hours.map(({ days, from, to }) => ({ days, fromMinute: minuteOf(from), toMinute: minuteOf(to) })),
    },
    of: item.of ?? null,
    rule: creditRuleOf(item.credit),
    mostPercent: exact(item.max_percent),
    mostAmount: item.max_amount === undefined ? null : exact(item.max_amount),
  };
}

function creditRuleOf(credit: Extract<ItemDocument, { kind: 'service_credit' }>['credit']): CreditRule {
  if ('below' in credit)
    return {
      kind: 'table',
      rows: credit.below.map(({ availability, percent }) => ({ below: exact(availability), percent: exact(percent) })),
    };
  return {
    kind: 'time',
    allowedMinutes: exact(credit.allowed_minutes),
    unit: credit.per,
    each: 'amount' in credit ? { amount: exact(credit.amount) } : { percent: exact(credit.percent) },
  };
}

/** What most contracts leave as it is. */
function variantsOf(
  item: Extract<ItemDocument, { kind: 'percentile' }>,
): Pick<PercentileContract, 'nthHighest' | 'days' | 'samples' | 'aggregation' | 'floor'> {
  const { nth_highest: nthHighest, days, samples, aggregation, floor } = item;
  return {
    ...(nthHighest === undefined ? {} : { nthHighest }),
    ...(days === undefined ? {} : { days: dayRule(days) }),
    ...(samples === undefined ? {} : { samples }),
    ...(aggregation === undefined ? {} : { aggregation }),
    ...(floor === undefined ? {} : { floor: exact(floor) }),
  };
}

function dayRule(days: NonNullable<Extract<ItemDocument, { kind: 'percentile' }>['days']>): DayRule {
  return 'percentile' in days ? { percentile: exact(days.percentile) } : { meanOfHighest: days.mean_of_highest };
}

function boundOf(text: string | null): Exact | null {
  return text === null ? null : exact(text);
}

function minuteOf(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
}
