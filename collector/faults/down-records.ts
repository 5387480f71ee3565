// Reads when ports and devices were down, and up to when that is known; lets go of what is too old to be asked for.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DownRecord } from '../../common/model/service-level.ts';
import type { Span } from '../../common/model/spans.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';

/** What is known of a resource in a span. */
export interface KnownDowns {
  readonly downs: readonly DownRecord[];
  /** Null where its device was never polled: nothing more is waited for. */
  readonly knownUntilMs: EpochMs | null;
}

export interface DownRecordsOf {
  /** By resource; of a port with those of its device. Throws service_level_too_large. */
  of(resources: readonly string[], span: Span): Promise<ReadonlyMap<string, KnownDowns>>;
}

interface Row {
  readonly alarm: bigint;
  readonly resource: string;
  readonly alarm_type: string;
  readonly from_ms: bigint;
  readonly to_ms: bigint | null;
}

/** Of one question. */
const MOST_RECORDS = 100_000;
const FORGOTTEN_AT_ONCE = 10_000;

export class DownRecords implements DownRecordsOf {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async of(resources: readonly string[], span: Span): Promise<ReadonlyMap<string, KnownDowns>> {
    const devices = [...new Set(resources.map(deviceOf))];
    const asked = [...new Set([...resources, ...devices])];
    // First up to when it is known: what is written meanwhile is then known better than is said, never worse.
    const known = await this.#database.query<{ device: string; last_at_ms: bigint }>(
      'select device, last_at_ms from faults.device_state where device = any($1::text[]) and version > 0',
      [devices],
    );
    const { rows } = await this.#database.query<Row>(
      `select alarm, resource, alarm_type, from_ms, to_ms from faults.down_record
        where resource = any($1::text[]) and from_ms < $3 and (to_ms is null or to_ms > $2)
        order by from_ms, alarm limit $4`,
      [asked, span.fromMs, span.toMs, MOST_RECORDS + 1],
    );
    if (rows.length > MOST_RECORDS)
      throw new WeirError(
        'service_level_too_large',
        `There are more than ${MOST_RECORDS} outages of ports to look at.`,
        {
          most: MOST_RECORDS,
        },
      );
    const untilMs = new Map(known.rows.map((row) => [row.device, Number(row.last_at_ms)]));
    const byResource = new Map<string, DownRecord[]>();
    for (const row of rows) {
      const found = byResource.get(row.resource);
      if (found === undefined) byResource.set(row.resource, [recordOf(row)]);
      else found.push(recordOf(row));
    }
    return new Map(
      resources.map((resource) => {
        const device = deviceOf(resource);
        const own = byResource.get(resource) ?? [];
        const ofDevice = device === resource ? [] : (byResource.get(device) ?? []);
        return [resource, { downs: [...own, ...ofDevice], knownUntilMs: untilMs.get(device) ?? null }];
      }),
    );
  }
}

/** Those that ended before a time. */
export async function forgetDownRecords(connection: Queryable, beforeMs: EpochMs): Promise<void> {
  await connection.query(
    `delete from faults.down_record where (alarm, from_ms) in (
       select alarm, from_ms from faults.down_record where to_ms < $1 order by to_ms limit $2)`,
    [beforeMs, FORGOTTEN_AT_ONCE],
  );
}

function recordOf(row: Row): DownRecord {
  return {
    alarm: row.alarm.toString(),
    alarmType: row.alarm_type,
    resource: row.resource,
    fromMs: Number(row.from_ms),
    toMs: row.to_ms === null ? null : Number(row.to_ms),
  };
}

function deviceOf(resource: string): string {
  return resource.split('/')[0] ?? resource;
}
