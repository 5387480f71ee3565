// What readings of InfluxDB come to: the same spans and the same functions as those of the embedded store, so that answers are equal.
import type { EpochMs } from '../../common/model/time.ts';
import { type Grid, valueOf } from './grid.ts';
import type { PointPlace } from './influx-book.ts';
import type { InfluxClient } from './influx-client.ts';
import { readCounters, readNumbers } from './influx-queries.ts';
import type { Metric } from './metrics.ts';
import { highest, type Ranked, rankOf, type TopWanted } from './ranking.ts';
import { lookbackMs } from './reading-bounds.ts';
import type { Resource } from './resource-book.ts';
import { counterSpans, gaugeSpans, type Span, type StoredValue } from './spans.ts';

export interface Reading {
  readonly client: Pick<InfluxClient, 'query'>;
  /** Where points of the metric lie; none for metrics of our own. */
  readonly places: readonly PointPlace[];
}

/** Spans that overlap the grid, by resource in the order of time. */
export async function spansOf(
  { client, places }: Reading,
  metric: Metric,
  resources: readonly Resource[],
  { fromMs, toMs }: Grid,
): Promise<Map<number, Span[]>> {
  const found = new Map<number, Span[]>();
  if (resources.length === 0) return found;
  const intervalMs = Math.max(...resources.map((one) => one.intervalMs));
  const marginMs = lookbackMs(metric, intervalMs);
  const overlapping = (spans: readonly Span[]): Span[] =>
    spans.filter((span) => span.toMs > fromMs && span.fromMs < toMs);
  if (metric.kind === 'counter') {
    const window = { fromMs: fromMs - marginMs, toMs: toMs + marginMs };
    await readCounters(client, metric, resources, window, (id, readings) =>
      found.set(id, overlapping(counterSpans(readings, metric))),
    );
    return found;
  }
  const values = new Map<number, StoredValue[]>();
  const ofPoints = metric.table === 'point_metrics';
  await readNumbers(client, metric, places, resources, { fromMs: fromMs - marginMs, toMs }, (id, read) => {
    const held = values.get(id);
    const all = ofPoints ? read.map((one) => ({ ...one, intervalMs })) : read;
    values.set(id, held === undefined ? [...all] : merged(held, all));
  });
  for (const [id, held] of values) found.set(id, overlapping(gaugeSpans(held)));
  return found;
}

/** Of each resource what its last readings since then say: the rate between two for a counter, the value itself for a number. */
export async function latestOf(
  { client, places }: Reading,
  metric: Metric,
  resources: readonly Resource[],
  sinceMs: EpochMs,
): Promise<Map<number, { readonly atMs: EpochMs; readonly value: number }>> {
  const found = new Map<number, { readonly atMs: EpochMs; readonly value: number }>();
  const window = { fromMs: sinceMs, toMs: Number.POSITIVE_INFINITY };
  if (metric.kind === 'counter') {
    await readCounters(client, metric, resources, { ...window, newest: 2 }, (id, readings) => {
      const span = counterSpans(readings, metric).at(-1);
      if (span !== undefined && span.value !== null) found.set(id, { atMs: span.toMs, value: span.value });
    });
    return found;
  }
  await readNumbers(client, metric, places, resources, { ...window, newest: 1 }, (id, values) => {
    const last = values.at(-1);
    const held = found.get(id);
    if (last !== undefined && (held === undefined || held.atMs < last.atMs))
      found.set(id, { atMs: last.atMs, value: last.value });
  });
  return found;
}

export interface RankingWanted extends TopWanted {
  readonly everything: boolean;
}

/** The highest first. One resource after the other is read and forgotten but for what it comes to. */
export async function rankedOf(
  { client, places }: Reading,
  metric: Metric,
  resources: readonly Resource[],
  wanted: RankingWanted,
): Promise<Ranked[]> {
  const found = new Map<number, number>();
  const window = { fromMs: wanted.fromMs, toMs: wanted.toMs - 1, everything: wanted.everything };
  if (metric.kind === 'counter')
    await readCounters(client, metric, resources, window, (id, readings) => {
      const value = rankOf(counterSpans(readings, metric), wanted.function);
      if (value !== null) found.set(id, value);
    });
  else {
    const all = new Map<number, StoredValue[]>();
    await readNumbers(client, metric, places, resources, window, (id, values) => {
      // Only points may come from several places.
      const held = merged(all.get(id) ?? [], values);
      if (places.length > 1) all.set(id, held);
      // A gauge's values count alike: it is read about as often all the time.
      const numbers = held.map((one) => one.value);
      const average = numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
      if (numbers.length > 0) found.set(id, valueOf(numbers, average, wanted.function));
    });
  }
  return highest(found, wanted.limit);
}

/** By time; of one time the later given. */
function merged(some: readonly StoredValue[], others: readonly StoredValue[]): StoredValue[] {
  if (some.length === 0) return [...others];
  const byTime = new Map([...some, ...others].map((one) => [one.atMs, one]));
  return [...byTime.values()].toSorted((a, b) => a.atMs - b.atMs);
}
