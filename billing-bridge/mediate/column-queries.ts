// Usage in columns, read from sealed blocks where they are and from records everywhere else; and where new records lie.
import { ColumnBuilder, type UsageColumns } from '../../common/model/usage-columns.ts';
import type { Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Bucket } from './grid.ts';
import { PACKED_COLUMNS, PACKED_RECORD, unpackUsage } from './packed-records.ts';
import { BLOCK_BUCKETS, blockOf } from './sealed-usage.ts';
import type { TouchedCell, TouchedUsage, UsageSpan } from './usage.ts';
import { bucketsIn } from './usage-queries.ts';

interface SealedRow {
  readonly meter: number;
  readonly block: number;
  readonly last_serial: bigint;
  readonly places: Buffer | null;
  readonly good: Buffer;
  readonly others: Buffer | null;
}

/** A run of buckets of one meter that no sealed block holds. */
interface Unsealed {
  readonly meter: number;
  readonly from: Bucket;
  readonly to: Bucket;
}

const GOOD_BYTES = 6;
const OTHER_BYTES = 2 + 4 * 4 + 3 * 8;
const HIGH_WORD = 2 ** 32;

/** As nearly all records are: whole, good, never corrected; of them the bucket and the octets say everything. */
const PLAIN = `version = 1 and covered_ms = $4::int4 and gap_ms = 0 and lost_ms = 0 and wrapped = 0 and gap = 0
  and suspended = 0 and good < ${2n ** 48n}`;
const PLAIN_BYTES = 4 + GOOD_BYTES;

/** Records never go away, so it does not matter what is sealed or marked between the two questions: either answer is what stood at its moment. */
export async function columnsBetween(
  connection: Queryable,
  bucketMs: DurationMs,
  meters: readonly number[],
  fromMs: EpochMs,
  toMs: EpochMs,
  storedUntil: bigint | null = null,
): Promise<ReadonlyMap<number, UsageColumns>> {
  const { from, to } = bucketsIn(fromMs, toMs, bucketMs);
  const wanted = new Set(meters);
  if (wanted.size === 0 || to <= from) return new Map();
  const builder = new ColumnBuilder(wanted.size, from * bucketMs, bucketMs, to - from);
  const sealed = await sealedIn(connection, [...wanted], from, to, storedUntil);
  for (const row of sealed) unseal(row, from, builder);
  const unsealed = notIn(sealed, wanted, from, to);
  if (unsealed.length > 0) await addRecords(connection, unsealed, from, builder, storedUntil);
  return builder.columns;
}

async function addRecords(
  connection: Queryable,
  unsealed: readonly Unsealed[],
  from: Bucket,
  builder: ColumnBuilder,
  storedUntil: bigint | null,
): Promise<void> {
  const { rows } = await connection.query<{
    meter: number;
    last_serial: bigint;
    plain: Buffer | null;
    packed: Buffer | null;
  }>(
    `select of_meter as meter, max(serial) as last_serial,
            string_agg(int4send(bucket) || substring(int8send(good::int8) from 3), '') filter (where ${PLAIN}) as plain,
            string_agg(${PACKED_RECORD}, '') filter (where not (${PLAIN})) as packed
       from unnest($1::int4[], $2::int4[], $3::int4[]) as wanted (of_meter, first, past) cross join lateral (
         select distinct on (bucket) ${PACKED_COLUMNS} from usage.record
          where meter = of_meter and bucket >= first and bucket < past and serial <= coalesce($5::int8, serial)
          order by bucket, version desc) newest
      group by of_meter`,
    [
      unsealed.map((one) => one.meter),
      unsealed.map((one) => one.from),
      unsealed.map((one) => one.to),
      builder.bucketMs,
      storedUntil,
    ],
  );
  for (const { meter, last_serial, plain } of rows) {
    const { offset } = builder.ofMeter(meter);
    builder.sawSerial(meter, last_serial);
    if (plain === null) continue;
    for (let at = 0; at < plain.length; at += PLAIN_BYTES)
      builder.putPlain(offset + plain.readInt32BE(at) - from, octetsAt(plain, at + 4));
  }
  const packed = rows.map((row) => row.packed);
  for (const record of await unpackUsage(connection, packed, builder.bucketMs)) builder.putRecord(record);
}

