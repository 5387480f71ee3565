// The HTTP side of a collector put together: routes over the projections, and the way in for agents and other programs.
import { listAudit } from '../common/database/audit.ts';
import type { DescribedRoute, DescribedRoutes } from '../common/http/described-routes.ts';
import { EventBook } from './agents/event-book.ts';
import { type ApiConfig, ApiServer } from './api/api-server.ts';
import { addMapRoutes } from './api/map-routes.ts';
import { addRejectedLineRoutes } from './api/rejected-line-routes.ts';
import { seenAudit } from './access/seen-audit.ts';
import { addInterfaceListRoutes } from './api/interface-list-routes.ts';
import { addPortSensorRoutes } from './api/port-sensor-routes.ts';
import { addRollUpRoutes } from './api/roll-up-routes.ts';
import { addRuleRoutes } from './api/rule-routes.ts';
import { TrafficDesk } from './api/traffic-desk.ts';
import { visibleEvents } from './access/visible-events.ts';
import { TlsFiles } from '../common/runtime/tls-files.ts';
import { TlsListener } from '../common/http/tls-listener.ts';
import { composeProblems } from './compose-cause.ts';
import { composeRuleTest } from './compose-faults.ts';
import { composeKpis } from './compose-kpi.ts';
import type { ComposedMaintenance } from './compose-maintenance.ts';
import { addNorthboundRoutes } from './compose-northbound.ts';
import { addServiceLevels } from './compose-service-levels.ts';
import type { ComposedRepair } from './compose-repair.ts';
import type { ComposedTelling } from './compose-tell.ts';
import { ScopedViewpoints } from './access/scoped-viewpoints.ts';
import type { Viewpoints } from './access/viewpoint.ts';
import { AlarmBook } from './faults/alarm-book.ts';
import { PostgresAlarmCounts } from './faults/alarm-counts.ts';
import { NAMED_ALARM_TYPES } from './faults/alarm-types.ts';
import { StormBook } from './faults/storm-book.ts';
import { SOUND_CLOCK_MS } from './ingest/agent-states.ts';
import { BatchIngest } from './ingest/batch-ingest.ts';
import { BodyEncodings } from './ingest/body-encoding.ts';
import { CutOff } from './ingest/cut-off.ts';
import { InFlight } from './ingest/in-flight.ts';
import { addIngestRoutes } from './ingest/ingest-routes.ts';
import { PointIngest } from './ingest/point-ingest.ts';
import { addPointRoutes } from './ingest/point-routes.ts';
import { ChangeBook } from './inventory/change-book.ts';
import { InterfaceList } from './inventory/interface-list.ts';
import { MapLayout } from './inventory/map-layout.ts';
import { PartBook } from './inventory/part-book.ts';
import { SearchBook } from './inventory/search-book.ts';
import { TopologyBook } from './inventory/topology-book.ts';
import { appliedThrough } from './project/applied.ts';
import { addPrometheusRoutes } from './prometheus/prometheus-routes.ts';
import { SecondTry } from './project/second-try.ts';
import { listRejected } from './store/influx-book.ts';
import { describedMetrics } from './store/metrics.ts';
import { APPLYING, type Common, type Entry, type Projecting } from './parts.ts';

const BACKLOG_SHARE = 0.9;

/** What is served, to people, programs and agents. */
export function composeApi(
  common: Common,
  projecting: Projecting,
  entry: Entry,
  { maintenance, addRoutes: addMaintenance }: ComposedMaintenance,
  { telling, repair }: { readonly telling: ComposedTelling; readonly repair: ComposedRepair },
): ApiServer {
  const { reporter, config, deps, database, hub, agents, quarantine, readings, inventory, work } = common;
  const { clock } = deps;
  const viewpoints = new ScopedViewpoints({
    devices: () => common.devices.byName,
    services: common.services,
    now: () => clock.now(),
  });
  const alarms = composeAlarms(common, maintenance);
  return new ApiServer(reporter, apiConfigOf(common), {
    clock,
    tls: composeTls(common),
    ...entry,
    ...booksOf(database),
    audit: async (principal, query) => {
      const seen = seenAudit(principal, await viewpoints.of(principal), common.services);
      return listAudit(database, seen === null ? query : { ...query, seen });
    },
    projections: projecting.runner,
    journal: common.journal,
    secondTry: new SecondTry({
      quarantine,
      reader: projecting.reader,
      journal: common.journal,
      wake: () => projecting.runner.wake(),
    }),
    inventory,
    readings,
    quarantine,
    hub,
    visibleEvents,
    store: projecting.store,
    events: new EventBook(database),
    work,
    devices: common.devices,
    services: common.services,
    viewpoints,
    addOthers: (routes) => {
      addOthers(routes, common, projecting, viewpoints);
      addRollUps(routes, { ...common, ...entry, ...projecting, viewpoints });
      addRuleRoutes(routes, { rules: composeRuleTest(common, projecting, entry) });
      addMaintenance(routes, viewpoints);
      addServiceLevels(routes, common, maintenance, viewpoints);
      telling.addRoutes(routes, viewpoints, alarms);
      repair.addRoutes(routes, viewpoints, alarms);
    },
    ...composeKpis(reporter, config, { ...common, clock, store: projecting.store, maintenance }),
    metrics: describedMetrics(),
    alarms,
    storms: new StormBook({ database, clock }),
    purge: common.alarmPurge,
    alarmTypes: () => NAMED_ALARM_TYPES,
    problems: composeProblems(common, entry),
    wanted: projecting.wanted,
    seenAgents: () => agents.list(),
    appliedThrough: (seen) => appliedByAgent(database, seen),
    silence: config.faults.rules.agentSilent,
    soundClockMs: SOUND_CLOCK_MS,
    addIngest: (server) => composeIngest(server, common, projecting, entry),
  });
}

