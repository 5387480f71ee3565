// Devices managed by API: made, replaced under their version, taken away; labels of any device. Every change stands in the audit log.
import { z } from 'zod';
import type { AuditEntry } from '../../common/database/audit.ts';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { type Principal, principalOf, type Role } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { deviceSchema } from '../../common/runtime/device-configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { DeviceRegistry } from '../inventory/device-registry.ts';
import type { AuditOf, Criticality, ManagedDevices } from '../inventory/managed-devices.ts';
import { deviceName } from './parameters.ts';

export interface DeviceManagementDeps {
  readonly clock: Clock;
  readonly managed: Pick<ManagedDevices, 'create' | 'replace' | 'remove' | 'label'>;
  readonly registry: Pick<DeviceRegistry, 'ofFile' | 'refresh'>;
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
  const { managed, registry } = deps;
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/devices',
      access: OPERATORS,
      summary:
        'Makes a device that is managed here; its agent polls it within seconds. With dry_run=true it is only checked.',
      query: dryRun,
      body: deviceSchema,
      answer: managedAnswer,
    },
    async ({ query, body, principal }) => {
      refuseFile(registry, body.name);
      if (query.dry_run === 'true') return { name: body.name, version: 0, definition: body };
      const made = await managed.create(body, auditOf(deps, principal, 'device.create', body.name));
      await registry.refresh();
      return { name: body.name, version: made.version, definition: made.definition };
    },
  );
  routes.add(
    {
      method: 'PUT',
      url: '/api/v1/devices/:name',
      access: OPERATORS,
      summary: 'Replaces a device that is managed here.',
      params: byName,
      query: z.strictObject({ version }),
      body: deviceSchema,
      answer: managedAnswer,
    },
    async ({ params, query, body, principal }) => {
      refuseFile(registry, params.name);
      if (body.name !== params.name)
        throw new WeirError('invalid_request', 'name: a device keeps its name, by which its meters are known.');
      const changed = await managed.replace(body, query.version, auditOf(deps, principal, 'device.replace', body.name));
      await registry.refresh();
      return { name: body.name, version: changed.version, definition: changed.definition };
    },
  );
  routes.add(
    {
      method: 'DELETE',
      url: '/api/v1/devices/:name',
      access: OPERATORS,
      summary: 'Takes a device away that is managed here: it is polled no more, its history and meters stay.',
      params: byName,
      query: z.strictObject({ version }),
      answer: z.object({ removed: z.literal(true) }),
    },
    async ({ params, query, principal }) => {
      refuseFile(registry, params.name);
      await managed.remove(params.name, query.version, auditOf(deps, principal, 'device.remove', params.name));
      await registry.refresh();
      return { removed: true };
    },
  );
  addLabels(routes, deps);
}

function addLabels(routes: DescribedRoutes, deps: DeviceManagementDeps): void {
  routes.add(
    {
      method: 'PUT',
      url: '/api/v1/devices/:name/labels',
      access: OPERATORS,
      summary: 'Criticality, tags and a note of a device, also of one of the file.',
      params: byName,
      body: labelsBody,
      answer: labelsBody,
    },
    async ({ params, body, principal }) => {
      const labels = { ...body, tags: [...new Set(body.tags)].toSorted() };
      await deps.managed.label(params.name, labels, auditOf(deps, principal, 'device.label', params.name));
      await deps.registry.refresh();
      return labels;
    },
  );
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
