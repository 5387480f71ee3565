// Loopback ports that nothing listens on and that no two tests are given, so that tests beside each other do not meet.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Below the range from which the system gives ports to whoever asks for any (32,768 and up): those come and go. */
const FIRST = 11_000;
const LAST = 32_700;
const WORKERS = 4;
const SHARE = Math.floor((LAST - FIRST) / WORKERS);

const first = FIRST + (Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS) * SHARE;
let next = first + ((process.pid * 131) % SHARE);

/** The first port of `count` in a row that are free for TCP and UDP; never given twice while others are left. */
export async function freePortBlock(count: number): Promise<number> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (next + count > first + SHARE) next = first;
    const base = next;
    next += count;
    const ports = Array.from({ length: count }, (_, at) => base + at);
    const free = await Promise.all(ports.flatMap((port) => [freeForTcp(port), freeForUdp(port)]));
    if (free.every(Boolean)) return base;
  }
  throw new Error('no free block of ports');
}

function freeForTcp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function freeForUdp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => socket.close(() => resolve(false)));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}
