// Rolls raw readings up beside the writing: whole hours of five-minute buckets, whole days of hours and days, late readings anew, each in one transaction with how far it came.
import type { DuckDBConnection } from '@duckdb/node-api';
import { bucketStart, type EpochMs } from '../../common/model/time.ts';
import type { Breather } from '../../common/runtime/breather.ts';
import { TableAppender } from './duckdb-append.ts';
import { orderDay } from './duckdb-day-order.ts';
import type { DuckDbFile } from './duckdb-file.ts';
import { among } from './duckdb-queries.ts';
import type { Resource, ResourceBook } from './resource-book.ts';
import { DAY_MS, HOUR_MS } from './roll-up.ts';
import { GAP_LOOKBACK_MS, lookbackOf, type RollUpAppenders, SliceRoller } from './slice-roller.ts';
import type { TierReach } from './tier-plan.ts';

/** `5m_ordered`: up to where days of five-minute buckets lie in the order of resources. */
export type Mark = 'raw_from' | '5m_from' | '1h_from' | '1d_from' | '5m' | '1h' | '5m_ordered';
/** Hours of one transaction. */
const MAX_HOURS = 6;
/** Resources read at once: bounds memory, each slice scans the hours anew. */
const SLICE = 2000;

/** One that writes, one that reads meanwhile. */
interface Connections {
  readonly connection: DuckDBConnection;
  readonly reader: DuckDBConnection;
}

export interface Rolled {
  readonly buckets: number;
  /** Whether there is more to do at once. */
  readonly more: boolean;
}

/** The marks that the file held when it was opened, and since. */
export class DuckDbRollUp {
  readonly marks: Map<Mark, EpochMs>;
  readonly #file: DuckDbFile;
  readonly #book: ResourceBook;
  /** Readings before it are late: the buckets they belong to are made, or being made. */
  #judgedThroughMs: EpochMs;

  private constructor(file: DuckDbFile, book: ResourceBook, marks: Map<Mark, EpochMs>) {
    this.#file = file;
    this.#book = book;
    this.marks = marks;
    this.#judgedThroughMs = marks.get('5m') ?? Number.NEGATIVE_INFINITY;
  }

  static async load(file: DuckDbFile, book: ResourceBook): Promise<DuckDbRollUp> {
    const marks = new Map<Mark, EpochMs>();
    await file.read('select name, at_ms from rollup_mark', {}, 100, (row) =>
      marks.set(String(row[0]) as Mark, Number(row[1])),
    );
    return new DuckDbRollUp(file, book, marks);
  }

  get lateBeforeMs(): EpochMs {
    return this.#judgedThroughMs;
  }

  reach(): TierReach {
    const from = (name: Mark): EpochMs => this.marks.get(name) ?? Number.NEGATIVE_INFINITY;
    return {
      // Late readings from before are all there is where nothing is rolled up.
      raw: {
        fromMs: this.marks.has('5m') ? from('raw_from') : Number.NEGATIVE_INFINITY,
        throughMs: Number.POSITIVE_INFINITY,
      },
      '5m': { fromMs: from('5m_from'), throughMs: from('5m') },
      '1h': { fromMs: from('1h_from'), throughMs: from('1h') },
      '1d': { fromMs: from('1d_from'), throughMs: from('1h') },
    };
  }

