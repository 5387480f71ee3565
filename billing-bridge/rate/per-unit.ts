// Per unit: quantity × price. Additive, so it may be rated window by window.
import type { Exact } from '../../common/model/exact.ts';
import { type Priced, Sum } from './working.ts';

export function pricePerUnit(quantity: Exact, price: Exact): Priced {
  const sum = new Sum();
  sum.multiply('per unit', quantity, price);
  return sum.priced();
}