/** Only where whole blocks are wanted: a few hours are read faster as records. */
async function sealedIn(
  connection: Queryable,
  meters: readonly number[],
  from: Bucket,
  to: Bucket,
  storedUntil: bigint | null,
): Promise<readonly SealedRow[]> {
  if (to - from < BLOCK_BUCKETS) return [];
  const { rows } = await connection.query<SealedRow>(
    `select meter, block, last_serial, places, good, others from usage.sealed
      where meter = any($1::int4[]) and block between $2 and $3 and not stale
        and last_serial <= coalesce($4::int8, last_serial) order by meter, block`,
    [meters, blockOf(from), blockOf(to - 1), storedUntil],
  );
  return rows;
}

function notIn(sealed: readonly SealedRow[], meters: ReadonlySet<number>, from: Bucket, to: Bucket): Unsealed[] {
  const held = new Map<number, Set<number>>();
  for (const { meter, block } of sealed) {
    const blocks = held.get(meter);
    if (blocks === undefined) held.set(meter, new Set([block]));
    else blocks.add(block);
  }
  const runs: Unsealed[] = [];
  for (const meter of meters) {
    const blocks = held.get(meter);
    let begin: Bucket | null = null;
    for (let block = blockOf(from); block <= blockOf(to - 1); block += 1) {
      const isSealed = blocks?.has(block) ?? false;
      if (!isSealed) begin ??= Math.max(from, block * BLOCK_BUCKETS);
      else if (begin !== null) {
        runs.push({ meter, from: begin, to: block * BLOCK_BUCKETS });
        begin = null;
      }
    }
    if (begin !== null) runs.push({ meter, from: begin, to });
  }
  return runs;
}

function unseal(row: SealedRow, from: Bucket, builder: ColumnBuilder): void {
  const { places, good, others } = row;
  const { offset, count } = builder.ofMeter(row.meter);
  const first = row.block * BLOCK_BUCKETS - from;
  builder.sawSerial(row.meter, row.last_serial);
  const goodOf = new Float64Array(others === null ? 0 : BLOCK_BUCKETS);
  for (let at = 0; at * GOOD_BYTES < good.length; at += 1) {
    const place = places === null ? at : places.readUInt16BE(at * 2);
    const octets = octetsAt(good, at * GOOD_BYTES);
    if (others !== null) goodOf[place] = octets;
    if (first + place >= 0 && first + place < count) builder.putPlain(offset + first + place, octets);
  }
  if (others === null) return;
  for (let at = 0; at < others.length; at += OTHER_BYTES) {
    const place = others.readUInt16BE(at);
    if (first + place < 0 || first + place >= count) continue;
    builder.put(offset + first + place, {
      version: others.readInt32BE(at + 2),
      coveredMs: others.readInt32BE(at + 6),
      gapMs: others.readInt32BE(at + 10),
      lostMs: others.readInt32BE(at + 14),
      good: goodOf[place] ?? 0,
      wrapped: longAt(others, at + 18),
      gap: longAt(others, at + 26),
      suspended: longAt(others, at + 34),
    });
  }
}

function octetsAt(bytes: Buffer, at: number): number {
  return bytes.readUInt16BE(at) * HIGH_WORD + bytes.readUInt32BE(at + 2);
}

/** Sealed octets are below 2^48. */
function longAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * HIGH_WORD + bytes.readUInt32BE(at + 4);
}

