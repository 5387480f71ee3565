// Writes batches and their pages, many in one statement: the packed parts go as one value and are cut up by the server.
import type { Queryable } from '../../common/database/database.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { JournaledBatch } from '../project/projection.ts';
import type { BuiltPage } from './build-page.ts';
import type { StreamName } from './named-ids.ts';
import type { PageArena } from './page-arena.ts';

export interface PageOfPoll extends BuiltPage {
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
  await tally(connection, pages);
  await keepLongest(connection, pages);
  return pages.length;
}

/**
 * Those of the entries whose batch is in the readings already. Throws batch_conflict where that is one of another content: a sequence is
 * never given twice; a thinned copy of a batch, or what stands in for one in quarantine, is no other content.
 */
export async function heldAlready(
  connection: Queryable,
  entries: readonly JournaledBatch[],
  streamId: (stream: StreamName) => number,
): Promise<Set<JournaledBatch>> {
  const { rows } = await connection.query<{ place: bigint; sha256: Buffer }>(
    `select asked.place, held.sha256
       from unnest($1::int[], $2::int8[]) with ordinality as asked (stream, sequence, place)
       join readings.batch held on held.stream = asked.stream and held.sequence = asked.sequence`,
    [entries.map(({ batch }) => streamId(batch)), entries.map(({ batch }) => batch.sequence)],
  );
  const held = new Set<JournaledBatch>();
  for (const row of rows) {
    const entry = entries[Number(row.place) - 1];
    if (entry === undefined) throw new Error('BUG: a batch that was not asked for');
    held.add(entry);
    const { agent, sequence, polls, thinned } = entry.batch;
    const sha256 = row.sha256.toString('hex');
    if (sha256 === entry.sha256 || polls.length === 0 || thinned) continue;
    const detail = { agent, sequence, held: sha256, found: entry.sha256 };
    throw new WeirError(
      'batch_conflict',
      `The sequence ${sequence} of ${agent} was applied with another content.`,
      detail,
    );
  }
  return held;
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
    receivedAtMs: entry.receivedAtMs,
    clockOffsetMs: Math.round(entry.clockOffsetMs),
    clockSound,
    processes,
    pages: pages.length,
    rows: pages.reduce((sum, page) => sum + page.layout.rows.length, 0),
  }));
  const { rows: written } = await connection.query<{ journal: number; position: bigint }>(
    `insert into readings.batch (stream, sequence, journal, position, sha256, received_at_ms, clock_offset_ms, clock_sound,
            processes, pages, rows)
     select stream, sequence, journal, position, decode(sha256, 'hex'), "receivedAtMs", "clockOffsetMs", "clockSound",
            array(select jsonb_array_elements_text(processes)), pages, rows
       from jsonb_to_recordset($1::jsonb) as new (stream int, sequence int8, journal int, position int8, sha256 text,
            "receivedAtMs" int8, "clockOffsetMs" int8, "clockSound" boolean, processes jsonb, pages int, rows int)
     on conflict do nothing returning journal, position`,
    [JSON.stringify(rows)],
  );
  return new Set(written.map((row) => `${row.journal} ${row.position}`));
}

function* parts(pages: readonly PlacedPage[]): Generator<readonly PlacedPage[]> {
  let part: PlacedPage[] = [];
  let bytes = 0;
  for (const placed of pages) {
    part.push(placed);
    bytes += bytesOf(placed.page);
    if (bytes < MOST_BYTES) continue;
    yield part;
    part = [];
    bytes = 0;
  }
  if (part.length > 0) yield part;
}

function bytesOf(page: PageOfPoll): number {
  return page.octets + page.segments + page.discontinuity + page.present;
}

async function insertPages(connection: Queryable, placed: readonly PlacedPage[], arena: PageArena): Promise<void> {
  const begin = placed[0]?.page.at ?? 0;
  const end = placed.reduce((last, { page }) => Math.max(last, page.at + bytesOf(page)), begin);
  // As the server writes arrays: cheaper than a parameter of many values.
  const list = (of: (one: PlacedPage) => number): string => {
    let text = '';
    for (const one of placed) text += `,${of(one)}`;
    return `{${text.slice(1)}}`;
  };
  await connection.query(INSERT_PAGES, [
    arena.bytes.subarray(begin, end),
    list(({ position }) => position),
    list(({ page }) => page.observedAtMs),
    list(({ page }) => page.intervalMs),
    list(({ journal }) => journal),
    list(({ ordinal }) => ordinal),
    list(({ page }) => page.device),
    list(({ page }) => page.layout.id),
    list(({ page }) => page.process),
    list(({ page }) => page.at - begin + 1),
    list(({ page }) => page.octets),
    list(({ page }) => page.segments),
    list(({ page }) => page.discontinuity),
    list(({ page }) => page.present),
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

/** How many pages came through each journal, so that nobody has to count them. */
async function tally(connection: Queryable, pages: readonly PlacedPage[]): Promise<void> {
  const counts = new Map<number, { pages: number; lastMs: EpochMs }>();
  for (const { journal, page } of pages) {
    const count = counts.get(journal) ?? { pages: 0, lastMs: page.observedAtMs };
    counts.set(journal, { pages: count.pages + 1, lastMs: Math.max(count.lastMs, page.observedAtMs) });
  }
  if (counts.size === 0) return;
  await connection.query(
    `update readings.journal journal
        set pages = journal.pages + more.pages,
            last_observed_at_ms = greatest(journal.last_observed_at_ms, more.last_ms)
       from unnest($1::int[], $2::int8[], $3::int8[]) as more (id, pages, last_ms) where journal.id = more.id`,
    [
      [...counts.keys()],
      [...counts.values()].map((count) => count.pages),
      [...counts.values()].map((count) => count.lastMs),
    ],
  );
}

/** A reading may be so much later than its page: who looks for readings of a time has to know. */
async function keepLongest(connection: Queryable, pages: readonly PlacedPage[]): Promise<void> {
  const longest = new Map<number, number>();
  for (const { page } of pages) {
    if (page.spanMs > USUAL_SPAN_MS) longest.set(page.device, Math.max(page.spanMs, longest.get(page.device) ?? 0));
  }
  if (longest.size === 0) return;
  await connection.query(
    `insert into readings.longest_page as held (device, span_ms)
     select device, span_ms from unnest($1::int[], $2::int8[]) as seen (device, span_ms) order by device
     on conflict (device) do update set span_ms = excluded.span_ms where held.span_ms < excluded.span_ms`,
    [[...longest.keys()], [...longest.values()].map((span) => 2 ** Math.ceil(Math.log2(span)))],
  );
}
