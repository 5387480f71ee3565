// Writes batches and their pages, many in one statement: the packed parts go as one value and are cut up by the server.
import type { Queryable } from '../../common/database/database.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { JournaledBatch } from '../project/projection.ts';
import type { BuiltPage } from './build-page.ts';
import type { StreamName } from './named-ids.ts';
import type { PageArena } from './page-arena.ts';

export interface PageOfPoll {
  readonly built: BuiltPage;
  /** Id of the device. */
  readonly device: number;
  readonly intervalMs: number;
  /** Place in the batch's processes. */
  readonly process: number;
}

/** A batch with what of it is kept. */
export interface PagedBatch {
  readonly stream: number;
  readonly journal: number;
  readonly entry: JournaledBatch;
  readonly clockSound: boolean;
  readonly processes: readonly string[];
  readonly pages: readonly PageOfPoll[];
}

/** Octets of packed parts in one statement. */
const MOST_BYTES = 16 * 1024 * 1024;
/** Spans are kept as powers of two, so that the longest page of a device is seldom longer than the last. */
export const USUAL_SPAN_MS = 16_384;

/** Writes batches that are not there yet, and their pages, whose parts are in the arena; returns how many pages were written. */
export async function writeBatches(
  connection: Queryable,
  batches: readonly PagedBatch[],
  arena: PageArena,
): Promise<number> {
  const written = await insertBatches(connection, batches);
  const fresh = batches.filter((batch) => written.has(`${batch.journal} ${batch.entry.position}`));
  const pages = fresh.flatMap(({ journal, entry, pages: list }) =>
    list.map((page, ordinal): PlacedPage => ({ page, journal, position: entry.position, ordinal })),
  );
  for (const part of parts(pages)) await insertPages(connection, part, arena);
  await keepLongest(connection, pages);
  return pages.length;
}

/**
 * Those of the entries whose batch is in the readings already. Throws batch_conflict where that is one of another content: a sequence is
 * never given twice; a thinned copy of a batch, the whole of a thinned one, or what stands in for one in quarantine, is no other content.
 */
export async function heldAlready(
  connection: Queryable,
  entries: readonly JournaledBatch[],
  streamId: (stream: StreamName) => number,
): Promise<Set<JournaledBatch>> {
  const { rows } = await connection.query<HeldRow>(
    `select asked.place, held.sha256, held.thinned, held.pages, held.journal, held.position
       from unnest($1::int[], $2::int8[]) with ordinality as asked (stream, sequence, place)
       join readings.batch held on held.stream = asked.stream and held.sequence = asked.sequence`,
    [entries.map(({ batch }) => streamId(batch)), entries.map(({ batch }) => batch.sequence)],
  );
  const held = new Set<JournaledBatch>();
  for (const row of rows) {
    const entry = entries[Number(row.place) - 1];
    if (entry === undefined) throw new Error('BUG: a batch that was not asked for');
    // It stood in for a batch that could not be used then.
    if (entry.again === true && row.pages === 0 && entry.batch.polls.length > 0) {
      await connection.query('delete from readings.batch where journal = $1 and position = $2', [
        row.journal,
        row.position,
      ]);
      continue;
    }
    held.add(entry);
    const { agent, sequence, polls, thinned } = entry.batch;
    const sha256 = row.sha256.toString('hex');
    if (sha256 === entry.sha256 || polls.length === 0 || thinned || row.thinned) continue;
    const detail = { agent, sequence, held: sha256, found: entry.sha256 };
    throw new WeirError(
      'batch_conflict',
      `The sequence ${sequence} of ${agent} was applied with another content.`,
      detail,
    );
  }
  return held;
}

interface HeldRow {
  readonly place: bigint;
  readonly sha256: Buffer;
  readonly thinned: boolean;
  readonly pages: number;
  readonly journal: number;
  readonly position: bigint;
}

interface PlacedPage {
  readonly page: PageOfPoll;
  readonly journal: number;
  readonly position: number;
  readonly ordinal: number;
}

async function insertBatches(connection: Queryable, batches: readonly PagedBatch[]): Promise<Set<string>> {
  if (batches.length === 0) return new Set();
  const rows = batches.map(({ stream, journal, entry, clockSound, processes, pages }) => ({
    stream,
    sequence: entry.batch.sequence,
    journal,
    position: entry.position,
    sha256: entry.sha256,
    thinned: entry.batch.thinned,
    receivedAtMs: entry.receivedAtMs,
    clockOffsetMs: Math.round(entry.clockOffsetMs),
    clockSound,
    processes,
    pages: pages.length,
    rows: pages.reduce((sum, page) => sum + page.built.layout.rows.length, 0),
    lastMs: pages.length === 0 ? null : Math.max(...pages.map((page) => page.built.observedAtMs)),
  }));
  const { rows: written } = await connection.query<{ journal: number; position: bigint }>(INSERT_BATCHES, [
    JSON.stringify(rows),
  ]);
  return new Set(written.map((row) => `${row.journal} ${row.position}`));
}

