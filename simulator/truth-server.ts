// Tells the truth of the running network over HTTP on loopback, for tests in other processes and for the curious.
import { createServer, type Server } from 'node:http';
import type { Component } from '../common/runtime/component.ts';
import { codeOf, WeirError } from '../common/runtime/errors.ts';
import type { SimulatedInterface } from './network.ts';
import type { Simulator } from './simulator.ts';
import type { Direction } from './truth.ts';

export class TruthServer implements Component {
  readonly #simulator: Simulator;
  readonly #port: number;
  readonly #portBase: number;
  #server: Server | null = null;

  constructor(simulator: Simulator, port: number, portBase: number) {
    this.#simulator = simulator;
    this.#port = port;
    this.#portBase = portBase;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const answer = this.#answer(new URL(request.url ?? '/', 'http://127.0.0.1'));
      response.writeHead(answer === null ? 404 : 200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(
          answer ?? {
            error: { code: 'not_found', message: 'There is nothing here; see docs/simulator.md.', detail: {} },
          },
        ),
      );
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(
          codeOf(cause) === 'EADDRINUSE'
            ? new WeirError('port_in_use', `Port ${this.#port} on 127.0.0.1 is in use.`, { port: this.#port }, cause)
            : cause,
        ),
      );
      server.listen(this.#port, '127.0.0.1', resolve);
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  #answer(url: URL): unknown {
    if (url.pathname === '/truth/devices') return this.#devices();
    if (url.pathname === '/truth/counter') return this.#counter(url.searchParams);
    return null;
  }

  #devices(): unknown {
    const { truth, beganAtMs } = this.#simulator;
    const items = truth.network.devices.map((device, at) => ({
      name: device.name,
      address: `127.0.0.1:${this.#portBase + at}`,
      reboots: device.reboots,
      silences: device.silences,
      uptimeAtStartMs: device.uptimeAtStartMs,
      interfaces: device.interfaces.map((one) => ({
        ifIndex: one.ifIndex,
        name: one.name,
        width: one.width,
        speedBps: one.speedBps,
      })),
    }));
    return { seed: truth.network.seed, beganAtMs, items };
  }

  /** `?device&interface&direction&boot&uptimeTicks`: what the octet counter showed then, and the octets before its width cut them. */
  #counter(query: URLSearchParams): unknown {
    const { truth } = this.#simulator;
    const device = truth.network.devices.find((one) => one.name === query.get('device'));
    const one: SimulatedInterface | undefined = device?.interfaces.find((each) => each.name === query.get('interface'));
    const direction: Direction | null =
      query.get('direction') === 'in' ? 'in' : query.get('direction') === 'out' ? 'out' : null;
    const [boot, uptimeTicks] = [Number(query.get('boot')), Number(query.get('uptimeTicks'))];
    if (
      device === undefined ||
      one === undefined ||
      direction === null ||
      !Number.isSafeInteger(boot) ||
      !Number.isSafeInteger(uptimeTicks)
    )
      return null;
    const octets = truth.octets(device, boot, one, direction, uptimeTicks);
    return { octets: String(octets), counter: String(BigInt.asUintN(one.width, octets)) };
  }
}
