// What resources are ranked by, and their order: the same for every store.
import type { EpochMs } from '../../common/model/time.ts';
import { valueOf } from './grid.ts';
import type { Span } from './spans.ts';
import type { TopQuery } from './store.ts';

export type RankFunction = NonNullable<TopQuery['function']>;

export interface TopWanted {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly limit: number;
  readonly function: RankFunction;
  /** Only these; null for all of the metric's table. */
  readonly ids: readonly number[] | null;
}

export interface Ranked {
  readonly resource: number;
  readonly value: number;
}

/** Null where nothing is known in any span. */
export function rankOf(spans: readonly Span[], wanted: RankFunction): number | null {
  const values: number[] = [];
  let [weighted, knownMs] = [0, 0];
  for (const span of spans) {
    if (span.value === null) continue;
    values.push(span.value);
    weighted += span.value * (span.toMs - span.fromMs);
    knownMs += span.toMs - span.fromMs;
  }
  return values.length === 0 ? null : valueOf(values, weighted / knownMs, wanted);
}

/** Of those with a value; what is equal stands in the order of resources. */
export function highest(values: Iterable<readonly [number, number | null]>, limit: number): Ranked[] {
  return [...values]
    .flatMap(([resource, value]) => (value === null ? [] : [{ resource, value }]))
    .toSorted((a, b) => b.value - a.value || a.resource - b.resource)
    .slice(0, limit);
}
