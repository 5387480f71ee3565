// Values on the times of an evaluation: what every part of the evaluator takes and gives.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { notUnderstood } from './expression.ts';
import type { Labels } from './metric-names.ts';

/** The times at which a query is evaluated: fromMs, fromMs + stepMs, …; a multiple of the step each. */
export interface Axis {
  readonly fromMs: EpochMs;
  readonly stepMs: DurationMs;
  readonly count: number;
}

/** One value a time; NaN where there is none. */
export interface VectorSeries {
  readonly labels: Labels;
  readonly values: Float64Array;
}

export type Value =
  | { readonly kind: 'scalar'; readonly values: Float64Array }
  | { readonly kind: 'vector'; readonly series: readonly VectorSeries[] }
  | { readonly kind: 'text'; readonly value: string };

export function constant(axis: Axis, value: number): Float64Array {
  return new Float64Array(axis.count).fill(value);
}

export function mapped(values: Float64Array, change: (value: number) => number): Float64Array {
  return values.map((value) => (Number.isNaN(value) ? value : change(value)));
}

export function without(labels: Labels, names: readonly string[]): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !names.includes(name)));
}

export function only(labels: Labels, names: readonly string[]): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => names.includes(name)));
}

/** Equal for equal labels, whatever their order. */
export function labelKey(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Series without any value are none, and those of equal labels one; throws query_not_understood where two of them have a value at one time. */
export function withValues(series: readonly VectorSeries[]): VectorSeries[] {
  const found = new Map<string, VectorSeries>();
  for (const one of series) {
    if (one.values.every((value) => Number.isNaN(value))) continue;
    const key = labelKey(one.labels);
    const held = found.get(key);
    found.set(key, held === undefined ? one : { labels: one.labels, values: united(held.values, one.values, key) });
  }
  return [...found.values()];
}

function united(first: Float64Array, second: Float64Array, key: string): Float64Array {
  return first.map((value, at) => {
    const other = second[at] ?? Number.NaN;
    if (!Number.isNaN(value) && !Number.isNaN(other))
      throw notUnderstood('Several series come to have the same labels', key);
    return Number.isNaN(value) ? other : value;
  });
}
