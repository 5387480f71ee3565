// What people say by hand of interfaces: wanted up, or not, whatever else speaks for it.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { principalOf, READERS, type Role } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { WantedBook } from '../faults/wanted-book.ts';
import { deviceName } from './parameters.ts';

export interface WantedRoutesDeps {
  readonly clock: Clock;
  readonly wanted: Pick<WantedBook, 'list' | 'say'>;
}

const OPERATORS: readonly Role[] = ['operator'];
const byName = z.object({ name: deviceName });
const said = z.strictObject({
  interface: z.string().min(1).max(500).describe('key of the interface'),
  wanted: z.boolean().nullable().describe('null: nobody says anything of it any more'),
});

export function addWantedRoutes(routes: DescribedRoutes, { clock, wanted }: WantedRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/devices/:name/wanted',
      access: READERS,
      summary: 'Interfaces of a device of which somebody has said by hand that they are wanted up, or not.',
      params: byName,
      answer: z.object({ items: z.array(z.object({ interface: z.string(), wanted: z.boolean() })) }),
    },
    async ({ params }) => ({ items: await wanted.list(params.name) }),
  );
  routes.add(
    {
      method: 'PUT',
      url: '/api/v1/devices/:name/wanted',
      access: OPERATORS,
      summary: 'Says of an interface that it is wanted up, or not: whether its being down is an alarm.',
      params: byName,
      body: said,
      answer: said,
    },
    async ({ params, body, principal }) => {
      const { name: actor, role } = principalOf(principal);
      await wanted.say(params.name, body.interface, body.wanted, { atMs: clock.now(), actor, role });
      return body;
    },
  );
}
