// The first of all resources over a long span: buckets say who may be among them, and buckets with the raw readings after them what they come to.
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
import { planTiers, type Section, type TierReach } from './tier-plan.ts';
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
  const spans =
    wanted.function === 'p95'
      ? await readTieredSpans(file, metric, resources, sections)
      : await readWhole(file, metric, resources, sections);
  const [fromMs, toMs] = [sections[0]?.fromMs ?? wanted.fromMs, wanted.toMs];
  const grid = { fromMs, toMs, stepMs: toMs - fromMs };
  const values = [...spans].map(([resource, list]): [number, number | null] => {
    const value = pointsOf(grid, list, wanted.function)[0]?.value;
    return [resource, typeof value === 'number' ? value : null];
  });
  return highest(values, wanted.limit);
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
      for (const [id, spans] of await readTieredSpans(file, metric, resources, sections, section))
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
  const ranked = {
    avg: 'sum(mean * known_ms) / sum(known_ms)',
    max: 'max(most)',
    p95: 'quantile_disc(mean, 0.95)',
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
