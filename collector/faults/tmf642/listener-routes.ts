// Who is told of alarms, and how that goes: what the standard has no request for.
import { z } from 'zod';
import type { DescribedRoutes } from '../../../common/http/described-routes.ts';
import type { ListenerBook } from './listener-book.ts';

const time = z.iso.datetime().nullable();
const count = z.number().int().nonnegative();
const listener = z.object({
  id: z.string(),
  callback: z.string(),
  query: z.string(),
  createdBy: z.string(),
  createdAt: time,
  behind: count.describe('events that it has not been told yet'),
  failures: count.describe('in a row'),
  failingSince: time,
  lastFailure: z.string().nullable(),
  lastToldAt: time,
  missed: count.describe('gone before it could be told, or refused by it again and again'),
  endedAt: time,
  endReason: z.string().nullable(),
});

export function addListenerRoutes(routes: DescribedRoutes, listeners: Pick<ListenerBook, 'list'>): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/alarm-listeners',
      access: ['operator'],
      summary: 'Listeners of the TMF642 hub, also those that ended: how far each is behind, and what it failed by.',
      answer: z.object({ items: z.array(listener) }),
    },
    async () => ({ items: await listeners.list() }),
  );
}
