// What people say by hand of interfaces: wanted up, or not, whatever else speaks for it.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { seesDevice } from '../../common/model/viewpoint.ts';
import { type Principal, principalOf, READERS, type Role } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { WantedBook } from '../faults/wanted-book.ts';
import { deviceName } from './parameters.ts';
import { type SeenBy, seenBy } from './seen.ts';

export interface WantedRoutesDeps extends SeenBy {
  readonly clock: Clock;
  readonly wanted: Pick<WantedBook, 'list' | 'say'>;
}

const OPERATORS: readonly Role[] = ['operator'];
const byName = z.object({ name: deviceName });
const said = z.strictObject({
  interface: z.string().min(1).max(500).describe('key of the interface'),
  wanted: z.boolean().nullable().describe('null: nobody says anything of it any more'),
});

export function addWantedRoutes(routes: DescribedRoutes, deps: WantedRoutesDeps): void {
  const { clock, wanted } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/devices/:name/wanted',
      access: READERS,
      scoped: true,
      summary: 'Interfaces of a device of which somebody has said by hand that they are wanted up, or not.',
      params: byName,
      answer: z.object({ items: z.array(z.object({ interface: z.string(), wanted: z.boolean() })) }),
    },
    async ({ params, principal }) => {
      await refuseUnseen(deps, principal, params.name);
      return { items: await wanted.list(params.name) };
    },
  );
  routes.add(
    {
      method: 'PUT',
      url: '/api/v1/devices/:name/wanted',
      access: OPERATORS,
      scoped: true,
      summary: 'Says of an interface that it is wanted up, or not: whether its being down is an alarm.',
      params: byName,
      body: said,
      answer: said,
    },
    async ({ params, body, principal }) => {
      const { name: actor, role } = principalOf(principal);
      await refuseUnseen(deps, principal, params.name);
      await wanted.say(params.name, body.interface, body.wanted, { atMs: clock.now(), actor, role });
      return body;
    },
  );
}

async function refuseUnseen(deps: SeenBy, principal: Principal | null, device: string): Promise<void> {
  if (seesDevice(await seenBy(deps, principal), device)) return;
  throw new WeirError('not_found', `There is no device ${device}.`, { device });
}