  /** Deletes of each tier what is before that time. */
  async forget(before: Readonly<Record<'5m' | '1h' | '1d', EpochMs>>): Promise<void> {
    const marks = (['5m', '1h', '1d'] as const).flatMap((tier) => {
      const atMs = before[tier];
      const name = `${tier}_from` as const;
      return Number.isFinite(atMs) && atMs > (this.marks.get(name) ?? 0) ? [{ tier, name, atMs }] : [];
    });
    if (marks.length === 0) return;
    await this.#file.beside(async (connection) => {
      for (const { tier, name, atMs } of marks) {
        const values = { before: BigInt(atMs) };
        await connection.run(`delete from rollup_${tier} where at_ms < $before`, values);
        if (tier === '1d') {
          await connection.run('delete from rollup_gap where to_ms <= $before', values);
          await connection.run('delete from state_run where to_ms <= $before', values);
        }
        await writeMark(connection, name, atMs);
      }
    });
    for (const { name, atMs } of marks) this.marks.set(name, atMs);
  }

  /** One step of the work up to the last whole hour before that time. */
  async run(beforeMs: EpochMs, breather: Breather): Promise<Rolled> {
    const targetMs = bucketStart(beforeMs, HOUR_MS);
    const doneMs = this.marks.get('5m') ?? (await this.#firstHour());
    if (doneMs === null) return { buckets: 0, more: false };
    const toMs = Math.max(doneMs, await this.#nextStop(doneMs, targetMs));
    // What is being written was judged by the old mark: it must be in what is read now.
    this.#judgedThroughMs = Math.max(this.#judgedThroughMs, toMs);
    await this.#file.written();
    const daysMs = Math.max(this.marks.get('1h') ?? bucketStart(doneMs, DAY_MS), bucketStart(toMs, DAY_MS));
    const buckets = await this.#file.beside(async (connection, reader) => {
      const both = { connection, reader };
      let made = await this.#late(both, doneMs, breather);
      if (toMs > doneMs) made += await this.#roll(both, [...this.#book.all()], doneMs, toMs, breather);
      await this.#days(connection, this.marks.get('1h') ?? bucketStart(doneMs, DAY_MS), daysMs, null);
      await writeMark(connection, '5m', toMs);
      await writeMark(connection, '1h', daysMs);
      return made;
    });
    // Days that an earlier version has made stay as they lie.
    if (!this.marks.has('5m_ordered')) await this.#ordered(this.marks.get('1h') ?? bucketStart(doneMs, DAY_MS));
    this.marks.set('5m', toMs).set('1h', daysMs);
    return { buckets, more: toMs < targetMs || (await this.#orderNext(breather)) };
  }

  /** The next day that is whole; whether there is another. */
  async #orderNext(breather: Breather): Promise<boolean> {
    const wholeMs = this.marks.get('1h') ?? 0;
    const dayMs = this.marks.get('5m_ordered') ?? wholeMs;
    if (dayMs >= wholeMs) return false;
    await orderDay(this.#file, dayMs, breather);
    await this.#ordered(dayMs + DAY_MS);
    return dayMs + DAY_MS < wholeMs;
  }

  async #ordered(throughMs: EpochMs): Promise<void> {
    await this.#file.beside((connection) => writeMark(connection, '5m_ordered', throughMs));
    this.marks.set('5m_ordered', throughMs);
  }

  async #firstHour(): Promise<EpochMs | null> {
    const firstMs = await this.#earliest(0);
    return firstMs === null ? null : bucketStart(firstMs, HOUR_MS);
  }

  /** Hours without a reading are passed over. */
  async #nextStop(doneMs: EpochMs, targetMs: EpochMs): Promise<EpochMs> {
    const nextMs = await this.#earliest(doneMs);
    if (nextMs === null || nextMs >= targetMs) return targetMs;
    return Math.min(targetMs, bucketStart(nextMs, HOUR_MS) + MAX_HOURS * HOUR_MS);
  }

  async #earliest(sinceMs: EpochMs): Promise<EpochMs | null> {
    let firstMs: EpochMs | null = null;
    const tables = ['interface_metrics', 'device_metrics', 'gauge_metrics', 'point_metrics'];
    const each = tables.map((table) => `select min(at_ms) as at_ms from ${table} where at_ms >= $since`);
    await this.#file.read(
      `select min(at_ms) from (${each.join(' union all ')})`,
      { since: BigInt(sinceMs) },
      1,
      (row) => {
        firstMs = row[0] === null ? null : Number(row[0]);
      },
    );
    return firstMs;
  }

  /** Makes anew what late readings belong to. */
  async #late(both: Connections, doneMs: EpochMs, breather: Breather): Promise<number> {
    const { connection } = both;
    const due = await connection.runAndReadAll(
      'select device, resource, min(from_ms), max(to_ms) from rollup_due group by device, resource',
    );
    const rawFromMs = this.marks.get('raw_from') ?? 0;
    let made = 0;
    for (const [device, id, first, last] of due.getRows()) {
      const one = this.#book.byId(Number(id));
      const resources = device === '' ? (one === undefined ? [] : [one]) : this.#book.ofDevice(String(device));
      if (resources.length === 0) continue;
      const lookMs = lookbackOf(resources);
      const nextMs = await nextReading(connection, resources, Number(last));
      const fromMs = Math.max(bucketStart(Number(first) - lookMs, HOUR_MS), rawFromMs);
      const toMs = Math.min(doneMs, bucketStart(Math.max(Number(last) + lookMs, nextMs), HOUR_MS) + HOUR_MS);
      if (toMs <= fromMs) continue;
      made += await this.#roll(both, resources, fromMs, toMs, breather);
      const dayMs = bucketStart(fromMs, DAY_MS);
      const throughMs = Math.min(this.marks.get('1h') ?? 0, bucketStart(toMs - 1, DAY_MS) + DAY_MS);
      await this.#days(
        connection,
        dayMs,
        throughMs,
        resources.map((each) => each.id),
      );
    }
    await connection.run('delete from rollup_due');
    return made;
  }

  async #roll(
    { connection, reader }: Connections,
    resources: readonly Resource[],
    fromMs: EpochMs,
    toMs: EpochMs,
    breather: Breather,
  ): Promise<number> {
    let made = 0;
    const sorted = resources.toSorted((a, b) => a.id - b.id);
    for (let first = 0; first < sorted.length; first += SLICE) {
      const slice = sorted.slice(first, first + SLICE);
      await forgetRolled(connection, slice, fromMs, toMs);
      const appenders: RollUpAppenders = {
        rollup_5m: new TableAppender(connection, 'rollup_5m'),
        rollup_gap: new TableAppender(connection, 'rollup_gap'),
        state_run: new TableAppender(connection, 'state_run'),
      };
      try {
        for (const appender of Object.values(appenders)) await appender.open();
        const roller = new SliceRoller(reader, appenders, fromMs, toMs);
        made += await roller.roll(slice, breather);
        for (const appender of Object.values(appenders)) appender.finish();
      } finally {
        for (const appender of Object.values(appenders)) appender.abandon();
      }
    }
    return made;
  }

  /** Hours of the days, and the days, out of the buckets: all in SQL, for they add up. */
  async #days(
    connection: DuckDBConnection,
    fromMs: EpochMs,
    toMs: EpochMs,
    ids: readonly number[] | null,
  ): Promise<void> {
    if (toMs <= fromMs) return;
    const only = ids === null ? 'true' : among(ids);
    const span = { from: BigInt(fromMs), to: BigInt(toMs) };
    for (const [table, source, bucketMs] of [
      ['rollup_1h', 'rollup_5m', HOUR_MS],
      ['rollup_1d', 'rollup_1h', DAY_MS],
    ] as const) {
      await connection.run(`delete from ${table} where at_ms >= $from and at_ms < $to and ${only}`, span);
      await connection.run(
        `insert into ${table}
         select resource, field, at_ms // ${bucketMs} * ${bucketMs} as bucket, min(least), max(most),
                sum(mean * known_ms) / sum(known_ms), arg_max(last, at_ms), sum(known_ms), sum(spans), sum(moved)
           from ${source} where at_ms >= $from and at_ms < $to and ${only}
          group by resource, field, bucket order by resource, field, bucket`,
        span,
      );
    }
  }
}

