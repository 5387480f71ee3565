// When the last poll of a device is too old to say how it is now: the same wherever devices are listed, counted or rolled up.
import type { DurationMs, EpochMs } from './time.ts';

/** A poll older than so many intervals is no news. */
export const STALE_INTERVALS = 3;
export const LEAST_STALE_MS: DurationMs = 15_000;

/** A device that was never polled is not stale: nothing is known of it. */
export function isStale(
  { lastPollAtMs, intervalMs }: { readonly lastPollAtMs: EpochMs | null; readonly intervalMs: DurationMs | null },
  nowMs: EpochMs,
): boolean {
  return lastPollAtMs !== null && nowMs - lastPollAtMs > Math.max(LEAST_STALE_MS, STALE_INTERVALS * (intervalMs ?? 0));
}
