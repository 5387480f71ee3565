// Sums over the buckets of many resources, computed in SQL: what would be a million points is one row a resource.
import { DuckDBListValue, type DuckDBValue } from '@duckdb/node-api';
import { bucketStart } from '../../common/model/time.ts';
import { resourcesOf } from './asked-resources.ts';
import type { DuckDbFile } from './duckdb-file.ts';
import { among } from './duckdb-queries.ts';
import { metricNamed } from './metrics.ts';
import type { ResourceBook } from './resource-book.ts';
import { type Field, fieldOf } from './roll-up.ts';
import { MAX_MANY, type Statistics, type StatisticsQuery, type Tier, TIERS } from './store.ts';
import { TIER_MS, type TierReach } from './tier-plan.ts';

const COLUMNS: Readonly<Record<StatisticsQuery['function'], string>> = { avg: 'mean', min: 'least', max: 'most' };
const COMBINED: Readonly<Record<StatisticsQuery['combine'], string>> = {
  one: 'max(value)',
  max: 'max(value)',
  min: 'min(value)',
  sum: 'sum(value)',
};

export async function readStatistics(
  file: DuckDbFile,
  book: ResourceBook,
  query: StatisticsQuery,
  reach: TierReach,
): Promise<Statistics | null> {
  const tier = TIERS.find((one) => one !== 'raw' && TIER_MS[one] === query.stepMs);
  const fields = query.metrics.map((name) => fieldOf(metricNamed(name, query.function)));
  const ids = idsOf(book, query);
  const twice = new Set(fields.map(({ field }) => field)).size < fields.length;
  if (tier === undefined || ids === null || twice || fields.some(({ state }) => state)) return null;
  const throughMs = Math.min(query.toMs, bucketStart(reach[tier].throughMs, query.stepMs));
  if (query.fromMs < reach[tier].fromMs || throughMs <= query.fromMs) return null;
  const items: Statistics['items'][number][] = [];
  if (ids.size > 0)
    await file.read(
      statisticsSql(tier, fields, query, [...ids.keys()]),
      { from: BigInt(query.fromMs), to: BigInt(throughMs) },
      ids.size,
      (row) => {
        const [steps = 0, knownMs = 0, weighted = 0, least = 0, most = 0] = row.slice(1, 6).map(Number);
        const resource = ids.get(Number(row[0])) ?? '';
        items.push({ resource, steps, knownMs, weighted, least, most, highest: numbersOf(row[6]) });
      },
    );
  return { throughMs, items };
}

/** Each name is one resource, the same for all metrics; null where it is not. */
export function idsOf(
  book: ResourceBook,
  { resources, metrics }: Pick<StatisticsQuery, 'resources' | 'metrics'>,
): Map<number, string> | null {
  const ids = new Map<number, string>();
  for (const resource of resources.slice(0, MAX_MANY)) {
    const found = metrics.map((metric) => resourcesOf(book, metricNamed(metric, null), { metric, resource }));
    if (found.some((list) => list.length > 1)) return null;
    const [first, ...others] = found.map(([one]) => one?.id);
    if (first === undefined) continue;
    if (others.some((id) => id !== undefined && id !== first)) return null;
    ids.set(first, resource);
  }
  return ids;
}

/** Fields are numbers of ours: none of it is text of a question. */
function statisticsSql(tier: Tier, fields: readonly Field[], query: StatisticsQuery, ids: readonly number[]): string {
  const column = COLUMNS[query.function];
  const scaled = fields.map(({ field, times }) => `when ${field} then ${column} * ${times}`).join(' ');
  const buckets = `select resource, at_ms, known_ms, case field ${scaled} end as value from rollup_${tier}
    where ${among(ids)} and field in (${fields.map(({ field }) => field).join(', ')}) and at_ms >= $from and at_ms < $to`;
  // One metric is one row a bucket as it is.
  const together =
    fields.length === 1
      ? buckets
      : `select resource, at_ms, min(known_ms) as known_ms, ${COMBINED[query.combine]} as value from (${buckets})
          group by resource, at_ms having count(*) = ${fields.length}`;
  const highest = query.highest > 0 ? `max(value, ${Math.trunc(query.highest)})` : 'null';
  return `select resource, count(*)::double, sum(known_ms)::double, sum(value * known_ms), min(value), max(value), ${highest}
    from (${together}) where known_ms > 0 group by resource`;
}

function numbersOf(list: DuckDBValue | undefined): readonly number[] {
  return list instanceof DuckDBListValue ? list.items.map(Number) : [];
}
