// The first of all resources by a metric: SQL sieves who may be among them, every number shown is computed from their spans.
import type { DuckDbFile } from './duckdb-file.ts';
import { among, bitOf, LAST_WRITTEN, presence, READING_COLUMNS, readRuns } from './duckdb-queries.ts';
import { MAX_READINGS } from './reading-bounds.ts';
import { WIDE_SHIFT } from './interface-columns.ts';
import { COUNTER_COLUMNS, type CounterMetric, type NumberMetric } from './metrics.ts';
import { highest, type Ranked, rankOf, type TopWanted } from './ranking.ts';
import type { Span } from './spans.ts';

/** The highest first. */
export async function readTop(
  file: DuckDbFile,
  metric: CounterMetric | NumberMetric,
  wanted: TopWanted,
): Promise<Ranked[]> {
  if (wanted.ids?.length === 0) return [];
  if (metric.kind === 'number') return topNumbers(file, metric, wanted);
  const ids = await candidates(file, metric, wanted);
  if (ids.length === 0) return [];
  const spans = new Map<number, Span[]>();
  await readRuns(
    file,
    `select at_ms, ${metric.column}, ${READING_COLUMNS}, resource from interface_metrics
      where ${among(ids)} and at_ms >= $from and at_ms < $to and flags & $bit <> 0
      order by resource, at_ms, monotonic_ms`,
    { ...spanOf(wanted), bit: bitOf(metric) },
    metric,
    (resource, span) => {
      const list = spans.get(resource);
      if (list === undefined) spans.set(resource, [span]);
      else list.push(span);
    },
  );
  return highest(
    [...spans].map(([resource, list]) => [resource, rankOf(list, wanted.function)]),
    wanted.limit,
  );
}

/** Who may be among the first by raw readings. */
export async function candidatesOf(
  file: DuckDbFile,
  metric: CounterMetric | NumberMetric,
  wanted: TopWanted,
): Promise<number[]> {
  if (metric.kind === 'counter') return candidates(file, metric, wanted);
  const ranked = await topNumbers(file, metric, { ...wanted, limit: wanted.limit * 4 + 50 });
  return ranked.map((one) => one.resource);
}

/** A gauge's values count alike: it is read about as often all the time. */
async function topNumbers(file: DuckDbFile, metric: NumberMetric, wanted: TopWanted): Promise<Ranked[]> {
  const found: Ranked[] = [];
  const value = `(${metric.column})::double`;
  const ranked = {
    avg: `avg(value)`,
    max: `max(value)`,
    p95: `quantile_disc(value, 0.95)`,
    last: `arg_max(value, at_ms)`,
  };
  await file.read(
    `select resource, ${ranked[wanted.function]} as ranked from (
       select resource, at_ms, ${value} as value from ${metric.table}
        where at_ms >= $from and at_ms < $to and ${presence(metric)} and ${onlyThese(wanted)}
        ${metric.table === 'point_metrics' ? LAST_WRITTEN : ''})
      group by resource order by ranked desc, resource limit $limit`,
    { ...spanOf(wanted), limit: wanted.limit },
    wanted.limit,
    (row) => found.push({ resource: Number(row[0]), value: Number(row[1]) }),
  );
  return found;
}

/**
 * So that not every reading of every interface comes over: by the steps of the counter as SQL sees them. A reset looks like a large
 * step there, which lets one in too many; four times as many as asked for, and 50, leave room for such.
 */
async function candidates(file: DuckDbFile, metric: CounterMetric, wanted: TopWanted): Promise<number[]> {
  const { column } = metric;
  const most = Math.min(MAX_READINGS, wanted.limit * 4 + 50);
  const wide = 1 << (WIDE_SHIFT + COUNTER_COLUMNS.indexOf(column));
  const share = metric.scale === 'share' ? '/ greatest(1, max(speed_bps))' : '';
  const shareOfOne = metric.scale === 'share' ? '/ greatest(1, speed_bps)' : '';
  const ids: number[] = [];
  const reading = `with reading as (
       select resource, at_ms, ${column} as counted, speed_bps, flags & ${wide} <> 0 as wide from interface_metrics
        where at_ms >= $from and at_ms < $to and flags & $bit <> 0 and ${onlyThese(wanted)})`;
  const narrow = `((counted::bigint - lag(counted::bigint) over (partition by resource order by at_ms) + 4294967296)
                 % 4294967296)::double`;
  const sieve =
    wanted.function === 'avg'
      ? `select resource, (max(counted) - min(counted))::double ${share} as moved from reading where wide group by resource
         union all
         select resource, sum(step) ${share} as moved from (select resource, speed_bps, ${narrow} as step from reading where not wide)
          group by resource`
      : `select resource, ${wanted.function === 'max' ? 'max(rate)' : wanted.function === 'p95' ? 'quantile_disc(rate, 0.95)' : 'arg_max(rate, at_ms)'} as moved from (
           select resource, at_ms, (case when step >= 0 then step end) / nullif(passed, 0) ${shareOfOne} as rate from (
             select resource, at_ms, speed_bps, at_ms - lag(at_ms) over (partition by resource order by at_ms) as passed,
                    case when wide then counted::double - lag(counted::double) over (partition by resource order by at_ms)
                         else ${narrow.replace('counted::bigint', '(counted % 4294967296)::bigint').replace('lag(counted::bigint)', 'lag((counted % 4294967296)::bigint)')} end as step
               from reading)) where rate is not null group by resource`;
  await file.read(
    `${reading} select resource from (${sieve}) group by resource order by max(moved) desc nulls last, resource limit $limit`,
    { ...spanOf(wanted), bit: bitOf(metric), limit: most },
    most,
    (row) => ids.push(Number(row[0])),
  );
  return ids;
}

function onlyThese({ ids }: TopWanted): string {
  return ids === null ? 'true' : among(ids);
}

function spanOf({ fromMs, toMs }: TopWanted): { readonly from: bigint; readonly to: bigint } {
  return { from: BigInt(Math.floor(fromMs)), to: BigInt(Math.ceil(toMs)) };
}
