// The final record of a port that leaves a service: up to where its usage is known when it is closed, written once. What comes later is an adjustment.
import type { Database, Queryable } from '../../common/database/database.ts';
import { classOf } from '../../common/model/meter-class.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { Meter, UsageReader, UsageRecord } from '../mediate/usage.ts';
import type { MeterIndex } from './rating-input.ts';

/**
 * final: everything up to the end was read, or reported as a gap. waited_out: nobody reads the device any more, and was waited for. Of a
 * port that is still bound: interface_gone, its device is read and shows it no more; device_silent, its device is not read while others are.
 */
export type FinalOutcome = 'final' | 'waited_out' | 'interface_gone' | 'device_silent';

export interface FinalRecord {
  readonly id: bigint;
  readonly customer: string;
  readonly service: string;
  readonly meter: number;
  readonly device: string;
  readonly interfaceKey: string;
  readonly class: string;
  readonly direction: string;
  readonly endedAtMs: EpochMs;
  readonly outcome: FinalOutcome;
  /** The last usage record of the last day before the end; null where there is none. */
  readonly lastBucketMs: EpochMs | null;
  readonly lastVersion: number | null;
  readonly lastReadingAtMs: EpochMs | null;
  /** The serial of the last usage record that was stored then. */
  readonly usageSerial: bigint | null;
  readonly madeAtMs: EpochMs;
}

export interface FinalRecordQuery {
  readonly customers: readonly string[] | null;
  readonly service?: string | undefined;
  readonly before: bigint | null;
  readonly limit: number;
}

/** A port that left is waited for so long where its device is not read any more; then what is known is charged, and what still comes is corrected. */
export const WAIT_MS: DurationMs = 3 * 86_400_000;
const DAY_MS: DurationMs = 86_400_000;
/** Ends that are longer ago are none of ours: contracts of years are stated at once. */
const OLDEST_MS: DurationMs = 400 * DAY_MS;
const RECORDS_AT_ONCE = 500;

export function isWaitedOut(endedAtMs: EpochMs, now: EpochMs): boolean {
  return now - endedAtMs >= WAIT_MS;
}

/** Is a device that is known up to there no longer waited for? Told by what is known of others: a bridge that was away itself says nothing. */
export function isSilent(finalUntilMs: EpochMs | undefined, readUntilMs: EpochMs | null): boolean {
  return finalUntilMs !== undefined && readUntilMs !== null && readUntilMs - finalUntilMs >= WAIT_MS;
}

export interface FinalRecordDeps {
  readonly database: Database;
  readonly usage: UsageReader;
}

interface Ended {
  readonly customer: string;
  readonly service: string;
  readonly meter: Meter;
  readonly fromMs: EpochMs;
  readonly endedAtMs: EpochMs;
}

/** Writes those that are due; again, or twice at once, nothing more. Returns how many. */
export async function writeFinalRecords(
  deps: FinalRecordDeps,
  book: ContractBook,
  index: MeterIndex,
  now: EpochMs,
  fence: (connection: Queryable) => Promise<void>,
): Promise<number> {
  const ended = endedIn(book, index, now);
  if (ended.length === 0) return 0;
  const known = await knownKeys(deps.database, now);
  const fresh = ended.filter((one) => !known.has(keyOf(one.service, one.meter.id, one.endedAtMs)));
  const final = await deps.usage.finalUntil([...new Set(fresh.map(({ meter }) => meter.id))]);
  const stored = (await deps.usage.storedUntil?.()) ?? null;
  const rows: object[] = [];
  for (const one of fresh) {
    if (rows.length >= RECORDS_AT_ONCE) break;
    const isFinal = (final.get(one.meter.id) ?? 0) >= one.endedAtMs;
    if (!isFinal && !isWaitedOut(one.endedAtMs, now)) continue;
    const from = Math.max(one.fromMs, one.endedAtMs - DAY_MS);
    const last = (await deps.usage.latest([one.meter.id], from, one.endedAtMs)).at(-1);
    rows.push(rowOf(one, isFinal ? 'final' : 'waited_out', last, stored, now));
  }
  if (rows.length === 0) return 0;
  await insertFinalRecords(deps.database, rows, fence);
  return rows.length;
}

export async function insertFinalRecords(
  database: Database,
  rows: readonly object[],
  fence: (connection: Queryable) => Promise<void>,
): Promise<void> {
  await database.transaction(async (connection) => {
    await fence(connection);
    await connection.query(INSERT, [JSON.stringify(rows)]);
  });
}

