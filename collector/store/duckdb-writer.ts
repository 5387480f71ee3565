// Applies batches to the DuckDB file: rows, new resources, stream marks and the position of the journal in one transaction.
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Poll } from '../../common/model/poll.ts';
import { type HeldSequences, hold, holds, NOTHING_HELD } from '../../common/model/sequence-ranges.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Breather } from '../../common/runtime/breather.ts';
import type { JournaledBatch } from '../project/projection.ts';
import { TABLES, TableAppender } from './duckdb-append.ts';
import type { DuckDbFile } from './duckdb-file.ts';
import { InterfaceAppender, InterfaceChunk } from './interface-appender.ts';
import { interfaceColumns } from './interface-columns.ts';
import { PointWriter } from './point-writer.ts';
import { deviceRow, gaugeRows, processHash } from './poll-rows.ts';
import { LateReadings } from './late-readings.ts';
import { deleteReplaced } from './replace-rows.ts';
import { writeResources } from './resource-rows.ts';
import { RESOURCE_KINDS, ResourceBook, type ResourceKind } from './resource-book.ts';

/** Holes remembered of a stream; the oldest beyond count as closed: what comes late into one is not stored. */
const MAX_RANGES = 1000;
/** Devices whose last resources are kept at hand. */
const MOST_LAST_IDS = 20_000;

export interface Applied {
  readonly rows: number;
  /** Rows left out because there are too many resources. */
  readonly dropped: number;
}

type Appenders = Readonly<Record<'device_metrics' | 'gauge_metrics', TableAppender>> & {
  readonly interface_metrics: InterfaceAppender;
};

/** The resources of a device's last table of interfaces, as long as none has come or gone since. */
interface LastIds {
  readonly version: number;
  readonly intervalMs: number;
  readonly keys: readonly string[];
  readonly ids: Int32Array;
}

/** What the file holds, as far as writing needs it; after a failed transaction it is wrong and must be loaded anew. */
export class DuckDbWriter {
  readonly book = new ResourceBook();
  readonly #file: DuckDbFile;
  readonly #positions = new Map<string, number>();
  readonly #streams = new Map<string, HeldSequences>();
  readonly #interfaces = new InterfaceChunk();
  /** By device: mostly the next table has the same interfaces, and none has to be looked up by its name again. */
  readonly #lastIds = new Map<string, LastIds>();
  #points = new PointWriter(this.book, 0n);
  #late = new LateReadings();
  #lateBeforeMs: () => EpochMs = () => Number.NEGATIVE_INFINITY;
  #rows = 0;
  #dropped = 0;

  private constructor(file: DuckDbFile) {
    this.#file = file;
  }

