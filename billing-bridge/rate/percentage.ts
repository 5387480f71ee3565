// Percentage: a share of an amount of money, per event or graduated.
import { Exact } from '../../common/model/exact.ts';
import { spanText } from './tiers.ts';
import { least, most, type Priced, Sum } from './working.ts';

const HUNDRED = Exact.integer(100);

export interface PercentagePrice {
  readonly ratePercent: Exact;
  readonly fixedPerEvent: Exact;
  /** So many first events are free with all their amount; null for none. */
  readonly freeEvents: number | null;
  /** So much of the amount is free; events that fit inside it pay no fixed amount; null for none. */
  readonly freeAmount: Exact | null;
  readonly leastPerEvent: Exact | null;
  readonly mostPerEvent: Exact | null;
}

/** `events` are the amounts in order. Bounds per event apply to each event's own price. */
export function pricePercentage(events: readonly Exact[], price: PercentagePrice): Priced {
  const sum = new Sum();
  let freeLeft = price.freeAmount ?? Exact.zero;
  for (const [at, amount] of events.entries()) {
    if (price.freeEvents !== null && at < price.freeEvents) continue;
    const free = least(freeLeft, amount);
    freeLeft = freeLeft.subtract(free);
    const charged = amount.subtract(free);
    if (charged.isZero() && !free.isZero()) continue;
    let cost = charged.multiply(price.ratePercent).divide(HUNDRED).add(price.fixedPerEvent);
    if (price.leastPerEvent !== null) cost = most(cost, price.leastPerEvent);
    if (price.mostPerEvent !== null) cost = least(cost, price.mostPerEvent);
    sum.fixed(`event ${at + 1}: ${price.ratePercent.toString()} % of ${charged.toString()}`, cost);
  }
  return sum.priced();
}

export interface PercentageTier {
  readonly upTo: Exact | null;
  readonly ratePercent: Exact;
  readonly flat: Exact;
}

export function priceGraduatedPercentage(amount: Exact, tiers: readonly PercentageTier[]): Priced {
  const sum = new Sum();
  let from = Exact.zero;
  for (const tier of tiers) {
    if (amount.compare(from) <= 0) break;
    const to = tier.upTo === null ? amount : least(amount, tier.upTo);
    sum.fixed(`flat of tier ${spanText(from, tier.upTo)}`, tier.flat);
    sum.multiply(`tier ${spanText(from, tier.upTo)}`, to.subtract(from), tier.ratePercent.divide(HUNDRED));
    if (tier.upTo === null) break;
    from = tier.upTo;
  }
  return sum.priced();
}
