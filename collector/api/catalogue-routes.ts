// What the store has series of: metrics with their resources, for whoever builds a question.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { readCursor, writeCursor } from '../../common/http/parameters.ts';
import { STATE_READERS } from '../../common/runtime/access.ts';
import { listOf, storedSeriesAnswer } from './answers.ts';
import { collectorPage, deviceName, metricName } from './parameters.ts';
import { type SeenBy, seenBy } from './seen.ts';
import { type SeenStore, seenStore } from './seen-store.ts';

export interface CatalogueRoutesDeps extends SeenBy {
  readonly store: SeenStore;
}

export function addCatalogueRoutes(routes: DescribedRoutes, deps: CatalogueRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/metrics/resources',
      access: STATE_READERS,
      scoped: true,
      summary: 'What the store has series of: metrics and their resources, points of other programs with their tags.',
      query: z.strictObject({
        metric: metricName.optional(),
        device: deviceName.optional(),
        ...collectorPage,
      }),
      answer: listOf(storedSeriesAnswer),
    },
    async ({ query, principal }) => {
      const store = seenStore(deps.store, await seenBy(deps, principal));
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
