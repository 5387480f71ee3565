// Answers the bridge from PostgreSQL: pages after a cursor, the readings of one meter, and the content of batches that were applied.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type {
  Layout,
  LayoutRow,
  MeterReadingsAnswer,
  ReadingPage,
  ReadingsAnswer,
} from '../../common/wire/reading-page.ts';
import { readMeter } from './meter-readings.ts';
import type { StreamName } from './named-ids.ts';
import { ROW_OCTETS_BYTES, unpackSegments, wireValues } from './packed-page.ts';
import { cursorOf, type HeldBatch, type JournalPlace, nextBatches, placesOf } from './reading-batches.ts';
import { MAX_READING_PAGES, type MeterReadingsQuery, type Readings, type ReadingsSummary } from './readings.ts';

/** Rows of layouts kept in memory; then all are read again. */
const MAX_LAYOUT_ROWS = 100_000;

export class PostgresReadings implements Readings {
  readonly #database: Database;
  readonly #layouts = new Map<number, Layout>();
  #layoutRows = 0;

  constructor(deps: { readonly database: Database }) {
    this.#database = deps.database;
  }

  after(cursor: string | null, limit: number): Promise<ReadingsAnswer> {
    const most = Math.max(1, Math.min(MAX_READING_PAGES, Math.trunc(limit)));
    return this.#database.transaction(async (connection) => {
      // One state of the database, so that the watermarks are those of the pages.
      await connection.query('set transaction isolation level repeatable read, read only');
      const places = await placesOf(connection, cursor);
      const batches = await nextBatches(connection, places, most);
      const reached = advance(places, batches);
      const items = await readPages(connection, places, reached, batches);
      const more = reached.some((place) => place.after < place.last);
      return {
        items,
        layouts: await this.#layoutsOf(
          connection,
          items.map((page) => page.layout),
        ),
        next: batches.length === 0 && cursor !== null ? cursor : cursorOf(reached),
        more,
        watermarks: more ? {} : await watermarksNow(connection),
        quarantined: await countQuarantined(connection),
      };
    });
  }

  ofMeter(query: MeterReadingsQuery): Promise<MeterReadingsAnswer> {
    return readMeter(this.#database, query);
  }

  async summary(): Promise<ReadingsSummary> {
    const { rows } = await this.#database.query<{ pages: bigint; last_ms: bigint | null }>(
      'select coalesce(sum(pages), 0)::int8 as pages, max(last_observed_at_ms) as last_ms from readings.journal',
    );
    const lastMs = rows[0]?.last_ms ?? null;
    return {
      pages: rows[0]?.pages ?? 0n,
      lastObservedAtMs: lastMs === null ? null : Number(lastMs),
      quarantined: await countQuarantined(this.#database),
    };
  }

  /** SHA-256 (hexadecimal) of the batch that was applied under a sequence; null where none was. */
  async appliedContent(stream: StreamName, sequence: number): Promise<string | null> {
    const { rows } = await this.#database.query<{ sha256: Buffer }>(
      `select sha256 from readings.batch
        where stream = (select id from readings.stream where agent = $1 and incarnation = $2) and sequence = $3`,
      [stream.agent, stream.incarnation, sequence],
    );
    return rows[0]?.sha256.toString('hex') ?? null;
  }

  async #layoutsOf(connection: Queryable, wanted: readonly number[]): Promise<Layout[]> {
    const ids = [...new Set(wanted)];
    if (this.#layoutRows > MAX_LAYOUT_ROWS) {
      this.#layouts.clear();
      this.#layoutRows = 0;
    }
    const missing = ids.filter((id) => !this.#layouts.has(id));
    if (missing.length > 0) {
      const { rows } = await connection.query<{ id: number; device: string; rows: readonly LayoutRow[] }>(
        `select layout.id, device.name as device, layout.rows
           from readings.layout layout join inventory.device device on device.id = layout.device
          where layout.id = any($1::int[])`,
        [missing],
      );
      for (const layout of rows) {
        this.#layouts.set(layout.id, layout);
        this.#layoutRows += layout.rows.length;
      }
    }
    return ids.map((id) => {
      const layout = this.#layouts.get(id);
      if (layout === undefined) throw new Error(`BUG: there are pages of layout ${id}, but no such layout`);
      return layout;
    });
  }
}

