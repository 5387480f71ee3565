// Questions to the DuckDB tables: SQL selects raw readings, spans.ts makes them rates.
import { type DuckDBValue, listValue } from '@duckdb/node-api';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { DuckDbFile } from './duckdb-file.ts';
import { COUNTER_COLUMNS, type CounterMetric, type NumberMetric } from './metrics.ts';
import { DISCONTINUITY_BIT, SPEED_BIT, UPTIME_BIT, WIDE_SHIFT } from './interface-columns.ts';
import { lookbackMs, MAX_READINGS, tooMany } from './reading-bounds.ts';
import type { Resource } from './resource-book.ts';
import { counterSpan, follows, gaugeSpans, type Span, type StoredReading, type StoredValue } from './spans.ts';

/** Of two points of one time the one written last. */
export const LAST_WRITTEN = 'qualify row_number() over (partition by resource, at_ms order by written desc) = 1';

export const READING_COLUMNS =
  'flags, uptime_ticks, discontinuity_ticks, process, monotonic_ms, interval_ms, speed_bps';

/** Spans of the resources that overlap [fromMs, toMs), by resource in the order of time: one query for all of them. */
export async function readSpans(
  file: DuckDbFile,
  metric: CounterMetric | NumberMetric,
  resources: readonly Pick<Resource, 'id' | 'intervalMs'>[],
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<Map<number, Span[]>> {
  const found = new Map<number, Span[]>();
  if (resources.length === 0) return found;
  const intervalMs = Math.max(...resources.map((one) => one.intervalMs));
  const ids = resources.map((one) => one.id);
  const overlapping = (spans: readonly Span[]): Span[] =>
    spans.filter((span) => span.toMs > fromMs && span.fromMs < toMs);
  if (metric.kind === 'counter') {
    const marginMs = lookbackMs(metric, intervalMs);
    await readRuns(
      file,
      `select at_ms, ${metric.column}, ${READING_COLUMNS}, resource from interface_metrics
        where ${among(ids)} and at_ms between $from and $to and flags & $bit <> 0 order by resource, at_ms, monotonic_ms`,
      {
        from: BigInt(Math.floor(fromMs - marginMs)),
        to: BigInt(Math.ceil(toMs + marginMs)),
        bit: bitOf(metric),
      },
      metric,
      (resource, span) => {
        const spans = found.get(resource);
        if (spans === undefined) found.set(resource, [span]);
        else spans.push(span);
      },
    );
    for (const [resource, spans] of found) found.set(resource, overlapping(spans));
    return found;
  }
  for (const [resource, values] of await readValues(file, metric, ids, intervalMs, fromMs, toMs))
    found.set(resource, overlapping(gaugeSpans(values)));
  return found;
}

async function readValues(
  file: DuckDbFile,
  metric: NumberMetric,
  ids: readonly number[],
  intervalMs: DurationMs,
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<Map<number, StoredValue[]>> {
  const found = new Map<number, StoredValue[]>();
  const points = metric.table === 'point_metrics';
  const all = await file.read(
    `select resource, at_ms, (${metric.column})::double, ${points ? intervalMs : 'interval_ms'} from ${metric.table}
      where ${among(ids)} and at_ms between $from and $to and ${presence(metric)}
      ${points ? LAST_WRITTEN : ''} order by resource, at_ms`,
    { from: BigInt(Math.floor(fromMs - lookbackMs(metric, intervalMs))), to: BigInt(Math.ceil(toMs)) },
    MAX_READINGS,
    (row) => {
      const resource = Number(row[0]);
      const value = { atMs: Number(row[1]), value: Number(row[2]), intervalMs: Number(row[3]) };
      const values = found.get(resource);
      if (values === undefined) found.set(resource, [value]);
      else values.push(value);
    },
  );
  if (!all) throw tooMany();
  return found;
}

/** Of each resource the spans between its last readings since then: one for a counter, the value itself for a number. */
export async function readLatest(
  file: DuckDbFile,
  metric: CounterMetric | NumberMetric,
  resources: readonly number[],
  sinceMs: EpochMs,
): Promise<Map<number, { readonly atMs: EpochMs; readonly value: number }>> {
  const found = new Map<number, { readonly atMs: EpochMs; readonly value: number }>();
  const values = { ids: listValue(resources), since: BigInt(Math.floor(sinceMs)) };
  const newest = (count: number): string =>
    `resource in (select unnest($ids::integer[])) and at_ms >= $since
     qualify row_number() over (partition by resource order by at_ms desc${metric.kind === 'number' && metric.table === 'point_metrics' ? ', written desc' : ''}) <= ${count} order by resource, at_ms`;
  if (metric.kind === 'number') {
    await file.read(
      `select resource, at_ms, (${metric.column})::double from ${metric.table} where ${presence(metric)} and ${newest(1)}`,
      values,
      MAX_READINGS,
      (row) => found.set(Number(row[0]), { atMs: Number(row[1]), value: Number(row[2]) }),
    );
    return found;
  }
  await readRuns(
    file,
    `select at_ms, ${metric.column}, ${READING_COLUMNS}, resource from interface_metrics
      where flags & $bit <> 0 and ${newest(2)}`,
    { ...values, bit: bitOf(metric) },
    metric,
    (resource, span) => {
      if (span.value !== null) found.set(resource, { atMs: span.toMs, value: span.value });
    },
  );
  return found;
}

/** Rows ordered by resource and time, with the resource after the columns of a reading; hands over each span between two. */
export async function readRuns(
  file: DuckDbFile,
  sql: string,
  values: Record<string, DuckDBValue>,
  metric: CounterMetric,
  take: (resource: number, span: Span) => void,
): Promise<void> {
  let last: { readonly resource: number; readonly reading: StoredReading } | null = null;
  const all = await file.read(sql, values, MAX_READINGS, (row) => {
    const resource = Number(row[9]);
    const reading = readingOf(row, metric);
    if (last !== null && last.resource === resource) {
      if (!follows(last.reading, reading)) return;
      const span = counterSpan(last.reading, reading, metric);
      if (span !== null) take(resource, span);
    }
    last = { resource, reading };
  });
  if (!all) throw tooMany();
}

export function readingOf(row: readonly DuckDBValue[], metric: CounterMetric): StoredReading {
  const flags = Number(row[2]);
  const wide = 1 << (WIDE_SHIFT + COUNTER_COLUMNS.indexOf(metric.column));
  return {
    observedAtMs: Number(row[0]),
    value: wholeOf(row[1]),
    width: (flags & wide) === 0 ? 32 : 64,
    uptimeTicks: (flags & UPTIME_BIT) === 0 ? null : Number(row[3]),
    discontinuityTicks: (flags & DISCONTINUITY_BIT) === 0 ? null : Number(row[4]),
    processId: String(row[5]),
    monotonicMs: Number(row[6]),
    intervalMs: Number(row[7]),
    speedBps: (flags & SPEED_BIT) === 0 ? null : wholeOf(row[8]),
  };
}

function wholeOf(value: DuckDBValue | undefined): bigint {
  if (typeof value !== 'bigint') throw new Error('BUG: a column of 64 bits gave no bigint');
  return value;
}

/** Numbers of our own book, never text of a query: written out they let DuckDB pass over whole blocks. */
export function among(ids: readonly number[]): string {
  return ids.length === 1 ? `resource = ${ids[0]}` : `resource in (${ids.join(', ')})`;
}

export function bitOf(metric: CounterMetric): number {
  return 1 << COUNTER_COLUMNS.indexOf(metric.column);
}

export function presence(metric: NumberMetric): string {
  if (metric.table === 'interface_metrics')
    return metric.column === 'speed_bps' ? `flags & ${SPEED_BIT} <> 0` : `${metric.column} > 0`;
  return metric.column.startsWith('uptime_ticks') ? 'uptime_ticks is not null' : 'true';
}
