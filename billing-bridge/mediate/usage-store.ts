// The book of usage in PostgreSQL: what rating reads, what people look at, and what the gates of a bill run ask.
import type { UsageColumns } from '../../common/model/usage-columns.ts';
import type { Database, Queryable } from '../../common/database/database.ts';
import { type DurationMs, type EpochMs, isoTime } from '../../common/model/time.ts';
import { cellsIn, columnsBetween, touchedAfter } from './column-queries.ts';
import { conservationOf, statesOf } from './conservation.ts';
import { bucketOf } from './grid.ts';
import type { SuspenseItem, UsageBook, UsageCounts, UsagePage, UsageQuery } from './mediation.ts';
import { pageOfSuspense } from './suspense-queries.ts';
import type { Meter, StoredReadings, TouchedCell, TouchedUsage, UsageRecord, UsageSpan } from './usage.ts';
import { bucketsIn, findMeters, latestRecords, pageOfRecords, recordsAfter } from './usage-queries.ts';
import { sumsOf } from './usage-sums.ts';

export interface UsageStoreConfig {
  readonly bucketMs: DurationMs;
}

const METERS_AT_ONCE = 1_000;

export class UsageStore implements UsageBook {
  readonly #bucketMs: DurationMs;
  readonly #database: Database;

  constructor(config: UsageStoreConfig, deps: { readonly database: Database }) {
    this.#bucketMs = config.bucketMs;
    this.#database = deps.database;
  }

