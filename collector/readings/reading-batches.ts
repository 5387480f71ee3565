// Which batches an answer to the bridge holds: after its cursor, whole, in the order in which the collectors received them.
import { z } from 'zod';
import type { Queryable } from '../../common/database/database.ts';
import { readCursor, writeCursor } from '../../common/http/parameters.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';

/** A batch of which an answer tells the pages. */
export interface HeldBatch {
  readonly journal: number;
  readonly position: number;
  readonly receivedAtMs: EpochMs;
  readonly pages: number;
  readonly rows: number;
}

export interface JournalPlace {
  readonly id: number;
  readonly name: string;
  /** Of the last batch committed. */
  readonly last: number;
  /** Up to where the cursor has it. */
  readonly after: number;
}

/** Octets of an answer as JSON, estimated. */
const MOST_BYTES = 8 * 1024 * 1024;
const ROW_BYTES = 36;
const PAGE_BYTES = 700;
const vector = z.record(z.string().min(1).max(200), z.int().min(0));

/** The journals with batches, and how far the cursor has each; throws invalid_request for a cursor that was never given. */
export async function placesOf(connection: Queryable, cursor: string | null): Promise<JournalPlace[]> {
  const read = new Map(Object.entries(readCursor(cursor ?? undefined, vector) ?? {}));
  const { rows } = await connection.query<{ id: number; name: string; last: bigint | null }>(
    `select id, name, (select max(position) from readings.batch where batch.journal = journal.id) as last
       from readings.journal journal order by name`,
  );
  const places = rows.map(({ id, name, last }) => {
    const after = read.get(name) ?? 0;
    read.delete(name);
    return { id, name, last: Number(last ?? 0n), after };
  });
  // A database that was set back to an earlier state must not look as if there were nothing new.
  const ahead = places.find((place) => place.after > place.last)?.name ?? [...read.keys()][0];
  if (ahead === undefined) return places;
  throw new WeirError(
    'invalid_request',
    'after: this cursor is of another database, or of a later state of this one.',
    {
      issues: [{ path: 'after', message: 'expected one that an answer gave as `next`' }],
      journal: ahead,
    },
  );
}

export function cursorOf(places: readonly JournalPlace[]): string {
  return writeCursor(
    Object.fromEntries(places.filter(({ after }) => after > 0).map(({ name, after }) => [name, after])),
  );
}

/** The next batches: at least one where there is any, else so many that their pages stay within the bounds. */
export async function nextBatches(
  connection: Queryable,
  places: readonly JournalPlace[],
  limit: number,
): Promise<HeldBatch[]> {
  const behind = places.filter((place) => place.after < place.last);
  if (behind.length === 0) return [];
  const { rows } = await connection.query<BatchRow>(
    `select batch.journal, batch.position, batch.received_at_ms, batch.pages, batch.rows
       from unnest($1::int[], $2::int8[]) as place (journal, after)
      cross join lateral (
            select * from readings.batch
             where batch.journal = place.journal and batch.position > place.after
             order by batch.position limit $3) as batch
      order by batch.journal, batch.position`,
    [behind.map((place) => place.id), behind.map((place) => place.after), limit],
  );
  return merged(rows.map(batchOf), limit);
}

interface BatchRow {
  readonly journal: number;
  readonly position: bigint;
  readonly received_at_ms: bigint;
  readonly pages: number;
  readonly rows: number;
}

function batchOf(row: BatchRow): HeldBatch {
  const { journal, pages, rows } = row;
  return { journal, position: Number(row.position), receivedAtMs: Number(row.received_at_ms), pages, rows };
}

/** Of several journals the batch that was received first comes first; inside one they stay in order whatever the clocks said. */
function merged(batches: readonly HeldBatch[], limit: number): HeldBatch[] {
  const queues = new Map<number, HeldBatch[]>();
  for (const batch of batches.toReversed()) {
    const queue = queues.get(batch.journal);
    if (queue === undefined) queues.set(batch.journal, [batch]);
    else queue.push(batch);
  }
  const taken: HeldBatch[] = [];
  let [pages, bytes] = [0, 0];
  while (taken.length < limit) {
    const heads = [...queues.values()].flatMap((queue) => queue.at(-1) ?? []);
    const [first] = heads.toSorted((a, b) => a.receivedAtMs - b.receivedAtMs || a.journal - b.journal);
    if (first === undefined) break;
    pages += first.pages;
    bytes += first.pages * PAGE_BYTES + first.rows * ROW_BYTES;
    if (taken.length > 0 && (pages > limit || bytes > MOST_BYTES)) break;
    taken.push(first);
    queues.get(first.journal)?.pop();
  }
  return taken;
}
