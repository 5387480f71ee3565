// The first of all resources over a long span: buckets say who may be among them, and buckets with the raw readings after them what they come to.
import { DuckDBListValue, type DuckDBValue } from '@duckdb/node-api';
import { bucketStart } from '../../common/model/time.ts';
import type { DuckDbFile } from './duckdb-file.ts';
import { among } from './duckdb-queries.ts';
import { candidatesOf, readTop } from './duckdb-top.ts';
import { pointsOf } from './grid.ts';
import type { CounterMetric, NumberMetric } from './metrics.ts';
import { highest, type Ranked, type TopWanted } from './ranking.ts';
import { DAY_MS, FIVE_MINUTES_MS, fieldOf, HOUR_MS } from './roll-up.ts';
import type { Resource } from './resource-book.ts';
import type { Span } from './spans.ts';
import { planTiers, type Section, TIER_MS, type TierReach } from './tier-plan.ts';
import { readTieredSpans } from './tier-queries.ts';

/** Shorter spans are answered from raw readings alone. */
const LEAST_SPAN_MS = 2 * HOUR_MS;
const HOURS_FROM_MS = 3 * DAY_MS;

/** The highest first. A share of the 95 percent is one of five-minute averages where the span is long. */
export async function readTieredTop(
  file: DuckDbFile,
  metric: CounterMetric | NumberMetric,
  wanted: TopWanted,
  reach: TierReach,
): Promise<Ranked[]> {
  const sections = planOf(wanted, reach);
  const rolled = sections.filter((one) => one.tier !== 'raw');
  const field = fieldOf(metric);
  if (rolled.length === 0 || field.state || wanted.ids?.length === 0) return readTop(file, metric, wanted);
  const ids = new Set<number>();
  for (const section of rolled)
    for (const id of await rolledCandidates(file, metric, field.field, wanted, section)) ids.add(id);
  for (const { fromMs, toMs } of sections.filter((one) => one.tier === 'raw'))
    for (const id of await candidatesOf(file, metric, { ...wanted, fromMs, toMs })) ids.add(id);
  const resources = [...ids].map((id) => ({ id, intervalMs: 60_000 }));
  if (wanted.function === 'p95') return highest(await readPercentiles(file, metric, resources, sections), wanted.limit);
  const spans = await readWhole(file, metric, resources, sections);
  const [fromMs, toMs] = [sections[0]?.fromMs ?? wanted.fromMs, wanted.toMs];
  const grid = { fromMs, toMs, stepMs: toMs - fromMs };
  const values = [...spans].map(([resource, list]): [number, number | null] => {
    const value = pointsOf(grid, list, wanted.function)[0]?.value;
    return [resource, typeof value === 'number' ? value : null];
  });
  return highest(values, wanted.limit);
}

/**
 * The nearest rank of the 95 percent lies among the highest twentieth of the values: of the buckets no others are read, and those of a
 * month are not a million rows.
 */
async function readPercentiles(
  file: DuckDbFile,
  metric: CounterMetric | NumberMetric,
  resources: readonly Pick<Resource, 'id' | 'intervalMs'>[],
  sections: readonly Section[],
): Promise<[number, number | null][]> {
  const { field, times } = fieldOf(metric);
  /** Of each resource how many values there are, and those that may be the one. */
  const found = new Map<number, { count: number; readonly highest: number[] }>();
  const add = (id: number, count: number, values: readonly number[]): void => {
    const held = found.get(id) ?? { count: 0, highest: [] };
    held.count += count;
    for (const value of values) held.highest.push(value);
    found.set(id, held);
  };
  let mostRaw = 0;
  for (const section of sections.filter((one) => one.tier === 'raw'))
    for (const [id, spans] of await readTieredSpans(file, metric, resources, sections, 'avg', section)) {
      const values = spans.flatMap(({ value }) => value ?? []);
      add(id, values.length, values);
      mostRaw = Math.max(mostRaw, found.get(id)?.count ?? 0);
    }
  const rolled = sections.filter((one) => one.tier !== 'raw');
  const buckets = rolled.reduce((sum, one) => sum + Math.ceil((one.toMs - one.fromMs) / TIER_MS[one.tier]) + 1, 0);
  const most = placeOf95(buckets + mostRaw);
  for (const { tier, fromMs, toMs } of rolled)
    await file.read(
      `select resource, count(*), max(mean, ${most}) from rollup_${tier}
        where ${among(resources.map((one) => one.id))} and field = $field and at_ms > $from - ${TIER_MS[tier]} and at_ms < $to
        group by resource`,
      { field, from: BigInt(Math.floor(fromMs)), to: BigInt(Math.ceil(toMs)) },
      resources.length,
      (row) =>
        add(
          Number(row[0]),
          Number(row[1]),
          numbersOf(row[2]).map((mean) => mean * times),
        ),
    );
  return [...found].map(([id, { count, highest: values }]) => [
    id,
    values.toSorted((a, b) => b - a)[placeOf95(count) - 1] ?? null,
  ]);
}

