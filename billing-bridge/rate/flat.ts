// Flat: a fixed amount a period, for the part of it that the service was there.
import { Exact } from '../../common/model/exact.ts';
import { type Priced, Sum } from './working.ts';

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
