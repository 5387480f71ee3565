// Usage in columns, read from sealed blocks where they are and from records everywhere else; and where new records lie.
import type { Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { ColumnBuilder } from './column-builder.ts';
import type { Bucket } from './grid.ts';
import { PACKED_COLUMNS, PACKED_RECORD, unpackUsage } from './packed-records.ts';
import { BLOCK_BUCKETS, blockOf } from './sealed-usage.ts';
import type { TouchedUsage, UsageColumns } from './usage.ts';
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

/** Records never go away, so it does not matter what is sealed or marked between the two questions: either answer is what stood at its moment. */
export async function columnsBetween(
  connection: Queryable,
  bucketMs: DurationMs,
  meters: readonly number[],
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<Map<number, UsageColumns>> {
  const { from, to } = bucketsIn(fromMs, toMs, bucketMs);
  if (meters.length === 0 || to <= from) return new Map();
  const columns = new Map<number, ColumnBuilder>();
  const ofMeter = (meter: number): ColumnBuilder => {
    const known = columns.get(meter);
    if (known !== undefined) return known;
    const made = new ColumnBuilder(meter, from * bucketMs, bucketMs, to - from);
    columns.set(meter, made);
    return made;
  };
  const sealed = await sealedIn(connection, meters, from, to);
  for (const row of sealed) unseal(row, from, ofMeter(row.meter));
  const unsealed = notIn(sealed, meters, from, to);
  if (unsealed.length > 0) {
    const { rows } = await connection.query<{ packed: Buffer | null }>(
      `select string_agg(${PACKED_RECORD}, '') as packed
         from unnest($1::int4[], $2::int4[], $3::int4[]) as wanted (of_meter, first, past) cross join lateral (
           select distinct on (bucket) ${PACKED_COLUMNS} from usage.record
            where meter = of_meter and bucket >= first and bucket < past order by bucket, version desc) newest
        group by of_meter`,
      [unsealed.map((one) => one.meter), unsealed.map((one) => one.from), unsealed.map((one) => one.to)],
    );
    const packed = rows.map((row) => row.packed);
    for (const record of await unpackUsage(connection, packed, bucketMs)) ofMeter(record.meter).putRecord(record);
  }
  return columns;
}

/** Only where whole blocks are wanted: a few hours are read faster as records. */
async function sealedIn(
  connection: Queryable,
  meters: readonly number[],
  from: Bucket,
  to: Bucket,
): Promise<readonly SealedRow[]> {
  if (to - from < BLOCK_BUCKETS) return [];
  const { rows } = await connection.query<SealedRow>(
    `select meter, block, last_serial, places, good, others from usage.sealed
      where meter = any($1::int4[]) and block between $2 and $3 and not stale order by meter, block`,
    [meters, blockOf(from), blockOf(to - 1)],
  );
  return rows;
}

function notIn(sealed: readonly SealedRow[], meters: readonly number[], from: Bucket, to: Bucket): Unsealed[] {
  const held = new Map<number, Set<number>>();
  for (const { meter, block } of sealed) {
    const blocks = held.get(meter);
    if (blocks === undefined) held.set(meter, new Set([block]));
    else blocks.add(block);
  }
  const runs: Unsealed[] = [];
  for (const meter of new Set(meters)) {
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

function unseal(row: SealedRow, from: Bucket, columns: ColumnBuilder): void {
  const { places, good, others } = row;
  const first = row.block * BLOCK_BUCKETS - from;
  const count = columns.versions.length;
  columns.sawSerial(row.last_serial);
  const goodOf = new Float64Array(BLOCK_BUCKETS);
  for (let at = 0; at * GOOD_BYTES < good.length; at += 1) {
    const place = places === null ? at : places.readUInt16BE(at * 2);
    const octets = good.readUInt16BE(at * GOOD_BYTES) * HIGH_WORD + good.readUInt32BE(at * GOOD_BYTES + 2);
    goodOf[place] = octets;
    if (first + place >= 0 && first + place < count) columns.putPlain(first + place, octets);
  }
  if (others === null) return;
  for (let at = 0; at < others.length; at += OTHER_BYTES) {
    const place = others.readUInt16BE(at);
    if (first + place < 0 || first + place >= count) continue;
    columns.put(first + place, {
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

/** Sealed octets are below 2^48. */
function longAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * HIGH_WORD + bytes.readUInt32BE(at + 4);
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
