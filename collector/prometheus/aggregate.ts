// sum, avg, min, max, count, group, stddev, quantile, topk and bottomk over the series of a vector, time by time.
import type { Aggregation } from './expression.ts';
import { labelKey, only, type VectorSeries, without } from './vector.ts';

export interface Grouping {
  readonly by: readonly string[] | null;
  readonly without: readonly string[] | null;
}

type Fold = (values: readonly number[], parameter: number) => number;

const FOLDS: Readonly<Record<Exclude<Aggregation, 'topk' | 'bottomk'>, Fold>> = {
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
  avg: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  count: (values) => values.length,
  group: () => 1,
  stddev: (values) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  },
  quantile: quantile,
};

/** `parameter`: k of topk and bottomk, φ of quantile; one a time. */
export function aggregate(
  name: Aggregation,
  series: readonly VectorSeries[],
  grouping: Grouping,
  parameter: Float64Array,
): VectorSeries[] {
  const groups = new Map<string, VectorSeries[]>();
  for (const one of series) {
    const key = labelKey(groupLabels(one, grouping));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()].flatMap((group) =>
    name === 'topk' || name === 'bottomk'
      ? ranked(group, parameter, name === 'topk' ? -1 : 1)
      : folded(group, grouping, FOLDS[name], parameter),
  );
}

function groupLabels(series: VectorSeries, { by, without: leftOut }: Grouping): VectorSeries['labels'] {
  if (by !== null) return only(series.labels, by);
  return leftOut === null ? {} : without(series.labels, [...leftOut, '__name__']);
}

function folded(
  group: readonly VectorSeries[],
  grouping: Grouping,
  fold: Fold,
  parameter: Float64Array,
): VectorSeries[] {
  const [first] = group;
  if (first === undefined) return [];
  const values = first.values.map((_, at) => {
    const known = group.flatMap((one) => {
      const value = one.values[at] ?? Number.NaN;
      return Number.isNaN(value) ? [] : [value];
    });
    return known.length === 0 ? Number.NaN : fold(known, parameter[at] ?? Number.NaN);
  });
  return [{ labels: groupLabels(first, grouping), values }];
}

/** The k first of each time keep their values and all their labels. */
function ranked(group: readonly VectorSeries[], parameter: Float64Array, order: 1 | -1): VectorSeries[] {
  const kept = group.map(({ labels, values }) => ({
    labels,
    values: new Float64Array(values.length).fill(Number.NaN),
  }));
  for (let at = 0; at < parameter.length; at += 1) {
    const most = Math.max(0, Math.trunc(parameter[at] ?? 0));
    const places = [...group.keys()].filter((place) => !Number.isNaN(group[place]?.values[at] ?? Number.NaN));
    places.sort((a, b) => order * ((group[a]?.values[at] ?? 0) - (group[b]?.values[at] ?? 0)));
    for (const place of places.slice(0, most)) {
      const target = kept[place];
      if (target !== undefined) target.values[at] = group[place]?.values[at] ?? Number.NaN;
    }
  }
  // At one time they are a list, the first before the second.
  const only = (one: VectorSeries): number => one.values[0] ?? Number.NaN;
  return parameter.length === 1
    ? kept.filter((one) => !Number.isNaN(only(one))).toSorted((a, b) => order * (only(a) - only(b)))
    : kept;
}

/** As Prometheus has it: between the two nearest ranks by their distance. */
export function quantile(values: readonly number[], share: number): number {
  if (Number.isNaN(share)) return Number.NaN;
  if (share < 0) return Number.NEGATIVE_INFINITY;
  if (share > 1) return Number.POSITIVE_INFINITY;
  const sorted = values.toSorted((a, b) => a - b);
  const rank = share * (sorted.length - 1);
  const low = sorted[Math.floor(rank)] ?? Number.NaN;
  const high = sorted[Math.min(sorted.length - 1, Math.floor(rank) + 1)] ?? Number.NaN;
  return low + (high - low) * (rank - Math.floor(rank));
}
