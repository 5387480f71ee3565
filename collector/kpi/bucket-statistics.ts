// Averages, extremes, percentiles and shares of many resources out of sums that the store makes of its roll-ups: no point is handed over but those after the last bucket.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { MetricStore, ResourceStatistics } from '../store/store.ts';
import { type Sample, samplesOf, shareOf, type Span } from './compute.ts';
import type { Formula } from './formula.ts';
import { CHUNK_POINTS, FINEST_MS, type KpiReader } from './kpi-reader.ts';
import { addWorkings, type Working } from './working.ts';

type Statistic = Extract<Formula, { kind: 'statistic' }>;
type Share = Extract<Formula, { kind: 'share' }>;

export interface BucketGrounds {
  readonly store: Pick<MetricStore, 'statistics' | 'shares'>;
  readonly reader: KpiReader;
}

/** Buckets that are gone through for one question to the store. */
const CHUNK_BUCKETS = 1_000_000;
const MOST_RESOURCES = 1000;
/** A run of a state is at most so long. */
const RUN_MS: DurationMs = 3_600_000;
const PERCENT: Readonly<Record<'p95' | 'p99', number>> = { p95: 95, p99: 99 };

/** Workings by resource, of whole steps of the span; null where the store has no buckets for it. */
export async function bucketStatistics(
  { store, reader }: BucketGrounds,
  formula: Statistic,
  resources: readonly string[],
  span: Span,
  stepMs: DurationMs,
): Promise<ReadonlyMap<string, Working> | null> {
  const { combine, metrics } = formula.term;
  const steps = (span.toMs - span.fromMs) / stepMs;
  const highest = isPercentile(formula.statistic) ? placeFromHighest(PERCENT[formula.statistic], steps) : 0;
  const byBuckets = Math.floor(CHUNK_BUCKETS / (steps * metrics.length));
  const byValues = highest === 0 ? MOST_RESOURCES : Math.floor(CHUNK_POINTS / highest);
  const most = Math.max(1, Math.min(MOST_RESOURCES, byBuckets, byValues));
  const found = new Map<string, Working>();
  for (let first = 0; first < resources.length; first += most) {
    const some = resources.slice(first, first + most);
    const asked = { metrics, combine, function: functionOf(formula), resources: some, ...span, stepMs, highest };
    const told = (await store.statistics?.(asked)) ?? null;
    if (told === null) return null;
    const rest = await restOf(reader, formula, some, { fromMs: told.throughMs, toMs: span.toMs }, stepMs);
    const byName = new Map(told.items.map((item) => [item.resource, item]));
    for (const resource of some) {
      const working = workingOf(formula, byName.get(resource), rest.get(resource) ?? [], span.toMs - span.fromMs);
      found.set(resource, working);
    }
  }
  return found;
}

/** The same of states, of whole minutes: their runs are exact, and kept as long as anything. */
export async function runShares(
  { store, reader }: BucketGrounds,
  formula: Share,
  resources: readonly string[],
  span: Span,
): Promise<ReadonlyMap<string, Working> | null> {
  const { condition, while: during } = formula;
  const wantedMs = span.toMs - span.fromMs;
  const most = Math.max(1, Math.min(MOST_RESOURCES, Math.floor((CHUNK_BUCKETS * RUN_MS) / wantedMs)));
  const found = new Map<string, Working>();
  for (let first = 0; first < resources.length; first += most) {
    const some = resources.slice(first, first + most);
    const told = (await store.shares?.({ condition, while: during, resources: some, ...span })) ?? null;
    if (told === null) return null;
    const rest = { fromMs: told.throughMs, toMs: span.toMs };
    const points =
      rest.fromMs < rest.toMs ? await reader.read(formula, some, rest, FINEST_MS, 'last') : new Map<string, never>();
    const byName = new Map(told.items.map((item) => [item.resource, item]));
    for (const resource of some) {
      const { heldMs = 0, countedMs = 0, knownMs = 0 } = byName.get(resource) ?? {};
      const runs = { numerator: heldMs, denominator: countedMs, knownMs, wantedMs };
      const late = shareOf(formula, points.get(resource) ?? new Map<string, never>(), FINEST_MS);
      found.set(resource, { ...addWorkings([runs, late]), wantedMs });
    }
  }
  return found;
}

/** Readings that are in no bucket yet. */
async function restOf(
  reader: KpiReader,
  formula: Statistic,
  resources: readonly string[],
  span: Span,
  stepMs: DurationMs,
): Promise<ReadonlyMap<string, readonly Sample[]>> {
  if (span.fromMs >= span.toMs) return new Map<string, readonly Sample[]>();
  const points = await reader.read(formula, resources, span, stepMs, functionOf(formula));
  return new Map([...points].map(([resource, own]) => [resource, samplesOf(formula.term, own, stepMs)]));
}

function workingOf(
  { statistic }: Statistic,
  buckets: ResourceStatistics | undefined,
  rest: readonly Sample[],
  wantedMs: EpochMs,
): Working {
  const knownMs = rest.reduce((sum, sample) => sum + sample.knownMs, buckets?.knownMs ?? 0);
  const count = rest.length + (buckets?.steps ?? 0);
  if (count === 0) return { numerator: 0, denominator: 0, knownMs, wantedMs };
  if (statistic === 'avg') {
    const weighted = rest.reduce((sum, { value, knownMs: ms }) => sum + value * ms, buckets?.weighted ?? 0);
    return { numerator: weighted, denominator: knownMs, knownMs, wantedMs };
  }
  const values = rest.map(({ value }) => value);
  if (isPercentile(statistic)) {
    const sorted = [...values, ...(buckets?.highest ?? [])].toSorted((a, b) => b - a);
    const numerator = sorted[placeFromHighest(PERCENT[statistic], count) - 1] ?? 0;
    return { numerator, denominator: 1, knownMs, wantedMs };
  }
  const extremes = buckets === undefined ? values : [...values, statistic === 'min' ? buckets.least : buckets.most];
  const numerator = extremes.reduce((a, b) => (statistic === 'min' ? Math.min(a, b) : Math.max(a, b)));
  return { numerator, denominator: 1, knownMs, wantedMs };
}

/** Nearest rank ceil(percent n / 100), counted from the highest: it lies no deeper for fewer values. */
function placeFromHighest(percent: number, count: number): number {
  return count - Math.ceil((percent * count) / 100) + 1;
}

function isPercentile(statistic: Statistic['statistic']): statistic is 'p95' | 'p99' {
  return statistic === 'p95' || statistic === 'p99';
}

function functionOf({ statistic }: Statistic): 'avg' | 'min' | 'max' {
  return statistic === 'min' || statistic === 'max' ? statistic : 'avg';
}
