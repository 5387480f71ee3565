// Tiers of a price table, and what makes a table unusable.
import { Exact } from '../../common/model/exact.ts';

/** One tier: quantities above the tier before it, up to and including `upTo`; null is without end. */
export interface Tier {
  readonly upTo: Exact | null;
  /** Price of one unit in this tier. */
  readonly unit: Exact;
  /** Charged once where the tier is reached. */
  readonly flat: Exact;
}

export interface TierMistake {
  /** Index of the tier. */
  readonly at: number;
  readonly message: string;
}

/** Every way in which a table of tiers is wrong; empty where it can be used. */
export function tierMistakes(tiers: readonly Pick<Tier, 'upTo'>[]): TierMistake[] {
  const mistakes: TierMistake[] = [];
  let bound = Exact.zero;
  tiers.forEach((tier, at) => {
    const last = at === tiers.length - 1;
    if (tier.upTo === null) {
      if (!last) mistakes.push({ at, message: 'a tier without an end must be the last: the ones after it overlap it' });
      return;
    }
    if (tier.upTo.compare(bound) <= 0)
      mistakes.push({ at, message: `overlaps the tier before it: expected an end above ${bound.toString()}` });
    if (last) mistakes.push({ at, message: 'the last tier must have no end: usage above it would have no price' });
    bound = tier.upTo;
  });
  return mistakes;
}

/** The tier that holds a quantity (the first whose end is not below it), or the last. */
export function tierHolding<T extends Pick<Tier, 'upTo'>>(tiers: readonly T[], quantity: Exact): T {
  const found = tiers.find((tier) => tier.upTo === null || quantity.compare(tier.upTo) <= 0) ?? tiers.at(-1);
  if (found === undefined) throw new Error('BUG: a price table without tiers');
  return found;
}

/** `0 to 10`, for the working. */
export function spanText(from: Exact, upTo: Exact | null): string {
  return upTo === null ? `above ${from.toString()}` : `${from.toString()} to ${upTo.toString()}`;
}
