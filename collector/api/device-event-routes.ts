// What happened at devices: of one, or of all senders, those included that are no device.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { READERS } from '../../common/runtime/access.ts';
import type { DeviceEvents } from '../agents/device-event.ts';
import { keptEventAnswer, listOf } from './answers.ts';
import { collectorPage, deviceName, idParameter } from './parameters.ts';
import { type SeenBy, seenBy } from './seen.ts';

export interface DeviceEventRoutesDeps extends SeenBy {
  readonly events: DeviceEvents;
}

const ORIGINS = ['trap', 'inform', 'agent', 'work'] as const;

const filters = {
  origin: z.enum(ORIGINS).optional(),
  name: z.string().min(1).max(1000).optional().describe('linkDown, coldStart, engine_replaced, work_done, …'),
  after: idParameter.optional().describe('only those with a higher `id`'),
  ...collectorPage,
};

export function addDeviceEventRoutes(routes: DescribedRoutes, deps: DeviceEventRoutesDeps): void {
  const { events } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/devices/:name/events',
      access: READERS,
      scoped: true,
      summary: 'Notifications of a device, and what its agent noticed or did there; the newest first.',
      params: z.object({ name: deviceName }),
      query: z.strictObject(filters),
      answer: listOf(keptEventAnswer),
    },
    async ({ params, query, principal }) =>
      events.list(await seenBy(deps, principal), { ...query, device: params.name }),
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/device-events',
      access: READERS,
      scoped: true,
      summary: 'The same of all devices and of senders that are none (`device` is null); the newest first.',
      query: z.strictObject({
        device: deviceName.optional(),
        agent: deviceName.optional(),
        source: z.string().min(1).max(100).optional().describe('the address it came from'),
        ...filters,
      }),
      answer: listOf(keptEventAnswer),
    },
    async ({ query, principal }) => events.list(await seenBy(deps, principal), query),
  );
}