/** One record as it is inserted. */
export function rowOf(
  one: Omit<Ended, 'fromMs'>,
  outcome: FinalOutcome,
  last: UsageRecord | undefined,
  stored: bigint | null,
  now: EpochMs,
): object {
  return {
    customer: one.customer,
    service: one.service,
    meter: one.meter.id,
    device: one.meter.device,
    interface_key: one.meter.interfaceKey,
    class: classOf(one.meter),
    direction: one.meter.direction,
    ended_at_ms: one.endedAtMs,
    outcome,
    last_bucket_ms: last?.bucketStartMs ?? null,
    last_version: last?.version ?? null,
    last_reading_at_ms: last?.evidence.lastReadingAtMs ?? null,
    usage_serial: stored === null ? null : Number(stored),
    made_at_ms: now,
  };
}

const COLUMNS = `customer, service, meter, device, interface_key, class, direction, ended_at_ms, outcome, last_bucket_ms,
  last_version, last_reading_at_ms, usage_serial, made_at_ms`;
const INSERT = `insert into billing.final_record (${COLUMNS})
  select ${COLUMNS} from jsonb_to_recordset($1::jsonb) as new (customer text, service text, meter int, device text,
    interface_key text, class text, direction text, ended_at_ms int8, outcome text, last_bucket_ms int8, last_version int,
    last_reading_at_ms int8, usage_serial int8, made_at_ms int8)
  on conflict do nothing`;

function endedIn(book: ContractBook, index: MeterIndex, now: EpochMs): Ended[] {
  return [...book.services.values()].flatMap((service) =>
    service.bindings.flatMap(({ device, interface: name, fromMs, toMs }) =>
      toMs === null || toMs > now || toMs <= fromMs || toMs < now - OLDEST_MS
        ? []
        : index
            .ofPort(device, name, null)
            .map((meter) => ({ customer: service.customer, service: service.id, meter, fromMs, endedAtMs: toMs })),
    ),
  );
}

export function keyOf(service: string, meter: number, endedAtMs: EpochMs): string {
  return `${service} ${meter} ${endedAtMs}`;
}

export async function knownKeys(connection: Queryable, now: EpochMs): Promise<Set<string>> {
  const { rows } = await connection.query<{ service: string; meter: number; ended_at_ms: bigint }>(
    'select service, meter, ended_at_ms from billing.final_record where ended_at_ms >= $1',
    [now - OLDEST_MS],
  );
  return new Set(rows.map((row) => keyOf(row.service, row.meter, Number(row.ended_at_ms))));
}

interface FinalRecordRow {
  readonly id: bigint;
  readonly customer: string;
  readonly service: string;
  readonly meter: number;
  readonly device: string;
  readonly interface_key: string;
  readonly class: string;
  readonly direction: string;
  readonly ended_at_ms: bigint;
  readonly outcome: FinalOutcome;
  readonly last_bucket_ms: bigint | null;
  readonly last_version: number | null;
  readonly last_reading_at_ms: bigint | null;
  readonly usage_serial: bigint | null;
  readonly made_at_ms: bigint;
}

/** Newest first. */
export async function findFinalRecords(connection: Queryable, query: FinalRecordQuery): Promise<FinalRecord[]> {
  const { rows } = await connection.query<FinalRecordRow>(
    `select id, ${COLUMNS} from billing.final_record
      where ($1::text[] is null or customer = any($1)) and ($2::text is null or service = $2)
        and ($3::int8 is null or id < $3) order by id desc limit $4`,
    [query.customers, query.service ?? null, query.before, query.limit],
  );
  return rows.map((row) => ({
    id: row.id,
    customer: row.customer,
    service: row.service,
    meter: row.meter,
    device: row.device,
    interfaceKey: row.interface_key,
    class: row.class,
    direction: row.direction,
    endedAtMs: Number(row.ended_at_ms),
    outcome: row.outcome,
    lastBucketMs: row.last_bucket_ms === null ? null : Number(row.last_bucket_ms),
    lastVersion: row.last_version,
    lastReadingAtMs: row.last_reading_at_ms === null ? null : Number(row.last_reading_at_ms),
    usageSerial: row.usage_serial,
    madeAtMs: Number(row.made_at_ms),
  }));
}
