// Which numbers of a stream are held: everything up to a mark, and the ranges above it that came out of order.

export interface SequenceRange {
  readonly first: number;
  readonly last: number;
}

/** `above` is sorted, its ranges neither overlap nor touch each other or the mark. */
export interface HeldSequences {
  /** Every sequence from 1 to this one is held; 0 when none is. */
  readonly through: number;
  readonly above: readonly SequenceRange[];
}

export const NOTHING_HELD: HeldSequences = { through: 0, above: [] };

export function holds(held: HeldSequences, sequence: number): boolean {
  if (sequence <= held.through) return true;
  return held.above.some((range) => range.first <= sequence && sequence <= range.last);
}

/** Adds `first` to `last`, both included; an empty or a known range changes nothing. */
export function hold(held: HeldSequences, first: number, last: number): HeldSequences {
  if (last < first || last <= held.through) return held;
  if (held.above.length === 0 && first <= held.through + 1) return { through: last, above: [] };
  let { through } = held;
  const above: { first: number; last: number }[] = [];
  const ranges = [...held.above, { first, last }].toSorted((a, b) => a.first - b.first);
  for (const range of ranges) {
    const previous = above.at(-1);
    if (range.first <= through + 1) through = Math.max(through, range.last);
    else if (previous !== undefined && range.first <= previous.last + 1)
      previous.last = Math.max(previous.last, range.last);
    else above.push({ ...range });
  }
  return { through, above };
}

/** Everything that either holds. */
export function holdAll(held: HeldSequences, other: HeldSequences): HeldSequences {
  let all = hold(held, 1, other.through);
  for (const range of other.above) all = hold(all, range.first, range.last);
  return all;
}

/** What of `first` to `last` is not held, in order. */
export function notHeld(held: HeldSequences, first: number, last: number): SequenceRange[] {
  const holes: SequenceRange[] = [];
  let next = Math.max(first, held.through + 1);
  for (const range of held.above) {
    if (range.first > last) break;
    if (range.last < next) continue;
    if (range.first > next) holes.push({ first: next, last: range.first - 1 });
    next = range.last + 1;
  }
  if (next <= last) holes.push({ first: next, last });
  return holes;
}

/** The ranges without that one sequence; null where none of them has it. */
export function takeOut(ranges: readonly SequenceRange[], sequence: number): SequenceRange[] | null {
  const at = ranges.findIndex((range) => range.first <= sequence && sequence <= range.last);
  const found = ranges[at];
  if (found === undefined) return null;
  const left = { first: found.first, last: sequence - 1 };
  const right = { first: sequence + 1, last: found.last };
  return [...ranges.slice(0, at), ...[left, right].filter((part) => part.first <= part.last), ...ranges.slice(at + 1)];
}
