// Series as the API answers them: one, a group of several, and the period before beside it.
import { type DurationMs, isoTime } from '../../common/model/time.ts';
import type { Series, SeriesGroup } from '../store/store.ts';
import type { SeriesAnswer } from './answers.ts';
import { groupPoints, shiftPoints } from './series-groups.ts';

/** How long before, and what was then. */
export interface Earlier {
  readonly series: readonly Series[];
  readonly byMs: DurationMs;
}

export function earlierOf(before: Earlier | null, one: Series | undefined): SeriesAnswer['previous'] {
  if (before === null || one === undefined) return undefined;
  const points = answeredPoints(shiftPoints(one.points, before.byMs));
  return { from: isoTime(one.fromMs), to: isoTime(one.toMs), points };
}

export function groupOf(series: readonly Series[], before: Earlier | null, group: SeriesGroup): SeriesAnswer {
  const first = series[0];
  if (first === undefined) throw new Error('BUG: a group of no series');
  const previous = before?.series[0];
  const grouped =
    before === null || previous === undefined
      ? undefined
      : earlierOf(before, { ...previous, points: groupPoints(before.series, group) });
  const points = groupPoints(series, group);
  return {
    ...seriesOf({ ...first, resource: '', points }, grouped),
    group,
    resources: series.map((one) => one.resource),
  };
}

export function seriesOf(series: Series, previous: SeriesAnswer['previous']): SeriesAnswer {
  return {
    metric: series.metric,
    resource: series.resource,
    function: series.function,
    unit: series.unit,
    from: isoTime(series.fromMs),
    to: isoTime(series.toMs),
    stepMs: series.stepMs,
    ...(series.tier === undefined ? {} : { tier: series.tier }),
    points: answeredPoints(series.points),
    ...(previous === undefined ? {} : { previous }),
  };
}

function answeredPoints(points: Series['points']): SeriesAnswer['points'] {
  return points.map(({ atMs, value, coverage }) => ({ at: isoTime(atMs), value, coverage }));
}
