// Series for graphs: one metric of one resource on a grid, the busiest resources, the values of now.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { type DurationMs, isoTime } from '../../common/model/time.ts';
import { STATE_READERS } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { ManyQuery, MetricStore, Series, SeriesFunction, SeriesGroup, TopQuery } from '../store/store.ts';
import {
  latestAnswer,
  listOf,
  type MetricAnswer,
  metricAnswer,
  type SeriesAnswer,
  seriesAnswer,
  stackAnswer,
  topAnswer,
} from './answers.ts';
import { addCatalogueRoutes } from './catalogue-routes.ts';
import { deviceName, metricName, resourceName, spanOf, spanParameters } from './parameters.ts';
import { type SeenBy, seenBy } from './seen.ts';
import { seenStore } from './seen-store.ts';
import { type Earlier, earlierOf, groupOf, seriesOf } from './series-answer.ts';

export interface SeriesRoutesDeps extends SeenBy {
  readonly clock: Clock;
  readonly store: Pick<MetricStore, 'many' | 'catalogue' | 'latest' | 'top'>;
  readonly inventory: Pick<Inventory, 'interfaces'>;
  readonly metrics: readonly MetricAnswer[];
}

const FUNCTIONS: Readonly<Record<SeriesFunction, true>> = {
  rate: true,
  avg: true,
  min: true,
  max: true,
  last: true,
  p95: true,
  p99: true,
  delta: true,
};
const seriesFunction = z
  .enum(Object.keys(FUNCTIONS) as SeriesFunction[])
  .describe('what stands for a step; rate fits counters, avg everything');

const GROUPS: Readonly<Record<SeriesGroup, true>> = { sum: true, avg: true, min: true, max: true };
const seriesGroup = z.enum(Object.keys(GROUPS) as SeriesGroup[]);
const topFunction = z.enum(['avg', 'max', 'p95', 'last']);

const DAY_MS = 86_400_000;
const LENGTH = /^\d{1,9}(s|m|h|d)$/;
/** As many as the port takes at once. */
const MOST_RESOURCES = 1000;
const MOST_DEVICES = 1000;
const metric = metricName;
const deviceNames = z.union([deviceName, z.array(deviceName).min(1).max(MOST_DEVICES)]);
const stepMs = z.coerce
  .number()
  .int()
  .min(1)
  .max(366 * DAY_MS);

const stepParameters = {
  step: z
    .string()
    .regex(LENGTH, 'expected a length such as 30s, 5m, 1h or 1d')
    .optional()
    .describe('length of a step; without it about 300 points come'),
  step_ms: stepMs.optional().describe('the same in milliseconds'),
};
const oneStep = (query: { readonly step?: string | undefined; readonly step_ms?: number | undefined }): boolean =>
  query.step === undefined || query.step_ms === undefined;
const ONE_STEP = { path: ['step'], message: 'expected either step or step_ms' };

const seriesQuery = z
  .strictObject({
    metric,
    resource: z
      .union([resourceName, z.array(resourceName).min(1).max(MOST_RESOURCES)])
      .describe('repeat it for several: without `group` the answer is then a list of series'),
    ...spanParameters,
    ...stepParameters,
    function: seriesFunction.default('avg'),
    group: seriesGroup.optional().describe('how several become one series, step by step'),
    previous: z
      .union([z.literal('span'), z.string().regex(LENGTH)])
      .optional()
      .describe('also the period so long before, at the times of this one: 1d, 7d, or `span` for as long as this one'),
  })
  .refine(oneStep, ONE_STEP);

const topQuery = z.strictObject({
  metric,
  ...spanParameters,
  limit: z.coerce.number().int().min(1).max(1000).default(20),
  function: topFunction.default('avg').describe('what they are ranked by'),
  device: deviceNames.optional().describe('only of this device; repeat it for several'),
});

const stackQuery = z
  .strictObject({
    metric,
    ...spanParameters,
    ...stepParameters,
    limit: z.coerce.number().int().min(1).max(50).default(5),
    function: seriesFunction.default('avg').describe('what stands for a step'),
    by: topFunction.default('avg').describe('what they are ranked by'),
    device: deviceNames.optional().describe('only of this device; repeat it for several'),
  })
  .refine(oneStep, ONE_STEP);

/** Longer than a poll of any usual network. */
const LATEST_WITHIN_MS = 15 * 60_000;
const MOST_INTERFACES = 1000;

export function addSeriesRoutes(routes: DescribedRoutes, deps: SeriesRoutesDeps): void {
  const { clock, metrics } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/series',
      access: STATE_READERS,
      scoped: true,
      summary: 'One metric of one resource, of several, or of a group of them over time; null where nothing is known.',
      query: seriesQuery,
      answer: z.union([seriesAnswer, listOf(seriesAnswer)]),
    },
    async ({ query, principal }) => {
      const store = seenStore(deps.store, await seenBy(deps, principal));
      const resources = listed(query.resource);
      const span = spanOf(query, clock.now());
      const asked = { metric: query.metric, resources, ...span, ...stepOf(query), function: query.function };
      const series = await store.many(asked);
      const before = query.previous === undefined ? null : await earlier(store, asked, series, query.previous);
      if (query.group !== undefined) return groupOf(series, before, query.group);
      const items = series.map((one, at) => seriesOf(one, earlierOf(before, before?.series[at])));
      return Array.isArray(query.resource) ? { items, next: null } : onlyOf(items);
    },
  );
  addTop(routes, deps);
  addLatest(routes, deps);
  addCatalogueRoutes(routes, deps);
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/metrics',
      access: STATE_READERS,
      scoped: true,
      summary: 'Metrics by name, with their units and the functions that fit them.',
      answer: listOf(metricAnswer),
    },
    async () => ({ items: metrics, next: null }),
  );
}