  static async load(file: DuckDbFile): Promise<DuckDbWriter> {
    const writer = new DuckDbWriter(file);
    const all = Number.POSITIVE_INFINITY;
    await file.read('select journal, position from journal_position', {}, all, (row) =>
      writer.#positions.set(String(row[0]), Number(row[1])),
    );
    await file.read('select agent, incarnation, through, above from applied_stream', {}, all, (row) =>
      writer.#streams.set(streamKey(String(row[0]), String(row[1])), {
        through: Number(row[2]),
        above: rangesOf(String(row[3])),
      }),
    );
    await file.read(
      'select id, kind, device, part, metric, description, unit, interval_ms, tags from resource',
      {},
      all,
      (row) =>
        writer.book.load({
          id: Number(row[0]),
          kind: kindOf(String(row[1])),
          device: String(row[2]),
          part: String(row[3]),
          metric: String(row[4]),
          description: String(row[5]),
          unit: String(row[6]),
          intervalMs: Number(row[7]),
          tags: String(row[8] ?? ''),
        }),
    );
    await file.read(
      'select max(written) from (select written from point_metrics union all select written from point_texts)',
      {},
      1,
      (row) => (writer.#points = new PointWriter(writer.book, typeof row[0] === 'bigint' ? row[0] : 0n)),
    );
    return writer;
  }

  position(journal: string): number {
    return this.#positions.get(journal) ?? 0;
  }

  /** Between two batches others have a turn. */
  async apply(entries: readonly JournaledBatch[], breather: Breather): Promise<Applied> {
    const unseen = entries.filter((entry) => entry.position > this.position(entry.journal));
    if (unseen.length === 0) return { rows: 0, dropped: 0 };
    this.#rows = 0;
    this.#dropped = 0;
    this.#late = new LateReadings();
    await this.#file.transaction(async (connection) => {
      const appenders: Appenders = {
        interface_metrics: new InterfaceAppender(connection, this.#interfaces),
        device_metrics: new TableAppender(connection, 'device_metrics'),
        gauge_metrics: new TableAppender(connection, 'gauge_metrics'),
      };
      try {
        await deleteReplaced(
          connection,
          this.book,
          unseen.filter((entry) => entry.again === true),
        );
        const streams = await this.#appendAll(appenders, unseen, breather);
        const points = await this.#points.append(
          connection,
          unseen.flatMap((entry) => entry.points ?? []),
        );
        for (const entry of unseen) this.#late.points(entry.points, this.book, this.#lateBeforeMs());
        this.#rows += points.rows;
        this.#dropped += points.dropped;
        await writeResources(connection, this.book);
        await this.#late.write(connection);
        await this.#writeMarks(connection, streams);
        await this.#writePositions(connection, unseen);
      } finally {
        for (const appender of allOf(appenders)) appender.abandon();
      }
    });
    return { rows: this.#rows, dropped: this.#dropped };
  }

  /** Sets the position back, or forth: what is applied next is what stands after it. */
  async rewind(journal: string, position: number): Promise<void> {
    await this.#file.transaction(async (connection) => {
      await connection.run('insert or replace into journal_position values ($journal, $position)', {
        journal,
        position: BigInt(position),
      });
    });
    this.#positions.set(journal, position);
  }

  /** Readings before that time have their buckets made: they are marked, so that these are made anew. */
  judgeLateBy(lateBeforeMs: () => EpochMs): void {
    this.#lateBeforeMs = lateBeforeMs;
  }

  /** Deletes readings older than that, and resources of which nothing is left; their room in the file is used again. */
  async forgetBefore(beforeMs: EpochMs): Promise<void> {
    const before = BigInt(Math.floor(beforeMs));
    await this.#file.transaction(async (connection) => {
      for (const table of Object.keys(TABLES))
        await connection.run(`delete from ${table} where at_ms < $before`, { before });
      await connection.run(`insert or replace into rollup_mark values ('raw_from', $before)`, { before });
    });
    await this.forgetUnused();
  }

  async forgetUnused(): Promise<void> {
    await this.#file.transaction(async (connection) => {
      const tables = [...Object.keys(TABLES), 'rollup_5m', 'rollup_1h', 'rollup_1d', 'state_run'];
      const used = tables.map((table) => `select distinct resource from ${table}`);
      const unused = await connection.runAndReadAll(
        `delete from resource where id not in (${used.join(' union ')}) returning id`,
      );
      for (const [id] of unused.getRows()) this.book.forget(Number(id));
    });
  }

  /** The streams that have moved on. */
  async #appendAll(appenders: Appenders, entries: readonly JournaledBatch[], breather: Breather): Promise<Set<string>> {
    for (const appender of allOf(appenders)) await appender.open();
    const streams = new Set<string>();
    /** Batches gone through again of this chunk: one may stand in a journal twice. */
    const passed = new Set<string>();
    for (const entry of entries) {
      if (entry.points !== undefined) continue;
      if (!this.#claim(entry, streams) && (entry.again !== true || passed.has(sequenceKey(entry)))) continue;
      if (entry.again === true) passed.add(sequenceKey(entry));
      for (const poll of entry.batch.polls) {
        this.#appendPoll(appenders, poll, entry.clockOffsetMs);
        this.#late.poll(poll, entry.clockOffsetMs, this.#lateBeforeMs());
      }
      await breather.breathe();
    }
    for (const appender of allOf(appenders)) appender.finish();
    return streams;
  }

  /** The same batch may stand in two journals: a collector's that was lost, and the one after it. */
  #claim(entry: JournaledBatch, touched: Set<string>): boolean {
    const { agent, incarnation, sequence } = entry.batch;
    const key = streamKey(agent, incarnation);
    const held = this.#streams.get(key) ?? NOTHING_HELD;
    if (holds(held, sequence)) return false;
    let now = hold(held, sequence, sequence);
    const oldest = now.above[0];
    if (now.above.length > MAX_RANGES && oldest !== undefined) now = hold(now, 1, oldest.last);
    this.#streams.set(key, now);
    touched.add(key);
    return true;
  }

  #appendPoll(appenders: Appenders, poll: Poll, clockOffsetMs: number): void {
    const intervalMs = wholeWithin(poll.intervalMs);
    const device = deviceRow(poll, clockOffsetMs);
    this.#append(appenders.device_metrics, this.book.device(poll.device, intervalMs)?.id, (id) => [
      id,
      BigInt(device.atMs),
      intervalMs,
      device.reachable ? 1 : 0,
      wholeWithin(device.durationMs),
      wholeWithin(device.requests),
      wholeWithin(device.retries),
      device.uptimeTicks,
    ]);
    const process = processHash(poll.processId);
    for (const table of poll.tables) {
      if (table.name === 'interface') {
        const columns = interfaceColumns(table, clockOffsetMs);
        const ids = this.#interfaceIds(poll.device, columns.keys, intervalMs);
        this.#rows += appenders.interface_metrics.append(ids, columns, process, intervalMs);
      } else {
        for (const row of gaugeRows(table, clockOffsetMs)) {
          const resource = this.book.gauge(poll.device, row, intervalMs);
          this.#append(appenders.gauge_metrics, resource?.id, (id) => [id, BigInt(row.atMs), intervalMs, row.value]);
        }
      }
    }
  }

  /** 0 for a row that is left out. */
  #interfaceIds(device: string, keys: readonly string[], intervalMs: number): Int32Array {
    const last = this.#lastIds.get(device);
    if (last?.version === this.book.version && last.intervalMs === intervalMs && isSame(last.keys, keys))
      return last.ids;
    const ids = new Int32Array(keys.length);
    const parts: string[] = [];
    let whole = true;
    for (let row = 0; row < keys.length; row += 1) {
      const key = keys[row] ?? '';
      const resource = key === '' ? null : this.book.interface(device, key, intervalMs);
      parts.push(resource?.part ?? '');
      if (resource !== null) ids[row] = resource.id;
      else if (key !== '') {
        this.#dropped += 1;
        whole = false;
      }
    }
    if (this.#lastIds.size >= MOST_LAST_IDS) this.#lastIds.clear();
    // What is left out is counted each time.
    if (whole) this.#lastIds.set(device, { version: this.book.version, intervalMs, keys: parts, ids });
    else this.#lastIds.delete(device);
    return ids;
  }

  #append(
    appender: TableAppender,
    id: number | undefined,
    columns: (id: number) => Parameters<TableAppender['append']>[0],
  ): void {
    if (id === undefined) {
      this.#dropped += 1;
      return;
    }
    appender.append(columns(id));
    this.#rows += 1;
  }

  async #writeMarks(connection: DuckDBConnection, keys: ReadonlySet<string>): Promise<void> {
    for (const key of keys) {
      const held = this.#streams.get(key) ?? NOTHING_HELD;
      const [agent = '', incarnation = ''] = JSON.parse(key) as string[];
      await connection.run('insert or replace into applied_stream values ($agent, $incarnation, $through, $above)', {
        agent,
        incarnation,
        through: BigInt(held.through),
        above: JSON.stringify(held.above.map(({ first, last }) => [first, last])),
      });
    }
  }

  async #writePositions(connection: DuckDBConnection, entries: readonly JournaledBatch[]): Promise<void> {
    const moved = new Set<string>();
    for (const { journal, position } of entries) {
      this.#positions.set(journal, Math.max(position, this.position(journal)));
      moved.add(journal);
    }
    for (const journal of moved)
      await connection.run('insert or replace into journal_position values ($journal, $position)', {
        journal,
        position: BigInt(this.position(journal)),
      });
  }
}

function allOf(appenders: Appenders): readonly (TableAppender | InterfaceAppender)[] {
  return Object.values<TableAppender | InterfaceAppender>(appenders);
}

const MOST_INTEGER = 2 ** 31 - 1;

function isSame(left: readonly string[], right: readonly string[]): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false;
  return true;
}

function wholeWithin(value: number): number {
  return Math.max(0, Math.min(MOST_INTEGER, Math.round(value)));
}

function streamKey(agent: string, incarnation: string): string {
  return JSON.stringify([agent, incarnation]);
}

function sequenceKey({ batch }: JournaledBatch): string {
  return JSON.stringify([batch.agent, batch.incarnation, batch.sequence]);
}

function rangesOf(text: string): { first: number; last: number }[] {
  return (JSON.parse(text) as [number, number][]).map(([first, last]) => ({ first, last }));
}

function kindOf(text: string): ResourceKind {
  const kind = RESOURCE_KINDS.find((one) => one === text);
  if (kind !== undefined) return kind;
  throw new Error(`BUG: a resource of kind ${text}`);
}
