// What was released from suspense: decisions of people, kept for ever, that mediation obeys whenever it goes through the readings again.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { ReleasedSuspense } from './mediation.ts';
import { meterOf } from './usage-queries.ts';

/** A stretch of a meter in which octets above line rate are believed. */
export interface Release {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

/** A late reading may cut a released span in pieces: each of them is released. */
export function isReleased(releases: readonly Release[], span: Release): boolean {
  return releases.some(({ fromMs, toMs }) => span.fromMs >= fromMs && span.toMs <= toMs);
}

/** `until`: of those only up to that number. */
export async function releasesOf(
  connection: Queryable,
  meter: number,
  until: number | null = null,
): Promise<Release[]> {
  const { rows } = await connection.query<{ from_ms: bigint; to_ms: bigint }>(
    'select from_ms, to_ms from usage.release where meter = $1 and ($2::int8 is null or number <= $2) order by to_ms',
    [meter, until],
  );
  return rows.map((row) => ({ fromMs: Number(row.from_ms), toMs: Number(row.to_ms) }));
}

interface ReleaseRow {
  readonly number: bigint;
  readonly id: number;
  readonly device: string;
  readonly interface_key: string;
  readonly direction: 'in' | 'out';
  readonly class: string;
  readonly from_ms: bigint;
  readonly to_ms: bigint;
  readonly octets: string;
  readonly reason: string;
  readonly by_whom: string;
  readonly at_ms: bigint;
}

const COLUMNS =
  'r.number, m.id, m.device, m.interface_key, m.direction, m.class, from_ms, to_ms, octets, reason, by_whom, at_ms';

function releasedOf(row: ReleaseRow): ReleasedSuspense {
  return {
    number: row.number,
    meter: meterOf(row),
    fromMs: Number(row.from_ms),
    toMs: Number(row.to_ms),
    octets: row.octets,
    reason: row.reason,
    by: row.by_whom,
    atMs: Number(row.at_ms),
  };
}

/** The newest first. */
export async function findReleases(
  connection: Queryable,
  query: { readonly beforeNumber: bigint | null; readonly limit: number },
): Promise<ReleasedSuspense[]> {
  const { rows } = await connection.query<ReleaseRow>(
    `select ${COLUMNS} from usage.release r join usage.meter m on m.id = r.meter
      where $1::int8 is null or r.number < $1 order by r.number desc limit $2`,
    [query.beforeNumber, query.limit],
  );
  return rows.map(releasedOf);
}

export async function releaseAt(connection: Queryable, meter: number, toMs: EpochMs): Promise<ReleasedSuspense | null> {
  const { rows } = await connection.query<ReleaseRow>(
    `select ${COLUMNS} from usage.release r join usage.meter m on m.id = r.meter where r.meter = $1 and r.to_ms = $2`,
    [meter, toMs],
  );
  return rows[0] === undefined ? null : releasedOf(rows[0]);
}
