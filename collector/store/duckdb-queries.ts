// Questions to the DuckDB tables: SQL selects raw readings, spans.ts makes them rates.
import { type DuckDBValue, listValue } from '@duckdb/node-api';
import { GAP_INTERVALS } from '../../common/model/counter.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { DuckDbFile } from './duckdb-file.ts';
import { COUNTER_COLUMNS, type CounterMetric, type NumberMetric } from './metrics.ts';
import { DISCONTINUITY_BIT, SPEED_BIT, UPTIME_BIT, WIDE_SHIFT } from './interface-columns.ts';
import { counterSpan, counterSpans, gaugeSpans, type Span, type StoredReading, type StoredValue } from './spans.ts';

/** More raw readings than this are not read for one answer; a longer time wants a coarser store. */
const MAX_READINGS = 500_000;
/** Slow tables come every few intervals; their reading before the span is looked for this far back. */
const GAUGE_LOOKBACK_INTERVALS = 12;
const LEAST_LOOKBACK_MS = 60_000;

const READING_COLUMNS = 'flags, uptime_ticks, discontinuity_ticks, process, monotonic_ms, interval_ms, speed_bps';

/** Spans of one counter of one interface that overlap [fromMs, toMs). */
export async function readCounterSpans(
  file: DuckDbFile,
  metric: CounterMetric,
  resource: number,
  intervalMs: DurationMs,
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<Span[]> {
  const marginMs = Math.max(LEAST_LOOKBACK_MS, intervalMs * GAP_INTERVALS);
  const readings: StoredReading[] = [];
  const all = await file.read(
    `select at_ms, ${metric.column}, ${READING_COLUMNS} from interface_metrics
      where resource = $resource and at_ms between $from and $to and flags & $bit <> 0 order by at_ms, monotonic_ms`,
    {
      resource,
      from: BigInt(Math.floor(fromMs - marginMs)),
      to: BigInt(Math.ceil(toMs + marginMs)),
      bit: bitOf(metric),
    },
    MAX_READINGS,
    (row) => readings.push(readingOf(row, metric)),
  );
  if (!all) throw tooMany();
  return counterSpans(readings, metric).filter((span) => span.toMs > fromMs && span.fromMs < toMs);
}

/** Spans of one column that holds between readings. */
export async function readNumberSpans(
  file: DuckDbFile,
  metric: NumberMetric,
  resource: number,
  intervalMs: DurationMs,
  fromMs: EpochMs,
  toMs: EpochMs,
): Promise<Span[]> {
  const marginMs = Math.max(LEAST_LOOKBACK_MS, intervalMs * GAUGE_LOOKBACK_INTERVALS);
  const values: StoredValue[] = [];
  const all = await file.read(
    `select at_ms, (${metric.column})::double, interval_ms from ${metric.table}
      where resource = $resource and at_ms between $from and $to and ${presence(metric)} order by at_ms`,
    { resource, from: BigInt(Math.floor(fromMs - marginMs)), to: BigInt(Math.ceil(toMs)) },
    MAX_READINGS,
    (row) => values.push({ atMs: Number(row[0]), value: Number(row[1]), intervalMs: Number(row[2]) }),
  );
  if (!all) throw tooMany();
  return gaugeSpans(values).filter((span) => span.toMs > fromMs && span.fromMs < toMs);
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
     qualify row_number() over (partition by resource order by at_ms desc) <= ${count} order by resource, at_ms`;
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

/** Of each resource the average over what is known of [fromMs, toMs), the highest `limit` first. */
export async function readTop(
  file: DuckDbFile,
  metric: CounterMetric | NumberMetric,
  fromMs: EpochMs,
  toMs: EpochMs,
  limit: number,
  gaugeIds: readonly number[] | null,
): Promise<{ readonly resource: number; readonly value: number }[]> {
  const span = { from: BigInt(Math.floor(fromMs)), to: BigInt(Math.ceil(toMs)) };
  if (gaugeIds?.length === 0) return [];
  if (metric.kind === 'number') {
    const top: { resource: number; value: number }[] = [];
    const only = gaugeIds === null ? '' : 'and resource in (select unnest($ids::integer[]))';
    await file.read(
      `select resource, avg((${metric.column})::double) as mean from ${metric.table}
        where at_ms >= $from and at_ms < $to and ${presence(metric)} ${only}
        group by resource order by mean desc, resource limit $limit`,
      { ...span, limit, ...(gaugeIds === null ? {} : { ids: listValue(gaugeIds) }) },
      limit,
      (row) => top.push({ resource: Number(row[0]), value: Number(row[1]) }),
    );
    return top;
  }
  const candidates = await readCandidates(file, metric, span, limit * 4 + 50);
  if (candidates.length === 0) return [];
  const totals = new Map<number, { weighted: number; knownMs: number }>();
  await readRuns(
    file,
    `select at_ms, ${metric.column}, ${READING_COLUMNS}, resource from interface_metrics
      where resource in (select unnest($ids::integer[])) and at_ms >= $from and at_ms < $to and flags & $bit <> 0
      order by resource, at_ms, monotonic_ms`,
    { ...span, ids: listValue(candidates), bit: bitOf(metric) },
    metric,
    (resource, found) => {
      if (found.value === null) return;
      const total = totals.get(resource) ?? { weighted: 0, knownMs: 0 };
      total.weighted += found.value * (found.toMs - found.fromMs);
      total.knownMs += found.toMs - found.fromMs;
      totals.set(resource, total);
    },
  );
  return [...totals]
    .map(([resource, total]) => ({ resource, value: total.weighted / total.knownMs }))
    .toSorted((a, b) => b.value - a.value || a.resource - b.resource)
    .slice(0, limit);
}

/** A sieve, so that not every reading of every interface comes over: who may be among the first. Every number shown is computed from readings. */
async function readCandidates(
  file: DuckDbFile,
  metric: CounterMetric,
  span: { readonly from: bigint; readonly to: bigint },
  most: number,
): Promise<number[]> {
  const { column } = metric;
  const share = metric.scale === 'share' ? '/ greatest(1, max(speed_bps))' : '';
  const wide = 1 << (WIDE_SHIFT + COUNTER_COLUMNS.indexOf(column));
  const ids: number[] = [];
  await file.read(
    `with reading as (
       select resource, at_ms, ${column} as counted, speed_bps, flags & ${wide} <> 0 as wide from interface_metrics
        where at_ms >= $from and at_ms < $to and flags & $bit <> 0)
     select resource from (
       select resource, (max(counted) - min(counted))::double ${share} as moved from reading where wide group by resource
       union all
       select resource, sum(step) ${share} as moved from (
         select resource, speed_bps,
                ((counted::bigint - lag(counted::bigint) over (partition by resource order by at_ms) + 4294967296)
                 % 4294967296)::double as step from reading where not wide) group by resource)
      group by resource order by max(moved) desc nulls last limit $limit`,
    { ...span, bit: bitOf(metric), limit: most },
    most,
    (row) => ids.push(Number(row[0])),
  );
  return ids;
}

/** Rows ordered by resource and time, with the resource after the columns of a reading; hands over each span between two. */
async function readRuns(
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
      if (reading.observedAtMs <= last.reading.observedAtMs) return;
      const span = counterSpan(last.reading, reading, metric);
      if (span !== null) take(resource, span);
    }
    last = { resource, reading };
  });
  if (!all) throw tooMany();
}

function readingOf(row: readonly DuckDBValue[], metric: CounterMetric): StoredReading {
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

function bitOf(metric: CounterMetric): number {
  return 1 << COUNTER_COLUMNS.indexOf(metric.column);
}

function presence(metric: NumberMetric): string {
  if (metric.table === 'interface_metrics')
    return metric.column === 'speed_bps' ? `flags & ${SPEED_BIT} <> 0` : `${metric.column} > 0`;
  return metric.column.startsWith('uptime_ticks') ? 'uptime_ticks is not null' : 'true';
}

function tooMany(): WeirError {
  return new WeirError('series_too_long', `The answer would need more than ${MAX_READINGS} readings.`, {
    most: MAX_READINGS,
  });
}
