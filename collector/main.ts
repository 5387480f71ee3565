// Composes the collector: which stage hands to which. The only file of the collector that knows two stages.
import { randomUUID } from 'node:crypto';
import type { Migration } from '../common/database/database.ts';
import { leaseMigrations } from '../common/database/lease.ts';
import { migrate } from '../common/database/migrate.ts';
import { DatabasePreparation } from '../common/database/preparation.ts';
import { SteadyAuthenticator } from '../common/database/steady-authenticator.ts';
import { listAudit, recordAudit } from '../common/database/audit.ts';
import { accessMigrations, TokenStore } from '../common/database/tokens.ts';
import type { DescribedRoute } from '../common/http/described-routes.ts';
import type { Clock } from '../common/runtime/clock.ts';
import { RepeatedWork } from '../common/runtime/repeated-work.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import { agentsMigrations } from './agents/agents-migrations.ts';
import { AssignmentHistory } from './agents/assignment-history.ts';
import { ConfiguredDevices } from './agents/configured-devices.ts';
import { EventBook } from './agents/event-book.ts';
import { EventKeeper } from './agents/event-keeper.ts';
import { Retention } from './agents/retention.ts';
import { WorkDesk } from './agents/work-desk.ts';
import { ApiServer } from './api/api-server.ts';
import type { EventHub } from './api/event-hub.ts';
import { addRejectedLineRoutes } from './api/rejected-line-routes.ts';
import { visibleEvents } from './access/visible-events.ts';
import { composeEvents } from './compose-events.ts';
import { composeKpis } from './compose-kpi.ts';
import { ScopedViewpoints } from './access/scoped-viewpoints.ts';
import { composeServices } from './compose-services.ts';
import { composeStore } from './compose-store.ts';
import { type CollectorConfig, deviceOf } from './config.ts';
import { AlarmBook } from './faults/alarm-book.ts';
import { faultsMigrations } from './faults/faults-migrations.ts';
import { FaultsProjection } from './faults/faults-projection.ts';
import { givenTokens } from './given-tokens.ts';
import { AgentStates, ingestMigrations, SOUND_CLOCK_MS } from './ingest/agent-states.ts';
import { AppliedMarks } from './ingest/applied-marks.ts';
import { AssignedDevices } from './ingest/assigned-devices.ts';
import { BatchIngest } from './ingest/batch-ingest.ts';
import { InFlight } from './ingest/in-flight.ts';
import { addIngestRoutes } from './ingest/ingest-routes.ts';
import { PointIngest, pointsOf } from './ingest/point-ingest.ts';
import { addPointRoutes } from './ingest/point-routes.ts';
import { StreamTable } from './ingest/streams.ts';
import { ChangeBook } from './inventory/change-book.ts';
import { DeviceRegistry } from './inventory/device-registry.ts';
import { inventoryMigrations } from './inventory/inventory-migrations.ts';
import { InventoryWriter } from './inventory/inventory-writer.ts';
import { ManagedDevices, managedDevicesMigrations } from './inventory/managed-devices.ts';
import { PostgresInventory } from './inventory/postgres-inventory.ts';
import type { BatchJournal } from './journal/batch-journal.ts';
import { appliedMigrations, appliedThrough, claim, projectionPosition, setPosition } from './project/applied.ts';
import { addPrometheusRoutes } from './prometheus/prometheus-routes.ts';
import { BatchReader } from './project/batch-reader.ts';
import type { JournaledBatch, Projection } from './project/projection.ts';
import { PostgresControls } from './project/projection-controls.ts';
import { ProjectionRunner } from './project/projection-runner.ts';
import { SecondTry } from './project/second-try.ts';
import { Quarantine, quarantineMigrations } from './project/quarantine.ts';
import { PostgresReadings } from './readings/postgres-readings.ts';
import { readingsMigrations } from './readings/readings-migrations.ts';
import { ReadingsProjection } from './readings/readings-projection.ts';
import { type Collector, type CollectorDeps, type Grounds, type Parts, RunningCollector } from './running-collector.ts';
import type { ServiceMirror } from './services/service-mirror.ts';
import { servicesMigrations } from './services/services-migrations.ts';
import { influxMigrations, listRejected } from './store/influx-book.ts';
import { describedMetrics } from './store/metrics.ts';
import type { MetricStore } from './store/store.ts';

