// Bounds of what a period costs: a minimum with true-up, a cap, and what was billed of it before.
import type { Exact } from '../../common/model/exact.ts';
import { least, most, type Priced, type WorkingStep } from './working.ts';

export interface SpendLimits {
  readonly least: Exact | null;
  readonly most: Exact | null;
}

export function limitSpend(priced: Priced, limits: SpendLimits): Priced {
  const steps: WorkingStep[] = [...priced.steps];
  let amount = priced.amount;
  const move = (to: Exact, what: string): void => {
    if (to.compare(amount) !== 0) steps.push({ what, amount: to.subtract(amount).toString() });
    amount = to;
  };
  if (limits.least !== null) move(most(amount, limits.least), `up to the minimum of ${limits.least.toString()}`);
  if (limits.most !== null) move(least(amount, limits.most), `down to the maximum of ${limits.most.toString()}`);
  return { amount, steps };
}

/** What is left to bill of a running total: never the price of the new part alone, so tiers and caps come out right. */
export function increment(total: Priced, limits: SpendLimits, alreadyBilled: Exact): Priced {
  const limited = limitSpend(total, limits);
  return {
    amount: limited.amount.subtract(alreadyBilled),
    steps: [...limited.steps, { what: 'billed before', amount: alreadyBilled.negate().toString() }],
  };
}
