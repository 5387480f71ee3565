// Stairstep: one fixed price for the step that holds the quantity, or every quantity where capacity has several measures.
import type { Exact } from '../../common/model/exact.ts';
import { type Priced, Sum } from './working.ts';
import { tierHolding } from './tiers.ts';

export interface Stair {
  readonly upTo: Exact | null;
  readonly flat: Exact;
}

export function priceStairstep(quantity: Exact, stairs: readonly Stair[]): Priced {
  const sum = new Sum();
  const stair = tierHolding(stairs, quantity);
  sum.fixed(stair.upTo === null ? 'the last step' : `the step up to ${stair.upTo.toString()}`, stair.flat);
  return sum.priced();
}

export interface CapacityStair {
  /** Most of each measure that the step holds; a measure that is not named has no limit. */
  readonly limits: ReadonlyMap<string, Exact>;
  readonly price: Exact;
}

/** The lowest step that holds every measure; the last holds whatever comes. */
export function priceCapacity(usage: ReadonlyMap<string, Exact>, stairs: readonly CapacityStair[]): Priced {
  const holds = (stair: CapacityStair): boolean =>
    [...usage].every(([measure, quantity]) => {
      const limit = stair.limits.get(measure);
      return limit === undefined || quantity.compare(limit) <= 0;
    });
  const stair = stairs.find(holds) ?? stairs.at(-1);
  if (stair === undefined) throw new Error('BUG: a price table without steps');
  const sum = new Sum();
  sum.fixed(`step ${stairs.indexOf(stair) + 1} of ${stairs.length}`, stair.price);
  return sum.priced();
}
