// The HTTP face of the collector: every route in one server, listening last and closed first.
import type { FastifyInstance } from 'fastify';
import { DescribedRoutes, type DescribedRoute } from '../../common/http/described-routes.ts';
import { requireLoopback } from '../../common/http/loopback.ts';
import { createServer, listen } from '../../common/http/server.ts';
import { SignInGuard } from '../../common/http/sign-in-guard.ts';
import type { TlsListener } from '../../common/http/tls-listener.ts';
import type { Authenticator } from '../../common/runtime/access.ts';
import type { Component } from '../../common/runtime/component.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { ConfiguredDevices } from '../agents/configured-devices.ts';
import type { DeviceEvents } from '../agents/device-event.ts';
import type { Alarms } from '../faults/alarm.ts';
import type { DeviceRegistry } from '../inventory/device-registry.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { MetricStore } from '../store/store.ts';
import { type AgentRoutesDeps, addAgentRoutes } from './agent-routes.ts';
import { type AlarmRoutesDeps, addAlarmRoutes } from './alarm-routes.ts';
import type { MetricAnswer } from './answers.ts';
import { addBridgeProxy, BRIDGE_PROXY } from './bridge-proxy.ts';
import { addBrowserProtection } from './cross-site.ts';
import { addDeviceEventRoutes } from './device-event-routes.ts';
import { addChangeRoutes, type ChangeRoutesDeps } from './change-routes.ts';
import { addDeviceManagementRoutes, type DeviceManagementDeps } from './device-management-routes.ts';
import { addDeviceRoutes } from './device-routes.ts';
import { addDocsRoutes } from './docs-routes.ts';
import { addEventRoutes, type EventRoutesDeps } from './event-routes.ts';
import { addKpiRoutes, type KpiRoutesDeps } from './kpi-routes.ts';
import { addOverviewRoutes, type OverviewRoutesDeps } from './overview-routes.ts';
import { addPageRoutes } from './page-routes.ts';
import { addPartRoutes, type PartRoutesDeps } from './part-routes.ts';
import { addWantedRoutes, type WantedRoutesDeps } from './wanted-routes.ts';
import { addReadingRoutes, type ReadingRoutesDeps } from './reading-routes.ts';
import { addSearchRoutes, type SearchRoutesDeps } from './search-routes.ts';
import { addSeriesRoutes } from './series-routes.ts';
import { addServiceRoutes, type ServiceRoutesDeps } from './service-routes.ts';
import { addSessionRoutes, type SessionRoutesDeps } from './session-routes.ts';
import { addSignInLinkRoutes } from './sign-in-link-routes.ts';
import { holdRoutesDescribed, UNDESCRIBED_ROUTES } from './undescribed-routes.ts';
import { addProblemRoutes, type ProblemRoutesDeps } from './problem-routes.ts';
import { addProjectionRoutes, type ProjectionRoutesDeps } from './projection-routes.ts';
import { addTokenRoutes, type TokenRoutesDeps } from './token-routes.ts';
import { addWorkRoutes, type WorkRoutesDeps } from './work-routes.ts';

export interface ApiConfig {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly insecure: boolean;
  /** Unknown tokens that an address may show. */
  readonly failedSignInsPerMinute: number;
  readonly bridgeUrl: string;
  readonly demo: boolean;
  readonly pollIntervalMs: number;
  /** Of the built page, or null. */
  readonly dashboardFolder: string | null;
  readonly version: string;
  /** Holds each answer against its schema: for tests. */
  readonly checkAnswers: boolean;
}

export interface ApiDeps
  extends Omit<AgentRoutesDeps, 'devices'>,
    ReadingRoutesDeps,
    Omit<WorkRoutesDeps, 'devices'>,
    Omit<ServiceRoutesDeps, 'alarms'>,
    KpiRoutesDeps,
    EventRoutesDeps,
    ChangeRoutesDeps,
    Pick<PartRoutesDeps, 'parts' | 'topology'>,
    Pick<AlarmRoutesDeps, 'purge' | 'alarmTypes'>,
    Pick<SearchRoutesDeps, 'search'>,
    Omit<DeviceManagementDeps, 'registry'>,
    ProjectionRoutesDeps,
    Pick<ProblemRoutesDeps, 'problems'>,
    Pick<OverviewRoutesDeps, 'storms'>,
    WantedRoutesDeps,
    SessionRoutesDeps,
    TokenRoutesDeps {
  readonly devices: ConfiguredDevices;
  readonly registry: DeviceRegistry;
  readonly authenticator: Authenticator;
  /** The door over TLS, beside the plain one; null where there is none. */
  readonly tls: TlsListener | null;
  readonly inventory: Inventory;
  readonly store: Pick<MetricStore, 'series' | 'many' | 'catalogue' | 'latest' | 'top' | 'gauges'>;
  readonly metrics: readonly MetricAnswer[];
  readonly alarms: Alarms;
  readonly events: DeviceEvents;
  /** The routes of the agents; what they are is told in the document. */
  readonly addIngest: (server: FastifyInstance) => readonly DescribedRoute[];
  /** Those of other stages that describe themselves. */
  readonly addOthers: (routes: DescribedRoutes) => void;
}

