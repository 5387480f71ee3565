// Loopback ports that nothing listens on: a base with room for a block, so that tests beside each other do not meet.
import { createServer } from 'node:net';

async function free(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** The first port of `count` free ones in a row; starts at a place that differs between test processes. */
export async function freePortBlock(count: number): Promise<number> {
  let base = 20_000 + ((process.pid * 131) % 30_000);
  for (let tries = 0; tries < 500; tries += 1, base += count) {
    if (base + count > 60_000) base = 20_000;
    const ports = await Promise.all(Array.from({ length: count }, (_, at) => free(base + at)));
    if (ports.every(Boolean)) return base;
  }
  throw new Error('no free block of ports');
}
