// What usage that is held back would cost, for people who decide on it: an estimate at the price of a first unit, never a charge.
import { classOf } from '../../common/model/meter-class.ts';
import { Exact } from '../../common/model/exact.ts';
import type { PlanVersion } from '../account/contract.ts';
import type { Meter } from '../mediate/usage.ts';
import { meterTermsOf, needsNoUsage, type Price } from './price-item.ts';
import { volumeIn } from './unit.ts';

export interface Estimate {
  /** Rounded as a line of the plan is. */
  readonly amount: string;
  readonly currency: string;
}

/** Of all items that count single units of the direction; null where there is none: the value of a percentile hangs on its whole month. */
export function estimateOf(
  plan: PlanVersion,
  meter: Pick<Meter, 'direction' | 'class'>,
  octets: bigint,
): Estimate | null {
  const { direction } = meter;
  const parts = plan.items.flatMap(({ price }) => {
    const each = firstUnit(price);
    if (each === null || needsNoUsage(price) || price.kind === 'percentile') return [];
    if (price.direction !== direction && price.direction !== 'sum' && price.direction !== 'higher') return [];
    if (meterTermsOf(price).class !== classOf(meter)) return [];
    const quantity = volumeIn(octets, price.unit, classOf(meter)).multiply(price.factor ?? Exact.one);
    return [quantity.multiply(each)];
  });
  if (parts.length === 0) return null;
  const sum = parts.reduce((total, part) => total.add(part), Exact.zero);
  return { amount: sum.toFixed(plan.rounding.places, plan.rounding.mode), currency: plan.currency };
}

function firstUnit(price: Price): Exact | null {
  switch (price.kind) {
    case 'per_unit':
      return price.price;
    case 'time_of_day':
      return price.otherwise;
    case 'commitment':
      return price.overagePrice;
    case 'graduated':
    case 'volume':
      return price.tiers[0]?.unit ?? null;
    case 'package':
      return price.amount.divide(price.size);
    // Their price is not one of units.
    case 'flat':
    case 'flat_in_advance':
    case 'one_off':
    case 'service_credit':
    case 'assigned_ports':
    case 'percentile':
    case 'stairstep':
      return null;
  }
}
