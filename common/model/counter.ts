// The one place where two counter readings are subtracted: graphs, rules and bills all ask `difference`.
import { MS_PER_TICK, TIME_TICKS_MODULUS, type DurationMs, type EpochMs } from './time.ts';

/** One reading of one counter with everything needed to decide whether it continues the one before. */
export interface CounterReading {
  readonly observedAtMs: EpochMs;
  readonly value: bigint;
  readonly width: 32 | 64;
  /** sysUpTime read with the counter; null where it did not come. */
  readonly uptimeTicks: number | null;
  /** ifCounterDiscontinuityTime (RFC 2863); null where absent: no proof of continuity either way. */
  readonly discontinuityTicks: number | null;
  /** The agent's monotonic clock, comparable only where `processId` is equal. */
  readonly monotonicMs: number;
  readonly processId: string;
}

export interface DifferenceLimits {
  /** Speed of the interface in bit/s; null where unknown (then one wrap of a Counter32 is believed, none of plausibility is checked). */
  readonly speedBps: bigint | null;
  /** The interval at which readings are expected. */
  readonly intervalMs: DurationMs;
}

/**
 * Why an epoch ended: two readings on its sides may not be subtracted. Of gauges also silence (not read for longer than any contract
 * holds a value) and clock (wall clock and monotonic clock tell of different times).
 */
export type EpochEnd = 'reboot' | 'discontinuity' | 'width' | 'decrease' | 'wraps' | 'silence' | 'clock';

/**
 * good: subtract and use. wrap32: one wrap of a Counter32 was feasible and added. gap: as good or wrap32, but over more than
 * 1.5 intervals, so the shape inside is unknown. implausible: above line rate; its octets are suspended.
 * lost: an epoch ended between the two; no quantity exists.
 */
export type Difference =
  | {
      readonly kind: 'good' | 'wrap32' | 'gap' | 'implausible';
      readonly delta: bigint;
      readonly durationMs: DurationMs;
      readonly wrapped: boolean;
    }
  | { readonly kind: 'lost'; readonly end: EpochEnd; readonly durationMs: DurationMs };

/** A span longer than this many intervals is a gap. */
export const GAP_INTERVALS = 1.5;
/** Readings jitter and counters are refreshed every few seconds in the device: this much above line rate is believed… */
const PLAUSIBLE_RATE_PERCENT = 110n;
/** …as is this much time of refresh delay. */
const PLAUSIBLE_REFRESH_MS = 10_000;
/**
 * Two clocks of two machines may differ this much over a span before the uptime is read as a boot: polling takes its time, and
 * no crystal is wrong by more than a per mille. More would hide the boot of a device that was young before a long silence.
 */
const UPTIME_SLACK_TICKS = 500;
const UPTIME_DRIFT = 0.001;
const COUNTER32_MODULUS = 2n ** 32n;

/** Real length of the span: the monotonic clock where one process read both, else UTC. */
export function spanDuration(previous: CounterReading, observed: CounterReading): DurationMs {
  if (previous.processId === observed.processId) return Math.round(observed.monotonicMs - previous.monotonicMs);
  return observed.observedAtMs - previous.observedAtMs;
}

/**
 * Did the device restart between two readings of sysUpTime? An uptime that went back is a boot, unless the previous one
 * plus the time that passed reaches 2^32 hundredths (497 days): then the clock itself wrapped. An uptime that went forward,
 * but less than the time that passed, is a boot only if the device could have booted inside the span: a step of our own
 * wall clock must not look like one.
 */
export function rebooted(previousTicks: number, observedTicks: number, elapsedMs: DurationMs): boolean {
  const elapsedTicks = elapsedMs / MS_PER_TICK;
  const expected = previousTicks + elapsedTicks;
  const slack = Math.max(UPTIME_SLACK_TICKS, elapsedTicks * UPTIME_DRIFT);
  if (observedTicks >= previousTicks) return observedTicks < expected - slack && observedTicks <= elapsedTicks + slack;
  return Math.abs(observedTicks + TIME_TICKS_MODULUS - expected) > slack;
}

/** Decide what lies between two readings of one counter, the earlier first (RFC 2578 §7.1.6, RFC 2863 §3.1.5 and ifCounterDiscontinuityTime). */
export function difference(previous: CounterReading, observed: CounterReading, limits: DifferenceLimits): Difference {
  const durationMs = spanDuration(previous, observed);
  const end = epochEnd(previous, observed, durationMs);
  if (end !== null) return { kind: 'lost', end, durationMs };
  let delta = observed.value - previous.value;
  const wrapped = delta < 0n;
  if (wrapped) {
    if (observed.width === 64) return { kind: 'lost', end: 'decrease', durationMs };
    delta += COUNTER32_MODULUS;
  }
  if (observed.width === 32) {
    const feasible = mostOctets(durationMs, limits.speedBps);
    if (feasible !== null && feasible >= COUNTER32_MODULUS + delta) return { kind: 'lost', end: 'wraps', durationMs };
  }
  const most = plausibleOctets(durationMs, limits.speedBps);
  if (most !== null && delta > most) {
    // A decrease that one wrap at line rate cannot explain is a reset without evidence, not usage.
    if (wrapped) return { kind: 'lost', end: 'decrease', durationMs };
    return { kind: 'implausible', delta, durationMs, wrapped };
  }
  if (durationMs > limits.intervalMs * GAP_INTERVALS) return { kind: 'gap', delta, durationMs, wrapped };
  return { kind: wrapped ? 'wrap32' : 'good', delta, durationMs, wrapped };
}

/** What ended an epoch by evidence beside the values; null where nothing did. */
export function epochEnd(previous: CounterReading, observed: CounterReading, durationMs: DurationMs): EpochEnd | null {
  if (previous.width !== observed.width) return 'width';
  if (
    previous.uptimeTicks !== null &&
    observed.uptimeTicks !== null &&
    rebooted(previous.uptimeTicks, observed.uptimeTicks, durationMs)
  ) {
    return 'reboot';
  }
  if (
    previous.discontinuityTicks !== null &&
    observed.discontinuityTicks !== null &&
    previous.discontinuityTicks !== observed.discontinuityTicks
  ) {
    return 'discontinuity';
  }
  return null;
}

/** The most octets a line of that speed can carry in the time, with room for jitter; null where the speed is not known. */
/** What a line of the speed may have moved in the time, with what is believed above it; null where no speed is known. */
export function plausibleOctets(durationMs: DurationMs, speedBps: bigint | null): bigint | null {
  return mostOctets(durationMs + PLAUSIBLE_REFRESH_MS, speedBps);
}

function mostOctets(durationMs: DurationMs, speedBps: bigint | null): bigint | null {
  if (speedBps === null || speedBps <= 0n) return null;
  return (speedBps * BigInt(Math.max(0, durationMs)) * PLAUSIBLE_RATE_PERCENT) / (8n * 1000n * 100n);
}