/** Cells of the grid in which these spans have records. */
export async function cellsIn(
  connection: Queryable,
  bucketMs: DurationMs,
  spans: readonly UsageSpan[],
  cellMs: DurationMs,
): Promise<TouchedCell[]> {
  if (spans.length === 0) return [];
  const buckets = spans.map(({ fromMs, toMs }) => bucketsIn(fromMs, toMs, bucketMs));
  const { rows } = await connection.query<{ meter: number; first: Bucket; last: Bucket }>(
    `select meter, min(bucket) as first, max(bucket) as last
       from unnest($1::int4[], $2::int4[], $3::int4[]) as span (of_meter, first, past)
       join usage.record on meter = of_meter and bucket >= first and bucket < past
      group by meter, bucket / $4::int4`,
    [
      spans.map(({ meter }) => meter),
      buckets.map(({ from }) => from),
      buckets.map(({ to }) => to),
      Math.max(1, Math.floor(cellMs / bucketMs)),
    ],
  );
  return rows.map((row) => ({ meter: row.meter, firstMs: row.first * bucketMs, lastMs: row.last * bucketMs }));
}

/** Cells of the grid with new records, found by the database: rating asks only where, not how much. */
export async function touchedAfter(
  connection: Queryable,
  bucketMs: DurationMs,
  serial: bigint,
  limit: number,
  cellMs: DurationMs,
): Promise<TouchedUsage> {
  const { rows } = await connection.query<{
    meter: number;
    first: Bucket;
    last: Bucket;
    records: bigint;
    serial: bigint;
  }>(
    `select meter, min(bucket) as first, max(bucket) as last, count(*) as records, max(serial) as serial
       from (select meter, bucket, serial from usage.record where serial > $1 order by serial limit $2) changed
      group by meter, bucket / $3::int4`,
    [serial, limit, Math.max(1, Math.floor(cellMs / bucketMs))],
  );
  let [records, lastSerial] = [0, null as bigint | null];
  for (const row of rows) {
    records += Number(row.records);
    if (lastSerial === null || row.serial > lastSerial) lastSerial = row.serial;
  }
  const cells = rows.map((row) => ({
    meter: row.meter,
    firstMs: row.first * bucketMs,
    lastMs: row.last * bucketMs,
  }));
  return { records, lastSerial, cells };
}

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

/** What the newest records of each span add up to, in the order of the spans: whole blocks by their sums, the rest record by record. */
export async function sumsOf(
  connection: Queryable,
  spans: readonly BucketSpan[],
  from: SummedFrom = 'sealed',
): Promise<SpanSums[]> {
  if (spans.length === 0) return [];
  const { rows } = await connection.query<{ place: bigint; octets: string; rated: string; wraps: bigint }>(
    `select place, sum(part.octets) as octets, sum(part.rated) as rated, sum(part.wraps)::int8 as wraps
       from unnest($1::int4[], $2::int4[], $3::int4[]) with ordinality as span (of_meter, first, past, place)
       cross join generate_series(first / ${BLOCK_BUCKETS}, (past - 1) / ${BLOCK_BUCKETS}) as of_block
       left join usage.sealed s on $4 and s.meter = of_meter and s.block = of_block and not s.stale
         and of_block * ${BLOCK_BUCKETS} >= first and (of_block + 1) * ${BLOCK_BUCKETS} <= past
       cross join lateral (
         select s.octets, s.rated, s.wraps where s.meter is not null
         union all
         select good + wrapped + gap + suspended, good + wrapped + gap, wraps from (
           select distinct on (bucket) good, wrapped, gap, suspended, r.wraps from usage.record r
            where s.meter is null and r.meter = of_meter and bucket >= greatest(first, of_block * ${BLOCK_BUCKETS})
              and bucket < least(past, (of_block + 1) * ${BLOCK_BUCKETS})
            order by bucket, version desc) newest) part
      group by place`,
    [spans.map((one) => one.meter), spans.map((one) => one.from), spans.map((one) => one.to), from === 'sealed'],
  );
  const sums: SpanSums[] = spans.map(() => ({ octets: 0n, rated: 0n, wraps: 0 }));
  for (const row of rows)
    sums[Number(row.place) - 1] = {
      octets: BigInt(row.octets),
      rated: BigInt(row.rated),
      wraps: Number(row.wraps),
    };
  return sums;
}
