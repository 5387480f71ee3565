// The stream of live events (Server-Sent Events): names of what changed, so that a reader knows what to ask again.
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { READERS } from '../../common/runtime/access.ts';
import { browserHeaders } from './cross-site.ts';
import type { EventHub, EventSink } from './event-hub.ts';

export function addEventRoutes(routes: DescribedRoutes, hub: EventHub): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/events',
      access: READERS,
      summary:
        'Live events: alarm, event, poll, device, applied; resync where some were left out and everything is to be asked again.',
      answer: z.string(),
      contentType: 'text/event-stream',
    },
    async ({ request, reply }) => {
      const { raw } = reply;
      const detach = hub.attach(() => {
        // A stream that is refused is answered like other requests: only now the reply is ours.
        reply.hijack();
        raw.writeHead(200, { ...browserHeaders(request.url), 'content-type': 'text/event-stream' });
        return sinkOf(raw);
      });
      request.raw.once('close', detach);
      raw.once('close', detach);
      raw.once('error', detach);
    },
  );
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
