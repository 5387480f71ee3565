// Lets a server on 127.0.0.1 answer on another loopback address too: each client gets a socket of its own towards it.
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

export interface UdpRelay {
  /** Datagrams that came in. */
  readonly received: () => number;
  stop(): Promise<void>;
}

export async function startUdpRelay(
  from: { readonly host: string; readonly port: number },
  to: { readonly host: string; readonly port: number },
): Promise<UdpRelay> {
  const front = createSocket(isIPv6(from.host) ? 'udp6' : 'udp4');
  const backs = new Map<string, Socket>();
  let received = 0;
  front.on('message', (bytes, client) => {
    received += 1;
    const key = `${client.address} ${client.port}`;
    let back = backs.get(key);
    if (back === undefined) {
      back = createSocket(isIPv6(to.host) ? 'udp6' : 'udp4');
      back.on('message', (answer) => front.send(answer, client.port, client.address));
      backs.set(key, back);
    }
    back.send(bytes, to.port, to.host);
  });
  await new Promise<void>((resolve, reject) => {
    front.once('error', reject);
    front.bind(from.port, from.host, () => resolve());
  });
  const close = (socket: Socket): Promise<void> => new Promise((resolve) => socket.close(() => resolve()));
  return {
    received: () => received,
    stop: async () => {
      await Promise.all([front, ...backs.values()].map(close));
    },
  };
}
