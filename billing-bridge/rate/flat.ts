// Flat: a fixed amount a period, for the part of it that the service was there.
import { Exact } from '../../common/model/exact.ts';
import { type Priced, Sum } from './working.ts';

export interface FlatPrice {
  readonly amount: Exact;
  /** How a part of a period is counted: by days as the period is, to the second, or as the whole. Absent: by days. */
  readonly proration?: 'day' | 'second' | 'none';
}

interface Part {
  readonly covered: bigint;
  readonly whole: bigint;
}

/** The part that is charged; a period of which nothing is there costs nothing, whatever the rule. */
export function flatPart(price: FlatPrice, input: { readonly part: Part; readonly exactPart?: Part }): Part {
  if (price.proration === 'second') return input.exactPart ?? input.part;
  if (price.proration === 'none' && input.part.covered > 0n) return { covered: 1n, whole: 1n };
  return input.part;
}

/** `covered` of `whole` days (or milliseconds, in cycles shorter than a month). */
export function priceFlat(amount: Exact, part: { readonly covered: bigint; readonly whole: bigint }): Priced {
  const sum = new Sum();
  sum.multiply(
    part.covered === part.whole ? 'the whole period' : `${part.covered} of ${part.whole}`,
    Exact.ratio(part.covered, part.whole),
    amount,
  );
  return sum.priced();
}
