// Maintenance windows over HTTP: listed, made, replaced under their version, taken away; what lies outside a scope is not there.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { pageInMemory, pageParameters, timeParameter } from '../../common/http/parameters.ts';
import { sees, type Viewpoint } from '../../common/model/viewpoint.ts';
import { type Principal, principalOf, READERS, type Role } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Viewpoints } from '../access/viewpoint.ts';
import { answerOf, definitionOf, describeSpan, upgradesAnswer, windowAnswer, windowBody } from './maintenance-forms.ts';
import { type MaintenanceTargets, type MaintenanceWindow, occurrenceAt } from './maintenance-window.ts';
import type { UpgradeRecords } from './upgrade-records.ts';
import type { WindowBook } from './window-book.ts';

export interface MaintenanceRoutesDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly book: Pick<WindowBook, 'current' | 'windows' | 'get' | 'refresh' | 'create' | 'replace' | 'remove'>;
  readonly upgrades: Pick<UpgradeRecords, 'of'>;
  readonly viewpoints: Viewpoints;
  readonly customerOf: (service: string) => string | null;
}

const OPERATORS: readonly Role[] = ['operator'];
const byId = z.object({ id: z.string().regex(/^\d{1,18}$/, 'expected the id of a window') });
const version = z.coerce.number().int().min(1).describe('the one that was read');

export function addMaintenanceRoutes(routes: DescribedRoutes, deps: MaintenanceRoutesDeps): void {
  addReads(routes, deps);
  addChanges(routes, deps);
}

function addReads(routes: DescribedRoutes, deps: MaintenanceRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/maintenance-windows',
      access: READERS,
      scoped: true,
      summary: 'Maintenance windows by id; with `at` those in force at that instant, also of the past.',
      query: z.strictObject({ at: timeParameter.optional(), ...pageParameters }),
      answer: z.object({ items: z.array(windowAnswer), next: z.string().nullable() }),
    },
    async ({ query, principal }) => {
      await deps.book.refresh();
      const atMs = query.at ?? deps.clock.now();
      const asked =
        query.at === undefined
          ? deps.book.current
          : deps.book.windows.filter((window) => occurrenceAt(window, atMs) !== null);
      const visible = await seenOf(deps, principal);
      const { items, next } = pageInMemory(asked.filter(visible), ({ id }) => id.padStart(18, '0'), query);
      return { items: items.map((window) => answerOf(window, atMs)), next };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/maintenance-windows/:id/upgrades',
      access: READERS,
      scoped: true,
      summary: 'What a planned upgrade found before and after, the newest first.',
      params: byId,
      answer: upgradesAnswer,
    },
    async ({ params, principal }) => {
      await deps.book.refresh();
      await seenWindow(deps, principal, params.id);
      const items = await deps.upgrades.of(params.id);
      return {
        items: items.map(({ fromMs, toMs, ...rest }) => ({
          ...rest,
          ...describeSpan({ fromMs, toMs }),
          changed: rest.before !== rest.after,
        })),
      };
    },
  );
}

function addChanges(routes: DescribedRoutes, deps: MaintenanceRoutesDeps): void {
  const { book, clock } = deps;
  const common = { access: OPERATORS, scoped: true } as const;
  routes.add(
    {
      ...common,
      method: 'POST',
      url: '/api/v1/maintenance-windows',
      summary: 'Makes a window. It counts from now on: nobody takes yesterday out of the figures.',
      body: windowBody,
      answer: windowAnswer,
    },
    async ({ body, principal }) => {
      const definition = definitionOf(body, clock.now());
      await refuseForeign(deps, principal, definition.targets);
      return answerOf(await book.create(definition, principalOf(principal)), clock.now());
    },
  );
  routes.add(
    {
      ...common,
      method: 'PUT',
      url: '/api/v1/maintenance-windows/:id',
      summary: 'Replaces a window from now on.',
      params: byId,
      query: z.strictObject({ version }),
      body: windowBody,
      answer: windowAnswer,
    },
    async ({ params, query, body, principal }) => {
      await book.refresh();
      await seenWindow(deps, principal, params.id);
      const definition = definitionOf(body, clock.now());
      await refuseForeign(deps, principal, definition.targets);
      const changed = await book.replace(params.id, query.version, definition, principalOf(principal));
      return answerOf(changed, clock.now());
    },
  );
  routes.add(
    {
      ...common,
      method: 'DELETE',
      url: '/api/v1/maintenance-windows/:id',
      summary: 'Ends a window now; that it was there until now is kept.',
      params: byId,
      query: z.strictObject({ version }),
      answer: z.object({ removed: z.literal(true) }),
    },
    async ({ params, query, principal }) => {
      await book.refresh();
      await seenWindow(deps, principal, params.id);
      await book.remove(params.id, query.version, principalOf(principal));
      return { removed: true };
    },
  );
}

/** A window is seen by whoever sees all that it is about: with anything foreign in it, it would tell of that. */
function within(
  targets: MaintenanceTargets,
  principal: Principal,
  viewpoint: Viewpoint,
  customerOf: MaintenanceRoutesDeps['customerOf'],
): boolean {
  if (principal.scope === null) return true;
  const sites = new Set(principal.scope.sites);
  return (
    targets.tags.length === 0 &&
    targets.sites.every((site) => sites.has(site)) &&
    [...targets.devices, ...targets.resources].every((resource) => sees(viewpoint, resource)) &&
    targets.services.every((service) => viewpoint.customers.includes(customerOf(service) ?? ''))
  );
}

async function seenOf(
  { viewpoints, customerOf }: MaintenanceRoutesDeps,
  asking: Principal | null,
): Promise<(window: MaintenanceWindow) => boolean> {
  const principal = principalOf(asking);
  const viewpoint = await viewpoints.of(principal);
  return ({ targets }) => within(targets, principal, viewpoint, customerOf);
}

async function seenWindow(deps: MaintenanceRoutesDeps, principal: Principal | null, id: string): Promise<void> {
  const window = deps.book.get(id);
  const visible = await seenOf(deps, principal);
  if (window === null || !visible(window))
    throw new WeirError('not_found', `There is no maintenance window ${id}.`, { maintenanceWindow: id });
}

async function refuseForeign(
  { viewpoints, customerOf }: MaintenanceRoutesDeps,
  asking: Principal | null,
  targets: MaintenanceTargets,
): Promise<void> {
  const principal = principalOf(asking);
  if (within(targets, principal, await viewpoints.of(principal), customerOf)) return;
  throw new WeirError('scope_too_narrow', 'The window is about more than the scope of the token.');
}
