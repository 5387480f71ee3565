// Volume: the tier that the whole quantity falls in prices all of it, so the total can fall as usage grows.
import type { Exact } from '../../common/model/exact.ts';
import { type Tier, tierHolding } from './tiers.ts';
import { type Priced, Sum } from './working.ts';

export interface VolumePrice {
  readonly tiers: readonly Tier[];
  /** Systems differ: is the first tier's flat amount charged where nothing was used? */
  readonly flatAtZero: boolean;
}

export function priceVolume(quantity: Exact, price: VolumePrice): Priced {
  const sum = new Sum();
  if (quantity.isZero() && !price.flatAtZero) return sum.priced();
  const tier = tierHolding(price.tiers, quantity);
  const end = tier.upTo === null ? 'the last tier' : `the tier up to ${tier.upTo.toString()}`;
  sum.fixed(`flat of ${end}`, tier.flat);
  sum.multiply(`all in ${end}`, quantity, tier.unit);
  return sum.priced();
}
