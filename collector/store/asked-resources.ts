// Which resources a question means, and whether its answer would be too long.
import { WeirError } from '../../common/runtime/errors.ts';
import type { Grid } from './grid.ts';
import type { Metric } from './metrics.ts';
import { type Resource, type ResourceBook, resourceName, splitResource } from './resource-book.ts';
import { MAX_MANY_POINTS, type TopQuery } from './store.ts';

export function refuseTooManyPoints(grid: Grid, resources: number): void {
  const points = ((grid.toMs - grid.fromMs) / grid.stepMs) * resources;
  if (points <= MAX_MANY_POINTS) return;
  throw new WeirError('series_too_long', `The answer would have ${points} points, ${MAX_MANY_POINTS} are the most.`, {
    points,
    most: MAX_MANY_POINTS,
  });
}

/** Resources that may be ranked; null where that is everything in the metric's table. */
export function idsAmong(book: ResourceBook, metric: Metric, among: TopQuery['among']): number[] | null {
  const gauge = metric.kind === 'number' ? metric.gauge : null;
  if (among === undefined) return gauge === null ? null : book.gaugesOf(gauge).map((one) => one.id);
  const ids = new Set<number>();
  const kind = metric.kind === 'counter' || metric.table === 'interface_metrics' ? 'interface' : 'device';
  for (const device of among.devices)
    for (const one of book.ofDevice(device))
      if (gauge === null ? one.kind === kind : one.metric === gauge) ids.add(one.id);
  for (const resource of among.resources)
    for (const one of resourcesOf(book, metric, { metric: gauge ?? '', resource }))
      if (gauge === null || resourceName(one) === resource) ids.add(one.id);
  return [...ids];
}

/** Those that a query means; none where nothing of it was ever stored. A device alone means all of its gauges of that metric. */
export function resourcesOf(
  book: ResourceBook,
  metric: Metric,
  query: { readonly metric: string; readonly resource: string },
): Resource[] {
  const { device, part } = splitResource(query.resource);
  if (metric.kind === 'counter' || metric.table === 'interface_metrics') {
    const found = book.findInterface(device, part);
    return found === undefined ? [] : [found];
  }
  if (metric.table === 'device_metrics') {
    const found = part === '' ? book.findDevice(device) : undefined;
    return found === undefined ? [] : [found];
  }
  if (metric.table === 'point_metrics') {
    const found = book.findPoint(query.metric, query.resource);
    return found === undefined ? [] : [found];
  }
  return book.findGauges(device, metric.gauge).filter((one) => part === '' || one.part === part);
}
