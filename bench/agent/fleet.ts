// The network that every system of the agent's benchmark polls: `weir simulate --network fleet`, in a process of its own that is not counted.
import { createSocket } from 'node:dgram';
import { type Running, until, type Workshop } from '../machine/workshop.ts';

export interface Fleet {
  readonly devices: number;
  readonly portsEach: number;
  /** Device i answers on 127.0.0.1, port portBase + i. */
  readonly portBase: number;
  readonly process: Running;
}

const START_MS = 60_000;

/** Below the range from which the system gives ports to others. */
const FIRST_UDP_PORT = 14_000;
const LAST_UDP_PORT = 32_000;

export async function startFleet(workshop: Workshop, devices: number, portsEach: number): Promise<Fleet> {
  const portBase = await freeUdpPorts(devices);
  const options = ['--devices', devices, '--ports', portsEach, '--port', portBase].map(String);
  const process = workshop.weir(['simulate', '--network', 'fleet', ...options]);
  await until(() => process.output().includes(`fleet${devices} `), START_MS, process.output);
  return { devices, portsEach, portBase, process };
}

async function freeUdpPorts(count: number): Promise<number> {
  for (let base = FIRST_UDP_PORT; base + count < LAST_UDP_PORT; ) {
    let free = 0;
    while (free < count && (await isFree(base + free))) free += 1;
    if (free === count) return base;
    base += free + 1;
  }
  throw new Error(`No ${count} free UDP ports in a row.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}
