// The de-duplication of record: which batches each projection has applied, kept in the transaction of what it writes.
import type { Migration, Queryable } from '../../common/database/database.ts';
import { type HeldSequences, hold, holds, NOTHING_HELD } from '../../common/model/sequence-ranges.ts';
import type { JournaledBatch } from './projection.ts';

/**
 * One row a stream holds what would else be a row a batch for ever: everything up to `through`, and `above` as [[first, last], …].
 * The row is locked while a batch is claimed, so that two collectors that hold the same batch apply it once.
 */
export const appliedMigrations: readonly Migration[] = [
  {
    id: 'applied-001',
    sql: `
      create schema if not exists readings;
      create table readings.applied_mark (
        projection text not null,
        agent text not null,
        incarnation text not null,
        through int8 not null default 0,
        above jsonb not null default '[]',
        primary key (projection, agent, incarnation)
      );
      create table readings.projection_position (
        projection text not null,
        journal text not null,
        position int8 not null,
        primary key (projection, journal)
      );`,
  },
];

export type Claim = (
  connection: Queryable,
  projection: string,
  entries: readonly JournaledBatch[],
) => Promise<JournaledBatch[]>;

interface Stream {
  readonly agent: string;
  readonly incarnation: string;
}

interface Mark extends Stream {
  held: HeldSequences;
}

interface MarkRow extends Stream {
  readonly through: bigint;
  readonly above: readonly (readonly [number, number])[];
}

/**
 * Call it first in the transaction that applies the entries: marks their sequences as applied by the projection, moves its position to
 * the last entry of each journal, and returns the entries whose sequence it had not applied before, in order. Sequences that an agent
 * says it gave up, or no longer has, count as applied: they will never come.
 */
export const claim: Claim = async (connection, projection, entries) => {
  if (entries.length === 0) return [];
  const marks = await lockMarks(connection, projection, streamsOf(entries));
  const fresh: JournaledBatch[] = [];
  for (const entry of entries) {
    const mark = marks.get(keyOf(entry.batch));
    if (mark === undefined) throw new Error('BUG: a stream without a mark');
    if (!holds(mark.held, entry.batch.sequence)) fresh.push(entry);
    mark.held = holdEntry(mark.held, entry);
  }
  await writeMarks(connection, projection, marks);
  await movePositions(connection, projection, entries);
  return fresh;
};

/** The highest position of the journal that the projection has committed; 0 at first. */
export async function projectionPosition(database: Queryable, projection: string, journal: string): Promise<number> {
  const { rows } = await database.query<{ position: bigint }>(
    'select position from readings.projection_position where projection = $1 and journal = $2',
    [projection, journal],
  );
  return Number(rows[0]?.position ?? 0n);
}

/** What each of the projections has applied of a stream; a projection without a mark has applied nothing. */
export async function appliedBy(
  database: Queryable,
  projections: readonly string[],
  stream: Stream,
): Promise<Map<string, HeldSequences>> {
  const { rows } = await database.query<MarkRow & { projection: string }>(
    `select projection, agent, incarnation, through, above from readings.applied_mark
      where projection = any($1::text[]) and agent = $2 and incarnation = $3`,
    [projections, stream.agent, stream.incarnation],
  );
  const found = new Map(rows.map((row) => [row.projection, heldOf(row)]));
  return new Map(projections.map((projection) => [projection, found.get(projection) ?? NOTHING_HELD]));
}

/** A batch holds its own sequence, and those that its agent can never send. */
export function holdEntry(held: HeldSequences, entry: Pick<JournaledBatch, 'batch' | 'oldestSequence'>): HeldSequences {
  const { batch, oldestSequence } = entry;
  let next = hold(held, batch.sequence, batch.sequence);
  if (oldestSequence !== undefined) next = hold(next, 1, oldestSequence - 1);
  for (const gap of batch.gaps) next = hold(next, gap.firstSequence, gap.lastSequence);
  return next;
}

function keyOf(stream: Stream): string {
  return JSON.stringify([stream.agent, stream.incarnation]);
}

/** Sorted, so that two collectors lock in the same order. */
function streamsOf(entries: readonly JournaledBatch[]): Stream[] {
  const streams = new Map(entries.map(({ batch }) => [keyOf(batch), batch]));
  return [...streams].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, batch]) => batch);
}

function heldOf(row: MarkRow): HeldSequences {
  return { through: Number(row.through), above: row.above.map(([first, last]) => ({ first, last })) };
}

async function lockMarks(
  connection: Queryable,
  projection: string,
  streams: readonly Stream[],
): Promise<Map<string, Mark>> {
  const values = [projection, streams.map((stream) => stream.agent), streams.map((stream) => stream.incarnation)];
  const lock = `
    select agent, incarnation, through, above from readings.applied_mark
     where projection = $1 and (agent, incarnation) in (select * from unnest($2::text[], $3::text[]))
     order by agent, incarnation for update`;
  let { rows } = await connection.query<MarkRow>(lock, values);
  if (rows.length < streams.length) {
    await connection.query(
      `insert into readings.applied_mark (projection, agent, incarnation)
       select $1, agent, incarnation from unnest($2::text[], $3::text[]) with ordinality as stream (agent, incarnation, place)
        order by place on conflict do nothing`,
      values,
    );
    ({ rows } = await connection.query<MarkRow>(lock, values));
  }
  return new Map(
    rows.map((row) => [keyOf(row), { agent: row.agent, incarnation: row.incarnation, held: heldOf(row) }]),
  );
}

async function writeMarks(connection: Queryable, projection: string, marks: ReadonlyMap<string, Mark>): Promise<void> {
  const rows = [...marks.values()].map(({ agent, incarnation, held }) => {
    return { agent, incarnation, through: held.through, above: held.above.map(({ first, last }) => [first, last]) };
  });
  await connection.query(
    `update readings.applied_mark mark set through = changed.through, above = changed.above
       from jsonb_to_recordset($2::jsonb) as changed (agent text, incarnation text, through int8, above jsonb)
      where mark.projection = $1 and mark.agent = changed.agent and mark.incarnation = changed.incarnation`,
    [projection, JSON.stringify(rows)],
  );
}

async function movePositions(
  connection: Queryable,
  projection: string,
  entries: readonly JournaledBatch[],
): Promise<void> {
  const last = new Map<string, number>();
  for (const entry of entries) last.set(entry.journal, Math.max(entry.position, last.get(entry.journal) ?? 0));
  await connection.query(
    `insert into readings.projection_position as held (projection, journal, position)
     select $1, journal, position from unnest($2::text[], $3::int8[]) as moved (journal, position)
     on conflict (projection, journal) do update set position = greatest(held.position, excluded.position)`,
    [projection, [...last.keys()], [...last.values()]],
  );
}
