// Series for graphs: one metric of one resource on a grid, the busiest resources, the values of now.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { isoTime } from '../../common/model/time.ts';
import { READERS } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { MetricStore, Series, SeriesFunction } from '../store/store.ts';
import {
  latestAnswer,
  listOf,
  type MetricAnswer,
  metricAnswer,
  type SeriesAnswer,
  seriesAnswer,
  topAnswer,
} from './answers.ts';
import { deviceName, resourceName, spanOf, spanParameters } from './parameters.ts';

export interface SeriesRoutesDeps {
  readonly clock: Clock;
  readonly store: Pick<MetricStore, 'series' | 'latest' | 'top'>;
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

const DAY_MS = 86_400_000;
const metric = z.string().min(1).max(80).describe('a name of /api/v1/metrics, or sensor_CLASS');
const stepMs = z.coerce
  .number()
  .int()
  .min(1)
  .max(366 * DAY_MS);

const seriesQuery = z
  .strictObject({
    metric,
    resource: resourceName,
    ...spanParameters,
    step: z
      .string()
      .regex(/^\d{1,9}(s|m|h|d)$/, 'expected a length such as 30s, 5m, 1h or 1d')
      .optional()
      .describe('length of a step; without it about 300 points come'),
    step_ms: stepMs.optional().describe('the same in milliseconds'),
    function: seriesFunction.default('avg'),
  })
  .refine((query) => query.step === undefined || query.step_ms === undefined, {
    path: ['step'],
    message: 'expected either step or step_ms',
  });

/** Longer than a poll of any usual network. */
const LATEST_WITHIN_MS = 15 * 60_000;
const MOST_INTERFACES = 1000;

export function addSeriesRoutes(routes: DescribedRoutes, deps: SeriesRoutesDeps): void {
  const { clock, store, metrics } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/series',
      access: READERS,
      summary: 'One metric of one resource over time; null where nothing is known.',
      query: seriesQuery,
      answer: seriesAnswer,
    },
    async ({ query }) => {
      const step = query.step_ms ?? (query.step === undefined ? undefined : lengthOf(query.step));
      const series = await store.series({
        metric: query.metric,
        resource: query.resource,
        ...spanOf(query, clock.now()),
        ...(step === undefined ? {} : { stepMs: step }),
        function: query.function,
      });
      return seriesOf(series);
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/series/top',
      access: READERS,
      summary: 'Resources with the highest average over a span.',
      query: z.strictObject({
        metric,
        ...spanParameters,
        limit: z.coerce.number().int().min(1).max(1000).default(20),
      }),
      answer: listOf(topAnswer),
    },
    async ({ query }) => {
      const span = spanOf(query, clock.now());
      return { items: await store.top({ metric: query.metric, ...span, limit: query.limit }), next: null };
    },
  );
  addLatest(routes, deps);
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/metrics',
      access: READERS,
      summary: 'Metrics by name, with their units and the functions that fit them.',
      answer: listOf(metricAnswer),
    },
    async () => ({ items: metrics, next: null }),
  );
}

function addLatest(routes: DescribedRoutes, { clock, store, inventory }: SeriesRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/series/latest',
      access: READERS,
      summary: 'The latest value of a metric of one resource, or of every interface of a device; none where it is old.',
      query: z
        .strictObject({ metric, resource: resourceName.optional(), device: deviceName.optional() })
        .refine((query) => (query.resource === undefined) !== (query.device === undefined), {
          message: 'expected either resource or device',
          path: ['resource'],
        }),
      answer: listOf(latestAnswer),
    },
    async ({ query }) => {
      const resources =
        query.device === undefined
          ? [query.resource ?? '']
          : (await inventory.interfaces(query.device, null, MOST_INTERFACES)).items.map((one) => one.resource);
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

function seriesOf(series: Series): SeriesAnswer {
  return {
    metric: series.metric,
    resource: series.resource,
    function: series.function,
    unit: series.unit,
    from: isoTime(series.fromMs),
    to: isoTime(series.toMs),
    stepMs: series.stepMs,
    points: series.points.map(({ atMs, value, coverage }) => ({ at: isoTime(atMs), value, coverage })),
  };
}
