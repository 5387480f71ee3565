// The stream of live events (Server-Sent Events): names of what changed, so that a reader knows what to ask again.
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { tokenOf } from '../../common/http/server.ts';
import { type Authenticator, type Principal, principalOf, STATE_READERS } from '../../common/runtime/access.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import type { Viewpoints } from '../access/viewpoint.ts';
import { browserHeaders } from './cross-site.ts';
import type { EventFilter, EventHub, EventSink, Subscription } from './event-hub.ts';

export interface EventRoutesDeps {
  readonly hub: EventHub;
  readonly viewpoints: Viewpoints;
  readonly authenticator: Authenticator;
  readonly visibleEvents: (viewpoint: Viewpoint) => EventFilter;
}

/** As browsers read a stream, also behind a proxy: not kept, not changed, not gathered. */
const STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
} as const;

export function addEventRoutes(routes: DescribedRoutes, deps: EventRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/events',
      access: STATE_READERS,
      scoped: true,
      summary:
        'Live events: alarm, problem, event, poll, device, applied; after the header last-event-id those that were missed, or resync where everything is to be asked again.',
      answer: z.string(),
      contentType: 'text/event-stream',
    },
    async ({ request, reply, principal }) => {
      const subscription = await subscriptionOf(deps, principalOf(principal), {
        token: tokenOf(request) ?? '',
        lastEventId: request.headers['last-event-id'],
      });
      const { raw } = reply;
      const detach = deps.hub.attach(() => {
        // A stream that is refused is answered like other requests: only now the reply is ours.
        reply.hijack();
        raw.writeHead(200, { ...browserHeaders(request.url), ...STREAM_HEADERS });
        return sinkOf(raw);
      }, subscription);
      request.raw.once('close', detach);
      raw.once('close', detach);
      raw.once('error', detach);
      if (raw.destroyed) detach();
    },
  );
}

/**
 * What the reader may see, and whether its token is still good, is looked at with every heartbeat; while that cannot be said it sees
 * nothing, and with a token that has ended the stream does.
 */
async function subscriptionOf(
  { viewpoints, authenticator, visibleEvents }: EventRoutesDeps,
  principal: Principal,
  { token, lastEventId }: { readonly token: string; readonly lastEventId: string | string[] | undefined },
): Promise<Subscription> {
  const seen = (viewpoint: Viewpoint): EventFilter => {
    const visible = visibleEvents(viewpoint);
    // Traps carry what devices say of themselves, which is not care's to read.
    return principal.role === 'care' ? (kind, data) => kind !== 'event' && visible(kind, data) : visible;
  };
  let filter = seen(await viewpoints.of(principal));
  const look = async (end: () => void): Promise<void> => {
    try {
      if ((await authenticator.authenticate(token)) === null) return end();
      filter = seen(await viewpoints.of(principal));
    } catch {
      filter = () => false;
    }
  };
  return {
    filter: (kind, data) => filter(kind, data),
    lastEventId: typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : null,
    tend: (end) => void look(end),
  };
}

function sinkOf(raw: ServerResponse): EventSink {
  return {
    get buffered() {
      return raw.writableLength;
    },
    write: (text) => void raw.write(text),
    end: () => {
      if (raw.writableLength === 0) raw.end();
      else raw.destroy();
    },
  };
}
