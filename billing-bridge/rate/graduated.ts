// Graduated: each tier prices the part of the quantity that lies in it. Always from the whole quantity, never from rounded parts.
import { Exact } from '../../common/model/exact.ts';
import { spanText, type Tier } from './tiers.ts';
import { least, type Priced, Sum } from './working.ts';

export interface GraduatedPrice {
  readonly tiers: readonly Tier[];
  /** Systems differ: is the first tier's flat amount charged where nothing was used? */
  readonly flatAtZero: boolean;
}

export function priceGraduated(quantity: Exact, price: GraduatedPrice): Priced {
  const sum = new Sum();
  let from = Exact.zero;
  for (const [at, tier] of price.tiers.entries()) {
    const reached = quantity.compare(from) > 0;
    if (!reached && !(at === 0 && price.flatAtZero)) break;
    const span = spanText(from, tier.upTo);
    sum.fixed(`flat of tier ${span}`, tier.flat);
    if (!reached) break;
    const to = tier.upTo === null ? quantity : least(quantity, tier.upTo);
    sum.multiply(`tier ${span}`, to.subtract(from), tier.unit);
    if (tier.upTo === null) break;
    from = tier.upTo;
  }
  return sum.priced();
}
