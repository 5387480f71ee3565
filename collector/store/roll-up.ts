// What a tier keeps of spans: least, most, mean and last of each bucket, the exact movement of counters, gaps whole, and state as runs.
import { bucketStart, type DurationMs, type EpochMs } from '../../common/model/time.ts';
import { COUNTER_COLUMNS, type CounterMetric, METRICS, type Metric } from './metrics.ts';
import { movedUntil, type Span } from './spans.ts';

export const FIVE_MINUTES_MS: DurationMs = 300_000;
export const HOUR_MS: DurationMs = 3_600_000;
export const DAY_MS: DurationMs = 86_400_000;

export interface Bucket {
  readonly atMs: EpochMs;
  readonly least: number;
  readonly most: number;
  readonly mean: number;
  readonly last: number;
  /** How much of the bucket its spans cover. */
  readonly knownMs: DurationMs;
  readonly spans: number;
  /** Of the counter as it stands in its column, not scaled. */
  readonly moved: bigint;
}

/** A time of one state; it ends where the state does, where a poll is missing, and at each whole hour. */
export interface Run {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly value: number;
}

/** Where a metric stands in the tables of roll-ups. */
export interface Field {
  readonly field: number;
  readonly state: boolean;
  /** 8 where the metric is bits of a counter of octets. */
  readonly times: 1 | 8;
  readonly counter: boolean;
}

/** Counters take their own places; the shares follow them. */
export const ROLLED_COUNTERS: readonly (readonly [field: number, metric: CounterMetric])[] = [
  ...COUNTER_COLUMNS.map((name, field) => [field, counterNamed(name)] as const),
  [8, counterNamed('in_utilisation')],
  [9, counterNamed('out_utilisation')],
];
export const STATE_FIELDS = { speed_bps: 0, admin_status: 1, oper_status: 2, reachable: 3 } as const;
const DEVICE_COLUMNS = ['duration_ms', 'requests', 'retries', 'uptime_ticks / 100'];

export function fieldOf(metric: Metric): Field {
  if (metric.kind === 'counter') {
    const place = COUNTER_COLUMNS.indexOf(metric.column);
    if (metric.scale === 'share') return { field: 8 + place, state: false, times: 1, counter: false };
    return { field: place, state: false, times: metric.scale === 'eight' ? 8 : 1, counter: true };
  }
  const state = Object.hasOwn(STATE_FIELDS, metric.column)
    ? STATE_FIELDS[metric.column as keyof typeof STATE_FIELDS]
    : undefined;
  if (state !== undefined && metric.gauge === null) return { field: state, state: true, times: 1, counter: false };
  const place = metric.table === 'device_metrics' ? DEVICE_COLUMNS.indexOf(metric.column) : 0;
  return { field: place, state: false, times: 1, counter: false };
}

function counterNamed(name: string): CounterMetric {
  const metric = METRICS[name];
  if (metric?.kind !== 'counter') throw new Error(`BUG: no counter ${name}`);
  return metric;
}

/** Buckets of [fromMs, toMs), both whole buckets; spans in the order of time. Gaps are not in them. */
export function bucketsOf(spans: readonly Span[], fromMs: EpochMs, toMs: EpochMs): Bucket[] {
  const found = new Map<EpochMs, Bucket & { readonly weighted: number }>();
  for (const span of spans) {
    if (span.value === null) continue;
    const first = Math.max(fromMs, bucketStart(span.fromMs, FIVE_MINUTES_MS));
    for (let atMs = first; atMs < Math.min(toMs, span.toMs); atMs += FIVE_MINUTES_MS) {
      const endMs = atMs + FIVE_MINUTES_MS;
      const overlapMs = Math.min(span.toMs, endMs) - Math.max(span.fromMs, atMs);
      const { delta } = span;
      const moved = delta === null ? 0n : movedUntil(span, delta, endMs) - movedUntil(span, delta, atMs);
      const held = found.get(atMs);
      const weighted = (held?.weighted ?? 0) + span.value * overlapMs;
      const knownMs = (held?.knownMs ?? 0) + overlapMs;
      found.set(atMs, {
        atMs,
        least: Math.min(held?.least ?? span.value, span.value),
        most: Math.max(held?.most ?? span.value, span.value),
        weighted,
        mean: weighted / knownMs,
        last: span.value,
        knownMs,
        spans: (held?.spans ?? 0) + 1,
        moved: (held?.moved ?? 0n) + moved,
      });
    }
  }
  return [...found.values()];
}

/** Gaps that end in (fromMs, toMs]: their octets are exact, their shape is not known. */
export function gapsOf(spans: readonly Span[], fromMs: EpochMs, toMs: EpochMs): Span[] {
  return spans.filter((span) => span.value === null && span.toMs > fromMs && span.toMs <= toMs);
}

/** Runs of [fromMs, toMs). */
export function runsOf(spans: readonly Span[], fromMs: EpochMs, toMs: EpochMs): Run[] {
  const runs: Run[] = [];
  for (const span of spans) {
    if (span.value === null) continue;
    let startMs = Math.max(span.fromMs, fromMs);
    const endMs = Math.min(span.toMs, toMs);
    while (startMs < endMs) {
      const cutMs = Math.min(endMs, bucketStart(startMs, HOUR_MS) + HOUR_MS);
      const last = runs.at(-1);
      if (last?.toMs === startMs && last.value === span.value && startMs % HOUR_MS !== 0)
        runs[runs.length - 1] = { ...last, toMs: cutMs };
      else runs.push({ fromMs: startMs, toMs: cutMs, value: span.value });
      startMs = cutMs;
    }
  }
  return runs;
}
