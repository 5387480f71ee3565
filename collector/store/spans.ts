// From stored readings to spans with a known value: the one place of the store where counters are subtracted, by common/model/counter.
import { type CounterReading, difference, GAP_INTERVALS } from '../../common/model/counter.ts';
import { isOlderThan } from '../../common/model/reading-order.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { CounterMetric } from './metrics.ts';

/** One stored reading of one counter. `processId` is the stored hash of the agent's process. */
export interface StoredReading extends CounterReading {
  readonly intervalMs: DurationMs;
  readonly speedBps: bigint | null;
}

export interface StoredValue {
  readonly atMs: EpochMs;
  readonly value: number;
  readonly intervalMs: DurationMs;
}

/**
 * What is known of the time between two readings. `value` is null where the shape is not known (a gap), so that only a step that holds
 * the whole span may count its `delta`; spans of which nothing is known are left out.
 */
export interface Span {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly value: number | null;
  /** In units of the counter times its scale; null for gauges and shares. */
  readonly delta: bigint | null;
  /** Of a bucket of a roll-up: what its spans came to, of which `value` is the mean. */
  readonly bucket?: {
    readonly min?: number;
    readonly max?: number;
    readonly last?: number;
    readonly knownMs: DurationMs;
  };
}

/** Whole units moved from the start of the span to a moment: parts of a split add up to the whole. */
export function movedUntil(span: Span, delta: bigint, atMs: EpochMs): bigint {
  if (atMs <= span.fromMs) return 0n;
  if (atMs >= span.toMs) return delta;
  return (delta * BigInt(atMs - span.fromMs)) / BigInt(span.toMs - span.fromMs);
}

const HALF_OF_32_BITS = 2n ** 31n;
/** A frame of 64 octets with preamble and gap: no more packets than that fit on a line. */
const SHORTEST_FRAME_BITS = 84n * 8n;

/** Given in the order of their time, one that repeats or that the device says is the older (the clocks of two agents differ) is passed over: it would be counted twice. */
export function follows(previous: StoredReading, observed: StoredReading): boolean {
  return observed.observedAtMs > previous.observedAtMs && !isOlderThan(previous, observed);
}

/** Spans between readings in the order of their time. */
export function counterSpans(readings: Iterable<StoredReading>, metric: CounterMetric): Span[] {
  const spans: Span[] = [];
  let previous: StoredReading | null = null;
  for (const observed of readings) {
    if (previous !== null && !follows(previous, observed)) continue;
    const span = previous === null ? null : counterSpan(previous, observed, metric);
    if (span !== null) spans.push(span);
    previous = observed;
  }
  return spans;
}

/** Null where nothing may be said of the span: a restart, a reset, more than the line can carry. */
export function counterSpan(previous: StoredReading, observed: StoredReading, metric: CounterMetric): Span | null {
  const octets = metric.column === 'in_octets' || metric.column === 'out_octets';
  const found = difference(previous, observed, {
    speedBps: octets ? observed.speedBps : null,
    intervalMs: observed.intervalMs,
  });
  if (found.kind === 'lost' || found.kind === 'implausible' || found.durationMs <= 0) return null;
  if (!octets && !believable(found.delta, found.wrapped, found.durationMs, observed.speedBps)) return null;
  const [fromMs, toMs] = [previous.observedAtMs, observed.observedAtMs];
  const value = found.kind === 'gap' ? null : perSecond(found.delta, found.durationMs, observed.speedBps, metric.scale);
  if (metric.scale === 'share') return value === null ? null : { fromMs, toMs, value, delta: null };
  return { fromMs, toMs, value, delta: metric.scale === 'eight' ? found.delta * 8n : found.delta };
}

/** Counters of packets have no line rate in octets: a 32-bit one that seems to wrap by more than half was reset, none moves faster than frames fit on the line. */
function believable(delta: bigint, wrapped: boolean, durationMs: DurationMs, speedBps: bigint | null): boolean {
  if (wrapped && delta > HALF_OF_32_BITS) return false;
  if (speedBps === null || speedBps <= 0n) return true;
  return delta <= (speedBps * BigInt(durationMs + 10_000) * 11n) / (SHORTEST_FRAME_BITS * 10_000n) + 1n;
}

function perSecond(
  delta: bigint,
  durationMs: DurationMs,
  speedBps: bigint | null,
  scale: CounterMetric['scale'],
): number | null {
  const rate = (Number(delta) * 1000) / durationMs;
  if (scale === 'one') return rate;
  if (scale === 'eight') return rate * 8;
  return speedBps === null || speedBps <= 0n ? null : (rate * 800) / Number(speedBps);
}

/**
 * A gauge holds from its reading to the next, unless that came late: then for one and a half of what is usual in these readings
 * (slow tables come less often than the interval says).
 */
export function gaugeSpans(values: readonly StoredValue[]): Span[] {
  const distances: number[] = [];
  values.forEach((one, at) => {
    const next = values[at + 1];
    if (next !== undefined && next.atMs > one.atMs) distances.push(next.atMs - one.atMs);
  });
  const usual = distances.toSorted((a, b) => a - b)[Math.floor(distances.length / 2)] ?? 0;
  return values.flatMap((one, at) => {
    const next = values[at + 1];
    // Whole intervals, so that it does not depend on which readings were looked at.
    const usualMs = one.intervalMs > 0 ? Math.round(usual / one.intervalMs) * one.intervalMs : usual;
    const holdsMs = Math.max(one.intervalMs, usualMs) * GAP_INTERVALS;
    const toMs = Math.min(next?.atMs ?? Number.POSITIVE_INFINITY, one.atMs + holdsMs);
    return toMs <= one.atMs ? [] : [{ fromMs: one.atMs, toMs, value: one.value, delta: null }];
  });
}