/** Of requests that are no batches. */
const MAX_BODY_BYTES = 64 * 1024;

export class ApiServer implements Component {
  readonly #reporter: Reporter;
  readonly #config: ApiConfig;
  readonly #deps: ApiDeps;
  #server: FastifyInstance | null = null;

  constructor(reporter: Reporter, config: ApiConfig, deps: ApiDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
  }

  /** Listens; throws listen_refused or port_in_use. */
  async start(): Promise<void> {
    const { host, port, insecure } = this.#config;
    requireLoopback(host, insecure);
    if (this.#server !== null) return;
    this.#server = this.#build();
    await this.#deps.hub.start();
    await listen(this.#server, host, port);
    await this.#deps.tls?.start(this.#server).catch(async (error: unknown) => {
      await this.stop();
      throw error;
    });
    this.#reporter.info('listening', { host, port: this.port, tlsPort: this.tlsPort });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    await this.#deps.hub.stop();
    await this.#deps.tls?.stop();
    await server?.close();
  }

  /** The port it listens on; 0 where it does not. */
  get port(): number {
    const address = this.#server?.addresses()[0];
    return typeof address === 'object' ? address.port : 0;
  }

  /** The port of the door over TLS; 0 where there is none. */
  get tlsPort(): number {
    return this.#deps.tls?.port ?? 0;
  }

  #build(): FastifyInstance {
    const { bridgeUrl, dashboardFolder, version, demo, pollIntervalMs, checkAnswers } = this.#config;
    const deps = this.#deps;
    const authenticator = new SignInGuard(this.#reporter, this.#config.failedSignInsPerMinute, {
      inner: deps.authenticator,
      clock: deps.clock,
    });
    const server = createServer(this.#reporter, { maxBodyBytes: MAX_BODY_BYTES, authenticator });
    const described: DescribedRoute[] = [...UNDESCRIBED_ROUTES];
    holdRoutesDescribed(server, () => described);
    deps.tls?.protect(server);
    addBrowserProtection(server);
    // Readers of Prometheus post their questions as forms; nobody else does.
    server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (request, body, done) => {
      if (request.url.startsWith('/prometheus/')) done(null, formOf(String(body)));
      else done(new WeirError('invalid_request', 'The body must be JSON.'));
    });
    server.addContentTypeParser(
      'application/merge-patch+json',
      { parseAs: 'string' },
      server.getDefaultJsonParser('error', 'error'),
    );
    const routes = new DescribedRoutes(server, { checkAnswers });
    addOverviewRoutes(routes, { demo, pollIntervalMs, configuredDevices: () => deps.devices.names.length }, deps);
    addDeviceRoutes(routes, deps);
    addPartRoutes(routes, deps);
    addSearchRoutes(routes, deps);
    addDeviceManagementRoutes(routes, deps);
    addWantedRoutes(routes, deps);
    addChangeRoutes(routes, deps);
    addSeriesRoutes(routes, deps);
    addAlarmRoutes(routes, deps);
    addProblemRoutes(routes, deps);
    addAgentRoutes(routes, deps);
    addWorkRoutes(routes, deps);
    addDeviceEventRoutes(routes, deps);
    addReadingRoutes(routes, deps);
    addServiceRoutes(routes, deps);
    addKpiRoutes(routes, deps);
    addEventRoutes(routes, deps);
    addProjectionRoutes(routes, deps);
    addTokenRoutes(routes, deps);
    addSessionRoutes(routes, authenticator, deps);
    addSignInLinkRoutes(routes, deps);
    deps.addOthers(routes);
    described.push(...routes.routes, ...deps.addIngest(server));
    addBridgeProxy(server, this.#reporter, { ...BRIDGE_PROXY, bridgeUrl });
    addPageRoutes(server, dashboardFolder);
    addDocsRoutes(server, version, described);
    return server;
  }
}

/** A form as an object; a name that stands several times is a list. */
function formOf(text: string): Record<string, string | string[]> {
  const form = new URLSearchParams(text);
  return Object.fromEntries(
    [...new Set(form.keys())].map((name) => {
      const values = form.getAll(name);
      return [name, values.length === 1 ? (values[0] ?? '') : values];
    }),
  );
}
