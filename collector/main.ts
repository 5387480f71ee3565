// Composes the collector: which stage hands to which. The only file of the collector that knows two stages.
import { composeProjections } from './compose-projections.ts';
import { randomUUID } from 'node:crypto';
import type { Migration } from '../common/database/database.ts';
import { leaseMigrations } from '../common/database/lease.ts';
import { migrate } from '../common/database/migrate.ts';
import { DatabasePreparation } from '../common/database/preparation.ts';
import { SteadyAuthenticator } from '../common/database/steady-authenticator.ts';
import { SignInLinks } from '../common/database/sign-in-links.ts';
import { accessMigrations, TokenStore } from '../common/database/tokens.ts';
import { RepeatedWork } from '../common/runtime/repeated-work.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import { agentsMigrations } from './agents/agents-migrations.ts';
import { AssignmentHistory } from './agents/assignment-history.ts';
import { ConfiguredDevices } from './agents/configured-devices.ts';
import { EventKeeper } from './agents/event-keeper.ts';
import { PollTiers, pollTierMigrations } from './agents/poll-tiers.ts';
import { Retention } from './agents/retention.ts';
import { WorkDesk } from './agents/work-desk.ts';
import { composeCarried, composeCauseSilence } from './compose-cause.ts';
import { composeEvents } from './compose-events.ts';
import { composeAlarmHub } from './compose-northbound.ts';
import { composeMaintenance } from './compose-maintenance.ts';
import { composeRepair } from './compose-repair.ts';
import { composeServices } from './compose-services.ts';
import { composeTelling } from './compose-tell.ts';
import { type CollectorConfig, deviceOf } from './config.ts';
import { AlarmPurge } from './faults/alarm-purge.ts';
import { forgetDownRecords } from './faults/down-records.ts';
import type { CarriedBook } from './faults/carried-book.ts';
import { endShelves } from './faults/end-shelves.ts';
import { faultsMigrations } from './faults/faults-migrations.ts';
import type { FaultsProjection } from './faults/faults-projection.ts';
import { givenTokens } from './given-tokens.ts';
import { AgentStates, ingestMigrations } from './ingest/agent-states.ts';
import { AppliedMarks } from './ingest/applied-marks.ts';
import { AssignedDevices } from './ingest/assigned-devices.ts';
import { StreamTable } from './ingest/streams.ts';
import { Superseded, supersededEvent } from './ingest/superseded.ts';
import { ChangeBook } from './inventory/change-book.ts';
import { PartBook } from './inventory/part-book.ts';
import { DeviceRegistry } from './inventory/device-registry.ts';
import { mapLayoutMigrations } from './inventory/map-layout.ts';
import { inventoryMigrations } from './inventory/inventory-migrations.ts';
import { ManagedDevices, managedDevicesMigrations } from './inventory/managed-devices.ts';
import { PostgresInventory } from './inventory/postgres-inventory.ts';
import { appliedMigrations, appliedThrough } from './project/applied.ts';
import { maintenanceMigrations } from './maintenance/maintenance-migrations.ts';
import { Quarantine, quarantineMigrations } from './project/quarantine.ts';
import { PostgresReadings } from './readings/postgres-readings.ts';
import { readingsMigrations } from './readings/readings-migrations.ts';
import { type Collector, type CollectorDeps, type Grounds, type Parts, RunningCollector } from './running-collector.ts';
import { repairMigrations } from './repair/repair-migrations.ts';
import { servicesMigrations } from './services/services-migrations.ts';
import { tellMigrations } from './tell/tell-migrations.ts';
import { influxMigrations } from './store/influx-book.ts';
import { composeApi } from './compose-api.ts';
import { APPLYING, type Common, type Entry } from './parts.ts';

/** In an order in which each finds what it builds on. */
export const collectorMigrations: readonly Migration[] = [
  ...leaseMigrations,
  ...accessMigrations,
  ...appliedMigrations,
  ...quarantineMigrations,
  ...inventoryMigrations,
  ...managedDevicesMigrations,
  ...mapLayoutMigrations,
  ...readingsMigrations,
  ...ingestMigrations,
  ...faultsMigrations,
  ...agentsMigrations,
  ...servicesMigrations,
  ...influxMigrations,
  ...maintenanceMigrations,
  ...tellMigrations,
  ...repairMigrations,
  ...pollTierMigrations,
];

const WRITE_STATES_MS = 5000;
const LOOK_AT_DEVICES_MS = 3000;
const WEIGH_EVERY_MS = 10_000;
const FORGET_EVERY_MS = 30_000;
/** As long as the mirror knows services that ended: service levels are told of them. */
const DOWN_RECORDS_KEPT_MS = 400 * 86_400_000;

export type { Collector, CollectorDeps } from './running-collector.ts';

export function createCollector(reporter: Reporter, config: CollectorConfig, deps: CollectorDeps): Collector {
  return new RunningCollector(reporter, config, deps, compose);
}

