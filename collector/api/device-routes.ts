// Devices and interfaces: what is configured, what was seen, and when it last answered.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { isStale } from '../../common/model/staleness.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { sees } from '../../common/model/viewpoint.ts';
import { READERS } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf } from '../../common/runtime/errors.ts';
import type { ConfiguredDevice, ConfiguredDevices } from '../agents/configured-devices.ts';
import type { DeviceRegistry } from '../inventory/device-registry.ts';
import type { Inventory, InventoryDevice, InventoryInterface } from '../inventory/inventory.ts';
import type { MetricStore } from '../store/store.ts';
import {
  type DeviceAnswer,
  deviceAnswer,
  gaugeAnswer,
  type InterfaceAnswer,
  interfaceAnswer,
  listOf,
} from './answers.ts';
import { listDevices } from './device-list.ts';
import { collectorPage, deviceName, idParameter } from './parameters.ts';
import { type SeenBy, seenBy } from './seen.ts';

export interface DeviceRoutesDeps extends SeenBy {
  readonly clock: Clock;
  readonly inventory: Inventory;
  readonly store: Pick<MetricStore, 'gauges' | 'latest'>;
  readonly devices: Pick<ConfiguredDevices, 'get' | 'names'>;
  readonly registry: Pick<DeviceRegistry, 'versionOf' | 'labelsOf' | 'ofFile'>;
}

/** A value older than this is not the latest but the last. */
const LATEST_WITHIN_MS = 15 * 60_000;
const byName = z.object({ name: deviceName });

export function addDeviceRoutes(routes: DescribedRoutes, deps: DeviceRoutesDeps): void {
  const { clock, inventory, devices } = deps;
  const access = READERS;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/devices',
      access,
      scoped: true,
      summary: 'Devices, configured or seen, by name.',
      query: z.strictObject(collectorPage),
      answer: listOf(deviceAnswer),
    },
    async ({ query, principal }) => {
      const viewpoint = await seenBy(deps, principal);
      const names = viewpoint.everything
        ? devices.names
        : viewpoint.devices.filter((one) => devices.get(one) !== undefined);
      const page = await listDevices((cursor, limit) => inventory.devices(viewpoint, cursor, limit), names, query);
      const nowMs = clock.now();
      return {
        ...page,
        items: page.items.map(({ name, seen }) => deviceOf(name, seen, devices.get(name), deps.registry, nowMs)),
      };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/devices/:name',
      access,
      scoped: true,
      summary: 'One device.',
      params: byName,
      answer: deviceAnswer,
    },
    async ({ params: { name }, principal }) => {
      const viewpoint = await seenBy(deps, principal);
      const known = sees(viewpoint, name) ? devices.get(name) : undefined;
      const seen = await inventory.device(viewpoint, name).catch((error: unknown) => {
        if (known !== undefined && codeOf(error) === 'not_found') return null;
        throw error;
      });
      return deviceOf(name, seen, known, deps.registry, clock.now());
    },
  );
  addParts(routes, deps);
}

async function measuredGauges(
  { store, clock }: DeviceRoutesDeps,
  device: string,
): Promise<z.output<typeof gaugeAnswer>[]> {
  const gauges = await store.gauges(device);
  const sinceMs = clock.now() - LATEST_WITHIN_MS;
  const latest = new Map<string, { readonly atMs: EpochMs; readonly value: number }>();
  for (const metric of new Set(gauges.map((one) => one.metric))) {
    const resources = gauges.filter((one) => one.metric === metric).map((one) => one.resource);
    for (const { resource, atMs, value } of await store.latest({ metric, resources, sinceMs }))
      latest.set(`${metric} ${resource}`, { atMs, value });
  }
  return gauges.map((gauge) => {
    const found = latest.get(`${gauge.metric} ${gauge.resource}`);
    return { ...gauge, at: found === undefined ? null : isoTime(found.atMs), value: found?.value ?? null };
  });
}

