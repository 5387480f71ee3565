// Flat: a fixed amount a period or a cycle, for the part of it that the service was there under these terms.
import type { CycleAnchor } from '../../common/model/cycle.ts';
import { Exact } from '../../common/model/exact.ts';
import { type Priced, Sum } from './working.ts';

export interface FlatPrice {
  readonly amount: Exact;
  /** How a part of a period is counted: by days as the period is, to the second, or as the whole. Absent: by days. */
  readonly proration?: 'day' | 'second' | 'none';
  /** What the amount is for, where that is not the period of the bill. */
  readonly cycle?: { readonly months: number; readonly anchor: CycleAnchor };
}

export interface Part {
  readonly covered: bigint;
  readonly whole: bigint;
}

/** Of a period or cycle: how long these terms counted, and how long the service was there at all; by days and to the second. */
export interface FeeParts {
  readonly part: Part;
  readonly present?: Part;
  readonly exactPart?: Part;
  readonly exactPresent?: Part;
}

/** The part that is charged; a period of which nothing is there costs nothing, whatever the rule. */
export function flatPart(price: Pick<FlatPrice, 'proration'>, input: FeeParts): Part {
  if (price.proration === 'second') return input.exactPart ?? input.part;
  if (price.proration === 'none' && input.part.covered > 0n)
    return { covered: input.part.covered, whole: (input.present ?? input.part).covered };
  return input.part;
}

/** The share that these terms have in the time of the service: of what is agreed for a whole period, such as a fixed discount. */
export function shareOf(price: Pick<FlatPrice, 'proration'>, input: FeeParts): Exact {
  const [part, present] =
    price.proration === 'second' ? [input.exactPart, input.exactPresent] : [input.part, input.present];
  if (part === undefined || present === undefined || present.covered === 0n) return Exact.one;
  return Exact.ratio(part.covered, present.covered);
}

/** `covered` of `whole` days (or milliseconds, in cycles shorter than a month). */
export function priceFlat(amount: Exact, part: Part, dates?: string): Priced {
  const sum = new Sum();
  const what = part.covered === part.whole ? 'the whole period' : `${part.covered} of ${part.whole}`;
  sum.multiply(dates === undefined ? what : `${what}, ${dates}`, Exact.ratio(part.covered, part.whole), amount);
  return sum.priced();
}
