// One search over everything that the reader may see: devices, addresses, interfaces, customers and services.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { sees, type Viewpoint } from '../../common/model/viewpoint.ts';
import type { Role } from '../../common/runtime/access.ts';
import type { ConfiguredDevices } from '../agents/configured-devices.ts';
import type { SearchBook } from '../inventory/search-book.ts';
import type { ServiceBook } from '../services/service-book.ts';
import { type SeenBy, seenBy } from './seen.ts';

export interface SearchRoutesDeps extends SeenBy {
  readonly search: Pick<SearchBook, 'devices' | 'interfaces'>;
  readonly devices: Pick<ConfiguredDevices, 'get' | 'names'>;
  readonly services: Pick<ServiceBook, 'services'>;
}

const ANYBODY: readonly Role[] = ['viewer', 'operator', 'care', 'billing'];
const CUSTOMERS: ReadonlySet<Role> = new Set<Role>(['operator', 'care', 'billing', 'administrator']);
/** Care sees customers and services, and no devices. */
const NETWORK: ReadonlySet<Role> = new Set<Role>(['viewer', 'operator', 'billing', 'administrator']);
const MOST_OF_A_KIND = 10;

const found = z.object({
  kind: z.enum(['device', 'interface', 'customer', 'service']),
  name: z.string().describe('of a device its name, of a customer or service its id'),
  text: z.string().describe('what else it is known by'),
  resource: z.string().nullable().describe('of an interface: what series and alarms call it'),
  customer: z.string().nullable().describe('of a service: whose it is'),
});
type Found = z.output<typeof found>;

export function addSearchRoutes(routes: DescribedRoutes, deps: SearchRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/search',
      access: ANYBODY,
      scoped: true,
      summary:
        'Devices by name, address, model, serial number; interfaces by name, alias, MAC address; customers and services.',
      query: z.strictObject({ q: z.string().trim().min(2).max(200) }),
      answer: z.object({ items: z.array(found).describe('at most ten of each kind'), next: z.null() }),
    },
    async ({ query: { q }, principal }) => {
      const viewpoint = await seenBy(deps, principal);
      const role = principal?.role ?? 'viewer';
      const network = NETWORK.has(role) ? await ofNetwork(deps, viewpoint, q) : [];
      const customers = CUSTOMERS.has(role) ? ofCustomers(deps, viewpoint, q.toLowerCase()) : [];
      return { items: [...network, ...customers], next: null };
    },
  );
}

async function ofNetwork(deps: SearchRoutesDeps, viewpoint: Viewpoint, word: string): Promise<Found[]> {
  const seen = await deps.search.devices(viewpoint, word, MOST_OF_A_KIND);
  const interfaces = await deps.search.interfaces(viewpoint, word, MOST_OF_A_KIND);
  const known = new Map(seen.map(({ name, text }) => [name, text]));
  for (const name of configuredNames(deps, viewpoint, word.toLowerCase())) {
    const address = deps.devices.get(name)?.address ?? '';
    known.set(name, [address, known.get(name)].filter(Boolean).join(' '));
  }
  return [
    ...[...known].slice(0, MOST_OF_A_KIND).map(([name, text]) => ({ ...nobody, kind: 'device' as const, name, text })),
    ...interfaces.map(({ resource, text }) => ({
      ...nobody,
      kind: 'interface' as const,
      name: resource.slice(resource.indexOf('/') + 1),
      text,
      resource,
    })),
  ];
}

const nobody = { resource: null, customer: null };

/** Also those that were never seen, by address, site and tag. */
function configuredNames({ devices }: SearchRoutesDeps, viewpoint: Viewpoint, word: string): readonly string[] {
  const found: string[] = [];
  for (const name of devices.names) {
    const device = devices.get(name);
    if (device === undefined || !sees(viewpoint, name)) continue;
    const text = [name, device.address, device.site ?? ''].join('\n').toLowerCase();
    if (text.includes(word)) found.push(name);
    if (found.length === MOST_OF_A_KIND) break;
  }
  return found;
}

function ofCustomers({ services }: SearchRoutesDeps, viewpoint: Viewpoint, word: string): Found[] {
  const customers = new Map<string, Found>();
  const found: Found[] = [];
  for (const { id, name, customer } of services.services()) {
    if (!viewpoint.everything && !viewpoint.customers.includes(customer.id)) continue;
    if (`${customer.id}\n${customer.name}`.toLowerCase().includes(word))
      customers.set(customer.id, { ...nobody, kind: 'customer', name: customer.id, text: customer.name });
    if (`${id}\n${name}`.toLowerCase().includes(word))
      found.push({ ...nobody, kind: 'service', name: id, text: customer.name, customer: customer.id });
  }
  return [...[...customers.values()].slice(0, MOST_OF_A_KIND), ...found.slice(0, MOST_OF_A_KIND)];
}
