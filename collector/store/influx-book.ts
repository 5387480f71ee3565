// What the store knows beside the values: its resources, where points of other programs lie, and the lines the server would not take. In PostgreSQL, in the transaction of the position.
import type { Migration, Queryable } from '../../common/database/database.ts';
import { type PointSet, pointMetric, pointResource } from '../../common/model/point.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { RejectedLine } from './influx-delivery.ts';
import { RESOURCE_KINDS, type Resource, ResourceBook } from './resource-book.ts';

export const influxMigrations: readonly Migration[] = [
  {
    id: 'influx-001',
    sql: `
      create schema if not exists readings;
      create table readings.influx_resource (
        id int8 not null generated always as identity unique,
        kind text not null,
        device text not null,
        part text not null,
        metric text not null,
        description text not null,
        unit text not null,
        tags text not null,
        interval_ms int8 not null,
        primary key (kind, device, part, metric)
      );
      create table readings.influx_point_place (
        id int8 not null generated always as identity unique,
        metric text not null,
        measurement text not null,
        field text not null,
        primary key (metric, measurement, field)
      );
      create table readings.influx_rejected_line (
        id int8 not null generated always as identity primary key,
        journal text not null,
        position int8 not null,
        line text not null,
        reason text not null,
        kept_at_ms int8 not null
      );`,
  },
];

/** The measurement and the field that a metric of points was made of; a dot in a name may make one metric of several. */
export interface PointPlace {
  readonly metric: string;
  readonly measurement: string;
  readonly field: string;
}

export interface KeptLine {
  readonly id: number;
  readonly journal: string;
  readonly position: number;
  readonly line: string;
  readonly reason: string;
  readonly keptAtMs: EpochMs;
}

/** The newest that are kept. */
const MAX_REJECTED_LINES = 10_000;
const MAX_KEPT_CHARACTERS = 4000;
const PAGE = 10_000;
/** Ids are given before the commit: another collector's may show up behind ours. */
const COMMITTED_LATE = 10_000n;

export class InfluxBook {
  readonly book = new ResourceBook();
  readonly #places = new Map<string, Map<string, PointPlace>>();
  /** Not yet in the database: kept until the transaction that writes them has committed. */
  readonly #fresh = new Set<Resource>();
  readonly #changed = new Set<Resource>();
  readonly #freshPlaces = new Set<PointPlace>();
  #lastResource = 0n;
  #lastPlace = 0n;