/** In an order in which each finds what it builds on. */
export const collectorMigrations: readonly Migration[] = [
  ...leaseMigrations,
  ...accessMigrations,
  ...appliedMigrations,
  ...quarantineMigrations,
  ...inventoryMigrations,
  ...managedDevicesMigrations,
  ...readingsMigrations,
  ...ingestMigrations,
  ...faultsMigrations,
  ...agentsMigrations,
  ...servicesMigrations,
  ...influxMigrations,
];

const MIB = 1024 * 1024;
/** Decoded batches kept for the projections, counted as they arrived. */
const CACHE_BYTES = 8 * MIB;
const CHUNK = { chunkEntries: 256, chunkBytes: 8 * MIB };
const BACKLOG_SHARE = 0.9;
const WRITE_STATES_MS = 5000;
const LOOK_AT_DEVICES_MS = 3000;
const FORGET_EVERY_MS = 30_000;
/** A batch that has waited so long for the faults says that the silence of its agent may be ours. */
const CAUGHT_UP_MS = 5000;
/** Projections that an agent's spool waits for: the metric store keeps its own backlog. */
const APPLYING = ['readings', 'faults'];

export type { Collector, CollectorDeps } from './running-collector.ts';

export function createCollector(reporter: Reporter, config: CollectorConfig, deps: CollectorDeps): Collector {
  return new RunningCollector(reporter, config, deps, compose);
}

interface Common extends Grounds {
  readonly reporter: Reporter;
  readonly config: CollectorConfig;
  readonly deps: CollectorDeps;
  readonly hub: EventHub;
  readonly streams: StreamTable;
  readonly marks: AppliedMarks;
  readonly agents: AgentStates;
  readonly quarantine: Quarantine;
  readonly readings: PostgresReadings;
  readonly inventory: PostgresInventory;
  readonly work: WorkDesk;
  readonly devices: ConfiguredDevices;
  readonly services: ServiceMirror;
}

function compose(reporter: Reporter, config: CollectorConfig, deps: CollectorDeps, grounds: Grounds): Parts {
  const { clock } = deps;
  const { database, journal } = grounds;
  const { hub, watching } = composeEvents(reporter, config.events, { clock, database, journal });
  const marks = new AppliedMarks(reporter, {
    read: (wanted) => appliedThrough(database, APPLYING, wanted),
    onApplied: ({ agent, incarnation }, applied) => hub.publish('applied', { agent, incarnation, applied }),
  });
  const common: Common = {
    ...grounds,
    reporter,
    config,
    deps,
    hub,
    marks,
    streams: new StreamTable(),
    agents: new AgentStates(reporter, { database, clock }),
    quarantine: new Quarantine(database, () => clock.now()),
    readings: new PostgresReadings({ database }),
    inventory: new PostgresInventory({ database }),
    work: new WorkDesk(reporter, { database, clock, newId: randomUUID }),
    devices: new ConfiguredDevices(config.devices),
    services: composeServices(reporter, config, deps, database),
  };
  common.streams.recover(journal);
  const projecting = composeProjections(common);
  const entry = composeEntry(common);
  const api = composeApi(common, projecting, entry);
  const looking = new RepeatedWork(clock, LOOK_AT_DEVICES_MS, () => entry.registry.look());
  const states = new RepeatedWork(clock, WRITE_STATES_MS, () => common.agents.write());
  const { keptMs, most } = config.events;
  const retention = new Retention(reporter, { keptMs, most }, { database, clock });
  const forgetting = new RepeatedWork(clock, FORGET_EVERY_MS, () => retention.run());
  const { store, runner, faults } = projecting;
  // Stopped in reverse: the desk first, so that an agent that waits is answered and not cut off.
  return {
    components: [
      entry.preparation,
      store,
      runner,
      faults,
      states,
      forgetting,
      watching,
      looking,
      common.services,
      api,
      common.work,
    ],
    port: () => api.port,
    settle: (book) => common.streams.save(book),
    reload: (devices) => entry.registry.reload(devices),
  };
}