function addTop(routes: DescribedRoutes, deps: SeriesRoutesDeps): void {
  const { clock } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/series/top',
      access: STATE_READERS,
      scoped: true,
      summary: 'Resources with the highest values over a span.',
      query: topQuery,
      answer: listOf(topAnswer),
    },
    async ({ query, principal }) => {
      const store = seenStore(deps.store, await seenBy(deps, principal));
      const span = spanOf(query, clock.now());
      const { limit, function: by } = query;
      return {
        items: await store.top({ metric: query.metric, ...span, limit, function: by, ...amongOf(query.device) }),
        next: null,
      };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/series/stack',
      access: STATE_READERS,
      scoped: true,
      summary: 'The highest resources as series, and the sum of the rest as one more.',
      query: stackQuery,
      answer: stackAnswer,
    },
    async ({ query, principal }) => {
      const store = seenStore(deps.store, await seenBy(deps, principal));
      const span = spanOf(query, clock.now());
      const among = amongOf(query.device);
      const top = await store.top({ metric: query.metric, ...span, limit: query.limit, function: query.by, ...among });
      const first = top.map((one) => one.resource);
      const { rest, leftOut } = await restOf(store, query.metric, new Set(first), listedOrNull(query.device));
      const asked = { metric: query.metric, ...span, ...stepOf(query), function: query.function };
      const items = await store.many({ ...asked, resources: first });
      const others = rest.length === 0 ? [] : await store.many({ ...asked, resources: rest });
      return {
        items: items.map((one) => seriesOf(one, undefined)),
        other: others.length === 0 ? null : groupOf(others, null, 'sum'),
        leftOut,
      };
    },
  );
}

/** Resources of the metric that are not among the first; those beyond what is read at once are counted, up to a bound. */
async function restOf(
  store: SeriesRoutesDeps['store'],
  name: string,
  first: ReadonlySet<string>,
  devices: readonly string[] | null,
): Promise<{ readonly rest: string[]; readonly leftOut: number }> {
  const rest = new Set<string>();
  for (const device of devices ?? [undefined]) {
    const page = await store.catalogue({ metric: name, ...(device === undefined ? {} : { device }), limit: 10_000 });
    for (const one of page) if (!first.has(one.resource)) rest.add(one.resource);
  }
  return { rest: [...rest].slice(0, MOST_RESOURCES), leftOut: Math.max(0, rest.size - MOST_RESOURCES) };
}

function addLatest(routes: DescribedRoutes, deps: SeriesRoutesDeps): void {
  const { clock, inventory } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/series/latest',
      access: STATE_READERS,
      scoped: true,
      summary: 'The latest value of a metric of one resource, or of every interface of a device; none where it is old.',
      query: z
        .strictObject({ metric, resource: resourceName.optional(), device: deviceName.optional() })
        .refine((query) => (query.resource === undefined) !== (query.device === undefined), {
          message: 'expected either resource or device',
          path: ['resource'],
        }),
      answer: listOf(latestAnswer),
    },
    async ({ query, principal }) => {
      const viewpoint = await seenBy(deps, principal);
      const store = seenStore(deps.store, viewpoint);
      const resources =
        query.device === undefined
          ? [query.resource ?? '']
          : (await inventory.interfaces(viewpoint, query.device, null, MOST_INTERFACES)).items.map(
              (one) => one.resource,
            );
      const sinceMs = clock.now() - LATEST_WITHIN_MS;
      const values = await store.latest({ metric: query.metric, resources, sinceMs });
      return { items: values.map(({ resource, atMs, value }) => ({ resource, at: isoTime(atMs), value })), next: null };
    },
  );
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS };

function lengthOf(step: string): number {
  const ms = Number(step.slice(0, -1)) * (UNITS[step.slice(-1)] ?? 1);
  if (stepMs.safeParse(ms).success) return ms;
  throw new WeirError('invalid_request', 'step: expected a length from 1 s to 366 d.', {
    issues: [{ path: 'step', message: 'expected a length from 1 s to 366 d' }],
  });
}

function stepOf(query: { readonly step?: string | undefined; readonly step_ms?: number | undefined }): {
  readonly stepMs?: DurationMs;
} {
  const step = query.step_ms ?? (query.step === undefined ? undefined : lengthOf(query.step));
  return step === undefined ? {} : { stepMs: step };
}

const listed = (one: string | readonly string[]): string[] => (typeof one === 'string' ? [one] : [...one]);
const listedOrNull = (one: string | readonly string[] | undefined): string[] | null =>
  one === undefined ? null : listed(one);

function amongOf(device: string | readonly string[] | undefined): Pick<TopQuery, 'among'> {
  return device === undefined ? {} : { among: { devices: listed(device), resources: [] } };
}

/** The same question so long before, on the grid of the answer: a whole number of its steps, so that the points lie on each other. */
async function earlier(
  store: SeriesRoutesDeps['store'],
  asked: ManyQuery,
  answered: readonly Series[],
  previous: string,
): Promise<Earlier> {
  const grid = answered[0];
  if (grid === undefined) return { series: [], byMs: 0 };
  const wantedMs = previous === 'span' ? grid.toMs - grid.fromMs : lengthOf(previous);
  const byMs = Math.ceil(wantedMs / grid.stepMs) * grid.stepMs;
  const [fromMs, toMs] = [grid.fromMs - byMs, grid.toMs - byMs];
  return { series: await store.many({ ...asked, fromMs, toMs, stepMs: grid.stepMs }), byMs };
}

function onlyOf(items: readonly SeriesAnswer[]): SeriesAnswer {
  const [only] = items;
  if (only === undefined) throw new Error('BUG: a series without an answer');
  return only;
}