function apiConfigOf({ config, deps }: Common): ApiConfig {
  return {
    host: config.host,
    port: config.port,
    insecure: config.insecure,
    failedSignInsPerMinute: config.failedSignInsPerMinute,
    bridgeUrl: config.bridgeUrl,
    demo: config.demo,
    pollIntervalMs: config.pollIntervalMs,
    dashboardFolder: deps.dashboardFolder,
    version: deps.version,
    checkAnswers: deps.checkAnswers ?? false,
  };
}

function composeAlarms({ database, deps, hub }: Common, maintenance: ComposedMaintenance['maintenance']): AlarmBook {
  return new AlarmBook({
    database,
    clock: deps.clock,
    publish: (kind, data) => hub.publish(kind, data),
    maintenanceOf: (alarm, atMs) => maintenance.markOf(alarm, atMs),
  });
}

async function appliedByAgent(
  database: Common['database'],
  seen: Parameters<typeof appliedThrough>[2],
): Promise<Map<string, number>> {
  const marks = await appliedThrough(database, APPLYING, seen);
  return new Map(marks.map(({ agent, through }) => [agent, through]));
}

/** Routes of other stages. */
function addOthers(routes: DescribedRoutes, common: Common, { store }: Projecting, viewpoints: Viewpoints): void {
  const { deps, database } = common;
  addPrometheusRoutes(routes, { clock: deps.clock, store, viewpoints, version: deps.version });
  addNorthboundRoutes(routes, common, viewpoints);
  const layout = new MapLayout({ database, clock: deps.clock });
  addMapRoutes(routes, { layout, devices: common.devices, viewpoints });
  addRejectedLineRoutes(routes, { rejectedLines: (after, limit) => listRejected(database, after, limit) });
}

/** What is told of many devices at once. */
function addRollUps(
  routes: DescribedRoutes,
  grounds: Common & Entry & Pick<Projecting, 'store'> & { readonly viewpoints: Viewpoints },
): void {
  const { database, deps } = grounds;
  const on = { ...grounds, clock: deps.clock, interfaces: new InterfaceList(database) };
  const traffic = new TrafficDesk({ ...on, topology: new TopologyBook(database) });
  addRollUpRoutes(routes, { ...on, traffic, alarmCounts: new PostgresAlarmCounts(on) });
  addInterfaceListRoutes(routes, on);
  addPortSensorRoutes(routes, { ...on, parts: new PartBook(database) });
}

/** The door over TLS; its files are read at the start. */
function composeTls({ reporter, config, deps }: Common): TlsListener | null {
  if (config.tls === null) return null;
  const { clock, environment } = deps;
  return new TlsListener(config.tls.listener, new TlsFiles(reporter, config.tls.files, { clock, environment }));
}

function composeIngest(
  server: Parameters<typeof addIngestRoutes>[0],
  common: Common,
  { reader, runner }: Projecting,
  { assigned }: Entry,
): readonly DescribedRoute[] {
  const { reporter, config, deps, journal, streams, marks, agents, superseded, readings } = common;
  const { clock } = deps;
  const maxBacklogBytes = Math.floor(config.journal.maxBytes * BACKLOG_SHARE);
  const backlogBytes = (): number => journal.sizeBytes();
  reporter.health('journal', () => ({
    healthy: backlogBytes() < maxBacklogBytes,
    message: `${backlogBytes()} of ${maxBacklogBytes} octets wait to be applied or are kept`,
  }));
  const ingest = new BatchIngest(reporter, {
    clock,
    journal,
    streams,
    marks,
    agents,
    superseded,
    assigned,
    appliedContent: (stream, sequence) => readings.appliedContent(stream, sequence),
    onKept: (position, _envelope, decoded) => {
      if (decoded !== null) reader.remember(position, decoded);
      runner.wake();
    },
  });
  const { maxBodies, maxBytes, maxBatchBytes } = config.ingest;
  const inFlight = new InFlight(reporter, { maxBodies, maxBytes });
  const encodings = new BodyEncodings();
  const taking = { clock, inFlight, encodings, cutOff: new CutOff(reporter), backlogBytes };
  const points = new PointIngest(reporter, {
    journal,
    clock,
    encodings,
    onKept: (position, read) => {
      reader.remember(position, read);
      runner.wake();
    },
  });
  return [
    ...addIngestRoutes(server, { ...taking, ingest, maxBacklogBytes, maxBatchBytes }),
    ...addPointRoutes(server, {
      ...taking,
      points,
      // Only the store has a use for points: where it is too far behind, they wait with who sends them.
      maxBacklogBytes: Math.min(maxBacklogBytes, config.journal.storeBacklogBytes),
    }),
  ];
}

/** What is asked of the inventory beside devices and interfaces. */
function booksOf(database: Common['database']) {
  return {
    changes: new ChangeBook(database),
    parts: new PartBook(database),
    topology: new TopologyBook(database),
    search: new SearchBook(database),
  };
}
