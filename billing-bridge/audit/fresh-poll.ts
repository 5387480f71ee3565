// A device asked by the auditor himself, against the last reading that is stored of each counter: what may lawfully lie between the two, and nothing else. Pure.
import { type CounterReading, difference, type EpochEnd, plausibleOctets } from '../../common/model/counter.ts';
import { type DurationMs, type EpochMs, isoTime, MS_PER_TICK } from '../../common/model/time.ts';

export interface FreshCounter {
  readonly device: string;
  readonly interfaceKey: string;
  readonly direction: 'in' | 'out';
  readonly value: bigint;
  readonly width: 32 | 64;
  /** By the clock of who asks. */
  readonly atMs: EpochMs;
  readonly uptimeTicks: number | null;
  readonly discontinuityTicks: number | null;
  readonly speedBps: bigint | null;
}

/** The reading that mediation saw last. */
export type StoredReading = Omit<CounterReading, 'monotonicMs' | 'processId'> & { readonly speedBps: bigint | null };

export interface FreshComparison {
  readonly device: string;
  readonly interfaceKey: string;
  readonly direction: 'in' | 'out';
  /** Between the two; null where no quantity exists. */
  readonly moved: bigint | null;
  /** What the line may have carried in the time; null where no speed is known. */
  readonly most: bigint | null;
  readonly sinceMs: EpochMs | null;
  readonly verdict: 'agrees' | 'differs' | 'not_comparable';
  /** What was compared and why it came to the verdict. */
  readonly reason: string;
}

/** No span between a stored reading and now is a gap to the auditor. */
const ANY_INTERVAL_MS: DurationMs = Number.MAX_SAFE_INTEGER;

const ENDED: Readonly<Record<EpochEnd, string>> = {
  reboot: 'the device restarted since',
  discontinuity: 'the counter began anew since (ifCounterDiscontinuityTime)',
  width: 'its width is another one',
  decrease: 'it is lower, and the device does not tell whether it began anew',
  wraps: 'it may have gone round more than once in the time',
  silence: 'it was not read for too long',
  clock: 'the clocks tell of different times',
};

export function compareFresh(fresh: FreshCounter, stored: StoredReading | null): FreshComparison {
  const { device, interfaceKey, direction } = fresh;
  const port = { device, interfaceKey, direction };
  if (stored === null)
    return {
      ...port,
      moved: null,
      most: null,
      sinceMs: null,
      verdict: 'not_comparable',
      reason: 'nothing is stored of it',
    };
  const speedBps = highest(fresh.speedBps, stored.speedBps);
  const observed = readingOf(fresh, stored);
  const last: CounterReading = { ...stored, monotonicMs: 0, processId: 'agent' };
  // Read again while it was asked here: then the stored one is the later.
  const [previous, next] = observed.observedAtMs < last.observedAtMs ? [observed, last] : [last, observed];
  const found = difference(previous, next, { speedBps, intervalMs: ANY_INTERVAL_MS });
  const most = plausibleOctets(found.durationMs, speedBps);
  const told = { ...port, most, sinceMs: stored.observedAtMs };
  const since = `since ${isoTime(stored.observedAtMs)}, ${found.durationMs / 1000} s`;
  if (found.kind === 'lost') {
    // Both tell when the counter began, and it is the same time: it may not be lower.
    const proven = found.end === 'decrease' && fresh.discontinuityTicks !== null && stored.discontinuityTicks !== null;
    const reason = proven ? `it is lower than what is stored ${since}, and did not begin anew` : ENDED[found.end];
    return { ...told, moved: null, verdict: proven ? 'differs' : 'not_comparable', reason };
  }
  const { delta: moved } = found;
  if (found.kind === 'implausible')
    return { ...told, moved, verdict: 'differs', reason: `moved ${moved} ${since}; its line carries ${most} at most` };
  const bound = most === null ? 'no speed is known to bound it by' : `its line carries ${most} at most`;
  return { ...told, moved, verdict: 'agrees', reason: `moved ${moved} ${since}; ${bound}` };
}

/** Its time by the device's own clock where that goes on: the auditor's may be another than the collector's. */
function readingOf(fresh: FreshCounter, stored: StoredReading): CounterReading {
  const { value, width, uptimeTicks, discontinuityTicks } = fresh;
  const ticks = uptimeTicks === null || stored.uptimeTicks === null ? -1 : uptimeTicks - stored.uptimeTicks;
  const byDevice = stored.observedAtMs + ticks * MS_PER_TICK;
  const observedAtMs = ticks < 0 ? fresh.atMs : Math.max(fresh.atMs, byDevice);
  return { value, width, uptimeTicks, discontinuityTicks, observedAtMs, monotonicMs: 0, processId: 'auditor' };
}

/** Of the speeds that were told at both ends of the span. */
function highest(one: bigint | null, other: bigint | null): bigint | null {
  const most = (one ?? 0n) > (other ?? 0n) ? one : other;
  return most === null || most <= 0n ? null : most;
}
