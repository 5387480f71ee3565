// What the store has series of: metrics with their resources, for whoever builds a question.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { readCursor, writeCursor } from '../../common/http/parameters.ts';
import { READERS } from '../../common/runtime/access.ts';
import type { MetricStore } from '../store/store.ts';
import { listOf, storedSeriesAnswer } from './answers.ts';
import { collectorPage, deviceName, metricName } from './parameters.ts';

export function addCatalogueRoutes(
  routes: DescribedRoutes,
  { store }: { readonly store: Pick<MetricStore, 'catalogue'> },
): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/metrics/resources',
      access: READERS,
      summary: 'What the store has series of: metrics and their resources, points of other programs with their tags.',
      query: z.strictObject({
        metric: metricName.optional(),
        device: deviceName.optional(),
        ...collectorPage,
      }),
      answer: listOf(storedSeriesAnswer),
    },
    async ({ query }) => {
      const after = readCursor(query.cursor, z.strictObject({ metric: z.string(), resource: z.string() }));
      const items = await store.catalogue({
        ...(query.metric === undefined ? {} : { metric: query.metric }),
        ...(query.device === undefined ? {} : { device: query.device }),
        ...(after === null ? {} : { after }),
        limit: query.limit,
      });
      const last = items.length < query.limit ? undefined : items.at(-1);
      return {
        items: [...items],
        next: last === undefined ? null : writeCursor({ metric: last.metric, resource: last.resource }),
      };
    },
  );
}
