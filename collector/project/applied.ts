// The de-duplication of record: which batches each projection has applied, kept in the transaction of what it writes.
import type { Migration, Queryable } from '../../common/database/database.ts';
import {
  type HeldSequences,
  hold,
  holds,
  notHeld,
  type SequenceRange,
  takeOut,
} from '../../common/model/sequence-ranges.ts';
import type { JournaledBatch } from './projection.ts';

/**
 * One row a stream holds what would else be a row a batch for ever: everything up to `through`, and `above` as [[first, last], …];
 * `missing` is what of it the agent gave up, so that it is told, and still applied should another collector's journal have it after all.
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
        missing jsonb not null default '[]',
        primary key (projection, agent, incarnation)
      );
      create table readings.projection_position (
        projection text not null,
        journal text not null,
        position int8 not null,
        primary key (projection, journal)
      );`,
  },
  {
    id: 'applied-002',
    sql: `
      create table readings.projection_control (
        projection text not null,
        journal text not null,
        paused boolean not null default false,
        again_through int8 not null default 0,
        primary key (projection, journal)
      );`,
  },
];

export type Claim = (
  connection: Queryable,
  projection: string,
  entries: readonly JournaledBatch[],
) => Promise<JournaledBatch[]>;

/** Ranges given up that are remembered for a stream; the oldest beyond are only no longer told. */
const MAX_MISSING = 1000;

interface Stream {
  readonly agent: string;
  readonly incarnation: string;
}

interface Mark extends Stream {
  held: HeldSequences;
  missing: readonly SequenceRange[];
}

type Pairs = readonly (readonly [number, number])[];

interface MarkRow extends Stream {
  readonly through: bigint;
  readonly above: Pairs;
  readonly missing: Pairs;
}

/**
 * Call it first in the transaction that applies the entries: marks their sequences as applied by the projection, moves its position to
 * the last entry of each journal, and returns the entries whose sequence it had not applied before, in order. Sequences that an agent
 * says it gave up, or no longer has, count as applied: they will never come.
 */
export const claim: Claim = async (connection, projection, entries) => {
  if (entries.length === 0) return [];
  const batches = entries.filter((entry) => entry.points === undefined);
  const marks = await lockMarks(connection, projection, streamsOf(batches));
  const fresh: JournaledBatch[] = [];
  for (const entry of batches) {
    const mark = marks.get(keyOf(entry.batch));
    if (mark === undefined) throw new Error('BUG: a stream without a mark');
    if (claimOne(mark, entry) || entry.again === true) fresh.push(entry);
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

/** Sets the position of a projection back to go through entries again. */
export async function setPosition(
  database: Queryable,
  projection: string,
  journal: string,
  position: number,
): Promise<void> {
  await database.query(
    `insert into readings.projection_position (projection, journal, position) values ($1, $2, $3)
     on conflict (projection, journal) do update set position = excluded.position`,
    [projection, journal, position],
  );
}

/** Of each stream the highest sequence up to which all of the projections have applied everything; 0 where one has no mark. */
export async function appliedThrough(
  database: Queryable,
  projections: readonly string[],
  streams: readonly Stream[],
): Promise<{ readonly agent: string; readonly incarnation: string; readonly through: number }[]> {
  const { rows } = await database.query<Stream & { through: bigint }>(
    `select stream.agent, stream.incarnation,
            case when count(mark.through) < cardinality($1::text[]) then 0 else min(mark.through) end as through
       from unnest($2::text[], $3::text[]) as stream (agent, incarnation)
       left join readings.applied_mark mark
         on mark.projection = any($1::text[]) and mark.agent = stream.agent and mark.incarnation = stream.incarnation
      group by stream.agent, stream.incarnation`,
    [projections, streams.map((stream) => stream.agent), streams.map((stream) => stream.incarnation)],
  );
  return rows.map((row) => ({ agent: row.agent, incarnation: row.incarnation, through: Number(row.through) }));
}

/** Marks the entry's sequence, and those that its agent can never send; whether it was not applied before. */
function claimOne(mark: Mark, entry: JournaledBatch): boolean {
  const { batch, oldestSequence } = entry;
  const found = takeOut(mark.missing, batch.sequence);
  const fresh = found !== null || !holds(mark.held, batch.sequence);
  if (found !== null) mark.missing = found;
  mark.held = hold(mark.held, batch.sequence, batch.sequence);
  const givenUp = batch.gaps.map((gap) => ({
    first: gap.firstSequence,
    last: Math.min(gap.lastSequence, batch.sequence),
  }));
  if (oldestSequence !== undefined) givenUp.push({ first: 1, last: oldestSequence - 1 });
  for (const { first, last } of givenUp) {
    mark.missing = [...mark.missing, ...notHeld(mark.held, first, last)].slice(-MAX_MISSING);
    mark.held = hold(mark.held, first, last);
  }
  return fresh;
}

function keyOf(stream: Stream): string {
  return JSON.stringify([stream.agent, stream.incarnation]);
}

/** Sorted, so that two collectors lock in the same order. */
function streamsOf(entries: readonly JournaledBatch[]): Stream[] {
  const streams = new Map(entries.map(({ batch }) => [keyOf(batch), batch]));
  return [...streams].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, batch]) => batch);
}

function markOf(row: MarkRow): Mark {
  const { agent, incarnation } = row;
  return {
    agent,
    incarnation,
    held: { through: Number(row.through), above: rangesOf(row.above) },
    missing: rangesOf(row.missing),
  };
}

function rangesOf(pairs: Pairs): SequenceRange[] {
  return pairs.map(([first, last]) => ({ first, last }));
}

function pairsOf(ranges: readonly SequenceRange[]): Pairs {
  return ranges.map(({ first, last }) => [first, last] as const);
}

async function lockMarks(
  connection: Queryable,
  projection: string,
  streams: readonly Stream[],
): Promise<Map<string, Mark>> {
  const values = [projection, streams.map((stream) => stream.agent), streams.map((stream) => stream.incarnation)];
  const lock = `
    select agent, incarnation, through, above, missing from readings.applied_mark
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
  return new Map(rows.map((row) => [keyOf(row), markOf(row)]));
}

async function writeMarks(connection: Queryable, projection: string, marks: ReadonlyMap<string, Mark>): Promise<void> {
  const rows = [...marks.values()].map(({ agent, incarnation, held, missing }) => ({
    agent,
    incarnation,
    through: held.through,
    above: pairsOf(held.above),
    missing: pairsOf(missing),
  }));
  await connection.query(
    `update readings.applied_mark mark
        set through = changed.through, above = changed.above, missing = changed.missing
       from jsonb_to_recordset($2::jsonb)
            as changed (agent text, incarnation text, through int8, above jsonb, missing jsonb)
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