function compose(reporter: Reporter, config: CollectorConfig, deps: CollectorDeps, grounds: Grounds): Parts {
  const { clock } = deps;
  const { database, journal } = grounds;
  const { hub, watching } = composeEvents(reporter, config.events, { clock, database, journal });
  const marks = new AppliedMarks(reporter, {
    read: (wanted) => appliedThrough(database, APPLYING, wanted),
    onApplied: ({ agent, incarnation }, applied) => hub.publish('applied', { agent, incarnation, applied }),
  });
  const events = new EventKeeper(reporter);
  const superseded = composeSuperseded(reporter, events, hub, { database, clock });
  const common: Common = {
    ...grounds,
    reporter,
    config,
    deps,
    hub,
    marks,
    streams: new StreamTable(),
    agents: new AgentStates(reporter, { database, clock, superseded }),
    superseded,
    events,
    quarantine: new Quarantine(database, () => clock.now()),
    readings: new PostgresReadings({ database }),
    inventory: new PostgresInventory({ database }),
    work: new WorkDesk(reporter, { database, clock, newId: randomUUID }),
    devices: new ConfiguredDevices(config.devices),
    services: composeServices(reporter, config, deps, database),
    alarmPurge: new AlarmPurge(reporter, config.faults.retention, { database, clock, publish: hub.publish.bind(hub) }),
  };
  common.streams.recover(journal);
  const entry = composeEntry(common);
  const tagsOf = (device: string): readonly string[] => entry.registry.labelsOf(device).tags;
  const maintaining = composeMaintenance(common, tagsOf);
  const carried = composeCarried(common, entry);
  const telling = composeTelling(common, maintaining, tagsOf, carried, [composeCauseSilence(common)]);
  hub.listen((kind) => {
    if (kind === 'alarm' || kind === 'problem') telling.announcer.wake();
  });
  const projecting = composeProjections(common, entry, maintaining);
  const repair = composeRepair(common, maintaining, { tagsOf, correlator: projecting.correlator });
  const api = composeApi(common, projecting, entry, maintaining, { telling, repair });
  const looking = new RepeatedWork(clock, LOOK_AT_DEVICES_MS, () => entry.registry.look());
  const states = new RepeatedWork(clock, WRITE_STATES_MS, () => common.agents.write());
  const forgetting = composeForgetting(common);
  const { store, runner, faults, correlator } = projecting;
  // Stopped in reverse: the desk first, so that an agent that waits is answered and not cut off.
  return {
    components: [
      entry.preparation,
      store,
      runner,
      faults,
      correlator,
      states,
      forgetting,
      watching,
      looking,
      composeWeighing(common, entry, carried),
      common.services,
      maintaining.looking,
      telling.announcer,
      repair.loop,
      composeAlarmHub(common),
      api,
      common.work,
    ],
    port: () => api.port,
    settle: (book) => common.streams.save(book),
    reload: reloadOf(entry, faults),
  };
}

function composeSuperseded(
  reporter: Reporter,
  events: EventKeeper,
  hub: Common['hub'],
  { database, clock }: Pick<Grounds, 'database'> & Pick<CollectorDeps, 'clock'>,
): Superseded {
  return new Superseded(reporter, {
    database,
    clock,
    tell: async (sign) => {
      const kept = await events.keepNotice(database, sign.agent, supersededEvent(sign));
      if (kept !== null) hub.publish('event', { ...kept });
    },
  });
}

/** What resources carry, and how often devices are polled by that. */
function composeWeighing({ deps }: Common, { tiers }: Entry, carried: CarriedBook): RepeatedWork {
  return new RepeatedWork(deps.clock, WEIGH_EVERY_MS, async () => {
    await carried.look();
    await tiers.look((device) => carried.of(device));
  });
}

/** What is kept no longer than its bounds say. */
function composeForgetting({ reporter, config, deps, database, alarmPurge }: Common): RepeatedWork {
  const { clock } = deps;
  const { keptMs, most } = config.events;
  const retention = new Retention(reporter, { keptMs, most }, { database, clock });
  const changes = new ChangeBook(database);
  const parts = new PartBook(database);
  return new RepeatedWork(clock, FORGET_EVERY_MS, async () => {
    await retention.run();
    await endShelves(database, clock.now()).catch(() => undefined);
    await alarmPurge.run();
    await forgetDownRecords(database, clock.now() - DOWN_RECORDS_KEPT_MS).catch(() => undefined);
    // What was not done now is done the next time.
    await changes.forget(clock.now() - keptMs, most).catch(() => undefined);
    await parts.forget(clock.now() - keptMs).catch(() => undefined);
  });
}

/** Rules only where the devices were taken up: all or none. */
function reloadOf({ registry }: Entry, faults: FaultsProjection): Parts['reload'] {
  return async (devices, rules) => {
    await registry.reload(devices);
    if (rules !== undefined) faults.reload(rules);
  };
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
  const tiers = new PollTiers(reporter, config.pollTiers, {
    database,
    clock,
    replace: (wanted) => devices.replace(wanted),
  });
  const managed = new ManagedDevices(database, () => clock.now());
  const registry: DeviceRegistry = new DeviceRegistry(reporter, config.devices, {
    managed,
    deviceOf: (definition) => deviceOf(definition, { name: config.agent, poll_interval_ms: config.pollIntervalMs }),
    change: async (wanted) => {
      await assigned.change(wanted, { inventory, history }, clock.now());
      tiers.configure(wanted);
    },
  });
  const links = new SignInLinks(database, { clock });
  return { tokens, links, authenticator, preparation, assigned, managed, registry, tiers };
}
