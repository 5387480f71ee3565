// What changed of devices and interfaces, and when.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { readCursor, writeCursor } from '../../common/http/parameters.ts';
import { isoTime } from '../../common/model/time.ts';
import { type Principal, READERS } from '../../common/runtime/access.ts';
import type { ChangeBook, ChangeKind, ChangesQuery } from '../inventory/change-book.ts';
import { listOf } from './answers.ts';
import { collectorPage, deviceName } from './parameters.ts';
import { type SeenBy, seenBy } from './seen.ts';

export interface ChangeRoutesDeps extends SeenBy {
  readonly changes: Pick<ChangeBook, 'list'>;
}

const KINDS: Readonly<Record<ChangeKind, true>> = {
  upgrade: true,
  replacement: true,
  model: true,
  os: true,
  sys_name: true,
  location: true,
  renumbering: true,
  relabel: true,
  speed: true,
  mac: true,
  presence: true,
  interface_new: true,
  module_new: true,
  module_gone: true,
  module_replaced: true,
  module_upgrade: true,
  neighbour_new: true,
  neighbour_lost: true,
};

const changeAnswer = z.object({
  id: z.number().int(),
  device: z.string(),
  part: z.string().describe('empty for the device itself, the key of an interface, or `module:KEY`, `neighbour:KEY`'),
  kind: z.string(),
  before: z.string().nullable(),
  after: z.string().nullable(),
  at: z.string(),
});

const filters = {
  kind: z
    .enum(Object.keys(KINDS) as ChangeKind[])
    .optional()
    .describe('upgrade: version; replacement: serial; renumbering: ifIndex; relabel: ifAlias'),
  ...collectorPage,
};
type Filters = { readonly kind?: ChangeKind | undefined; readonly cursor?: string | undefined; readonly limit: number };

export function addChangeRoutes(routes: DescribedRoutes, deps: ChangeRoutesDeps): void {
  const list = async (principal: Principal | null, query: Filters, device?: string): Promise<unknown> => {
    const before = readCursor(query.cursor, z.number().int().min(1));
    const asked: ChangesQuery = {
      ...(device === undefined ? {} : { device }),
      ...(query.kind === undefined ? {} : { kind: query.kind }),
      ...(before === null ? {} : { before }),
      limit: query.limit + 1,
    };
    const found = await deps.changes.list(await seenBy(deps, principal), asked);
    const items = found.slice(0, query.limit);
    const last = items.at(-1);
    const next = found.length > items.length && last !== undefined ? writeCursor(last.id) : null;
    return { items: items.map(({ atMs, ...change }) => ({ ...change, at: isoTime(atMs) })), next };
  };
  const common = { method: 'GET', access: READERS, scoped: true, answer: listOf(changeAnswer) } as const;
  routes.add(
    {
      ...common,
      url: '/api/v1/changes',
      summary:
        'What changed of devices and interfaces: software, serial numbers, indexes, aliases; the last noticed first.',
      query: z.strictObject(filters),
    },
    ({ query, principal }) => list(principal, query),
  );
  routes.add(
    {
      ...common,
      url: '/api/v1/devices/:name/changes',
      summary: 'The same of one device.',
      params: z.object({ name: deviceName }),
      query: z.strictObject(filters),
    },
    ({ params, query, principal }) => list(principal, query, params.name),
  );
}