/** Which of so many values it is, counted from the highest. */
function placeOf95(count: number): number {
  return count - Math.ceil((95 * count) / 100) + 1;
}

function numbersOf(list: DuckDBValue | undefined): number[] {
  if (!(list instanceof DuckDBListValue)) throw new Error('BUG: the highest values are no list');
  return list.items.map(Number);
}

/** Each section of buckets as one span, summed up in SQL; raw readings as they are. */
async function readWhole(
  file: DuckDbFile,
  metric: CounterMetric | NumberMetric,
  resources: readonly Pick<Resource, 'id' | 'intervalMs'>[],
  sections: readonly Section[],
): Promise<Map<number, Span[]>> {
  const { field, times } = fieldOf(metric);
  const found = new Map<number, Span[]>();
  if (resources.length === 0) return found;
  for (const section of sections) {
    const { tier, fromMs, toMs } = section;
    if (tier === 'raw') {
      for (const [id, spans] of await readTieredSpans(file, metric, resources, sections, 'avg', section))
        found.set(id, [...(found.get(id) ?? []), ...spans]);
      continue;
    }
    await file.read(
      `select resource, sum(mean * known_ms) / sum(known_ms), min(least), max(most), arg_max(last, at_ms), sum(known_ms)::double
         from rollup_${tier} where ${among(resources.map((one) => one.id))} and field = $field and at_ms >= $from and at_ms < $to
        group by resource`,
      { field, from: BigInt(Math.floor(fromMs)), to: BigInt(Math.ceil(toMs)) },
      resources.length,
      (row) => {
        const [mean = 0, min = 0, max = 0, last = 0] = row.slice(1, 5).map((value) => Number(value) * times);
        const bucket = { min, max, last, knownMs: Number(row[5]) };
        const id = Number(row[0]);
        found.set(id, [...(found.get(id) ?? []), { fromMs, toMs, value: mean, delta: null, bucket }]);
      },
    );
  }
  return found;
}

function planOf(wanted: TopWanted, reach: TierReach): Section[] {
  const spanMs = wanted.toMs - wanted.fromMs;
  if (spanMs < LEAST_SPAN_MS) return [];
  const percentile = wanted.function === 'p95';
  const stepMs = spanMs >= HOURS_FROM_MS && !percentile ? HOUR_MS : FIVE_MINUTES_MS;
  // Whole buckets at the beginning; the end is the readings' own.
  const fromMs = bucketStart(wanted.fromMs, stepMs);
  return planTiers({ fromMs, toMs: wanted.toMs, stepMs, function: 'avg' }, reach);
}

async function rolledCandidates(
  file: DuckDbFile,
  metric: CounterMetric | NumberMetric,
  field: number,
  wanted: TopWanted,
  section: Section,
): Promise<number[]> {
  const ids: number[] = [];
  const most = wanted.limit * 4 + 50;
  const buckets = Math.ceil((section.toMs - section.fromMs) / TIER_MS[section.tier]) + 1;
  const ranked = {
    avg: 'sum(mean * known_ms) / sum(known_ms)',
    max: 'max(most)',
    // As quantile_disc, which would hold every bucket of every resource in memory.
    p95: `max(mean, ${placeOf95(buckets)})[count(*) - (95 * count(*) + 99) // 100 + 1]`,
    last: 'arg_max(last, at_ms)',
  };
  const kind = metric.kind === 'counter' ? 'interface' : metric.table === 'device_metrics' ? 'device' : 'gauge';
  const only = wanted.ids === null ? `resource in (select id from resource where kind = '${kind}')` : among(wanted.ids);
  await file.read(
    `select resource from rollup_${section.tier}
      where field = $field and at_ms >= $from and at_ms < $to and ${only}
      group by resource order by ${ranked[wanted.function]} desc, resource limit $limit`,
    { field, from: BigInt(Math.floor(section.fromMs)), to: BigInt(Math.ceil(section.toMs)), limit: most },
    most,
    (row) => ids.push(Number(row[0])),
  );
  return ids;
}
