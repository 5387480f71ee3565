// The agent's own page, on loopback only: whether it lives, whether it does its work, its figures, and why each device's last poll looked as it did.
import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';

export interface HealthServerConfig {
  /** On 127.0.0.1. */
  readonly port: number;
}

export interface HealthServerDeps {
  /** What all but /healthz and /readyz ask for; it may throw where none can be had, and then they answer nobody. */
  readonly token: () => string;
  readonly status: () => unknown;
  /** The lines of /devices. */
  readonly devices: () => readonly unknown[];
  /** Everything of one; null where there is none of that name. */
  readonly device: (name: string) => unknown;
  /** Figures of single devices, in the format of /metrics. */
  readonly deviceMetrics: () => string;
}

const HOST = '127.0.0.1';
const PLACES = '/healthz, /readyz, /metrics, /status, /devices and /devices/NAME';
const REQUEST_TIMEOUT_MS = 10_000;
const MOST_CONNECTIONS = 64;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export class HealthServer implements Component {
  readonly #reporter: Reporter;
  readonly #config: HealthServerConfig;
  readonly #deps: HealthServerDeps;
  readonly #refused: CounterMetric;
  #server: Server | null = null;

  constructor(reporter: Reporter, config: HealthServerConfig, deps: HealthServerDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#refused = reporter.counter('http_refused_total', 'Requests refused, by code', ['code']);
  }

  /** Listens; port_in_use where another process does. */
  async start(): Promise<void> {
    if (this.#server !== null) return;
    const server = createServer((request, response) => void this.#serve(request, response));
    server.requestTimeout = REQUEST_TIMEOUT_MS;
    server.maxConnections = MOST_CONNECTIONS;
    const { port } = this.#config;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(named(cause, port)));
      server.listen(port, HOST, resolve);
    });
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { status, type, body } = await this.#answer(request);
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(body);
    } catch (error) {
      const refusal =
        error instanceof WeirError ? error : new WeirError('unexpected', 'The request failed.', {}, error);
      if (refusal !== error) this.#reporter.error('request failed', { url: request.url, message: messageOf(error) });
      this.#refused.add(1, { code: refusal.code });
      response.writeHead(refusal.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(refusal.toBody()));
    }
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const place = (request.url ?? '/').split('?')[0] ?? '/';
    if (request.method !== 'GET') throw new WeirError('not_found', `There is nothing at ${request.method} ${place}.`);
    switch (place) {
      case '/healthz':
        return json(200, { healthy: true });
      case '/readyz': {
        const parts = this.#reporter.healthStates();
        const ready = Object.values(parts).every((part) => part.healthy);
        return json(ready ? 200 : 503, { ready, parts });
      }
      default:
        return await this.#protected(request, place);
    }
  }

  /** What tells of the network. */
  async #protected(request: IncomingMessage, place: string): Promise<Answer> {
    const name = /^\/devices\/([A-Za-z0-9._-]+)$/.exec(place)?.[1];
    if (name === undefined && !['/metrics', '/status', '/devices'].includes(place))
      throw new WeirError('not_found', `There is nothing at ${place}; see ${PLACES}.`);
    this.#letIn(request);
    switch (place) {
      case '/metrics': {
        const body = `${await this.#reporter.metricsText()}${this.#deps.deviceMetrics()}`;
        return { status: 200, type: 'text/plain; version=0.0.4', body };
      }
      case '/status':
        return json(200, this.#deps.status());
      case '/devices':
        return json(200, { items: this.#deps.devices(), next: null });
      default: {
        const device = this.#deps.device(name ?? '');
        if (device !== null) return json(200, device);
        throw new WeirError('device_unknown', `There is no device called ${name}.`, { device: name });
      }
    }
  }

  #letIn(request: IncomingMessage): void {
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]?.trim();
    if (given === undefined) throw new WeirError('token_missing', "The request carries no token; it is the agent's.");
    if (!sameText(given, this.#deps.token()))
      throw new WeirError('token_unknown', 'The token is not that of the agent.');
  }
}

function json(status: number, body: unknown): Answer {
  return { status, type: 'application/json', body: JSON.stringify(body) };
}

function sameText(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function named(cause: Error, port: number): unknown {
  if (codeOf(cause) !== 'EADDRINUSE') return cause;
  return new WeirError('port_in_use', `Port ${port} on ${HOST} is in use.`, { host: HOST, port }, cause);
}
