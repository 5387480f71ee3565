// Usage records as others read them: newest versions of a span, what changed since a serial, pages for people.
import type { Queryable } from '../../common/database/database.ts';
import { METER_CLASSES, type MeterClass } from '../../common/model/meter-class.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Bucket } from './grid.ts';
import type { HeldPort, UsagePage, UsageQuery } from './mediation.ts';
import { PACKED_COLUMNS, PACKED_RECORD, unpackRecords } from './packed-records.ts';
import type { Meter, UsageRecord } from './usage.ts';

interface PackedRow {
  readonly packed: Buffer | null;
}

interface MeterRow {
  readonly id: number;
  readonly device: string;
  readonly interface_key: string;
  readonly direction: 'in' | 'out';
  readonly class: string;
}

export function meterOf(row: MeterRow): Meter {
  const { id, device, interface_key: interfaceKey, direction } = row;
  const meterClass = METER_CLASSES.find((one) => one === row.class) ?? 'octets';
  return { id, device, interfaceKey, direction, ...(meterClass === 'octets' ? {} : { class: meterClass }) };
}

/** Those of a port, of a device, of a class, by id, or all; ordered by id. */
export async function findMeters(
  connection: Queryable,
  wanted: {
    readonly ids?: readonly number[] | null;
    readonly device?: string | null;
    readonly interfaceKey?: string | null;
    readonly class?: MeterClass | null;
  } = {},
): Promise<Meter[]> {
  const { rows } = await connection.query<MeterRow>(
    `select id, device, interface_key, direction, class from usage.meter
      where ($1::int4[] is null or id = any($1)) and ($2::text is null or device = $2) and ($3::text is null or interface_key = $3)
        and ($4::text is null or class = $4)
      order by id`,
    [wanted.ids ?? null, wanted.device ?? null, wanted.interfaceKey ?? null, wanted.class ?? null],
  );
  return rows.map(meterOf);
}

/** Buckets that begin in [from, to). */
export function bucketsIn(fromMs: EpochMs, toMs: EpochMs, bucketMs: DurationMs): { from: Bucket; to: Bucket } {
  const bound = (at: EpochMs): Bucket => Math.min(2 ** 31 - 1, Math.max(0, Math.ceil(at / bucketMs)));
  return { from: bound(fromMs), to: bound(toMs) };
}

export async function latestRecords(
  connection: Queryable,
  bucketMs: DurationMs,
  meters: readonly number[],
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<UsageRecord[]> {
  if (meters.length === 0) return [];
  const { from, to } = bucketsIn(fromMs, toMs, bucketMs);
  const { rows } = await connection.query<PackedRow>(
    `select string_agg(${PACKED_RECORD}, '' order by bucket) as packed from (
       select distinct on (meter, bucket) ${PACKED_COLUMNS} from usage.record
        where meter = any($1::int4[]) and bucket >= $2 and bucket < $3 order by meter, bucket, version desc) newest
      group by meter order by meter`,
    [meters, from, to],
  );
  return unpackRecords(
    connection,
    rows.map((row) => row.packed),
    bucketMs,
  );
}

export async function recordsAfter(
  connection: Queryable,
  bucketMs: DurationMs,
  serial: bigint,
  limit: number,
): Promise<UsageRecord[]> {
  const { rows } = await connection.query<PackedRow>(
    `select string_agg(${PACKED_RECORD}, '' order by serial) as packed from (
       select ${PACKED_COLUMNS} from usage.record where serial > $1 order by serial limit $2) changed`,
    [serial, limit],
  );
  return unpackRecords(
    connection,
    rows.map((row) => row.packed),
    bucketMs,
  );
}

export async function pageOfRecords(
  connection: Queryable,
  bucketMs: DurationMs,
  query: UsageQuery,
): Promise<UsagePage> {
  const after = query.cursor === null ? [0, -1, 0] : placeIn(query.cursor);
  const named = query.device !== null || query.interfaceKey !== null;
  const meters = named ? (await findMeters(connection, query)).map((meter) => meter.id) : null;
  const held = query.held === null ? null : await heldMeters(connection, query.held, bucketMs);
  const wanted = query.meter === null ? meters : meters === null || meters.includes(query.meter) ? [query.meter] : [];
  const { from, to } = bucketsIn(query.fromMs, query.toMs, bucketMs);
  const newest = `and not exists (select from usage.record later where later.meter = r.meter and later.bucket = r.bucket and later.version > r.version)`;
  const { rows } = await connection.query<PackedRow & { meter: number; bucket: Bucket; version: number }>(
    `select ${PACKED_RECORD} as packed, meter, bucket, version from usage.record r
      where ($1::int4[] is null or meter = any($1)) and bucket >= $2 and bucket < $3 and (meter, bucket, version) > ($4, $5, $6)
        and ($8::int4[] is null or exists (select from unnest($8::int4[], $9::int4[], $10::int4[]) held (of_meter, first, past)
          where of_meter = meter and bucket >= first and bucket < past))
        ${query.versions === 'latest' ? newest : ''}
      order by meter, bucket, version limit $7`,
    [
      wanted,
      from,
      to,
      ...after,
      query.limit + 1,
      held?.map(({ meter: id }) => id) ?? null,
      held?.map(({ first }) => first) ?? null,
      held?.map(({ past }) => past) ?? null,
    ],
  );
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  const next = rows.length > shown.length && last !== undefined ? `${last.meter}.${last.bucket}.${last.version}` : null;
  const items = await unpackRecords(
    connection,
    shown.map((row) => row.packed),
    bucketMs,
  );
  return { items, next };
}

const OPEN_MS = Number.MAX_SAFE_INTEGER;

/** Meters with the buckets that begin while their port was held. */
async function heldMeters(
  connection: Queryable,
  ports: readonly HeldPort[],
  bucketMs: DurationMs,
): Promise<{ meter: number; first: Bucket; past: Bucket }[]> {
  const spans = ports.map(({ fromMs, toMs }) => bucketsIn(fromMs, toMs ?? OPEN_MS, bucketMs));
  const { rows } = await connection.query<{ meter: number; first: Bucket; past: Bucket }>(
    `select id as meter, first, past from usage.meter
       join unnest($1::text[], $2::text[], $3::int4[], $4::int4[]) held (device, interface_key, first, past)
         using (device, interface_key)`,
    [
      ports.map(({ device }) => device),
      ports.map(({ interfaceKey }) => interfaceKey),
      spans.map(({ from }) => from),
      spans.map(({ to }) => to),
    ],
  );
  return [...rows];
}

function placeIn(cursor: string): number[] {
  const found = /^(\d{1,10})\.(\d{1,10})\.(\d{1,10})$/.exec(cursor);
  const place = found?.slice(1).map(Number) ?? [];
  if (place.length === 3 && place.every((part) => part < 2 ** 31)) return place;
  throw new WeirError('invalid_request', 'cursor: expected one that a page gave as `next`.', {
    issues: [{ path: 'cursor', message: 'expected one that a page gave as `next`' }],
  });
}
