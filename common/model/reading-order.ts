// Which of two readings of a counter came first, where clocks of several agents disagree: bills and graphs leave out the same ones.
import type { CounterReading } from './counter.ts';
import { type DurationMs, MS_PER_TICK, TIME_TICKS_MODULUS } from './time.ts';

/** Two clocks whose error is believed to explain an uptime that went back: far more than sound ones differ, because the other reading of it would bill octets twice. */
const CLOCK_ERROR_MS = 600_000;
/** Where no uptime tells: what two sound clocks (2 s each) differ at most, with room. */
const SOUND_CLOCKS_MS = 10_000;
/** As in counter.ts: clocks of two machines may differ this much before an uptime is not believed to be of a boot in between. */
const UPTIME_SLACK_MS = 5000;

/**
 * Is a reading that was observed after the last one really older? Then it is left out: subtracting it would look like a reset, and the
 * next would count its octets twice. One process knows the order by its monotonic clock, however its wall clock steps. Between two
 * processes the device's uptime decides, as long as the clocks are so near that their error can explain it and no boot can.
 */
export function isOlderThan(last: CounterReading, observed: CounterReading): boolean {
  if (observed.processId === last.processId) return observed.monotonicMs <= last.monotonicMs;
  const elapsedMs = observed.observedAtMs - last.observedAtMs;
  const [before, after] = [last.uptimeTicks, observed.uptimeTicks];
  // Nothing tells the order, and a value that is lower, or higher by nearly a wrap, would be taken for what it is not.
  if (before === null || after === null || before === after) return elapsedMs <= SOUND_CLOCKS_MS;
  if (elapsedMs > CLOCK_ERROR_MS) return false;
  if (isOfBootBefore(before, after, elapsedMs)) return true;
  // Modulo 2^32, because one of the two may have been read just before the uptime wrapped.
  const backMs = ((before - after + TIME_TICKS_MODULUS) % TIME_TICKS_MODULUS) * MS_PER_TICK;
  // A device that has only just booted (or whose uptime has only just wrapped) does not boot again within the error of two clocks.
  const justBooted = before * MS_PER_TICK <= UPTIME_SLACK_MS && elapsedMs <= SOUND_CLOCKS_MS;
  const mayHaveBooted = after < before && after * MS_PER_TICK <= elapsedMs + UPTIME_SLACK_MS && !justBooted;
  return backMs <= CLOCK_ERROR_MS && !mayHaveBooted;
}

/**
 * An uptime further ahead than the time that passed, of a device that the last reading found just booted: read before that boot, by a clock
 * that is ahead. Taken for a later one, its whole value would be counted again from the boot on.
 */
function isOfBootBefore(before: number, after: number, elapsedMs: DurationMs): boolean {
  const aheadMs = (after - before) * MS_PER_TICK - elapsedMs;
  return aheadMs > UPTIME_SLACK_MS && before * MS_PER_TICK + elapsedMs <= CLOCK_ERROR_MS;
}
