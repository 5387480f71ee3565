// Applies batches to the readings: pages, layouts, devices and watermarks change in the transaction that claims the batch, all or nothing.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { Batch } from '../../common/model/batch.ts';
import type { Poll } from '../../common/model/poll.ts';
import { cleanText } from '../../common/model/table-columns.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { Breather } from '../../common/runtime/breather.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { InventoryWriter } from '../inventory/inventory-writer.ts';
import type { InventoryChanges, KnownDevice, RowInterfaces } from '../inventory/known-device.ts';
import type { appliedThrough, Claim, projectionPosition, setPosition } from '../project/applied.ts';
import type { JournaledBatch, Projection } from '../project/projection.ts';
import { buildPage, type BuiltPage } from './build-page.ts';
import { LayoutBook } from './layout-book.ts';
import { MeteredBook } from './metered-book.ts';
import type { MeteredClass } from './metered-rows.ts';
import { NamedIds, type StreamName } from './named-ids.ts';
import { PageArena } from './page-arena.ts';
import { heldAlready, type PagedBatch, type PageOfPoll, writeBatches } from './page-writer.ts';
import { settleWatermarks } from './watermarks.ts';

export interface ReadingsConfig {
  /** A clock further off than this marks the readings. */
  readonly soundClockMs: number;
  /** What is metered beside octets. */
  readonly meters: readonly MeteredClass[];
}

export interface ReadingsDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly inventory: InventoryWriter;
  /** Called after each commit: `poll` once for each device that was polled, `device` when one begins or ceases to answer. */
  readonly publish: (kind: 'poll' | 'device', data: Readonly<Record<string, unknown>>) => void;
  /** Of collector/project/applied.ts. */
  readonly claim: Claim;
  readonly positionOf: typeof projectionPosition;
  readonly setPosition: typeof setPosition;
  readonly throughOf: typeof appliedThrough;
}

interface Metrics {
  readonly pages: CounterMetric;
  readonly layouts: CounterMetric;
  readonly repeated: CounterMetric;
  readonly leftOut: CounterMetric;
  readonly partsLeftOut: CounterMetric;
}

/** Values that no page holds. */
interface LeftOut {
  readonly nameless: number;
  readonly misfits: number;
  /** Negative, or more than a meter or a page can hold. */
  readonly unmetered: number;
}

/** What became of one chunk, to be told once it is committed. */
interface Applied extends LeftOut {
  readonly changes: InventoryChanges;
  readonly pages: number;
  readonly layouts: number;
  readonly repeated: number;
}

/** Ids and rows that the entries of a chunk refer to. */
interface Names {
  readonly devices: ReadonlyMap<string, KnownDevice>;
  readonly journalId: (name: string) => number;
  readonly streamId: (stream: StreamName) => number;
}

const NO_INTERFACES: RowInterfaces = [];

