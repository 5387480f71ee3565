// Usage records as rows: how they are read back into contents of buckets, and how new ones are written in bulk.
import type { Queryable } from '../../common/database/database.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { BucketContent } from './bucket-content.ts';
import type { Bucket } from './grid.ts';

export interface RecordRow {
  readonly serial: bigint;
  readonly first_ms: bigint;
  readonly last_ms: bigint;
  readonly meter: number;
  readonly bucket: number;
  readonly covered_ms: number;
  readonly gap_ms: number;
  readonly lost_ms: number;
  readonly version: number;
  readonly wraps: number;
  /** numeric: a bucket may hold more than an int8, and more than 2^64. */
  readonly good: string;
  readonly wrapped: string;
  readonly gap: string;
  readonly suspended: string;
}

export const RECORD_COLUMNS = `serial, first_ms, last_ms, meter, bucket, covered_ms, gap_ms, lost_ms, version, wraps, good, wrapped, gap, suspended`;

/** A version of a bucket that is to be written. */
export interface NewRecord {
  readonly meter: number;
  readonly version: number;
  readonly content: BucketContent;
}

export interface StandingContent extends BucketContent {
  readonly version: number;
}

export function standingOf(row: Omit<RecordRow, 'serial'>): StandingContent {
  return {
    bucket: row.bucket,
    version: row.version,
    good: BigInt(row.good),
    wrapped: BigInt(row.wrapped),
    gap: BigInt(row.gap),
    suspended: BigInt(row.suspended),
    coveredMs: row.covered_ms,
    gapMs: row.gap_ms,
    lostMs: row.lost_ms,
    wraps: row.wraps,
    firstMs: Number(row.first_ms),
    lastMs: Number(row.last_ms),
  };
}

/** The newest version of each of these buckets that has one. */
export async function newestOf(
  connection: Queryable,
  meters: readonly number[],
  buckets: readonly Bucket[],
): Promise<(StandingContent & { readonly meter: number })[]> {
  const { rows } = await connection.query<RecordRow>(
    `select distinct on (meter, bucket) ${RECORD_COLUMNS}
       from unnest($1::int4[], $2::int4[]) as wanted (meter, bucket) join usage.record using (meter, bucket)
      order by meter, bucket, version desc`,
    [literal(meters), literal(buckets)],
  );
  return rows.map((row) => ({ ...standingOf(row), meter: row.meter }));
}

/** The newest versions of the buckets of one meter in [from, to). */
export async function newestBetween(
  connection: Queryable,
  meter: number,
  from: Bucket,
  to: Bucket,
): Promise<Map<Bucket, StandingContent>> {
  const { rows } = await connection.query<RecordRow>(
    `select distinct on (bucket) ${RECORD_COLUMNS} from usage.record
      where meter = $1 and bucket >= $2 and bucket < $3 order by bucket, version desc`,
    [meter, from, to],
  );
  return new Map(rows.map((row) => [row.bucket, standingOf(row)]));
}

/** Writes records with serials from `serial` on; a version that is there already makes the transaction fail. */
export async function insertRecords(
  connection: Queryable,
  records: readonly NewRecord[],
  serial: bigint,
  bucketMs: DurationMs,
): Promise<void> {
  const plain: NewRecord[] = [];
  const others: NewRecord[] = [];
  for (const record of records) (isPlain(record, bucketMs) ? plain : others).push(record);
  if (plain.length > 0) await insertPlain(connection, plain, serial, bucketMs);
  if (others.length > 0) await insertOthers(connection, others, serial + BigInt(plain.length));
}

/** As nearly all are: whole, good, never corrected. Their columns that say nothing are not sent. */
function isPlain({ version, content }: NewRecord, bucketMs: DurationMs): boolean {
  return (
    version === 1 &&
    content.coveredMs === bucketMs &&
    content.gapMs === 0 &&
    content.suspended === 0n &&
    content.wrapped === 0n &&
    content.wraps === 0 &&
    content.gap === 0n &&
    content.lostMs === 0
  );
}

async function insertPlain(
  connection: Queryable,
  records: readonly NewRecord[],
  serial: bigint,
  bucketMs: DurationMs,
): Promise<void> {
  await connection.query(
    `insert into usage.record (serial, covered_ms, meter, bucket, first_ms, last_ms, good)
     select $1::int8 + place - 1, $2::int4, meter, bucket, first_ms, last_ms, good
       from unnest($3::int4[], $4::int4[], $5::int8[], $6::int8[], $7::numeric[]) with ordinality
            as new (meter, bucket, first_ms, last_ms, good, place)`,
    [
      serial,
      bucketMs,
      literal(records.map((one) => one.meter)),
      literal(records.map((one) => one.content.bucket)),
      literal(records.map((one) => one.content.firstMs)),
      literal(records.map((one) => one.content.lastMs)),
      literal(records.map((one) => one.content.good)),
    ],
  );
}

async function insertOthers(connection: Queryable, records: readonly NewRecord[], serial: bigint): Promise<void> {
  const column = (of: (content: BucketContent) => number | bigint): string =>
    literal(records.map((one) => of(one.content)));
  await connection.query(
    `insert into usage.record (serial, meter, version, bucket, first_ms, last_ms, covered_ms, gap_ms, lost_ms, wraps, good, wrapped, gap, suspended)
     select $1::int8 + place - 1, meter, version, bucket, first_ms, last_ms, covered_ms, gap_ms, lost_ms, wraps, good, wrapped, gap, suspended
       from unnest($2::int4[], $3::int4[], $4::int4[], $5::int8[], $6::int8[], $7::int4[], $8::int4[], $9::int4[], $10::int2[],
            $11::numeric[], $12::numeric[], $13::numeric[], $14::numeric[]) with ordinality
            as new (meter, version, bucket, first_ms, last_ms, covered_ms, gap_ms, lost_ms, wraps, good, wrapped, gap, suspended, place)`,
    [
      serial,
      literal(records.map((one) => one.meter)),
      literal(records.map((one) => one.version)),
      column((content) => content.bucket),
      column((content) => content.firstMs),
      column((content) => content.lastMs),
      column((content) => content.coveredMs),
      column((content) => content.gapMs),
      column((content) => content.lostMs),
      column((content) => content.wraps),
      column((content) => content.good),
      column((content) => content.wrapped),
      column((content) => content.gap),
      column((content) => content.suspended),
    ],
  );
}

/** An array of numbers as PostgreSQL reads it: a third of the time that `pg` takes for one. */
function literal(values: readonly (number | bigint)[]): string {
  return `{${values.join(',')}}`;
}
