// For how long states were so, out of their runs, computed in SQL: what would be a point a minute is one row a resource.
import type { DuckDbFile } from './duckdb-file.ts';
import { among } from './duckdb-queries.ts';
import { metricNamed } from './metrics.ts';
import type { ResourceBook } from './resource-book.ts';
import { fieldOf, HOUR_MS } from './roll-up.ts';
import type { Shares, SharesQuery, StateComparison, StateCondition } from './store.ts';
import type { TierReach } from './tier-plan.ts';
import { idsOf } from './tier-statistics.ts';

const OPERATORS: Readonly<Record<StateComparison, string>> = {
  '==': '=',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};

/** Runs are kept as long as days are, and made with the buckets of five minutes. */
export async function readShares(
  file: DuckDbFile,
  book: ResourceBook,
  query: SharesQuery,
  reach: TierReach,
): Promise<Shares | null> {
  const conditions = query.while === null ? [query.condition] : [query.condition, query.while];
  const ids = idsOf(book, { resources: query.resources, metrics: conditions.map(({ metric }) => metric) });
  const isState = conditions.every(({ metric }) => fieldOf(metricNamed(metric, 'last')).state);
  const throughMs = Math.min(query.toMs, reach['5m'].throughMs);
  if (ids === null || !isState || query.fromMs < reach['1d'].fromMs || throughMs <= query.fromMs) return null;
  const items: Shares['items'][number][] = [];
  if (ids.size > 0)
    await file.read(
      sharesSql(query, [...ids.keys()]),
      { from: BigInt(query.fromMs), to: BigInt(throughMs) },
      ids.size,
      (row) => {
        const [knownMs = 0, countedMs = 0, heldMs = 0] = row.slice(1, 4).map(Number);
        items.push({ resource: ids.get(Number(row[0])) ?? '', knownMs, countedMs, heldMs });
      },
    );
  return { throughMs, items };
}

/** A run lies within one hour, so runs of two states that meet are of one hour. Numbers of ours alone: none of it is text of a question. */
function sharesSql(query: SharesQuery, ids: readonly number[]): string {
  const runs = ({ metric, comparison, bound }: StateCondition): string =>
    `select resource, from_ms // ${HOUR_MS} as hour, greatest(from_ms, $from) as from_ms, least(to_ms, $to) as to_ms,
            value ${OPERATORS[comparison]} ${Number(bound)} as so from state_run
      where ${among(ids)} and field = ${fieldOf(metricNamed(metric, 'last')).field}
        and to_ms > $from and from_ms < $to and from_ms > $from - ${HOUR_MS + 1}`;
  const known =
    query.while === null
      ? `select resource, to_ms - from_ms as length, so, true as counts from (${runs(query.condition)})`
      : `select one.resource, least(one.to_ms, other.to_ms) - greatest(one.from_ms, other.from_ms) as length, one.so, other.so as counts
           from (${runs(query.condition)}) one join (${runs(query.while)}) other
             on one.resource = other.resource and one.hour = other.hour`;
  return `select resource, sum(length)::double, coalesce(sum(length) filter (counts), 0)::double,
                 coalesce(sum(length) filter (counts and so), 0)::double
            from (${known}) where length > 0 group by resource`;
}