export class ReadingsProjection implements Projection {
  readonly name = 'readings';
  readonly #config: ReadingsConfig;
  readonly #deps: ReadingsDeps;
  readonly #layouts = new LayoutBook();
  readonly #metered: MeteredBook;
  readonly #ids = new NamedIds();
  readonly #metrics: Metrics;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(reporter: Reporter, config: ReadingsConfig, deps: ReadingsDeps) {
    this.#config = config;
    this.#metered = new MeteredBook(config.meters, this.#layouts);
    this.#deps = deps;
    this.#metrics = {
      pages: reporter.counter('readings_pages_total', 'Polls of devices kept with their raw counters'),
      layouts: reporter.counter('readings_layouts_total', 'Changes of the rows or names of pages'),
      repeated: reporter.counter('readings_repeated_batches_total', 'Batches that were applied before: no-ops'),
      leftOut: reporter.counter('readings_left_out_total', 'Values of polls that no page holds, by reason', ['reason']),
      partsLeftOut: reporter.counter(
        'inventory_parts_left_out_total',
        'Rows of modules, sensors, neighbours beyond 20,000 a table',
      ),
    };
  }

  position(journal: string): Promise<number> {
    return this.#deps.positionOf(this.#deps.database, this.name, journal);
  }

  rewind(journal: string, position: number): Promise<void> {
    return this.#deps.setPosition(this.#deps.database, this.name, journal, position);
  }

  /** One after the other: what is kept in memory is not for two. */
  apply(entries: readonly JournaledBatch[]): Promise<void> {
    const turn = this.#turn.then(() => this.#applyEntries(entries));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #applyEntries(entries: readonly JournaledBatch[]): Promise<void> {
    const touched = new Map<string, KnownDevice>();
    let applied: Applied;
    try {
      applied = await this.#deps.database.transaction((connection) => this.#work(connection, entries, touched));
    } catch (error) {
      this.#deps.inventory.forget(entries.flatMap(({ batch }) => namesIn(batch)));
      const devices = [...touched.values()].map((device) => device.id);
      this.#layouts.forget(devices);
      this.#metered.forget(devices);
      this.#ids.forget();
      throw error;
    }
    this.#tell(applied);
  }

  async #work(
    connection: Queryable,
    entries: readonly JournaledBatch[],
    touched: Map<string, KnownDevice>,
  ): Promise<Applied> {
    const { claim, inventory, clock, throughOf } = this.#deps;
    const changes = inventory.changes();
    const claimed = await claim(connection, this.name, entries);
    // Points of other programs are no readings of a meter.
    const batches = entries.filter((entry) => entry.points === undefined);
    const streamId = await this.#ids.streams(
      connection,
      batches.map(({ batch }) => batch),
    );
    // The batch itself is the key for ever: marks may be set back to replay.
    const held = await heldAlready(connection, batches, streamId);
    const fresh = claimed.filter((entry) => !held.has(entry));
    const nothing = {
      changes,
      pages: 0,
      layouts: 0,
      repeated: batches.length - fresh.length,
      nameless: 0,
      misfits: 0,
      unmetered: 0,
    };
    if (fresh.length === 0) return nothing;
    const nowMs = clock.now();
    const devices = await inventory.lock(
      connection,
      fresh.flatMap(({ batch }) => namesIn(batch)),
      nowMs,
    );
    for (const [name, device] of devices) touched.set(name, device);
    const journalId = await this.#ids.journals(
      connection,
      fresh.map(({ journal }) => journal),
    );
    const names: Names = { devices, journalId, streamId };
    const arena = new PageArena();
    const built = await this.#build(connection, fresh, names, arena, changes, nowMs);
    const layouts = await this.#layouts.write(connection);
    const pages = await writeBatches(connection, built.batches, arena);
    const through = await throughOf(
      connection,
      [this.name],
      [...new Map(fresh.map(({ batch }) => [streamId(batch), batch])).values()],
    );
    const marks = new Map(through.map((mark) => [streamId(mark), mark.through]));
    const watermarked = fresh.map((entry) => ({ stream: streamId(entry.batch), entry }));
    const settled = await settleWatermarks(connection, watermarked, marks, (name) => deviceNamed(devices, name).id);
    await inventory.complete(connection, settled, devices.values(), changes);
    await inventory.write(connection, changes);
    return { ...nothing, ...built, pages, layouts };
  }

  async #build(
    connection: Queryable,
    fresh: readonly JournaledBatch[],
    names: Names,
    arena: PageArena,
    changes: InventoryChanges,
    nowMs: EpochMs,
  ): Promise<{ readonly batches: readonly PagedBatch[] } & LeftOut> {
    const { inventory } = this.#deps;
    const polls = fresh.flatMap(({ batch }) =>
      batch.polls.map((poll) => ({ device: deviceNamed(names.devices, poll.device), poll })),
    );
    await inventory.register(connection, polls, nowMs, changes);
    await this.#layouts.load(
      connection,
      polls.map(({ device }) => device.id),
    );
    const metering = polls.filter(({ poll }) => poll.tables.some((table) => this.#metered.reads(table)));
    await this.#metered.load(
      connection,
      metering.map(({ device }) => device.id),
    );
    const count = { nameless: 0, misfits: 0, unmetered: 0 };
    const batches: PagedBatch[] = [];
    const breather = new Breather(this.#deps.clock);
    for (const entry of fresh) {
      batches.push(await this.#buildBatch(connection, entry, names, arena, changes, count));
      await breather.breathe();
    }
    return { batches, ...count };
  }

  async #buildBatch(
    connection: Queryable,
    entry: JournaledBatch,
    names: Names,
    arena: PageArena,
    changes: InventoryChanges,
    count: { -readonly [Reason in keyof LeftOut]: number },
  ): Promise<PagedBatch> {
    const { inventory } = this.#deps;
    const { batch, clockOffsetMs, receivedAtMs } = entry;
    const processes = new Map<string, number>();
    const pages: PageOfPoll[] = [];
    const pageOf = (built: BuiltPage, poll: Poll, device: number): void => {
      const processId = cleanText(poll.processId);
      const process = processes.get(processId) ?? processes.size;
      processes.set(processId, process);
      pages.push({ built, device, intervalMs: Math.round(poll.intervalMs), process });
    };
    for (const poll of batch.polls) {
      const device = deviceNamed(names.devices, poll.device);
      const isNews = inventory.observe({ device, poll, agent: batch.agent, clockOffsetMs, receivedAtMs }, changes);
      for (const table of poll.tables) {
        const interfaces =
          table.name === 'interface' ? inventory.interfacesOf(device, poll, table, changes) : NO_INTERFACES;
        if (this.#metered.reads(table)) {
          const keysOf = (): (string | null)[] => interfaces.map((one) => one?.key ?? null);
          const made = await this.#metered.build(connection, arena, { device, keysOf }, table, clockOffsetMs);
          for (const built of made.pages) pageOf(built, poll, device.id);
          count.unmetered += made.leftOut;
        }
        if (table.name !== 'interface') continue;
        if (interfaces.includes(null)) count.nameless += interfaces.filter((one) => one === null).length;
        const built = buildPage(arena, table, interfaces, clockOffsetMs, {
          // Of a poll that is history the inventory heeds nothing, so the device's speeds may be others.
          asBefore: (rows, width) => (isNews ? this.#layouts.asBefore(device, rows, width) : null),
          place: (facts, complete) => this.#layouts.place(device, facts, complete, isNews),
        });
        if (built === null) continue;
        count.misfits += built.leftOut;
        pageOf(built, poll, device.id);
      }
    }
    return {
      stream: names.streamId(batch),
      journal: names.journalId(entry.journal),
      entry,
      clockSound: Math.abs(clockOffsetMs) <= this.#config.soundClockMs,
      processes: [...processes.keys()],
      pages,
    };
  }

  #tell({ changes, pages, layouts, repeated, nameless, misfits, unmetered }: Applied): void {
    this.#metrics.pages.add(pages);
    this.#metrics.layouts.add(layouts);
    this.#metrics.repeated.add(repeated);
    if (nameless > 0) this.#metrics.leftOut.add(nameless, { reason: 'nameless' });
    if (misfits > 0) this.#metrics.leftOut.add(misfits, { reason: 'width' });
    if (unmetered > 0) this.#metrics.leftOut.add(unmetered, { reason: 'metered' });
    if (changes.partsLeftOut > 0) this.#metrics.partsLeftOut.add(changes.partsLeftOut);
    for (const { device, reachable, atMs, failure } of changes.reachability)
      this.#deps.publish('device', { device, reachable, at: isoTime(atMs), failure });
    for (const device of changes.polled) this.#deps.publish('poll', pollEvent(device));
  }
}

/** The devices that a batch speaks of. */
function namesIn(batch: Batch): string[] {
  return [...batch.polls, ...batch.watermarks].map(({ device }) => device);
}

function deviceNamed(devices: ReadonlyMap<string, KnownDevice>, name: string): KnownDevice {
  const device = devices.get(name);
  if (device === undefined) throw new Error(`BUG: the device ${name} is not locked`);
  return device;
}

function pollEvent({ name, last, interfaces }: KnownDevice): Readonly<Record<string, unknown>> {
  return {
    device: name,
    at: last === null ? null : isoTime(last.lastPollAtMs),
    outcome: last?.lastOutcome ?? null,
    failure: last?.lastFailure ?? null,
    durationMs: last?.lastPollMs ?? null,
    interfaces: interfaces.size,
  };
}