interface Projecting {
  readonly store: MetricStore;
  readonly faults: FaultsProjection;
  readonly reader: BatchReader;
  readonly runner: ProjectionRunner;
}

function composeProjections(common: Common): Projecting {
  const { reporter, config, deps, database, journal, hub, marks, streams, quarantine } = common;
  const { clock, random } = deps;
  const reader = new BatchReader(journal, CACHE_BYTES, pointsOf);
  const store = composeStore(reporter, config, deps, database);
  const shared = { database, clock, claim, positionOf: projectionPosition, setPosition };
  const readings = new ReadingsProjection(
    reporter,
    { soundClockMs: SOUND_CLOCK_MS },
    {
      ...shared,
      inventory: new InventoryWriter(),
      throughOf: appliedThrough,
      publish: (kind, data) => hub.publish(kind, data),
    },
  );
  const faults = new FaultsProjection(reporter, config.faults, {
    ...shared,
    publish: (kind, data) => hub.publish(kind, data),
    events: new EventKeeper(reporter),
    caughtUp: () => caughtUp(journal, runner, clock),
    isAwaited: (agent) => common.devices.of(agent).devices.length > 0,
  });
  const onCommitted = (projection: Projection['name'], entries: readonly JournaledBatch[]): void => {
    if (APPLYING.includes(projection))
      void marks.refresh(entries.flatMap(({ batch, points }) => (points === undefined ? [batch] : [])));
  };
  const runner: ProjectionRunner = new ProjectionRunner(
    reporter,
    { ...CHUNK, ...config.journal },
    {
      clock,
      random,
      journal,
      reader,
      quarantine,
      controls: new PostgresControls(database),
      onCommitted,
      beforeTrim: () => streams.save(journal),
    },
    [readings, faults, store],
  );
  return { store, faults, reader, runner };
}

/** False while a batch waits that arrived some time ago. */
function caughtUp(journal: BatchJournal, runner: ProjectionRunner, clock: Clock): boolean {
  const position = runner.positions()['faults'] ?? null;
  if (position === null) return false;
  const [waiting] = journal.read(position, 1, 1);
  return waiting === undefined || clock.now() - waiting.envelope.receivedAtMs < CAUGHT_UP_MS;
}

interface Entry {
  readonly tokens: TokenStore;
  readonly authenticator: SteadyAuthenticator;
  readonly preparation: DatabasePreparation;
  readonly assigned: AssignedDevices;
  readonly managed: ManagedDevices;
  readonly registry: DeviceRegistry;
}

/** Who may come in, and the database made ready for it. */
function composeEntry({ reporter, config, deps, database, inventory, devices }: Common): Entry {
  const { clock, random } = deps;
  const tokens = new TokenStore(reporter, database, { clock });
  const authenticator = new SteadyAuthenticator(reporter, { inner: tokens, clock, registered: () => preparation.done });
  const given = givenTokens(config.agent, deps.environment);
  for (const { token, principal } of given) authenticator.give(token, principal);
  const assigned = new AssignedDevices(config.devices, { formerMs: config.ingest.formerAgentMs });
  const history = new AssignmentHistory(database);
  const preparation: DatabasePreparation = new DatabasePreparation(reporter, {
    clock,
    random,
    prepare: async () => {
      const applied = await migrate(database, collectorMigrations);
      if (applied.length > 0) reporter.info('database migrated', { applied });
      for (const { token, principal } of given) await tokens.ensure(token, principal.name, principal.role);
      await assigned.learn({ inventory, history }, clock.now());
      await registry.refresh();
    },
  });
  const managed = new ManagedDevices(database, () => clock.now());
  const registry: DeviceRegistry = new DeviceRegistry(reporter, config.devices, {
    managed,
    deviceOf: (definition) => deviceOf(definition, { name: config.agent, poll_interval_ms: config.pollIntervalMs }),
    change: async (wanted) => {
      await assigned.change(wanted, { inventory, history }, clock.now());
      devices.replace(wanted);
    },
  });
  return { tokens, authenticator, preparation, assigned, managed, registry };
}

