// Devices managed by API: made, replaced under their version, taken away; labels of any device. Every change stands in the audit log.
import { z } from 'zod';
import type { AuditEntry } from '../../common/database/audit.ts';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { type Principal, principalOf, type Role } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { deviceSchema } from '../../common/runtime/device-configuration.ts';
import { codeOf, WeirError } from '../../common/runtime/errors.ts';
import { EVERYTHING } from '../../common/model/viewpoint.ts';
import type { ConfiguredDevices } from '../agents/configured-devices.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { DeviceRegistry } from '../inventory/device-registry.ts';
import type { AuditOf, Criticality, ManagedDevices, Permit } from '../inventory/managed-devices.ts';
import { deviceName } from './parameters.ts';

export interface DeviceManagementDeps {
  readonly clock: Clock;
  readonly managed: Pick<ManagedDevices, 'create' | 'replace' | 'remove' | 'label'>;
  readonly registry: Pick<DeviceRegistry, 'ofFile' | 'refresh'>;
  readonly devices: Pick<ConfiguredDevices, 'get'>;
  readonly inventory: Pick<Inventory, 'device'>;
}

const OPERATORS: readonly Role[] = ['operator'];
const CRITICALITY: Readonly<Record<Criticality, true>> = { low: true, normal: true, high: true, critical: true };
const byName = z.object({ name: deviceName });
const version = z.coerce
  .number()
  .int()
  .min(1)
  .describe('the one that was read: a change in between is not overwritten');

const managedAnswer = z.object({ name: z.string(), version: z.number().int(), definition: deviceSchema });
const dryRun = z.strictObject({ dry_run: z.enum(['true', 'false']).default('false') });

const labelsBody = z.strictObject({
  criticality: z.enum(Object.keys(CRITICALITY) as Criticality[]).default('normal'),
  tags: z.array(z.string().min(1).max(50)).max(50).default([]),
  note: z.string().max(2000).default(''),
});

export function addDeviceManagementRoutes(routes: DescribedRoutes, deps: DeviceManagementDeps): void {
  addMaking(routes, deps);
  addChanging(routes, deps);
  addLabels(routes, deps);
}

function addMaking(routes: DescribedRoutes, deps: DeviceManagementDeps): void {
  const { managed, registry } = deps;
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/devices',
      access: OPERATORS,
      scoped: true,
      summary:
        'Makes a device that is managed here; its agent polls it within seconds. With dry_run=true it is only checked.',
      query: dryRun,
      body: deviceSchema,
      answer: managedAnswer,
    },
    async ({ query, body, principal }) => {
      const sites = sitesOf(principal);
      sites.refuseOutside(body.site);
      await refuseStrange(deps, sites, body.name);
      refuseFile(registry, body.name);
      if (query.dry_run === 'true') return { name: body.name, version: 0, definition: body };
      const made = await managed.create(body, auditOf(deps, principal, 'device.create', body.name), (held) => {
        if (held !== null && !sites.hold(held.site)) throw taken(body.name);
      });
      await registry.refresh();
      return { name: body.name, version: made.version, definition: made.definition };
    },
  );
}

function addChanging(routes: DescribedRoutes, deps: DeviceManagementDeps): void {
  const { managed, registry } = deps;
  routes.add(
    {
      method: 'PUT',
      url: '/api/v1/devices/:name',
      access: OPERATORS,
      scoped: true,
      summary: 'Replaces a device that is managed here.',
      params: byName,
      query: z.strictObject({ version }),
      body: deviceSchema,
      answer: managedAnswer,
    },
    async ({ params, query, body, principal }) => {
      const sites = sitesOf(principal);
      refuseAbsent(deps, sites, params.name);
      refuseFile(registry, params.name);
      if (body.name !== params.name)
        throw new WeirError('invalid_request', 'name: a device keeps its name, by which its meters are known.');
      sites.refuseOutside(body.site);
      const audit = auditOf(deps, principal, 'device.replace', body.name);
      const changed = await managed.replace(body, query.version, audit, permitOf(sites, body.name));
      await registry.refresh();
      return { name: body.name, version: changed.version, definition: changed.definition };
    },
  );
  routes.add(
    {
      method: 'DELETE',
      url: '/api/v1/devices/:name',
      access: OPERATORS,
      scoped: true,
      summary: 'Takes a device away that is managed here: it is polled no more, its history and meters stay.',
      params: byName,
      query: z.strictObject({ version }),
      answer: z.object({ removed: z.literal(true) }),
    },
    async ({ params, query, principal }) => {
      const sites = sitesOf(principal);
      refuseAbsent(deps, sites, params.name);
      refuseFile(registry, params.name);
      const audit = auditOf(deps, principal, 'device.remove', params.name);
      await managed.remove(params.name, query.version, audit, permitOf(sites, params.name));
      await registry.refresh();
      return { removed: true };
    },
  );
}