  /** Takes in what another collector, or this one before a restart, has written since the last time. */
  async learn(database: Queryable): Promise<void> {
    this.#gather();
    let after = this.#lastResource - COMMITTED_LATE;
    for (let full = true; full; ) {
      const { rows } = await database.query<ResourceRow>(
        `select id, kind, device, part, metric, description, unit, tags, interval_ms from readings.influx_resource
          where id > $1 order by id limit ${PAGE}`,
        [after],
      );
      for (const row of rows) this.#take(row);
      after = rows.at(-1)?.id ?? after;
      full = rows.length === PAGE;
      // What was just taken in is written already.
      this.book.takeUnwritten();
    }
    const { rows } = await database.query<PointPlace & { readonly id: bigint }>(
      'select id, metric, measurement, field from readings.influx_point_place where id > $1 order by id',
      [this.#lastPlace - COMMITTED_LATE],
    );
    for (const { id, ...place } of rows) {
      this.#place(place);
      this.#lastPlace = id;
    }
  }

  /** Makes the resources of points; `dropped` is called for a field left out because there are too many. */
  addPoints(sets: readonly PointSet[], dropped: () => void): void {
    for (const { points } of sets)
      for (const { measurement, tags, fields } of points)
        for (const [field, value] of fields) {
          const metric = pointMetric(measurement, field);
          const unit = typeof value === 'string' ? 'text' : '';
          if (this.book.point(metric, pointResource(tags), JSON.stringify(tags), unit) === null) {
            dropped();
            continue;
          }
          const place = { metric, measurement, field };
          if (this.#place(place)) this.#freshPlaces.add(place);
        }
  }

  placesOf(metric: string): PointPlace[] {
    return [...(this.#places.get(metric)?.values() ?? [])];
  }

  /** Writes what is new; `written` is called once the transaction has committed. */
  async write(connection: Queryable): Promise<{ readonly written: () => void }> {
    this.#gather();
    const fresh = [...this.#fresh];
    const changed = [...this.#changed];
    const places = [...this.#freshPlaces];
    for (const [rows, update] of [
      [fresh, 'interval_ms = held.interval_ms'],
      [changed, 'interval_ms = excluded.interval_ms'],
    ] as const) {
      if (rows.length === 0) continue;
      await connection.query(
        `insert into readings.influx_resource as held (kind, device, part, metric, description, unit, tags, interval_ms)
         select * from jsonb_to_recordset($1::jsonb) as made
                (kind text, device text, part text, metric text, description text, unit text, tags text, interval_ms int8)
          order by kind, device, part, metric
         on conflict (kind, device, part, metric) do ${update.includes('excluded') ? `update set ${update}` : 'nothing'}`,
        [JSON.stringify(rows.map(({ intervalMs, ...row }) => ({ ...row, interval_ms: intervalMs })))],
      );
    }
    if (places.length > 0)
      await connection.query(
        `insert into readings.influx_point_place (metric, measurement, field)
         select * from jsonb_to_recordset($1::jsonb) as made (metric text, measurement text, field text)
          order by metric, measurement, field on conflict do nothing`,
        [JSON.stringify(places)],
      );
    return {
      written: () => {
        for (const one of fresh) this.#fresh.delete(one);
        for (const one of changed) this.#changed.delete(one);
        for (const one of places) this.#freshPlaces.delete(one);
      },
    };
  }

  #gather(): void {
    const { fresh, changed } = this.book.takeUnwritten();
    for (const one of fresh) this.#fresh.add(one);
    for (const one of changed) if (!this.#fresh.has(one)) this.#changed.add(one);
  }

  #take(row: ResourceRow): void {
    this.#lastResource = row.id;
    const intervalMs = Number(row.interval_ms);
    const kind = RESOURCE_KINDS.find((one) => one === row.kind);
    if (kind === 'device') {
      if (this.book.findDevice(row.device) === undefined) this.book.device(row.device, intervalMs);
    } else if (kind === 'interface') {
      if (this.book.findInterface(row.device, row.part) === undefined)
        this.book.interface(row.device, row.part, intervalMs);
    } else if (kind === 'gauge') {
      if (this.book.findGauge(row.device, row.metric, row.part) === undefined)
        this.book.gauge(row.device, row, intervalMs);
    } else this.book.point(row.metric, row.part, row.tags, row.unit);
  }

  /** False where it is known. */
  #place(place: PointPlace): boolean {
    const places = this.#places.get(place.metric) ?? new Map<string, PointPlace>();
    this.#places.set(place.metric, places);
    if (places.has(place.measurement)) return false;
    places.set(place.measurement, place);
    return true;
  }
}

interface ResourceRow {
  readonly id: bigint;
  readonly kind: string;
  readonly device: string;
  readonly part: string;
  readonly metric: string;
  readonly description: string;
  readonly unit: string;
  readonly tags: string;
  readonly interval_ms: bigint;
}

/** Keeps the newest MAX_REJECTED_LINES; long lines are cut. */
export async function keepRejected(
  connection: Queryable,
  lines: readonly RejectedLine[],
  nowMs: EpochMs,
): Promise<void> {
  if (lines.length === 0) return;
  await connection.query(
    `insert into readings.influx_rejected_line (journal, position, line, reason, kept_at_ms)
     select journal, position, line, reason, $5 from unnest($1::text[], $2::int8[], $3::text[], $4::text[]) as made (journal, position, line, reason)`,
    [
      lines.map((one) => one.journal),
      lines.map((one) => one.position),
      lines.map((one) => one.text.replaceAll('\0', '').slice(0, MAX_KEPT_CHARACTERS)),
      lines.map((one) => one.reason.replaceAll('\0', '')),
      nowMs,
    ],
  );
  await connection.query(
    `delete from readings.influx_rejected_line where id <= (
       select id from readings.influx_rejected_line order by id desc offset ${MAX_REJECTED_LINES} limit 1)`,
  );
}

/** In the order they were kept, after an id (0 from the start). */
export async function listRejected(database: Queryable, after: number, limit: number): Promise<KeptLine[]> {
  const { rows } = await database.query<{
    readonly id: bigint;
    readonly journal: string;
    readonly position: bigint;
    readonly line: string;
    readonly reason: string;
    readonly kept_at_ms: bigint;
  }>(
    'select id, journal, position, line, reason, kept_at_ms from readings.influx_rejected_line where id > $1 order by id limit $2',
    [after, limit],
  );
  return rows.map((row) => ({
    id: Number(row.id),
    journal: row.journal,
    position: Number(row.position),
    line: row.line,
    reason: row.reason,
    keptAtMs: Number(row.kept_at_ms),
  }));
}