function composeApi(common: Common, projecting: Projecting, entry: Entry): ApiServer {
  const { reporter, config, deps, database, hub, agents, quarantine, readings, inventory, work } = common;
  const { clock } = deps;
  const viewpoints = new ScopedViewpoints({
    devices: () => common.devices.all(),
    services: common.services,
    now: () => clock.now(),
  });
  return new ApiServer(
    reporter,
    {
      host: config.host,
      port: config.port,
      insecure: config.insecure,
      bridgeUrl: config.bridgeUrl,
      demo: config.demo,
      pollIntervalMs: config.pollIntervalMs,
      dashboardFolder: deps.dashboardFolder,
      version: deps.version,
      checkAnswers: deps.checkAnswers ?? false,
    },
    {
      clock,
      authenticator: entry.authenticator,
      tokens: entry.tokens,
      managed: entry.managed,
      changes: new ChangeBook(database),
      registry: entry.registry,
      audit: (query) => listAudit(database, query),
      recordAudit: (entry) => recordAudit(database, entry),
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
        addPrometheusRoutes(routes, { clock, store: projecting.store, viewpoints, version: deps.version });
        addRejectedLineRoutes(routes, { rejectedLines: (after, limit) => listRejected(database, after, limit) });
      },
      ...composeKpis(reporter, config, { ...common, clock, store: projecting.store }),
      metrics: describedMetrics(),
      alarms: new AlarmBook({ database, clock, publish: (kind, data) => hub.publish(kind, data) }),
      seenAgents: () => agents.list(),
      appliedThrough: async (seen) => {
        const marks = await appliedThrough(database, APPLYING, seen);
        return new Map(marks.map(({ agent, through }) => [agent, through]));
      },
      silence: config.faults.rules.agentSilent,
      soundClockMs: SOUND_CLOCK_MS,
      addIngest: (server) => composeIngest(server, common, projecting, entry),
    },
  );
}

function composeIngest(
  server: Parameters<typeof addIngestRoutes>[0],
  common: Common,
  { reader, runner }: Projecting,
  { assigned }: Entry,
): readonly DescribedRoute[] {
  const { reporter, config, deps, journal, streams, marks, agents, readings } = common;
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
    assigned,
    appliedContent: (stream, sequence) => readings.appliedContent(stream, sequence),
    onKept: (position, _envelope, batch, bytes) => {
      if (batch !== null) reader.remember(position, { batch }, bytes);
      runner.wake();
    },
  });
  const { maxBodies, maxBytes, maxBatchBytes } = config.ingest;
  const inFlight = new InFlight(reporter, { maxBodies, maxBytes });
  const points = new PointIngest(reporter, {
    journal,
    onKept: (position, set, bytes) => {
      reader.remember(position, { points: set }, bytes);
      runner.wake();
    },
  });
  return [
    ...addIngestRoutes(server, { clock, ingest, inFlight, backlogBytes, maxBacklogBytes, maxBatchBytes }),
    ...addPointRoutes(server, {
      clock,
      points,
      inFlight,
      backlogBytes,
      // Only the store has a use for points: where it is too far behind, they wait with who sends them.
      maxBacklogBytes: Math.min(maxBacklogBytes, config.journal.storeBacklogBytes),
    }),
  ];
}
