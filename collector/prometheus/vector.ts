// Values on the times of an evaluation: what every part of the evaluator takes and gives.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
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

/** Series without any value are none. */
export function withValues(series: readonly VectorSeries[]): VectorSeries[] {
  return series.filter(({ values }) => values.some((value) => !Number.isNaN(value)));
}
