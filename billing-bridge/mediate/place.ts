// How far mediation has come: the one row that each of its transactions locks and moves on.
import type { Queryable } from '../../common/database/database.ts';
import type { DurationMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Bucket } from './grid.ts';

export interface Place {
  readonly cursor: string | null;
  /** Grows by one with every mediating transaction: unequal numbers mean that somebody else has mediated. */
  readonly number: bigint;
  /** Of the next record: dense, and because of the lock in the order of commits. */
  readonly nextSerial: bigint;
  readonly lastBucket: Bucket | null;
  readonly quarantined: number;
  /** The block that is sealed next: into it and those before, records are written with a mark. Null: none was sealed. */
  readonly sealing: number | null;
}

interface PlaceRow {
  readonly bucket_ms: bigint | null;
  readonly cursor: string | null;
  readonly number: bigint;
  readonly next_serial: bigint;
  readonly last_bucket: number | null;
  readonly quarantined: number;
  readonly sealing: number | null;
}

/** Throws contract_change_refused where usage was counted on another grid. */
export async function readPlace(
  connection: Queryable,
  bucketMs: DurationMs,
  lock: 'for update' | '' = '',
): Promise<Place> {
  const { rows } = await connection.query<PlaceRow>(
    `select bucket_ms, cursor, number, next_serial, last_bucket, quarantined, sealing from usage.mediation ${lock}`,
  );
  const row = rows[0];
  if (row === undefined) throw new Error('BUG: the row of usage.mediation is gone');
  if (row.bucket_ms !== null && Number(row.bucket_ms) !== bucketMs)
    throw new WeirError(
      'contract_change_refused',
      `Usage is counted in buckets of ${row.bucket_ms} ms; billing_bridge.bucket_ms is ${bucketMs}.`,
      { bucketMs: Number(row.bucket_ms), configured: bucketMs },
    );
  return {
    cursor: row.cursor,
    number: row.number,
    nextSerial: row.next_serial,
    lastBucket: row.last_bucket,
    quarantined: row.quarantined,
    sealing: row.sealing,
  };
}

export async function movePlace(
  connection: Queryable,
  bucketMs: DurationMs,
  place: Omit<Place, 'number' | 'sealing'>,
): Promise<void> {
  await connection.query(
    `update usage.mediation
        set bucket_ms = $1, cursor = $2, number = number + 1, next_serial = $3, last_bucket = $4, quarantined = $5`,
    [bucketMs, place.cursor, place.nextSerial, place.lastBucket, place.quarantined],
  );
}
