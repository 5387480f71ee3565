// What a device is made of beside its interfaces, and how devices are linked: as last seen, with what is gone.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { isoTime } from '../../common/model/time.ts';
import { sees } from '../../common/model/viewpoint.ts';
import { interfaceResource } from '../../common/model/interface-identity.ts';
import { READERS } from '../../common/runtime/access.ts';
import { codeOf } from '../../common/runtime/errors.ts';
import type { ConfiguredDevices } from '../agents/configured-devices.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { InventoryPart, PartBook } from '../inventory/part-book.ts';
import type { PartFacts, PartKind } from '../inventory/part-kinds.ts';
import type { LinkEnd } from '../inventory/topology.ts';
import type { TopologyBook } from '../inventory/topology-book.ts';
import { sensorMetric } from '../../common/model/sensor-metric.ts';
import { listOf } from './answers.ts';
import { collectorPage, deviceName } from './parameters.ts';
import { type SeenBy, seenBy } from './seen.ts';

export interface PartRoutesDeps extends SeenBy {
  readonly inventory: Pick<Inventory, 'device'>;
  readonly parts: Pick<PartBook, 'list'>;
  readonly topology: Pick<TopologyBook, 'read'>;
  readonly devices: Pick<ConfiguredDevices, 'get' | 'names'>;
}

const text = z.string().nullable();
const number = z.number().nullable();
const common = {
  key: z.string().describe('unique in the device and kind; of a module, sensor or outlet the index in its table'),
  firstSeenAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime(),
  goneAt: z.iso.datetime().nullable().describe('when a complete table no longer had it; null while it is there'),
};

interface PartRoute {
  readonly kind: PartKind;
  readonly path: string;
  readonly summary: string;
  readonly facts: Readonly<Record<string, z.ZodType>>;
}

const ROUTES: readonly PartRoute[] = [
  {
    kind: 'module',
    path: 'modules',
    summary:
      'Physical components of a device (RFC 6933): chassis, cards, power supplies, optics; those that are gone too.',
    facts: {
      class: text,
      description: text,
      name: text,
      model: text,
      serial: text,
      hardware: text,
      firmware: text,
      software: text,
      containedIn: text.describe('index of the component it sits in'),
    },
  },
  {
    kind: 'sensor',
    path: 'sensors',
    summary: 'Sensors of a device with their own limits; `metric` and `resource` are what their series are asked by.',
    facts: {
      class: text,
      description: text,
      unit: text,
      state: text.describe('ok, warning, critical, unknown: as it was at its last change'),
      lowLimit: number,
      lowWarning: number,
      highWarning: number,
      highLimit: number,
      metric: z.string(),
      resource: z.string(),
    },
  },
  {
    kind: 'neighbour',
    path: 'neighbours',
    summary: 'What a device hears of its neighbours by LLDP and CDP; those that are gone too.',
    facts: {
      localInterface: text.describe('key of an interface'),
      remoteDevice: text,
      remotePort: text,
      protocol: text,
      remoteDuplex: text.describe('half, full: as the neighbour says'),
      remoteVlan: number.describe('of frames without a tag, as the neighbour says'),
      localVlan: number,
    },
  },
  {
    kind: 'storage',
    path: 'storage',
    summary: 'File systems of a device and their size.',
    facts: { description: text, totalBytes: number },
  },
  {
    kind: 'bgp-peer',
    path: 'bgp-peers',
    summary: 'BGP peers of a device and their last known state.',
    facts: {
      remoteAddress: text,
      localAddress: text,
      remoteAs: number,
      localAs: number,
      state: text.describe('idle, connect, active, opensent, openconfirm, established'),
      adminStatus: text,
    },
  },
  {
    kind: 'outlet',
    path: 'outlets',
    summary: 'Outlets of a power distribution unit.',
    facts: { description: text, state: text },
  },
];

