// A flood of forged traps as a process of its own: version 2c under a wrong community, version 3 under a known user with random engine IDs and with a
// known one, from known and unknown addresses of loopback. Usage: PORT PER_SECOND TOTAL SOURCE... ; prints how many it sent.
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { messageV2c, messageV3, SENDER_ENGINE, USER } from './trap-message.ts';

const [port = 0, perSecond = 0, total = 0] = process.argv.slice(2, 5).map(Number);
const sources = process.argv.slice(5);
const KINDS = 3000;
const TICK_MS = 10;

const forger = { ...USER, authPassphrase: 'not the passphrase' };

function forged(at: number): Uint8Array {
  if (at % 3 === 0) return messageV2c('guess', { requestId: at });
  const engineId = at % 3 === 1 ? `8000000005${randomBytes(12).toString('hex')}` : SENDER_ENGINE;
  return messageV3({ user: forger, engineId, boots: 3, seconds: 1000, requestId: at });
}

async function socketAt(address: string): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) });
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  return socket;
}

const messages = Array.from({ length: KINDS }, (_, at) => forged(at));
const sockets = await Promise.all(sources.map(socketAt));
let sent = 0;
const startedMs = Date.now();
while (sent < total) {
  const due = Math.min(total, Math.floor(((Date.now() - startedMs) / 1000) * perSecond));
  let last: Promise<void> = Promise.resolve();
  for (; sent < due; sent += 1) {
    const socket = sockets[sent % sockets.length];
    const bytes = messages[sent % messages.length];
    if (socket === undefined || bytes === undefined) break;
    last = new Promise((resolve) => socket.send(bytes, port, '127.0.0.1', () => resolve()));
  }
  await last;
  await new Promise((resolve) => setTimeout(resolve, TICK_MS));
}
await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
process.stdout.write(`${JSON.stringify({ sent, milliseconds: Date.now() - startedMs })}\n`);
