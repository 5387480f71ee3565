// Reads pages of a device with one row cut out of each, chunk by chunk in the order of their time, forwards or backwards.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { LayoutRow } from '../../common/wire/reading-page.ts';

export interface MeterPlaces {
  readonly meter: number;
  readonly device: number;
  readonly direction: 'in' | 'out';
  /** No reading of a page of the device is later than the page by more than this. */
  readonly spanMs: number;
  readonly layouts: ReadonlyMap<
    number,
    { readonly id: number; readonly row: number; readonly rows: number; readonly facts: LayoutRow }
  >;
}

/** The order of pages. */
export type PageKey = readonly [observedAtMs: EpochMs, journal: number, position: number, ordinal: number];

export interface MeterPage {
  readonly journal: number;
  readonly journalName: string;
  readonly position: number;
  readonly ordinal: number;
  readonly layout: number;
  readonly observedAtMs: EpochMs;
  readonly intervalMs: number;
  readonly processId: string;
  readonly clockSound: boolean;
  readonly agent: string;
  readonly incarnation: string;
  readonly sequence: number;
  readonly sha256: Buffer;
  readonly segments: Buffer;
  readonly present: Buffer | null;
  /** The eight octets of the counter. */
  readonly value: Buffer;
  /** The four of its row's ifCounterDiscontinuityTime. */
  readonly discontinuity: Buffer | null;
}

interface Chunk {
  readonly items: readonly MeterPage[];
  /** Of the last page; null where no more come. */
  readonly last: PageKey | null;
}

/** Octets of the clocks of a page, of which a device with thousands of interfaces has many. */
const MOST_BYTES = 16 * 1024 * 1024;
const ROW_BYTES = 4;

/** Pages that may hold a reading at `beginMs` or later, and begin before `toMs`. */
export function nextPages(
  database: Queryable,
  places: MeterPlaces,
  wanted: {
    readonly beginMs: EpochMs;
    readonly toMs: EpochMs | null;
    readonly after: PageKey | null;
    readonly count: number;
  },
): Promise<Chunk> {
  const { beginMs, toMs, after, count } = wanted;
  const first: PageKey = [beginMs - places.spanMs, 0, 0, -1];
  return readChunk(database, places, '>', after ?? first, toMs, count);
}

/** Pages that begin before a time, the latest first. */
export function previousPages(
  database: Queryable,
  places: MeterPlaces,
  wanted: { readonly beforeMs: EpochMs; readonly after: PageKey | null; readonly count: number },
): Promise<Chunk> {
  const { beforeMs, after, count } = wanted;
  return readChunk(database, places, '<', after ?? [beforeMs, 0, 0, -1], null, count);
}

async function readChunk(
  database: Queryable,
  places: MeterPlaces,
  direction: '>' | '<',
  beyond: PageKey,
  toMs: EpochMs | null,
  count: number,
): Promise<Chunk> {
  const layouts = [...places.layouts.values()];
  const widest = Math.max(1, ...layouts.map((layout) => layout.rows));
  const most = Math.max(1, Math.min(count, Math.floor(MOST_BYTES / (widest * ROW_BYTES))));
  const { rows } = await database.query<Row>(READ[direction], [
    places.device,
    layouts.map((layout) => layout.id),
    layouts.map((layout) => layout.row),
    layouts.map((layout) => (places.direction === 'in' ? layout.row : layout.rows + layout.row)),
    ...beyond,
    toMs,
    most,
  ]);
  const items = rows.map(pageOf);
  const end = items.length < most ? undefined : items.at(-1);
  return { items, last: end === undefined ? null : [end.observedAtMs, end.journal, end.position, end.ordinal] };
}

function readSql(direction: '>' | '<'): string {
  const order = direction === '>' ? 'asc' : 'desc';
  return `
    select found.*, journal.name as journal_name, batch.processes[process + 1] as process_id, batch.clock_sound,
           stream.agent, stream.incarnation, batch.sequence, batch.sha256
      from (select journal, position, ordinal, page.layout, observed_at_ms, interval_ms, process, segments, present,
                   substring(octets from 8 * place.word + 1 for 8) as value,
                   case when length(discontinuity) > 4 then substring(discontinuity from 4 * place.row + 1 for 4)
                        else discontinuity end as discontinuity
              from readings.page page
              join unnest($2::int[], $3::int[], $4::int[]) as place (layout, row, word) on place.layout = page.layout
             where page.device = $1 and (observed_at_ms, journal, position, ordinal) ${direction} ($5::int8, $6::int, $7::int8, $8::int)
               and ($9::int8 is null or observed_at_ms < $9)
             order by observed_at_ms ${order}, journal ${order}, position ${order}, ordinal ${order} limit $10) as found
      join readings.batch batch on batch.journal = found.journal and batch.position = found.position
      join readings.stream stream on stream.id = batch.stream
      join readings.journal journal on journal.id = found.journal
     order by observed_at_ms ${order}, found.journal ${order}, found.position ${order}, ordinal ${order}`;
}

const READ = { '>': readSql('>'), '<': readSql('<') };

interface Row {
  readonly journal: number;
  readonly journal_name: string;
  readonly position: bigint;
  readonly ordinal: number;
  readonly layout: number;
  readonly observed_at_ms: bigint;
  readonly interval_ms: bigint;
  readonly process_id: string;
  readonly clock_sound: boolean;
  readonly agent: string;
  readonly incarnation: string;
  readonly sequence: bigint;
  readonly sha256: Buffer;
  readonly segments: Buffer;
  readonly present: Buffer | null;
  readonly value: Buffer;
  readonly discontinuity: Buffer | null;
}

function pageOf(row: Row): MeterPage {
  return {
    journal: row.journal,
    journalName: row.journal_name,
    position: Number(row.position),
    ordinal: row.ordinal,
    layout: row.layout,
    observedAtMs: Number(row.observed_at_ms),
    intervalMs: Number(row.interval_ms),
    processId: row.process_id,
    clockSound: row.clock_sound,
    agent: row.agent,
    incarnation: row.incarnation,
    sequence: Number(row.sequence),
    sha256: row.sha256,
    segments: row.segments,
    present: row.present,
    value: row.value,
    discontinuity: row.discontinuity,
  };
}
