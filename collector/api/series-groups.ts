// Several series made one, step by step: sums, averages, and the same of a period before.
import type { DurationMs } from '../../common/model/time.ts';
import type { Series, SeriesGroup, SeriesPoint } from '../store/store.ts';

/** Series of one grid. A step that nobody knows is null; one that some know is made of those, and its coverage says how much that is. */
export function groupPoints(series: readonly Pick<Series, 'points'>[], group: SeriesGroup): SeriesPoint[] {
  const first = series[0];
  if (first === undefined) return [];
  return first.points.map(({ atMs }, step) => {
    const points = series.flatMap((one) => one.points[step] ?? []);
    const coverage = points.reduce((sum, point) => sum + point.coverage, 0) / series.length;
    return { atMs, value: groupValues(points, group), coverage };
  });
}

function groupValues(points: readonly SeriesPoint[], group: SeriesGroup): number | string | null {
  const known = points.flatMap(({ value }) => (value === null ? [] : [value]));
  if (known.length === 0) return null;
  if (known.every((value) => typeof value === 'string')) return groupWhole(known.map(BigInt), group);
  const numbers = known.map(Number);
  const sum = numbers.reduce((total, value) => total + value, 0);
  switch (group) {
    case 'sum':
      return sum;
    case 'avg':
      return sum / numbers.length;
    case 'min':
      return numbers.reduce((least, value) => Math.min(least, value));
    case 'max':
      return numbers.reduce((most, value) => Math.max(most, value));
  }
}

/** Exact numbers stay so; their average is rounded down to a whole one. */
function groupWhole(values: readonly bigint[], group: SeriesGroup): string {
  const sum = values.reduce((total, value) => total + value, 0n);
  switch (group) {
    case 'sum':
      return sum.toString();
    case 'avg':
      return (sum / BigInt(values.length)).toString();
    case 'min':
      return values.reduce((least, value) => (value < least ? value : least)).toString();
    case 'max':
      return values.reduce((most, value) => (value > most ? value : most)).toString();
  }
}

/** Points of an earlier period at the times of the later one. */
export function shiftPoints(points: readonly SeriesPoint[], byMs: DurationMs): SeriesPoint[] {
  return points.map((point) => ({ ...point, atMs: point.atMs + byMs }));
}
