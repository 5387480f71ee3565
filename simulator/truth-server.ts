// Tells the truth of a running network over HTTP on loopback, for tests in other processes and for the curious; it changes nothing.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Component } from '../common/runtime/component.ts';
import { codeOf, WeirError } from '../common/runtime/errors.ts';
import { LOOPBACK, type Place } from './place.ts';
import { TICK_MS } from './recurrence.ts';
import { eventsBetween } from './schedule.ts';
import { bootTick, counterAt, type Direction, epochAt, type Network, octetsBetween } from './truth.ts';

export interface TruthServerConfig {
  readonly port: number;
  /** Where device i answers SNMP. */
  placeOf(device: number): Place;
}

const HOST = LOOPBACK;

export class TruthServer implements Component {
  readonly #network: Network;
  readonly #config: TruthServerConfig;
  #server: Server | null = null;

  constructor(network: Network, config: TruthServerConfig) {
    this.#network = network;
    this.#config = config;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', `http://${HOST}`);
      if (request.method !== 'GET') return send(response, 405, refusal('misused', 'Only GET.'));
      try {
        const answer = truthFor(this.#network, this.#config, url);
        if (answer === null) send(response, 404, refusal('not_found', `There is nothing at ${url.pathname}.`));
        else send(response, 200, answer);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        send(response, 400, refusal('invalid_request', error.message));
      }
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(named(cause, this.#config.port)));
      server.listen(this.#config.port, HOST, resolve);
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null || !server.listening) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function named(cause: Error, port: number): unknown {
  if (codeOf(cause) !== 'EADDRINUSE') return cause;
  return new WeirError('port_in_use', `Port ${port} on ${HOST} is in use.`, { host: HOST, port }, cause);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function refusal(code: string, message: string): unknown {
  return { error: { code, message: `${message} See docs/simulator.md.`, detail: {} } };
}

/** The answer to a question, null where there is no such question; RangeError where a parameter is wrong. */
function truthFor(network: Network, { placeOf }: Pick<TruthServerConfig, 'placeOf'>, url: URL): unknown {
  const query = new Query(url.searchParams);
  switch (url.pathname) {
    case '/truth/devices':
      return devices(network, placeOf);
    case '/truth/counter': {
      const [device, boot, ticks] = [query.text('device'), query.number('boot'), query.number('uptimeTicks')];
      const value = counterAt(network, device, boot, query.interface(), query.direction(), ticks);
      return { value: String(value), atMs: epochAt(network, device, boot, ticks) };
    }
    case '/truth/totals': {
      const [fromMs, toMs] = [query.number('fromMs'), query.number('toMs')];
      const device = query.text('device');
      return { octets: String(octetsBetween(network, device, query.interface(), query.direction(), fromMs, toMs)) };
    }
    case '/truth/events':
      return { items: eventsBetween(network, query.number('fromMs'), query.number('toMs')) };
    default:
      return null;
  }
}

function devices(network: Network, placeOf: TruthServerConfig['placeOf']): unknown {
  const items = network.devices.map(({ definition, interfaces }, at) => ({
    name: definition.name,
    address: `${placeOf(at).host}:${placeOf(at).port}`,
    model: definition.model.model,
    bootedAtMs: network.startedAtMs + bootTick(definition, 0) * TICK_MS,
    restarts: definition.restarts,
    silences: definition.silences,
    renumbers: definition.renumbers,
    interfaces: interfaces.map(({ port }) => ({
      name: port.name,
      ifIndex: port.ifIndex,
      width: port.width,
      speedBps: port.speedBps,
      adminUp: port.adminUp,
      carriesTraffic: port.in.length + port.out.length > 0,
      neighbour: port.neighbour,
      resets: port.resets,
    })),
  }));
  return { network: network.name, seed: network.seed, startedAtMs: network.startedAtMs, tickMs: TICK_MS, items };
}

class Query {
  readonly #given: URLSearchParams;

  constructor(given: URLSearchParams) {
    this.#given = given;
  }

  text(name: string): string {
    const value = this.#given.get(name);
    if (value === null || value === '') throw new RangeError(`${name} is missing.`);
    return value;
  }

  number(name: string): number {
    const value = Number(this.text(name));
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} is no whole number.`);
    return value;
  }

  /** `interface` is a name, `ifIndex` a number of the boot asked about. */
  interface(): string | number {
    return this.#given.has('interface') ? this.text('interface') : this.number('ifIndex');
  }

  direction(): Direction {
    const value = this.text('direction');
    if (value !== 'in' && value !== 'out') throw new RangeError('direction is in or out.');
    return value;
  }
}