function advance(places: readonly JournalPlace[], batches: readonly HeldBatch[]): JournalPlace[] {
  const last = new Map(batches.map((batch) => [batch.journal, batch.position]));
  return places.map((place) => ({ ...place, after: last.get(place.id) ?? place.after }));
}

interface PageRow {
  readonly journal: number;
  readonly position: bigint;
  readonly ordinal: number;
  readonly agent: string;
  readonly incarnation: string;
  readonly sequence: bigint;
  readonly sha256: Buffer;
  readonly device: string;
  readonly layout: number;
  readonly process: string;
  readonly interval_ms: bigint;
  readonly observed_at_ms: bigint;
  readonly clock_sound: boolean;
  readonly segments: Buffer;
  readonly octets: Buffer;
  readonly discontinuity: Buffer | null;
  readonly present: Buffer | null;
}

/** All pages of the batches, in their order. */
async function readPages(
  connection: Queryable,
  places: readonly JournalPlace[],
  reached: readonly JournalPlace[],
  batches: readonly HeldBatch[],
): Promise<ReadingPage[]> {
  const moved = reached.filter((place, at) => place.after !== places[at]?.after);
  if (moved.length === 0) return [];
  const from = new Map(places.map((place) => [place.id, place.after]));
  const { rows } = await connection.query<PageRow>(READ_PAGES, [
    moved.map((place) => place.id),
    moved.map((place) => from.get(place.id)),
    moved.map((place) => place.after),
  ]);
  const names = new Map(places.map((place) => [place.id, place.name]));
  const order = new Map(batches.map((batch, at) => [`${batch.journal} ${batch.position}`, at]));
  const placed = rows.map((row) => ({ row, at: order.get(`${row.journal} ${row.position}`) ?? 0 }));
  return placed
    .toSorted((a, b) => a.at - b.at || a.row.ordinal - b.row.ordinal)
    .map(({ row }) => pageOf(row, names.get(row.journal) ?? ''));
}

const READ_PAGES = `
  select page.journal, page.position, page.ordinal, stream.agent, stream.incarnation, batch.sequence, batch.sha256,
         device.name as device, page.layout, batch.processes[page.process + 1] as process, page.interval_ms,
         page.observed_at_ms, batch.clock_sound, page.segments, page.octets, page.discontinuity, page.present
    from unnest($1::int[], $2::int8[], $3::int8[]) as span (journal, after, upto)
    join readings.batch batch
      on batch.journal = span.journal and batch.position > span.after and batch.position <= span.upto
    join readings.stream stream on stream.id = batch.stream
    join readings.page page on page.journal = batch.journal and page.position = batch.position
    join inventory.device device on device.id = page.device`;

function pageOf(row: PageRow, journal: string): ReadingPage {
  const { octets, discontinuity } = row;
  const rows = octets.length / ROW_OCTETS_BYTES;
  const { values, present } = wireValues({ rows, octets, discontinuity, present: row.present });
  return {
    journal,
    position: Number(row.position),
    ordinal: row.ordinal,
    agent: row.agent,
    incarnation: row.incarnation,
    sequence: Number(row.sequence),
    batchSha256: row.sha256.toString('hex'),
    device: row.device,
    layout: row.layout,
    processId: row.process,
    intervalMs: Number(row.interval_ms),
    clockSound: row.clock_sound,
    segments: unpackSegments(row.segments, Number(row.observed_at_ms)),
    values,
    present,
  };
}

/** Of every device whose agents said so; only true beside all pages that are there. */
async function watermarksNow(connection: Queryable): Promise<Record<string, EpochMs>> {
  const { rows } = await connection.query<{ name: string; complete_until_ms: bigint }>(
    'select name, complete_until_ms from inventory.device where complete_until_ms is not null order by name',
  );
  return Object.fromEntries(rows.map((row) => [row.name, Number(row.complete_until_ms)]));
}

/** Batches that are missing from the readings, however many collectors kept them: what only metrics or alarms failed on is none of them. */
async function countQuarantined(connection: Queryable): Promise<number> {
  const { rows } = await connection.query<{ count: bigint }>(
    `select count(distinct (agent, incarnation, sequence, sha256)) as count
       from readings.quarantine where resolved_at_ms is null and reader in ('ingest', 'readings')`,
  );
  return Number(rows[0]?.count ?? 0n);
}
