// How many readings one answer may rest on, and how far beyond a span readings are looked at, so that what reaches into it from before and after is known.
import { GAP_INTERVALS } from '../../common/model/counter.ts';
import type { DurationMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Metric } from './metrics.ts';

/** More raw readings than this are not read for one answer; a longer time wants a coarser store. */
export const MAX_READINGS = 2_000_000;
/** Slow tables come every few intervals; their reading before the span is looked for this far back. */
const GAUGE_LOOKBACK_INTERVALS = 12;
const LEAST_LOOKBACK_MS = 60_000;
/** How often points come is not told. */
const POINT_LOOKBACK_MS = 3_600_000;

/** Before the span; of counters after it too. */
export function lookbackMs(metric: Metric, intervalMs: DurationMs): DurationMs {
  if (metric.kind === 'counter') return Math.max(LEAST_LOOKBACK_MS, intervalMs * GAP_INTERVALS);
  if (metric.table === 'point_metrics') return POINT_LOOKBACK_MS;
  return Math.max(LEAST_LOOKBACK_MS, intervalMs * GAUGE_LOOKBACK_INTERVALS);
}

export function tooMany(): WeirError {
  return new WeirError('series_too_long', `The answer would need more than ${MAX_READINGS} readings.`, {
    most: MAX_READINGS,
  });
}
