// Time as a dependency: every component gets a Clock, so that a test can run a month in a second.
import { performance } from 'node:perf_hooks';
import type { DurationMs, EpochMs } from '../model/time.ts';

export interface Clock {
  /** UTC, may step. */
  now(): EpochMs;
  /** Never steps; comparable inside one process. */
  monotonicMs(): number;
  /** Resolves after the time, or at once when the signal aborts (it never rejects). */
  sleep(ms: DurationMs, signal?: AbortSignal): Promise<void>;
}

export class SystemClock implements Clock {
  now(): EpochMs {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  async sleep(ms: DurationMs, signal?: AbortSignal): Promise<void> {
    let left = ms;
    for (; left > LONGEST_TIMER_MS && signal?.aborted !== true; left -= LONGEST_TIMER_MS)
      await sleepOnce(LONGEST_TIMER_MS, signal);
    await sleepOnce(left, signal);
  }
}

/** A longer timer would run out at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function sleepOnce(ms: DurationMs, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
