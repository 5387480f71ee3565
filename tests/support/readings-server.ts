// The readings of a collector over HTTP, from memory: as much of its API as the bridge asks.
import { createServer, type Server } from 'node:http';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { MemoryReadings } from './memory-readings.ts';

export interface ReadingsServer {
  readonly url: string;
  close(): Promise<void>;
}

/** On a free port of the loopback; lets in whoever has the token. */
export async function serveReadings(readings: MemoryReadings, token: string): Promise<ReadingsServer> {
  const server = createServer((request, response) => {
    const send = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (request.headers.authorization !== `Bearer ${token}`)
      return send(401, { error: { code: 'token_unknown', message: 'The token is not known.', detail: {} } });
    answer(readings, new URL(request.url ?? '/', 'http://localhost')).then(
      (body) => send(200, body),
      (error: unknown) => send(400, { error: { code: codeOf(error), message: messageOf(error), detail: {} } }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, close: () => closed(server) };
}

function answer(readings: MemoryReadings, { searchParams }: URL): Promise<object> {
  const limit = Number(searchParams.get('limit'));
  const meter = searchParams.get('meter');
  if (meter === null) return readings.after(searchParams.get('after'), limit);
  return readings.ofMeter({
    meter: Number(meter),
    fromMs: Date.parse(searchParams.get('from') ?? ''),
    toMs: Date.parse(searchParams.get('to') ?? ''),
    withNeighbours: searchParams.get('neighbours') === 'true',
    cursor: searchParams.get('cursor'),
    limit,
  });
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
