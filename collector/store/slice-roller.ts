// Reads the raw readings of some resources over whole hours and appends the buckets, gaps and runs they come to.
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { GAP_INTERVALS } from '../../common/model/counter.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Breather } from '../../common/runtime/breather.ts';
import type { TableAppender } from './duckdb-append.ts';
import { among, LAST_WRITTEN, readingOf } from './duckdb-queries.ts';
import { SPEED_BIT } from './interface-columns.ts';
import { COUNTER_COLUMNS } from './metrics.ts';
import type { Resource } from './resource-book.ts';
import { bucketsOf, DAY_MS, gapsOf, HOUR_MS, ROLLED_COUNTERS, runsOf, STATE_FIELDS } from './roll-up.ts';
import { counterSpans, gaugeSpans, type Span, type StoredReading, type StoredValue } from './spans.ts';

/** A reading before a gap is looked for so far back. */
export const GAP_LOOKBACK_MS = 7 * DAY_MS;
const LEAST_LOOKBACK_MS = 900_000;
const GAUGE_INTERVALS = 12;

export type RollUpAppenders = Readonly<Record<'rollup_5m' | 'rollup_gap' | 'state_run', TableAppender>>;

export function lookbackOf(resources: readonly Resource[]): number {
  return Math.max(LEAST_LOOKBACK_MS, Math.max(0, ...resources.map((one) => one.intervalMs)) * GAP_INTERVALS * 2);
}

const COLUMNS = `at_ms, flags, uptime_ticks, discontinuity_ticks, process, monotonic_ms, interval_ms, speed_bps,
  admin_status, oper_status, ${COUNTER_COLUMNS.join(', ')}, resource`;
const FIRST_COUNTER = 10;
const RESOURCE_COLUMN = FIRST_COUNTER + COUNTER_COLUMNS.length;

/** Reads the readings of a slice of resources and appends what they come to. */
export class SliceRoller {
  /** Not the one that the appenders write by. */
  readonly #connection: DuckDBConnection;
  readonly #appenders: RollUpAppenders;
  readonly #fromMs: EpochMs;
  readonly #toMs: EpochMs;
  #made = 0;

  constructor(connection: DuckDBConnection, appenders: RollUpAppenders, fromMs: EpochMs, toMs: EpochMs) {
    this.#connection = connection;
    this.#appenders = appenders;
    this.#fromMs = fromMs;
    this.#toMs = toMs;
  }

  async roll(resources: readonly Resource[], breather: Breather): Promise<number> {
    const interfaces = resources.filter((one) => one.kind === 'interface');
    if (interfaces.length > 0) await this.#interfaces(interfaces, breather);
    const devices = resources.filter((one) => one.kind === 'device');
    const columns = ['duration_ms', 'requests', 'retries', 'uptime_ticks / 100'];
    for (const [field, column] of columns.entries())
      await this.#numbers(devices, 'device_metrics', column, field, breather);
    await this.#numbers(devices, 'device_metrics', 'reachable', -1, breather);
    const gauges = resources.filter((one) => one.kind === 'gauge');
    await this.#numbers(gauges, 'gauge_metrics', 'value', 0, breather);
    const points = resources.filter((one) => one.kind === 'point');
    await this.#numbers(points, 'point_metrics', 'value', 0, breather);
    return this.#made;
  }

