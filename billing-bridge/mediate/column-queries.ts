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

/** Buckets of one block, and the meters of which no sealed block holds them. */
interface Unsealed {
  readonly meters: readonly number[];
  readonly from: Bucket;
  readonly to: Bucket;
}

const GOOD_BYTES = 6;
const OTHER_BYTES = 2 + 4 * 4 + 3 * 8;
const HIGH_WORD = 2 ** 32;

/** As nearly all records are: whole, good, never corrected; of them the bucket and the octets say everything. */
const PLAIN = `version = 1 and covered_ms = $4::int4 and gap_ms = 0 and lost_ms = 0 and wrapped = 0 and gap = 0
  and suspended = 0 and good < ${2n ** 48n}`;
/** Its place in the block and its octets as one number: each function that PostgreSQL calls for a record costs as much as reading it. */
const PACKED_PLAIN = `int8send((bucket % ${BLOCK_BUCKETS})::int8 << 48 | good::int8)`;
const PLAIN_BYTES = 2 + GOOD_BYTES;

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
  for (const unsealed of notIn(sealed, wanted, from, to))
    await addRecords(connection, unsealed, from, builder, storedUntil);
  return builder.columns;
}

/**
 * Every version, of all meters at once: the database then reads each page of its table once, and has nothing to sort. Where there are
 * several of a bucket the builder keeps the newest.
 */
async function addRecords(
  connection: Queryable,
  { meters, from: first, to: past }: Unsealed,
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
    `select meter, max(serial) as last_serial, string_agg(${PACKED_PLAIN}, '') filter (where plain) as plain,
            string_agg(${PACKED_RECORD}, '') filter (where not plain) as packed
       from (select ${PACKED_COLUMNS}, ${PLAIN} as plain from usage.record
              where meter = any($1::int4[]) and bucket >= $2 and bucket < $3 and serial <= coalesce($5::int8, serial)
             offset 0) held
      group by meter`,
    [meters, first, past, builder.bucketMs, storedUntil],
  );
  const block = first - (first % BLOCK_BUCKETS);
  for (const { meter, last_serial, plain } of rows) {
    const { offset } = builder.ofMeter(meter);
    builder.sawSerial(meter, last_serial);
    if (plain === null) continue;
    for (let at = 0; at < plain.length; at += PLAIN_BYTES)
      builder.putPlain(offset + block + plain.readUInt16BE(at) - from, octetsAt(plain, at + 2));
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

function* notIn(
  sealed: readonly SealedRow[],
  meters: ReadonlySet<number>,
  from: Bucket,
  to: Bucket,
): Generator<Unsealed> {
  const held = new Map<number, Set<number>>();
  for (const { meter, block } of sealed) {
    const there = held.get(block);
    if (there === undefined) held.set(block, new Set([meter]));
    else there.add(meter);
  }
  for (let block = blockOf(from); block <= blockOf(to - 1); block += 1) {
    const there = held.get(block);
    const missing = there === undefined ? [...meters] : [...meters].filter((meter) => !there.has(meter));
    const [first, past] = [block * BLOCK_BUCKETS, (block + 1) * BLOCK_BUCKETS];
    if (missing.length > 0) yield { meters: missing, from: Math.max(from, first), to: Math.min(to, past) };
  }
}

function unseal(row: SealedRow, from: Bucket, builder: ColumnBuilder): void {
  const { places, good, others } = row;
  const { offset, count } = builder.ofMeter(row.meter);
  const first = row.block * BLOCK_BUCKETS - from;
  builder.sawSerial(row.meter, row.last_serial);
  if (places === null && others === null) {
    const from = Math.max(0, -first);
    const past = Math.min(good.length / GOOD_BYTES, count - first);
    const begin = offset + first;
    for (let at = from; at < past; at += 1) builder.good[begin + at] = octetsAt(good, at * GOOD_BYTES);
    builder.plainFrom(begin + from, begin + past);
    return;
  }
  const goodOf = new Float64Array(BLOCK_BUCKETS);
  for (let at = 0; at * GOOD_BYTES < good.length; at += 1) {
    const place = places === null ? at : places.readUInt16BE(at * 2);
    const octets = octetsAt(good, at * GOOD_BYTES);
    goodOf[place] = octets;
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

/** Byte by byte, because there are thousands in every service's month: the methods of a buffer check each time what was sealed whole. */
function octetsAt(bytes: Buffer, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const low = ((bytes[at + 3] ?? 0) << 16) | ((bytes[at + 4] ?? 0) << 8) | (bytes[at + 5] ?? 0);
  return high * HIGH_WORD + (bytes[at + 2] ?? 0) * 2 ** 24 + low;
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

/** Cells of the grid with new records, found by the database: rating asks only where, not how much. Serials are dense, so a span of them is as many records, and nothing has to be put in order. */
export async function touchedAfter(
  connection: Queryable,
  bucketMs: DurationMs,
  serial: bigint,
  limit: number,
  cellMs: DurationMs,
): Promise<TouchedUsage> {
  const next = await connection.query<{ first: bigint | null }>(
    'select min(serial) as first from usage.record where serial > $1',
    [serial],
  );
  const first = next.rows[0]?.first ?? null;
  if (first === null) return { records: 0, lastSerial: null, cells: [] };
  const { rows } = await connection.query<{
    meter: number;
    first: Bucket;
    last: Bucket;
    records: bigint;
    past: bigint;
  }>(
    `select meter, min(bucket) as first, max(bucket) as last, count(*) as records, max(serial) as past
       from usage.record where serial >= $1 and serial < $2 group by meter, bucket / $3::int4`,
    [first, first + BigInt(limit), Math.max(1, Math.floor(cellMs / bucketMs))],
  );
  let [records, lastSerial] = [0, first];
  for (const row of rows) {
    records += Number(row.records);
    if (row.past > lastSerial) lastSerial = row.past;
  }
  const cells = rows.map((row) => ({
    meter: row.meter,
    firstMs: row.first * bucketMs,
    lastMs: row.last * bucketMs,
  }));
  return { records, lastSerial, cells };
}
