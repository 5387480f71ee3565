// Many usage records as one value of PostgreSQL: rating reads each record twice, and a row of fourteen columns costs twice what it holds.
import type { Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { EpochIndex } from './epoch-index.ts';
import type { UsageRecord } from './usage.ts';

const RECORD_BYTES = 3 * 8 + 6 * 4 + 4 * 8;
const OCTETS = ['good', 'wrapped', 'gap', 'suspended'] as const;
/** Stands for octets that an int8 cannot hold; they are asked for by themselves. */
const TOO_LARGE = -1n;

/** A row of usage.record as bytes, big-endian. */
export const PACKED_RECORD = [
  ...['serial', 'first_ms', 'last_ms'].map((column) => `int8send(${column})`),
  ...['meter', 'bucket', 'covered_ms', 'gap_ms', 'lost_ms', 'version'].map((column) => `int4send(${column})`),
  ...OCTETS.map(
    (column) => `int8send(case when ${column} <= ${2n ** 63n - 1n} then ${column}::int8 else ${TOO_LARGE} end)`,
  ),
].join(' || ');

/** What the columns above need. */
export const PACKED_COLUMNS =
  'serial, first_ms, last_ms, meter, bucket, covered_ms, gap_ms, lost_ms, version, good, wrapped, gap, suspended';

interface OctetsRow {
  readonly serial: bigint;
  readonly good: string;
  readonly wrapped: string;
  readonly gap: string;
  readonly suspended: string;
}

/** The records in one or more such values, in their order. */
export async function unpackRecords(
  connection: Queryable,
  packed: readonly (Buffer | null)[],
  bucketMs: DurationMs,
): Promise<UsageRecord[]> {
  const views = viewsOf(packed);
  const large = largeIn(views);
  const [epochs, octets] = [await epochsOf(connection, views), await octetsOf(connection, large)];
  const records: UsageRecord[] = [];
  for (const view of views)
    for (let at = 0; at < view.byteLength; at += RECORD_BYTES)
      records.push(recordAt(view, at, bucketMs, epochs, octets));
  return records;
}

/** The same without evidence, where only what was used is wanted: no epoch is looked up. */
export async function unpackUsage(
  connection: Queryable,
  packed: readonly (Buffer | null)[],
  bucketMs: DurationMs,
): Promise<Omit<UsageRecord, 'evidence'>[]> {
  const views = viewsOf(packed);
  const octets = await octetsOf(connection, largeIn(views));
  const records: Omit<UsageRecord, 'evidence'>[] = [];
  for (const view of views)
    for (let at = 0; at < view.byteLength; at += RECORD_BYTES) records.push(usageAt(view, at, bucketMs, octets));
  return records;
}

function viewsOf(packed: readonly (Buffer | null)[]): DataView[] {
  return packed
    .filter((bytes) => bytes !== null)
    .map((bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

function recordAt(
  view: DataView,
  at: number,
  bucketMs: DurationMs,
  epochs: EpochIndex,
  large: ReadonlyMap<bigint, UsageRecord['octets']>,
): UsageRecord {
  const usage = usageAt(view, at, bucketMs, large);
  const firstReadingAtMs = timeAt(view, at + 8);
  const epoch = epochs.epochAt(usage.meter, firstReadingAtMs);
  return { ...usage, evidence: { epoch, firstReadingAtMs, lastReadingAtMs: timeAt(view, at + 16) } };
}

function usageAt(
  view: DataView,
  at: number,
  bucketMs: DurationMs,
  large: ReadonlyMap<bigint, UsageRecord['octets']>,
): Omit<UsageRecord, 'evidence'> {
  const serial = view.getBigInt64(at);
  return {
    serial,
    meter: view.getInt32(at + 24),
    bucketStartMs: view.getInt32(at + 28) * bucketMs,
    bucketMs,
    version: view.getInt32(at + 44),
    octets: large.get(serial) ?? {
      good: view.getBigInt64(at + 48),
      wrapped: view.getBigInt64(at + 56),
      gap: view.getBigInt64(at + 64),
      suspended: view.getBigInt64(at + 72),
    },
    coveredMs: view.getInt32(at + 32),
    gapMs: view.getInt32(at + 36),
    lostMs: view.getInt32(at + 40),
  };
}

function timeAt(view: DataView, at: number): EpochMs {
  return Number(view.getBigInt64(at));
}

function epochsOf(connection: Queryable, views: readonly DataView[]): Promise<EpochIndex> {
  const meters = new Set<number>();
  let [from, to] = [Number.MAX_SAFE_INTEGER, 0];
  for (const view of views)
    for (let at = 0; at < view.byteLength; at += RECORD_BYTES) {
      const first = timeAt(view, at + 8);
      if (first < from) from = first;
      if (first > to) to = first;
      meters.add(view.getInt32(at + 24));
    }
  return EpochIndex.read(connection, [...meters], from, to);
}

function largeIn(views: readonly DataView[]): bigint[] {
  const found: bigint[] = [];
  for (const view of views)
    for (let at = 0; at < view.byteLength; at += RECORD_BYTES)
      for (let column = 0; column < OCTETS.length; column += 1)
        // The sign is enough: nothing else is negative.
        if (view.getInt32(at + 48 + column * 8) < 0) found.push(view.getBigInt64(at));
  return found;
}

async function octetsOf(
  connection: Queryable,
  serials: readonly bigint[],
): Promise<Map<bigint, UsageRecord['octets']>> {
  if (serials.length === 0) return new Map();
  const { rows } = await connection.query<OctetsRow>(
    'select serial, good, wrapped, gap, suspended from usage.record where serial = any($1::int8[])',
    [serials],
  );
  return new Map(
    rows.map((row) => [
      row.serial,
      {
        good: BigInt(row.good),
        wrapped: BigInt(row.wrapped),
        gap: BigInt(row.gap),
        suspended: BigInt(row.suspended),
      },
    ]),
  );
}