/** Also counts the pages of each journal, so that nobody has to. */
const INSERT_BATCHES = `
  with asked as (
    select * from jsonb_to_recordset($1::jsonb) as new (stream int, sequence int8, journal int, position int8, sha256 text,
           "receivedAtMs" int8, "clockOffsetMs" int8, "clockSound" boolean, processes jsonb, pages int, rows int,
           "lastMs" int8, thinned boolean)
  ), written as (
    insert into readings.batch (stream, sequence, journal, position, sha256, received_at_ms, clock_offset_ms,
           clock_sound, processes, pages, rows, thinned)
    select stream, sequence, journal, position, decode(sha256, 'hex'), "receivedAtMs", "clockOffsetMs", "clockSound",
           array(select jsonb_array_elements_text(processes)), pages, rows, thinned
      from asked on conflict do nothing returning journal, position
  ), counted as (
    update readings.journal journal
       set pages = journal.pages + more.pages,
           last_observed_at_ms = greatest(journal.last_observed_at_ms, more.last_ms)
      from (select journal, sum(pages) as pages, max("lastMs") as last_ms
              from asked join written using (journal, position) group by journal) as more
     where journal.id = more.journal and more.pages > 0
  )
  select journal, position from written`;

function* parts(pages: readonly PlacedPage[]): Generator<readonly PlacedPage[]> {
  let part: PlacedPage[] = [];
  let bytes = 0;
  for (const placed of pages) {
    part.push(placed);
    bytes += bytesOf(placed.page.built);
    if (bytes < MOST_BYTES) continue;
    yield part;
    part = [];
    bytes = 0;
  }
  if (part.length > 0) yield part;
}

function bytesOf(page: BuiltPage): number {
  return page.octets + page.segments + page.discontinuity + page.present;
}

async function insertPages(connection: Queryable, placed: readonly PlacedPage[], arena: PageArena): Promise<void> {
  const begin = placed[0]?.page.built.at ?? 0;
  const end = placed.reduce((last, { page }) => Math.max(last, page.built.at + bytesOf(page.built)), begin);
  // As the server writes arrays: cheaper than a parameter of many values.
  const list = (of: (one: PlacedPage) => number): string => {
    let text = '';
    for (const one of placed) text += `,${of(one)}`;
    return `{${text.slice(1)}}`;
  };
  await connection.query(INSERT_PAGES, [
    arena.bytes.subarray(begin, end),
    list(({ position }) => position),
    list(({ page }) => page.built.observedAtMs),
    list(({ page }) => page.intervalMs),
    list(({ journal }) => journal),
    list(({ ordinal }) => ordinal),
    list(({ page }) => page.device),
    list(({ page }) => page.built.layout.id),
    list(({ page }) => page.process),
    list(({ page }) => page.built.at - begin + 1),
    list(({ page }) => page.built.octets),
    list(({ page }) => page.built.segments),
    list(({ page }) => page.built.discontinuity),
    list(({ page }) => page.built.present),
  ]);
}

const INSERT_PAGES = `
  insert into readings.page (position, observed_at_ms, interval_ms, journal, ordinal, device, layout, process, octets,
         segments, discontinuity, present)
  select position, observed_at_ms, interval_ms, journal, ordinal, device, layout, process,
         substring($1::bytea from place for octets), substring($1::bytea from place + octets for segments),
         case when discontinuity > 0
              then substring($1::bytea from place + octets + segments for discontinuity) end,
         case when present > 0
              then substring($1::bytea from place + octets + segments + discontinuity for present) end
    from unnest($2::int8[], $3::int8[], $4::int8[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[], $10::int[],
                $11::int[], $12::int[], $13::int[], $14::int[])
         as new (position, observed_at_ms, interval_ms, journal, ordinal, device, layout, process, place, octets,
                 segments, discontinuity, present)`;

/** A reading may be so much later than its page: who looks for readings of a time has to know. */
async function keepLongest(connection: Queryable, pages: readonly PlacedPage[]): Promise<void> {
  const longest = new Map<number, number>();
  for (const { page } of pages) {
    const { spanMs } = page.built;
    if (spanMs > USUAL_SPAN_MS) longest.set(page.device, Math.max(spanMs, longest.get(page.device) ?? 0));
  }
  if (longest.size === 0) return;
  await connection.query(
    `insert into readings.longest_page as held (device, span_ms)
     select device, span_ms from unnest($1::int[], $2::int8[]) as seen (device, span_ms) order by device
     on conflict (device) do update set span_ms = excluded.span_ms where held.span_ms < excluded.span_ms`,
    [[...longest.keys()], [...longest.values()].map((span) => 2 ** Math.ceil(Math.log2(span)))],
  );
}