function addLabels(routes: DescribedRoutes, deps: DeviceManagementDeps): void {
  routes.add(
    {
      method: 'PUT',
      url: '/api/v1/devices/:name/labels',
      access: OPERATORS,
      scoped: true,
      summary: 'Criticality, tags and a note of a device, also of one of the file.',
      params: byName,
      body: labelsBody,
      answer: labelsBody,
    },
    async ({ params, body, principal }) => {
      refuseAbsent(deps, sitesOf(principal), params.name);
      const labels = { ...body, tags: [...new Set(body.tags)].toSorted() };
      await deps.managed.label(params.name, labels, auditOf(deps, principal, 'device.label', params.name));
      await deps.registry.refresh();
      return labels;
    },
  );
}

/** The sites that who asks may manage devices of. A scope of customers alone has none. */
interface Sites {
  readonly everything: boolean;
  readonly hold: (site: string | null | undefined) => boolean;
  readonly refuseOutside: (site: string | undefined) => void;
}

function sitesOf(principal: Principal | null): Sites {
  const { scope } = principalOf(principal);
  const hold = (site: string | null | undefined): boolean =>
    scope === null || (typeof site === 'string' && scope.sites.includes(site));
  return {
    everything: scope === null,
    hold,
    refuseOutside: (site) => {
      if (!hold(site)) throw new WeirError('scope_too_narrow', 'site: the device would be of no site of the token.');
    },
  };
}

/** Of another site it is not there. */
function refuseAbsent({ devices }: DeviceManagementDeps, sites: Sites, name: string): void {
  if (!sites.everything && !sites.hold(devices.get(name)?.site)) throw absent(name);
}

/** Held against what stands in the database: what this collector knows of it may be older. */
function permitOf(sites: Sites, name: string): Permit {
  return (held) => {
    if (!sites.hold(held?.site)) throw absent(name);
  };
}

/** A name brings its history and its meters along, whosever they were. */
async function refuseStrange({ devices, inventory }: DeviceManagementDeps, sites: Sites, name: string): Promise<void> {
  if (sites.everything || sites.hold(devices.get(name)?.site)) return;
  const seen = await inventory.device(EVERYTHING, name).catch((error: unknown) => {
    if (codeOf(error) === 'not_found') return null;
    throw error;
  });
  if (seen !== null || devices.get(name) !== undefined) throw taken(name);
}

function absent(name: string): WeirError {
  return new WeirError('not_found', `There is no device ${name} that is managed here.`, { device: name });
}

function taken(name: string): WeirError {
  return new WeirError('device_exists', `There is a device ${name} already.`);
}

function refuseFile(registry: DeviceManagementDeps['registry'], name: string): void {
  if (registry.ofFile(name) !== null)
    throw new WeirError('device_of_file', `The device ${name} stands in the configuration file of the collector.`, {
      device: name,
    });
}

function auditOf({ clock }: DeviceManagementDeps, principal: Principal | null, action: string, name: string): AuditOf {
  const { name: actor, role } = principalOf(principal);
  const entry = { atMs: clock.now(), actor, role, action, subject: `device/${name}` };
  return (before, after): AuditEntry => ({ ...entry, before, after });
}
