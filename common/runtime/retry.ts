// Waiting between tries: exponential with full jitter, bounded.
import type { DurationMs } from '../model/time.ts';

export interface Backoff {
  readonly firstMs: DurationMs;
  readonly mostMs: DurationMs;
}

/** The wait before try `attempt` (0 is the first retry): uniform in [half, whole] of first × 2^attempt, never above `mostMs`. `random` gives [0, 1). */
export function backoffDelay(backoff: Backoff, attempt: number, random: () => number): DurationMs {
  const whole = Math.min(backoff.mostMs, backoff.firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(whole / 2 + (random() * whole) / 2);
}
