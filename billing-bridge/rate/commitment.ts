// Commitment: an amount of units that is paid for whether used or not, and a price for each unit above it.
import { Exact } from '../../common/model/exact.ts';
import { most, type Priced, Sum } from './working.ts';

export interface CommitmentPrice {
  /** Units that the fixed price holds. */
  readonly commit: Exact;
  readonly commitPrice: Exact;
  readonly overagePrice: Exact;
  /** prorated: of a part period the part of units and price. full: whatever the part. */
  readonly partPeriod: 'full' | 'prorated';
}

export function priceCommitment(
  quantity: Exact,
  price: CommitmentPrice,
  covered: { readonly covered: bigint; readonly whole: bigint },
): Priced {
  const part = price.partPeriod === 'full' ? Exact.one : Exact.ratio(covered.covered, covered.whole);
  const held = price.commit.multiply(part);
  const sum = new Sum();
  sum.multiply(`commit of ${held.toString()}`, part, price.commitPrice);
  sum.multiply('above the commit', most(Exact.zero, quantity.subtract(held)), price.overagePrice);
  return sum.priced();
}
