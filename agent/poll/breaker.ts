// A device that keeps silent is not polled in full: one OID is asked with growing pauses until it answers.
//
//   closed ──3 failed polls──► open ──probe answered──► closed (and polled at once)
//                              open ──probe silent──► open, pause doubled
import type { DurationMs } from '../../common/model/time.ts';

export interface Breaker {
  readonly failures: number;
  /** Pause between probes; 0 while closed. */
  readonly pauseMs: DurationMs;
  /** Monotonic time before which no probe is sent. */
  readonly nextProbeMs: number;
  /** Code of the failure that keeps it open. */
  readonly failure: string | null;
}

export const CLOSED: Breaker = { failures: 0, pauseMs: 0, nextProbeMs: 0, failure: null };

const FAILURES_TO_OPEN = 3;
const MOST_PAUSE_MS = 300_000;
/** A short interval wants a short pause: five intervals at most. */
const MOST_PAUSE_INTERVALS = 5;

export type BreakerDecision = 'poll' | 'probe' | 'rest';

export function decide(breaker: Breaker, monotonicMs: number): BreakerDecision {
  if (!isOpen(breaker)) return 'poll';
  return monotonicMs >= breaker.nextProbeMs ? 'probe' : 'rest';
}

/** After a poll or a probe that failed and that began at `startedMs` of the monotonic clock. */
export function afterFailure(breaker: Breaker, failure: string, intervalMs: DurationMs, startedMs: number): Breaker {
  const failures = breaker.failures + 1;
  if (failures < FAILURES_TO_OPEN) return { ...CLOSED, failures, failure };
  const most = Math.max(intervalMs, Math.min(MOST_PAUSE_MS, intervalMs * MOST_PAUSE_INTERVALS));
  const pauseMs = breaker.pauseMs === 0 ? intervalMs : Math.min(most, breaker.pauseMs * 2);
  // Turns come an interval apart, a little early or late: the one nearest to the end of the pause is meant.
  return { failures, failure, pauseMs, nextProbeMs: startedMs + pauseMs - intervalMs / 2 };
}

export function isOpen(breaker: Breaker): boolean {
  return breaker.failures >= FAILURES_TO_OPEN;
}
