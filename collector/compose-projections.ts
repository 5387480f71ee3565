// The journal's readers put together: readings, faults and the metric store, and what wakes with them.
import type { Clock } from '../common/runtime/clock.ts';
import { EVERYTHING } from '../common/model/viewpoint.ts';
import { RepeatedWork } from '../common/runtime/repeated-work.ts';
import { composeCause } from './compose-cause.ts';
import type { ComposedMaintenance } from './compose-maintenance.ts';
import { composeStore } from './compose-store.ts';
import { FaultsProjection } from './faults/faults-projection.ts';
import type { Lag } from './faults/judge-weir.ts';
import { LinkWatch } from './faults/link-watch.ts';
import { WantedBook } from './faults/wanted-book.ts';
import { SOUND_CLOCK_MS } from './ingest/agent-states.ts';
import { BodyEncodings } from './ingest/body-encoding.ts';
import { pointsOf } from './ingest/point-ingest.ts';
import { InventoryWriter } from './inventory/inventory-writer.ts';
import { deviceFinder } from './inventory/topology.ts';
import { TopologyBook } from './inventory/topology-book.ts';
import type { BatchJournal } from './journal/batch-journal.ts';
import { appliedThrough, claim, projectionPosition, setPosition } from './project/applied.ts';
import { BatchReader } from './project/batch-reader.ts';
import type { JournaledBatch, Projection } from './project/projection.ts';
import { PostgresControls } from './project/projection-controls.ts';
import { ProjectionRunner } from './project/projection-runner.ts';
import { ReadingsProjection } from './readings/readings-projection.ts';
import { APPLYING, type Common, type Entry, type Projecting } from './parts.ts';

const MIB = 1024 * 1024;
/** Decoded batches kept for the projections, and decoded for one of them at once, in memory. */
const DECODED = { cacheBytes: 48 * MIB, decodedBytes: 64 * MIB };
const CHUNK = { chunkEntries: 256, chunkBytes: 8 * MIB };
const LOOK_AT_WANTED_MS = 10_000;
const LOOK_AT_LINKS_MS = 300_000;
/** A batch that has waited so long for the faults says that the silence of its agent may be ours. */
const CAUGHT_UP_MS = 5000;

/** The projections of the journal and what runs beside them. */
export function composeProjections(
  common: Common,
  { registry }: Entry,
  { maintenance }: ComposedMaintenance,
): Projecting {
  const { reporter, config, deps, database, journal, hub, marks, streams, quarantine } = common;
  const { clock, random } = deps;
  const encodings = new BodyEncodings();
  const reader = new BatchReader(journal, DECODED, {
    clock,
    readPoints: (envelope, form, body) => pointsOf({ clock, encodings }, envelope, form, body),
  });
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
  const correlator = composeCause(common);
  const wanted = wantedOf(common);
  const faults: FaultsProjection = new FaultsProjection(reporter, config.faults, {
    ...shared,
    publish: (kind, data) => {
      hub.publish(kind, data);
      if (kind === 'alarm') correlator.wake();
    },
    maintenanceOf: (alarm, atMs) => maintenance.markOf(alarm, atMs),
    events: common.events,
    caughtUp: () => caughtUp(journal, runner, clock),
    isAwaited: (agent) => common.devices.of(agent).devices.length > 0,
    around: wanted,
    lags: () => ({ journal: journal.id, lags: lagsOf(journal, runner, clock) }),
    labelsOf: (name) => ({ site: common.devices.get(name)?.site ?? null, tags: registry.labelsOf(name).tags }),
    ready: () => wanted.ready(),
    beside: [
      new RepeatedWork(clock, LOOK_AT_WANTED_MS, () => wanted.look()),
      new RepeatedWork(clock, LOOK_AT_LINKS_MS, () => links.look()),
    ],
  });
  const links = linkWatchOf(common, () => faults);
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
  return { store, faults, correlator, wanted, reader, runner };
}

/** Which interfaces are meant to be up. */
function wantedOf({ reporter, database, devices, services }: Common): WantedBook {
  return new WantedBook(reporter, {
    database,
    names: () => devices.names,
    finderOf: (known) => deviceFinder(known, new Map()),
    isBound: (resource, atMs) => services.boundTo(resource, atMs).length > 0,
  });
}

/** Watches whether the two ends of a link fit together. */
function linkWatchOf({ reporter, database, deps }: Common, faults: () => FaultsProjection): LinkWatch {
  const topology = new TopologyBook(database);
  return new LinkWatch(reporter, {
    database,
    clock: deps.clock,
    rules: () => faults().rules,
    links: () => topology.read(EVERYTHING, null),
    raise: (look) => faults().judgeApart(look),
  });
}

/** How long the oldest batch waits of each projection. */
function lagsOf(journal: BatchJournal, runner: ProjectionRunner, clock: Clock): Lag[] {
  return Object.entries(runner.positions()).flatMap(([projection, position]) => {
    if (position === null) return [];
    const [waiting] = journal.read(position, 1, 1);
    return [{ projection, waitingMs: waiting === undefined ? 0 : clock.now() - waiting.envelope.receivedAtMs }];
  });
}

/** False while a batch waits that arrived some time ago. */
function caughtUp(journal: BatchJournal, runner: ProjectionRunner, clock: Clock): boolean {
  const position = runner.positions()['faults'] ?? null;
  if (position === null) return false;
  const [waiting] = journal.read(position, 1, 1);
  return waiting === undefined || clock.now() - waiting.envelope.receivedAtMs < CAUGHT_UP_MS;
}
