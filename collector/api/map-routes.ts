// The layout of the map over HTTP: read by everybody, moved by operators, within what each sees.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { sees } from '../../common/model/viewpoint.ts';
import { type Principal, principalOf, READERS, type Role } from '../../common/runtime/access.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Viewpoints } from '../access/viewpoint.ts';
import type { ConfiguredDevices } from '../agents/configured-devices.ts';
import type { MapLayouts, MapSpot } from '../inventory/map-layout.ts';
import { deviceName } from './parameters.ts';

export interface MapRoutesDeps {
  readonly layout: MapLayouts;
  readonly devices: Pick<ConfiguredDevices, 'get'>;
  readonly viewpoints: Viewpoints;
}

const OPERATORS: readonly Role[] = ['operator'];
const URL = '/api/v1/map-layout';
/** Of one request; more come in several. */
const MOST_SPOTS = 500;

const part = z.number().min(0).max(1);
const spot = z.strictObject({
  device: deviceName,
  x: part.describe('part of the width, from the left'),
  y: part.describe('part of the height, from the top'),
});
const layoutAnswer = z.object({
  items: z.array(z.object({ ...spot.shape, by: z.string(), at: z.iso.datetime() })),
  next: z.null(),
});

export function addMapRoutes(routes: DescribedRoutes, deps: MapRoutesDeps): void {
  const { layout, viewpoints } = deps;
  const common = { url: URL, scoped: true } as const;
  routes.add(
    {
      ...common,
      method: 'GET',
      access: READERS,
      summary: 'Where devices lie on the map, as operators have put them; all others are laid out by the page.',
      answer: layoutAnswer,
    },
    async ({ principal }) => {
      const items = await layout.spots(await viewpoints.of(principalOf(principal)));
      return { items: [...items], next: null };
    },
  );
  routes.add(
    {
      ...common,
      method: 'PUT',
      access: OPERATORS,
      summary: 'Puts devices of the configuration elsewhere on the map, for everybody.',
      body: z.strictObject({ spots: z.array(spot).min(1).max(MOST_SPOTS) }),
      answer: z.object({ moved: z.number().int() }),
    },
    async ({ body, principal }) => {
      await refuseStrange(deps, principal, body.spots);
      // Of one that stands twice the last counts.
      const spots = [...new Map(body.spots.map((one) => [one.device, one])).values()];
      await layout.move(spots, principalOf(principal));
      return { moved: spots.length };
    },
  );
  routes.add(
    {
      ...common,
      method: 'DELETE',
      access: OPERATORS,
      summary: 'Lets go of what operators have put: the page lays everything out by itself.',
      answer: z.object({ removed: z.number().int() }),
    },
    async ({ principal }) => {
      const by = principalOf(principal);
      return { removed: await layout.clear(await viewpoints.of(by), by) };
    },
  );
}

/** So that the layout is never larger than the network. */
async function refuseStrange(
  { devices, viewpoints }: MapRoutesDeps,
  principal: Principal | null,
  spots: readonly MapSpot[],
): Promise<void> {
  const viewpoint = await viewpoints.of(principalOf(principal));
  const strange = spots.find(({ device }) => devices.get(device) === undefined || !sees(viewpoint, device));
  if (strange !== undefined)
    throw new WeirError('not_found', `There is no device ${strange.device}.`, { device: strange.device });
}
