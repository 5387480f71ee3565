// Stands between one device and whoever polls it, and weighs what goes over the wire: datagrams, bytes of UDP payload, variables, interfaces.
import { createSocket, type Socket } from 'node:dgram';
import { oidOf } from '../../agent/snmp/oid.ts';
import { decodeMessage } from '../../agent/snmp/message.ts';
import { pause } from '../machine/workshop.ts';
import { VALUE_COLUMNS } from './columns.ts';

export interface Weight {
  readonly datagrams: number;
  readonly bytes: number;
  readonly variables: number;
  /** Values of the first column, which every system reads once a poll. */
  readonly interfaces: number;
}

export interface Relay {
  readonly port: number;
  readonly weight: () => Weight;
  readonly close: () => Promise<void>;
}

const FIRST_COLUMN = oidOf(VALUE_COLUMNS[0]?.oid ?? '');
const QUIET_MS = 300;

/** One socket a client, as the device must be able to tell them apart. */
export async function startRelay(devicePort: number): Promise<Relay> {
  const weight = { datagrams: 0, bytes: 0, variables: 0, interfaces: 0 };
  const weigh = (datagram: Buffer): void => {
    weight.datagrams += 1;
    weight.bytes += datagram.length;
  };
  const front = createSocket('udp4');
  const backs = new Map<number, Socket>();
  front.on('message', (datagram, from) => {
    weigh(datagram);
    const back = backs.get(from.port) ?? createSocket('udp4');
    if (!backs.has(from.port)) {
      backs.set(from.port, back);
      back.on('message', (answer) => {
        weigh(answer);
        const { variables, interfaces } = contentsOf(answer);
        weight.variables += variables;
        weight.interfaces += interfaces;
        front.send(answer, from.port, from.address);
      });
    }
    back.send(datagram, devicePort, '127.0.0.1');
  });
  await new Promise<void>((resolve) => front.bind(0, '127.0.0.1', () => resolve()));
  return {
    port: front.address().port,
    weight: () => ({ ...weight }),
    close: async () => {
      const sockets = [front, ...backs.values()];
      await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
    },
  };
}

/** Waits for a pause between two polls. */
export async function whenQuiet(relay: Relay): Promise<Weight> {
  for (;;) {
    const before = relay.weight();
    await pause(QUIET_MS);
    if (relay.weight().datagrams === before.datagrams) return before;
  }
}

/** Whole polls of at least that many interfaces, from pause to pause. */
export async function weigh(relay: Relay, interfaces: number, timeoutMs: number): Promise<Weight> {
  const before = await whenQuiet(relay);
  const endAt = performance.now() + timeoutMs;
  while (relay.weight().interfaces < before.interfaces + interfaces) {
    if (performance.now() > endAt) throw new Error('nobody polls through the relay');
    await pause(QUIET_MS);
  }
  const after = await whenQuiet(relay);
  return {
    datagrams: after.datagrams - before.datagrams,
    bytes: after.bytes - before.bytes,
    variables: after.variables - before.variables,
    interfaces: after.interfaces - before.interfaces,
  };
}

function contentsOf(answer: Buffer): { variables: number; interfaces: number } {
  const message = decodeMessage(answer);
  if (message.version === 3) return { variables: 0, interfaces: 0 };
  const { varbinds } = message.pdu;
  let interfaces = 0;
  for (let at = 0; at < varbinds.count; at += 1) if (varbinds.startsWith(at, FIRST_COLUMN)) interfaces += 1;
  return { variables: varbinds.count, interfaces };
}
