// The metric store as one viewpoint sees it: series of what it does not see are as series of what does not exist.
import { sees, type Viewpoint } from '../../common/model/viewpoint.ts';
import type { CatalogueQuery, MetricStore, StoredSeries, TopQuery } from '../store/store.ts';

export type SeenStore = Pick<MetricStore, 'many' | 'catalogue' | 'latest' | 'top'>;

/** No device has such a name. */
const UNSEEN = ':unseen';
const PAGE = 10_000;
/** Pages looked through for one of what is seen. */
const MOST_PAGES = 200;

export function seenStore(store: SeenStore, viewpoint: Viewpoint): SeenStore {
  if (viewpoint.everything) return store;
  const seen = (resource: string): boolean => sees(viewpoint, resource);
  return {
    many: async (query) => {
      const resources = query.resources.map((one) => (seen(one) ? one : UNSEEN));
      const found = await store.many({ ...query, resources });
      return found.map((series, at) => ({ ...series, resource: query.resources[at] ?? series.resource }));
    },
    latest: (query) => store.latest({ ...query, resources: query.resources.filter(seen) }),
    top: (query) => store.top({ ...query, among: amongSeen(query, viewpoint) }),
    catalogue: (query) => catalogueSeen(store, query, viewpoint),
  };
}

function amongSeen({ among }: TopQuery, viewpoint: Viewpoint): NonNullable<TopQuery['among']> {
  if (among === undefined) return { devices: viewpoint.devices, resources: viewpoint.resources };
  const within = (resource: string): boolean => among.devices.some((device) => resource.startsWith(`${device}/`));
  return {
    devices: among.devices.filter((device) => viewpoint.devices.includes(device)),
    resources: [
      ...among.resources.filter((resource) => sees(viewpoint, resource)),
      ...viewpoint.resources.filter(within),
    ],
  };
}

async function catalogueSeen(
  store: SeenStore,
  query: CatalogueQuery,
  viewpoint: Viewpoint,
): Promise<readonly StoredSeries[]> {
  const found: StoredSeries[] = [];
  let { after } = query;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const page = await store.catalogue({ ...query, limit: PAGE, ...(after === undefined ? {} : { after }) });
    // Points of other programs belong to no site and no customer.
    found.push(...page.filter((one) => one.device !== '' && sees(viewpoint, one.resource)));
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE || found.length >= query.limit) break;
    after = { metric: last.metric, resource: last.resource };
  }
  return found.slice(0, query.limit);
}
