// The UTC grid as mediation numbers it: buckets are whole numbers, day and week lines are lines of the grid.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';

/** Bucket n is the half-open span [n × bucketMs, (n + 1) × bucketMs) since 1970. */
export type Bucket = number;

export function bucketOf(at: EpochMs, bucketMs: DurationMs): Bucket {
  return Math.floor(at / bucketMs);
}

/** The last bucket that a span has a part in: one that ends on a line has none in the bucket that begins there. */
export function lastBucketOf(fromMs: EpochMs, toMs: EpochMs, bucketMs: DurationMs): Bucket {
  return bucketOf(toMs > fromMs ? toMs - 1 : toMs, bucketMs);
}

/** Lines on which the value of each counter is kept, so that the sums of a month need not begin where the epoch did. */
export const CHECKPOINT_MS = 7 * 86_400_000;

/** A span over more buckets is not split: nearly a year of five minutes, more than a day of seconds. Its octets are suspended, none are dropped. */
export const MAX_SPAN_BUCKETS = 100_000;
