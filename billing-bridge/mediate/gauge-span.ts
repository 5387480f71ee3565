// What lies between two readings of a gauge: its integral over time by the meter's rule, or a loss where nothing proves how it went on.
import { epochEnd, type EpochEnd, GAP_INTERVALS, spanDuration } from '../../common/model/counter.ts';
import { type Integration, LONGEST_HOLD_MS } from '../../common/model/meter-class.ts';
import type { DurationMs } from '../../common/model/time.ts';
import { bucketOf, lastBucketOf, MAX_SPAN_BUCKETS } from './grid.ts';
import type { Reading } from './reading.ts';
import type { Span } from './span.ts';
import { areaUntil } from './split.ts';

/** The wall clock and the monotonic clock of one process may differ so much over a span before one of them must have stepped. */
const CLOCK_SLACK_MS: DurationMs = 2_000;

/**
 * A gauge says nothing of the time between its readings but what its rule makes of it. Over a restart of the device, over a step of the
 * clock and beyond the longest hold there is no quantity; over more than 1.5 intervals it is a gap, which the contract's hold may bill.
 */
export function gaugeSpan(previous: Reading, observed: Reading, integration: Integration, bucketMs: DurationMs): Span {
  const fromMs = previous.observedAtMs;
  const toMs = observed.observedAtMs;
  const end = gaugeEnd(previous, observed);
  if (end !== null) {
    const whole = lastBucketOf(fromMs, toMs, bucketMs) - bucketOf(fromMs, bucketMs) >= MAX_SPAN_BUCKETS;
    return { kind: 'lost', fromMs, toMs, octets: 0n, wrapped: false, end, whole };
  }
  const ms = BigInt(toMs - fromMs);
  const longMs = GAP_INTERVALS * Math.max(previous.intervalMs, observed.intervalMs);
  const kind = toMs - fromMs > longMs ? 'gap' : 'good';
  const common = { kind, fromMs, toMs, wrapped: false, end: null, whole: false } as const;
  if (integration === 'held' || ms === 0n) return { ...common, octets: previous.value * ms };
  const slope = { first: previous.value, last: observed.value };
  return { ...common, octets: areaUntil(slope, ms, ms), slope };
}

function gaugeEnd(previous: Reading, observed: Reading): EpochEnd | null {
  const lengthMs = spanDuration(previous, observed);
  const end = epochEnd(previous, observed, lengthMs);
  if (end !== null) return end;
  const utcMs = observed.observedAtMs - previous.observedAtMs;
  if (Math.abs(utcMs - lengthMs) > CLOCK_SLACK_MS) return 'clock';
  return utcMs > LONGEST_HOLD_MS ? 'silence' : null;
}
