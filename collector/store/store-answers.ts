// What questions mean by the book of resources, and answers by their names: the same for every store.
import { idsAmong, refuseTooManyPoints, resourcesOf } from './asked-resources.ts';
import { averageSpans } from './average-spans.ts';
import { type Grid, gridOf, pointsOf } from './grid.ts';
import type { Metric } from './metrics.ts';
import type { Ranked, TopWanted } from './ranking.ts';
import { type Resource, type ResourceBook, resourceName } from './resource-book.ts';
import type { Span } from './spans.ts';
import {
  type GaugeResource,
  type LatestQuery,
  type LatestValue,
  type ManyQuery,
  MAX_LATEST,
  MAX_MANY,
  MAX_TOP,
  type Series,
  type SeriesQuery,
  type Tier,
  type TopQuery,
  type TopResource,
} from './store.ts';

const MAX_GAUGES = 10_000;
const DEFAULT_INTERVAL_MS = 60_000;

/** A question about series, with the resources it means. */
export interface AskedSeries {
  readonly grid: Grid;
  /** Of all series, each once. */
  readonly resources: readonly Resource[];
  /** `tier`: the coarsest of what the spans were read from. */
  answer(spans: ReadonlyMap<number, readonly Span[]>, tier: Tier): readonly Series[];
}

/** Throws series_too_long. */
export function askedSeries(book: ResourceBook, metric: Metric, query: ManyQuery): AskedSeries {
  const asked = query.resources.slice(0, MAX_MANY).map((name) => ({
    name,
    resources: resourcesOf(book, metric, { metric: query.metric, resource: name }),
  }));
  const all = new Map(asked.flatMap(({ resources }) => resources.map((one) => [one.id, one] as const)));
  const intervalMs = Math.max(0, ...[...all.values()].map((one) => one.intervalMs)) || DEFAULT_INTERVAL_MS;
  const grid = gridOf(query.fromMs, query.toMs, query.stepMs, intervalMs);
  refuseTooManyPoints(grid, asked.length);
  return {
    grid,
    resources: [...all.values()],
    answer: (spans, tier) =>
      asked.map(({ name, resources }) => {
        const lines = resources.map((one) => spans.get(one.id) ?? []);
        const only = lines.length === 1 ? lines[0] : undefined;
        const unit = metric.unit === '' ? (resources[0]?.unit ?? '') : metric.unit;
        return {
          metric: query.metric,
          resource: name,
          function: query.function,
          unit: query.function === 'delta' && metric.kind === 'counter' ? (metric.deltaUnit ?? unit) : unit,
          ...grid,
          ...(tier === 'raw' ? {} : { tier }),
          points: pointsOf(grid, only ?? averageSpans(lines), query.function),
        };
      }),
  };
}

/** One series by the way of many. */
export async function oneOf(
  store: { many(query: ManyQuery): Promise<readonly Series[]> },
  { resource, ...others }: SeriesQuery,
): Promise<Series> {
  const [found] = await store.many({ ...others, resources: [resource] });
  if (found === undefined) throw new Error('BUG: a series without an answer');
  return found;
}

/** Those with a value of their own: the average of several gauges has no latest. */
export function askedLatest(book: ResourceBook, metric: Metric, query: LatestQuery): Resource[] {
  return query.resources.slice(0, MAX_LATEST).flatMap((resource) => {
    const one = resourcesOf(book, metric, { metric: query.metric, resource });
    return one.length === 1 ? one : [];
  });
}

export function latestByName(
  resources: readonly Resource[],
  found: ReadonlyMap<number, Omit<LatestValue, 'resource'>>,
): readonly LatestValue[] {
  return resources.flatMap((one) => {
    const value = found.get(one.id);
    return value === undefined ? [] : [{ resource: resourceName(one), ...value }];
  });
}

/** Null where nothing can be the answer. */
export function askedTop(book: ResourceBook, metric: Metric, query: TopQuery): TopWanted | null {
  const limit = Math.max(0, Math.min(MAX_TOP, Math.trunc(query.limit)));
  const { fromMs, toMs } = query;
  if (limit === 0 || toMs <= fromMs) return null;
  const ids = idsAmong(book, metric, query.among);
  return { fromMs, toMs, limit, function: query.function ?? 'avg', ids };
}

export function topByName(book: ResourceBook, ranked: readonly Ranked[]): readonly TopResource[] {
  return ranked.flatMap(({ resource, value }) => {
    const known = book.byId(resource);
    return known === undefined ? [] : [{ resource: resourceName(known), value }];
  });
}

export function gaugesOf(book: ResourceBook, device: string): readonly GaugeResource[] {
  return book
    .findGauges(device, null)
    .slice(0, MAX_GAUGES)
    .map((one) => ({
      resource: resourceName(one),
      device,
      metric: one.metric,
      description: one.description,
      unit: one.unit,
    }));
}
