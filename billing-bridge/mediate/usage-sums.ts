// What usage adds up to over spans of buckets: whole blocks by the sums that were sealed with them, the rest record by record.
import type { Queryable } from '../../common/database/database.ts';
import type { Bucket } from './grid.ts';
import { BLOCK_BUCKETS, blockOf } from './sealed-usage.ts';

/** Buckets [from, to) of a meter. */
export interface BucketSpan {
  readonly meter: number;
  readonly from: Bucket;
  readonly to: Bucket;
}

export interface SpanSums {
  /** Of all classes; of those that are rated. */
  readonly octets: bigint;
  readonly rated: bigint;
  readonly wraps: number;
}

/** sealed: from whole blocks where they are, as what is rated. records: every single one. */
export type SummedFrom = 'sealed' | 'records';

/** What is in one block of a span that is not summed from sealed blocks. */
interface Piece extends BucketSpan {
  /** Of its span, from 0. */
  readonly place: number;
}

const NO_BLOCKS: ReadonlySet<number> = new Set();

interface SumsRow {
  readonly place: bigint;
  readonly octets: string | null;
  readonly rated: string | null;
  readonly wraps: bigint | null;
}

/** What the newest records of each span add up to, in the order of the spans. */
export async function sumsOf(
  connection: Queryable,
  spans: readonly BucketSpan[],
  from: SummedFrom = 'sealed',
): Promise<SpanSums[]> {
  const sums: SpanSums[] = spans.map(() => ({ octets: 0n, rated: 0n, wraps: 0 }));
  const held = from === 'sealed' && spans.length > 0 ? await sumSealed(connection, spans, sums) : null;
  const pieces = new Map<number, Piece[]>();
  for (const [place, span] of spans.entries()) {
    const blocks = held?.get(place) ?? NO_BLOCKS;
    if (blocks === 'all') continue;
    for (let block = blockOf(span.from); block <= blockOf(span.to - 1); block += 1) {
      if (blocks.has(block)) continue;
      const piece = { ...pieceOf(span, block), place };
      const others = pieces.get(block);
      if (others === undefined) pieces.set(block, [piece]);
      else others.push(piece);
    }
  }
  for (const block of [...pieces.keys()].toSorted((one, other) => one - other))
    for (const row of await sumsOfRecords(connection, pieces.get(block) ?? [])) addSums(sums, Number(row.place), row);
  return sums;
}

/**
 * Adds what sealed blocks inside the spans hold, and tells which: all that the span has a part in, or these. Span by span, so that
 * the time for one account does not grow with the others.
 */
async function sumSealed(
  connection: Queryable,
  spans: readonly BucketSpan[],
  sums: SpanSums[],
): Promise<Map<number, 'all' | ReadonlySet<number>>> {
  const { rows } = await connection.query<SumsRow & { readonly blocks: readonly number[] | null }>(
    `select place, octets, rated, wraps, case when sealed < (past - 1) / ${BLOCK_BUCKETS} - first / ${BLOCK_BUCKETS} + 1 then blocks end as blocks
       from unnest($1::int4[], $2::int4[], $3::int4[]) with ordinality as span (of_meter, first, past, place)
       cross join lateral (
         select sum(octets) as octets, sum(rated) as rated, sum(wraps)::int8 as wraps, count(*) as sealed, array_agg(block) as blocks
           from usage.sealed where meter = of_meter and block >= (first + ${BLOCK_BUCKETS - 1}) / ${BLOCK_BUCKETS}
            and block < past / ${BLOCK_BUCKETS} and not stale) whole
      where sealed > 0`,
    [spans.map((one) => one.meter), spans.map((one) => one.from), spans.map((one) => one.to)],
  );
  const held = new Map<number, 'all' | ReadonlySet<number>>();
  for (const row of rows) {
    const place = Number(row.place) - 1;
    addSums(sums, place, row);
    held.set(place, row.blocks === null ? 'all' : new Set(row.blocks));
  }
  return held;
}

function pieceOf({ meter, from, to }: BucketSpan, block: number): BucketSpan {
  return {
    meter,
    from: Math.max(from, block * BLOCK_BUCKETS),
    to: Math.min(to, (block + 1) * BLOCK_BUCKETS),
  };
}

/** Of all meters at once, so that the database reads each page of its table once. */
async function sumsOfRecords(connection: Queryable, pieces: readonly Piece[]): Promise<readonly SumsRow[]> {
  const { rows } = await connection.query<SumsRow>(
    `select place::int8, sum(good + wrapped + gap + suspended) as octets, sum(good + wrapped + gap) as rated,
            sum(wraps)::int8 as wraps
       from (select distinct on (meter, bucket) meter, bucket, good, wrapped, gap, suspended, wraps from usage.record
              where meter = any($1::int4[]) and bucket >= $5 and bucket < $6 order by meter, bucket, version desc) newest
       join unnest($1::int4[], $2::int4[], $3::int4[], $4::int4[]) as piece (of_meter, first, past, place)
         on meter = of_meter and bucket >= first and bucket < past
      group by place`,
    [
      pieces.map((one) => one.meter),
      pieces.map((one) => one.from),
      pieces.map((one) => one.to),
      pieces.map((one) => one.place),
      pieces.reduce((least, one) => Math.min(least, one.from), Number.MAX_SAFE_INTEGER),
      pieces.reduce((most, one) => Math.max(most, one.to), 0),
    ],
  );
  return rows;
}

function addSums(sums: SpanSums[], place: number, row: SumsRow): void {
  const before = sums[place];
  if (before === undefined) return;
  sums[place] = {
    octets: before.octets + BigInt(row.octets ?? 0),
    rated: before.rated + BigInt(row.rated ?? 0),
    wraps: before.wraps + Number(row.wraps ?? 0),
  };
}
