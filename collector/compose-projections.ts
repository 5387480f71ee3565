// The journal's readers put together: readings, faults and the metric store, and what wakes with them.
import type { ComposedMaintenance } from './compose-maintenance.ts';
import { composeFaults } from './compose-faults.ts';
import { composeStore } from './compose-store.ts';
import { SOUND_CLOCK_MS } from './ingest/agent-states.ts';
import { BodyEncodings } from './ingest/body-encoding.ts';
import { pointsOf } from './ingest/point-ingest.ts';
import { InventoryWriter } from './inventory/inventory-writer.ts';
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

/** The projections of the journal and what runs beside them. */
export function composeProjections(common: Common, entry: Entry, maintaining: ComposedMaintenance): Projecting {
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
    { soundClockMs: SOUND_CLOCK_MS, meters: config.meters },
    {
      ...shared,
      inventory: new InventoryWriter(),
      throughOf: appliedThrough,
      publish: (kind, data) => hub.publish(kind, data),
    },
  );
  const { faults, wanted, correlator } = composeFaults(common, entry, shared, maintaining, () => runner);
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