  latest(meters: readonly number[], fromMs: EpochMs, toMs: EpochMs): Promise<UsageRecord[]> {
    return latestRecords(this.#database, this.#bucketMs, meters, fromMs, toMs);
  }

  columns(
    meters: readonly number[],
    fromMs: EpochMs,
    toMs: EpochMs,
    storedUntil?: bigint,
  ): Promise<ReadonlyMap<number, UsageColumns>> {
    return columnsBetween(this.#database, this.#bucketMs, meters, fromMs, toMs, storedUntil ?? null);
  }

  /** Serials grow in the order of commits, so that what is stored now is all up to the last. */
  async storedUntil(): Promise<bigint> {
    const { rows } = await this.#database.query<{ last: bigint }>(
      'select next_serial - 1 as last from usage.mediation',
    );
    return rows[0]?.last ?? 0n;
  }

  cellsIn(spans: readonly UsageSpan[], cellMs: DurationMs): Promise<TouchedCell[]> {
    return cellsIn(this.#database, this.#bucketMs, spans, cellMs);
  }

  touchedAfter(serial: bigint, limit: number, cellMs: DurationMs): Promise<TouchedUsage> {
    return touchedAfter(this.#database, this.#bucketMs, serial, limit, cellMs);
  }

  changedAfter(serial: bigint, limit: number): Promise<UsageRecord[]> {
    return recordsAfter(this.#database, this.#bucketMs, serial, limit);
  }

  /** A meter is final up to the bucket of its last reading, or as far as the watermark of its device has closed. */
  async finalUntil(meters: readonly number[]): Promise<ReadonlyMap<number, EpochMs>> {
    const final = new Map<number, EpochMs>();
    if (meters.length === 0) return final;
    await this.#atOneMoment(async (connection) => {
      const { rows } = await connection.query<{ id: number; device: string; closed_before: number }>(
        `select m.id, m.device, d.closed_before from usage.meter m join usage.device d using (device) where m.id = any($1::int4[])`,
        [meters],
      );
      const states = await statesOf(
        connection,
        rows.map((row) => row.device),
      );
      for (const row of rows) {
        const closedBefore = Math.max(row.closed_before, states.get(row.id)?.closedBefore ?? 0);
        if (closedBefore > 0) final.set(row.id, closedBefore * this.#bucketMs);
      }
    });
    return final;
  }

  async lastSeen(meters: readonly number[]): Promise<ReadonlyMap<number, EpochMs>> {
    const known = meters.length === 0 ? [] : await findMeters(this.#database, { ids: meters });
    const states = await statesOf(this.#database, new Set(known.map(({ device }) => device)));
    return new Map(
      known.flatMap(({ id }): [number, EpochMs][] => {
        const seenMs = states.get(id)?.seenMs;
        return seenMs === undefined ? [] : [[id, seenMs]];
      }),
    );
  }

  async storedReadings(): Promise<StoredReadings> {
    return this.#atOneMoment(async (connection) => {
      const journals = await connection.query<{ journal: string; position: bigint; ordinal: number }>(
        'select journal, position, ordinal from usage.journal order by journal',
      );
      const releases = await connection.query<{ number: bigint }>(
        'select coalesce(max(number), 0)::int8 as number from usage.release',
      );
      return {
        journals: Object.fromEntries(
          journals.rows.map((row) => [row.journal, [Number(row.position), row.ordinal] as const]),
        ),
        releases: Number(releases.rows[0]?.number ?? 0n),
      };
    });
  }

  async readUntil(): Promise<EpochMs | null> {
    const { rows } = await this.#database.query<{ closed_before: number | null }>(
      'select max(closed_before) as closed_before from usage.device',
    );
    const closedBefore = rows[0]?.closed_before ?? null;
    return closedBefore === null || closedBefore <= 0 ? null : closedBefore * this.#bucketMs;
  }

  async metersOf(device: string, interfaceKey: string): Promise<{ in: Meter; out: Meter } | null> {
    const meters = await findMeters(this.#database, { device, interfaceKey, class: 'octets' });
    const incoming = meters.find((meter) => meter.direction === 'in');
    const outgoing = meters.find((meter) => meter.direction === 'out');
    return incoming === undefined || outgoing === undefined ? null : { in: incoming, out: outgoing };
  }

  allMeters(): Promise<Meter[]> {
    return findMeters(this.#database);
  }

  page(query: UsageQuery): Promise<UsagePage> {
    return pageOfRecords(this.#database, this.#bucketMs, query);
  }

  async counts(): Promise<UsageCounts> {
    const { rows } = await this.#database.query<{ next_serial: bigint; last_bucket: number | null; meters: bigint }>(
      'select next_serial, last_bucket, (select count(*) from usage.meter) as meters from usage.mediation',
    );
    const row = rows[0];
    if (row === undefined) throw new Error('BUG: the row of usage.mediation is gone');
    return {
      records: row.next_serial - 1n,
      meters: Number(row.meters),
      lastBucketStartMs: row.last_bucket === null ? null : row.last_bucket * this.#bucketMs,
    };
  }

  /** Every meter's usage begins with an epoch. */
  async begin(): Promise<EpochMs | null> {
    const { rows } = await this.#database.query<{ first: bigint | null }>(
      'select min(first_at_ms) as first from usage.epoch',
    );
    const first = rows[0]?.first ?? null;
    return first === null ? null : bucketOf(Number(first), this.#bucketMs) * this.#bucketMs;
  }

  suspense(query: { readonly cursor: string | null; readonly limit: number }): Promise<{
    readonly items: readonly SuspenseItem[];
    readonly next: string | null;
  }> {
    return pageOfSuspense(this.#database, query);
  }

  /** Octets that are rated: suspended ones are not among them, nor what other meters count. */
  async totals(fromMs: EpochMs, toMs: EpochMs): Promise<{ meter: Meter; octets: bigint }[]> {
    const { from, to } = bucketsIn(fromMs, toMs, this.#bucketMs);
    const meters = to <= from ? [] : await findMeters(this.#database, { class: 'octets' });
    const found: { meter: Meter; octets: bigint }[] = [];
    for (let at = 0; at < meters.length; at += METERS_AT_ONCE) {
      const some = meters.slice(at, at + METERS_AT_ONCE);
      const sums = await sumsOf(
        this.#database,
        some.map((meter) => ({ meter: meter.id, from, to })),
      );
      for (const [place, meter] of some.entries()) found.push({ meter, octets: sums[place]?.rated ?? 0n });
    }
    return found.toSorted((one, other) =>
      one.octets === other.octets ? one.meter.id - other.meter.id : one.octets > other.octets ? -1 : 1,
    );
  }

  async conservation(
    meters: readonly number[],
    fromMs: EpochMs,
    toMs: EpochMs,
  ): Promise<Readonly<Record<string, unknown>>[]> {
    const found = await this.#atOneMoment((connection) =>
      conservationOf(connection, this.#bucketMs, meters, fromMs, toMs),
    );
    return found.map((one) => ({
      meter: one.meter.id,
      device: one.meter.device,
      interface: one.meter.interfaceKey,
      direction: one.meter.direction,
      from: isoTime(one.fromMs),
      to: isoTime(one.toMs),
      expected: one.expected.toString(),
      found: one.found.toString(),
      difference: (one.found - one.expected).toString(),
    }));
  }

  async quarantined(): Promise<number> {
    const { rows } = await this.#database.query<{ quarantined: number }>('select quarantined from usage.mediation');
    return rows[0]?.quarantined ?? 0;
  }

  async unsoundClocks(
    meters: readonly number[],
    fromMs: EpochMs,
    toMs: EpochMs,
  ): Promise<Readonly<Record<string, unknown>>[]> {
    const { rows } = await this.#database.query<{
      device: string;
      agent: string;
      pages: number;
      from_ms: bigint;
      to_ms: bigint;
    }>(
      `select device, agent, pages, from_ms, to_ms from usage.unsound_clock
        where device in (select device from usage.meter where id = any($1::int4[])) and to_ms >= $2 and from_ms < $3
        order by device, day, agent`,
      [meters, fromMs, toMs],
    );
    return rows.map((row) => ({
      device: row.device,
      agent: row.agent,
      polls: row.pages,
      from: isoTime(Number(row.from_ms)),
      to: isoTime(Number(row.to_ms)),
    }));
  }

  /** State and records change together; questions of both must see them so. */
  #atOneMoment<T>(work: (connection: Queryable) => Promise<T>): Promise<T> {
    return this.#database.transaction(async (connection) => {
      await connection.query('set transaction isolation level repeatable read, read only');
      return work(connection);
    });
  }
}