const end = z.object({
  device: text.describe('as configured; null for a device that is not known here'),
  name: z.string().describe('as it calls itself'),
  interface: text.describe('key of the interface, where it is known which one'),
  resource: text.describe('what series and alarms call the interface'),
  port: text.describe('as it was told'),
});
const topologyAnswer = z.object({
  devices: z.array(z.object({ name: z.string(), sysName: text, site: text, reachable: z.boolean().nullable() })),
  links: z.array(
    z.object({
      a: end,
      b: end,
      protocols: z.array(z.string()),
      toldBy: z.array(z.enum(['a', 'b'])).describe('which of the ends has told of it'),
      lastSeenAt: z.iso.datetime(),
    }),
  ),
  cut: z.boolean().describe('true where there are more neighbours than one answer takes: ask by site'),
});

export function addPartRoutes(routes: DescribedRoutes, deps: PartRoutesDeps): void {
  for (const route of ROUTES) addPartRoute(routes, deps, route);
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/topology',
      access: READERS,
      scoped: true,
      summary: 'Links between devices as their neighbour tables tell, each once, and the devices at their ends.',
      query: z.strictObject({
        site: z.string().min(1).max(200).optional(),
        device: deviceName.optional().describe('only links of this device'),
      }),
      answer: topologyAnswer,
    },
    async ({ query, principal }) => {
      const { site, device } = query;
      const ofSite =
        site === undefined ? null : deps.devices.names.filter((name) => deps.devices.get(name)?.site === site);
      const names = device === undefined ? ofSite : [device].filter((name) => ofSite === null || ofSite.includes(name));
      const { devices, links, cut } = await deps.topology.read(await seenBy(deps, principal), names);
      return {
        devices: devices.map((one) => ({ ...one, site: deps.devices.get(one.name)?.site ?? null })),
        links: links.map(({ a, b, lastSeenMs, ...link }) => ({
          a: endOf(a),
          b: endOf(b),
          protocols: [...link.protocols],
          toldBy: [...link.toldBy],
          lastSeenAt: isoTime(lastSeenMs),
        })),
        cut,
      };
    },
  );
}

function addPartRoute(routes: DescribedRoutes, deps: PartRoutesDeps, { kind, path, summary, facts }: PartRoute): void {
  const names = Object.keys(facts);
  routes.add(
    {
      method: 'GET',
      url: `/api/v1/devices/:name/${path}`,
      access: READERS,
      scoped: true,
      summary,
      params: z.object({ name: deviceName }),
      query: z.strictObject({
        ...collectorPage,
        gone: z.enum(['true', 'false']).optional().describe('only what is gone, or only what is there'),
      }),
      answer: listOf(z.object({ ...common, ...facts })),
    },
    async ({ params: { name }, query, principal }) => {
      const viewpoint = await seenBy(deps, principal);
      const device = await deps.inventory.device(viewpoint, name).catch((error: unknown) => {
        // Configured and not seen yet: it has none that are known.
        const waits = sees(viewpoint, name) && deps.devices.get(name) !== undefined && codeOf(error) === 'not_found';
        if (waits) return null;
        throw error;
      });
      if (device === null) return { items: [], next: null };
      const gone = query.gone === undefined ? null : query.gone === 'true';
      const { cursor = null, limit } = query;
      const page = await deps.parts.list({ device: device.id, kind, gone, cursor, limit });
      return { items: page.items.map((part) => partOf(name, kind, part, names)), next: page.next };
    },
  );
}

function partOf(
  device: string,
  kind: PartKind,
  part: InventoryPart,
  names: readonly string[],
): Record<string, unknown> {
  const facts: PartFacts = kind === 'sensor' ? { ...part.facts, ...seriesOf(device, part) } : part.facts;
  return {
    key: part.key,
    ...Object.fromEntries(names.map((name) => [name, facts[name] ?? null])),
    firstSeenAt: isoTime(part.firstSeenMs),
    lastSeenAt: isoTime(part.lastSeenMs),
    goneAt: part.goneAtMs === null ? null : isoTime(part.goneAtMs),
  };
}

function seriesOf(device: string, { key, facts }: InventoryPart): PartFacts {
  return { metric: sensorMetric(String(facts['class'] ?? '')), resource: `${device}/sensor:${key}` };
}

function endOf({ device, remoteName, interfaceKey, port }: LinkEnd): z.output<typeof end> {
  const resource = device === null || interfaceKey === null ? null : interfaceResource(device, interfaceKey);
  return { device, name: remoteName, interface: interfaceKey, resource, port };
}