  async #interfaces(resources: readonly Resource[], breather: Breather): Promise<void> {
    const lookMs = lookbackOf(resources);
    const ids = resources.map((one) => one.id);
    const before = await this.#beforeGaps(ids, lookMs);
    const result = await this.#connection.stream(
      `select ${COLUMNS} from interface_metrics where ${among(ids)} and at_ms between $from and $to
        order by resource, at_ms, monotonic_ms`,
      { from: BigInt(this.#fromMs - lookMs), to: BigInt(this.#toMs + lookMs) },
    );
    let id = 0;
    let rows: (readonly DuckDBValue[])[] = [];
    const flush = (): void => {
      if (rows.length > 0) this.#interface(id, [...(before.get(id) ?? []), ...rows]);
      rows = [];
    };
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      for (const row of chunk.getRows()) {
        const resource = Number(row[RESOURCE_COLUMN]);
        if (resource !== id) {
          flush();
          id = resource;
        }
        rows.push(row);
      }
      await breather.breathe();
    }
    flush();
  }

  /** The last reading of those that were silent before. */
  async #beforeGaps(ids: readonly number[], lookMs: number): Promise<Map<number, (readonly DuckDBValue[])[]>> {
    const found = new Map<number, (readonly DuckDBValue[])[]>();
    const span = { from: BigInt(this.#fromMs - lookMs), to: BigInt(this.#fromMs), end: BigInt(this.#toMs) };
    const silent = await this.#connection.runAndReadAll(
      `select resource from interface_metrics where ${among(ids)} and at_ms >= $from and at_ms < $end
        group by resource having min(at_ms) >= $to`,
      span,
    );
    const silentIds = silent.getRows().map((row) => Number(row[0]));
    if (silentIds.length === 0) return found;
    const last = await this.#connection.runAndReadAll(
      `select ${COLUMNS} from interface_metrics where ${among(silentIds)} and at_ms >= $from and at_ms < $to
       qualify row_number() over (partition by resource order by at_ms desc, monotonic_ms desc) = 1`,
      { from: BigInt(this.#fromMs - GAP_LOOKBACK_MS), to: span.from },
    );
    for (const row of last.getRows()) found.set(Number(row[RESOURCE_COLUMN]), [row]);
    return found;
  }

  #interface(id: number, rows: readonly (readonly DuckDBValue[])[]): void {
    for (const [field, metric] of ROLLED_COUNTERS) {
      const counter = COUNTER_COLUMNS.indexOf(metric.column);
      const readings: StoredReading[] = [];
      for (const row of rows) {
        if ((Number(row[1]) & (1 << counter)) === 0) continue;
        const [atMs = null, flags = null, uptime = null, ticks = null, process = null, monotonic = null] = row;
        const value = row[FIRST_COUNTER + counter] ?? null;
        readings.push(
          readingOf([atMs, value, flags, uptime, ticks, process, monotonic, row[6] ?? null, row[7] ?? null], metric),
        );
      }
      if (readings.length > 0) this.#spans(id, field, counterSpans(readings, metric));
    }
    const states = [
      [STATE_FIELDS.speed_bps, 7, (row: readonly DuckDBValue[]) => (Number(row[1]) & SPEED_BIT) !== 0],
      [STATE_FIELDS.admin_status, 8, (row: readonly DuckDBValue[]) => Number(row[8]) > 0],
      [STATE_FIELDS.oper_status, 9, (row: readonly DuckDBValue[]) => Number(row[9]) > 0],
    ] as const;
    for (const [field, column, present] of states) {
      const values = rows.flatMap((row): StoredValue[] =>
        present(row) ? [{ atMs: Number(row[0]), value: Number(row[column]), intervalMs: Number(row[6]) }] : [],
      );
      this.#states(id, field, gaugeSpans(values));
    }
  }

  /** Field -1 is the state of being reachable. */
  async #numbers(
    resources: readonly Resource[],
    table: 'device_metrics' | 'gauge_metrics' | 'point_metrics',
    column: string,
    field: number,
    breather: Breather,
  ): Promise<void> {
    if (resources.length === 0) return;
    const intervalMs = Math.max(...resources.map((one) => one.intervalMs));
    const points = table === 'point_metrics';
    const lookMs = points ? HOUR_MS : Math.max(LEAST_LOOKBACK_MS, intervalMs * GAUGE_INTERVALS);
    const result = await this.#connection.stream(
      `select resource, at_ms, (${column})::double as value, ${points ? intervalMs : 'interval_ms'} from ${table}
        where ${among(resources.map((one) => one.id))} and at_ms between $from and $to and (${column}) is not null
        ${points ? LAST_WRITTEN : ''} order by resource, at_ms`,
      { from: BigInt(this.#fromMs - lookMs), to: BigInt(this.#toMs + lookMs) },
    );
    let [id, values]: [number, StoredValue[]] = [0, []];
    const flush = (): void => {
      if (values.length > 0 && field < 0) this.#states(id, STATE_FIELDS.reachable, gaugeSpans(values));
      else if (values.length > 0) this.#spans(id, field, gaugeSpans(values));
      values = [];
    };
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      for (const row of chunk.getRows()) {
        if (Number(row[0]) !== id) flush();
        id = Number(row[0]);
        values.push({ atMs: Number(row[1]), value: Number(row[2]), intervalMs: Number(row[3]) });
      }
      await breather.breathe();
    }
    flush();
  }

  #spans(id: number, field: number, spans: readonly Span[]): void {
    for (const one of bucketsOf(spans, this.#fromMs, this.#toMs)) {
      this.#made += 1;
      const { least, most, mean, last, moved } = one;
      this.#appenders.rollup_5m.append([
        id,
        field,
        BigInt(one.atMs),
        least,
        most,
        mean,
        last,
        Math.round(one.knownMs),
        one.spans,
        moved,
      ]);
    }
    for (const gap of gapsOf(spans, this.#fromMs, this.#toMs))
      this.#appenders.rollup_gap.append([id, field, BigInt(gap.fromMs), BigInt(gap.toMs), gap.delta ?? 0n]);
  }

  #states(id: number, field: number, spans: readonly Span[]): void {
    for (const { fromMs, toMs, value } of runsOf(spans, this.#fromMs, this.#toMs))
      this.#appenders.state_run.append([id, field, BigInt(Math.round(fromMs)), BigInt(Math.round(toMs)), value]);
  }
}
