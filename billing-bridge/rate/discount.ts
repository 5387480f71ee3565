// Discounts of an item: shares of what it costs, then fixed amounts; never below nothing.
import { Exact } from '../../common/model/exact.ts';
import { least, type Priced, type WorkingStep } from './working.ts';

export type Discount =
  | { readonly name: string; readonly percent: Exact }
  /** Of a whole period: of a window it would be taken off many times. */
  | { readonly name: string; readonly amount: Exact };

const HUNDRED = Exact.integer(100);

/** One after the other: each takes of what the ones before have left. */
export function discounted(priced: Priced, discounts: readonly Discount[]): Priced {
  const steps: WorkingStep[] = [...priced.steps];
  let { amount } = priced;
  for (const discount of discounts) {
    const wanted = 'percent' in discount ? amount.multiply(discount.percent).divide(HUNDRED) : discount.amount;
    const off = least(wanted, amount);
    if (off.isZero()) continue;
    amount = amount.subtract(off);
    const share = 'percent' in discount ? `, ${discount.percent.toString()} %` : '';
    steps.push({ what: `discount ${discount.name}${share}`, amount: off.negate().toString() });
  }
  return { amount, steps };
}
