// Sets of instants as half-open spans: their union, what two have in common, and what one has beyond another. Pure.
import type { EpochMs } from './time.ts';

/** `[fromMs, toMs)`. */
export interface Span {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

/** In order, apart from each other, none empty: the one form of a set of instants. */
export function unionOf(spans: readonly Span[]): Span[] {
  const ordered = spans.filter(({ fromMs, toMs }) => fromMs < toMs).toSorted((one, other) => one.fromMs - other.fromMs);
  const found: Span[] = [];
  for (const { fromMs, toMs } of ordered) {
    const last = found.at(-1);
    if (last === undefined || fromMs > last.toMs) found.push({ fromMs, toMs });
    else if (toMs > last.toMs) found[found.length - 1] = { fromMs: last.fromMs, toMs };
  }
  return found;
}

/** Both as `unionOf` gives them. */
export function intersectionOf(one: readonly Span[], other: readonly Span[]): Span[] {
  const found: Span[] = [];
  for (let [left, right] = [0, 0]; left < one.length && right < other.length; ) {
    const [a, b] = [one[left], other[right]];
    if (a === undefined || b === undefined) break;
    const [fromMs, toMs] = [Math.max(a.fromMs, b.fromMs), Math.min(a.toMs, b.toMs)];
    if (fromMs < toMs) found.push({ fromMs, toMs });
    if (a.toMs <= b.toMs) left += 1;
    else right += 1;
  }
  return found;
}

/** What the first has beyond the second; both as `unionOf` gives them. */
export function differenceOf(one: readonly Span[], other: readonly Span[]): Span[] {
  const found: Span[] = [];
  let at = 0;
  for (const span of one) {
    let { fromMs } = span;
    while ((other[at]?.toMs ?? Infinity) <= fromMs) at += 1;
    for (let taken = at; fromMs < span.toMs; taken += 1) {
      const next = other[taken];
      if (next === undefined || next.fromMs >= span.toMs) break;
      if (next.fromMs > fromMs) found.push({ fromMs, toMs: next.fromMs });
      fromMs = Math.max(fromMs, next.toMs);
    }
    if (fromMs < span.toMs) found.push({ fromMs, toMs: span.toMs });
  }
  return found;
}

export function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { fromMs, toMs }) => sum + (toMs - fromMs), 0);
}