export async function writeMark(connection: DuckDBConnection, name: Mark, atMs: EpochMs): Promise<void> {
  await connection.run('insert or replace into rollup_mark values ($name, $at)', { name, at: BigInt(atMs) });
}

async function nextReading(
  connection: DuckDBConnection,
  resources: readonly Resource[],
  afterMs: EpochMs,
): Promise<EpochMs> {
  const ids = among(resources.map((one) => one.id));
  const found = await connection.runAndReadAll(
    `select max(at_ms) from (select resource, min(at_ms) as at_ms from interface_metrics
      where ${ids} and at_ms > $after and at_ms < $end group by resource)`,
    { after: BigInt(Math.floor(afterMs)), end: BigInt(Math.floor(afterMs + GAP_LOOKBACK_MS)) },
  );
  const [value] = found.getRows()[0] ?? [];
  return typeof value === 'bigint' ? Number(value) : afterMs;
}

async function forgetRolled(
  connection: DuckDBConnection,
  resources: readonly Resource[],
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<void> {
  const ids = among(resources.map((one) => one.id));
  const span = { from: BigInt(fromMs), to: BigInt(toMs) };
  await connection.run(`delete from rollup_5m where at_ms >= $from and at_ms < $to and ${ids}`, span);
  await connection.run(`delete from rollup_gap where to_ms > $from and to_ms <= $to and ${ids}`, span);
  await connection.run(`delete from state_run where from_ms >= $from and from_ms < $to and ${ids}`, span);
}
