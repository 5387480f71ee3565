// Blocks: tiers counted in whole blocks, either each tier for its own part or the top tier for everything; and rating by rounded-up increments.
import { Exact } from '../../common/model/exact.ts';
import { ceiling, least, type Priced, Sum } from './working.ts';

export interface BlockTier {
  /** Units in a block; a begun block counts. */
  readonly block: Exact;
  /** Most blocks of this tier; null is without end. */
  readonly maxBlocks: Exact | null;
  readonly price: Exact;
}

export function priceGraduatedBlocks(quantity: Exact, tiers: readonly BlockTier[]): Priced {
  const sum = new Sum();
  let left = quantity;
  for (const tier of tiers) {
    if (left.compare(Exact.zero) <= 0) break;
    const wanted = ceiling(left.divide(tier.block));
    const blocks = tier.maxBlocks === null ? wanted : least(wanted, tier.maxBlocks);
    sum.multiply(`blocks of ${tier.block.toString()}`, blocks, tier.price);
    left = left.subtract(blocks.multiply(tier.block));
  }
  return sum.priced();
}

/** All of the quantity in blocks of the tier that it reaches; beyond the last tier the last applies. */
export function priceVolumeBlocks(quantity: Exact, tiers: readonly BlockTier[]): Priced {
  let bound = Exact.zero;
  let reached = tiers.at(-1);
  for (const tier of tiers) {
    if (tier.maxBlocks !== null) bound = bound.add(tier.maxBlocks.multiply(tier.block));
    if (tier.maxBlocks === null || quantity.compare(bound) <= 0) {
      reached = tier;
      break;
    }
  }
  if (reached === undefined) throw new Error('BUG: a price table without tiers');
  const sum = new Sum();
  sum.multiply(`blocks of ${reached.block.toString()}`, ceiling(quantity.divide(reached.block)), reached.price);
  return sum.priced();
}

export interface IncrementPrice {
  readonly rate: Exact;
  /** The units that `rate` is for. */
  readonly rateUnit: Exact;
  /** Usage is rounded up to a multiple of it. */
  readonly increment: Exact;
}

export function priceIncrement(quantity: Exact, price: IncrementPrice): Priced {
  const rounded = ceiling(quantity.divide(price.increment)).multiply(price.increment);
  const sum = new Sum();
  sum.multiply(`per ${price.rateUnit.toString()}`, rounded.divide(price.rateUnit), price.rate);
  return sum.priced();
}