/** What a device has. */
function addParts(routes: DescribedRoutes, deps: DeviceRoutesDeps): void {
  const { inventory, devices } = deps;
  const access = READERS;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/devices/:name/interfaces',
      access,
      scoped: true,
      summary: 'Interfaces of a device, by ifIndex; those that are gone too.',
      params: byName,
      query: z.strictObject(collectorPage),
      answer: listOf(interfaceAnswer),
    },
    async ({ params, query, principal }) => {
      const viewpoint = await seenBy(deps, principal);
      const page = await inventory
        .interfaces(viewpoint, params.name, query.cursor ?? null, query.limit)
        .catch((error: unknown) => {
          // Configured and not seen yet: it has none that are known.
          if (sees(viewpoint, params.name) && devices.get(params.name) !== undefined && codeOf(error) === 'not_found')
            return { items: [], next: null };
          throw error;
        });
      return { items: page.items.map(interfaceOf), next: page.next };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/devices/:name/gauges',
      access,
      scoped: true,
      summary: 'What a device measures of itself beside its interfaces, with the latest value of each.',
      params: byName,
      answer: listOf(gaugeAnswer),
    },
    async ({ params, principal }) => {
      const seen = sees(await seenBy(deps, principal), params.name);
      return { items: seen ? await measuredGauges(deps, params.name) : [], next: null };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/interfaces/:id',
      access,
      scoped: true,
      summary: 'One interface by its permanent id.',
      params: z.object({ id: idParameter.max(2 ** 31 - 1) }),
      answer: interfaceAnswer,
    },
    async ({ params, principal }) => interfaceOf(await inventory.interface(await seenBy(deps, principal), params.id)),
  );
}

export function deviceOf(
  name: string,
  seen: InventoryDevice | null,
  configured: ConfiguredDevice | undefined,
  registry: DeviceRoutesDeps['registry'],
  nowMs: EpochMs,
): DeviceAnswer {
  // As it is polled, which a new configuration only begins to change.
  const intervalMs = seen?.intervalMs ?? configured?.intervalMs ?? null;
  const lastPollAtMs = seen?.lastPollAtMs ?? null;
  const { criticality, tags, note } = registry.labelsOf(name);
  const ofFile = registry.ofFile(name) !== null;
  return {
    name,
    configured: configured !== undefined,
    managed: configured === undefined ? null : ofFile ? 'file' : 'api',
    definitionVersion: ofFile || configured === undefined ? null : registry.versionOf(name),
    criticality,
    tags: [...tags],
    note,
    address: configured?.address ?? null,
    site: configured?.site ?? null,
    agent: configured?.agent ?? seen?.agent ?? null,
    reachable: lastPollAtMs === null ? null : seen?.lastOutcome !== 'failed',
    stale: isStale({ lastPollAtMs, intervalMs }, nowMs),
    firstSeenAt: timeOrNull(seen?.firstSeenMs),
    lastPollAt: timeOrNull(lastPollAtMs),
    lastAnswerAt: timeOrNull(seen?.lastAnswerAtMs),
    lastOutcome: seen?.lastOutcome ?? null,
    lastFailure: seen?.lastFailure ?? null,
    lastPollMs: seen?.lastPollMs ?? null,
    lastRequests: seen?.lastRequests ?? null,
    lastRetries: seen?.lastRetries ?? null,
    intervalMs,
    uptimeTicks: seen?.uptimeTicks ?? null,
    sysName: seen?.sysName ?? null,
    sysDescr: seen?.sysDescr ?? null,
    sysObjectID: seen?.sysObjectID ?? null,
    sysLocation: seen?.sysLocation ?? null,
    sysContact: seen?.sysContact ?? null,
    vendor: seen?.vendor ?? null,
    model: seen?.model ?? null,
    os: seen?.os ?? null,
    version: seen?.version ?? null,
    serial: seen?.serial ?? null,
    profile: seen?.profile ?? null,
    interfaceCount: seen?.interfaceCount ?? 0,
  };
}

function timeOrNull(atMs: EpochMs | null | undefined): string | null {
  return atMs === null || atMs === undefined ? null : isoTime(atMs);
}

/** ifAdminStatus and ifOperStatus (RFC 2863), from 1. */
const STATUS_WORDS = ['up', 'down', 'testing', 'unknown', 'dormant', 'notPresent', 'lowerLayerDown'];

export function statusWord(status: number | null): string | null {
  return status === null ? null : (STATUS_WORDS[status - 1] ?? String(status));
}

export function interfaceOf(one: InventoryInterface): InterfaceAnswer {
  return {
    id: one.id,
    device: one.device,
    key: one.key,
    resource: one.resource,
    name: one.ifName ?? one.ifDescr ?? one.key,
    alias: one.ifAlias,
    ifIndex: one.ifIndex,
    ifName: one.ifName,
    ifDescr: one.ifDescr,
    ifType: one.ifType,
    mtu: one.mtu,
    speedBps: one.speedBps,
    mac: one.mac,
    adminStatus: statusWord(one.adminStatus),
    operStatus: statusWord(one.operStatus),
    firstSeenAt: isoTime(one.firstSeenMs),
    lastSeenAt: isoTime(one.lastSeenMs),
    goneAt: timeOrNull(one.goneAtMs),
    meters: { in: one.meters.in, out: one.meters.out },
  };
}
