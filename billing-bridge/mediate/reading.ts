// One reading of one meter as mediation sees it, and the one order in which the readings of a meter count, whatever order they came in.
import type { CounterReading } from '../../common/model/counter.ts';
import { type DurationMs, type EpochMs, MS_PER_TICK, TIME_TICKS_MODULUS } from '../../common/model/time.ts';

/** When and by whom: one for all counters that came in one response. */
export interface ReadingClock {
  readonly observedAtMs: EpochMs;
  readonly monotonicMs: number;
  readonly uptimeTicks: number | null;
  readonly processId: string;
  /** The interval at which the device was meant to be read. */
  readonly intervalMs: DurationMs;
}

/** What the device said of the port then. */
export interface ReadingPort {
  readonly width: 32 | 64;
  /** Null where it stated none. */
  readonly speedBps: bigint | null;
}

/** Small, because there is one for each counter of each poll: clock and port are shared. */
export class Reading implements CounterReading {
  readonly clock: ReadingClock;
  readonly port: ReadingPort;
  readonly value: bigint;
  readonly discontinuityTicks: number | null;

  constructor(clock: ReadingClock, port: ReadingPort, value: bigint, discontinuityTicks: number | null) {
    this.clock = clock;
    this.port = port;
    this.value = value;
    this.discontinuityTicks = discontinuityTicks;
  }

  get observedAtMs(): EpochMs {
    return this.clock.observedAtMs;
  }
  get monotonicMs(): number {
    return this.clock.monotonicMs;
  }
  get uptimeTicks(): number | null {
    return this.clock.uptimeTicks;
  }
  get processId(): string {
    return this.clock.processId;
  }
  get intervalMs(): DurationMs {
    return this.clock.intervalMs;
  }
  get width(): 32 | 64 {
    return this.port.width;
  }
  get speedBps(): bigint | null {
    return this.port.speedBps;
  }
}

/** Two clocks whose error is believed to explain an uptime that went back: far more than sound ones differ, because the other reading of it would bill octets twice. */
const CLOCK_ERROR_MS = 600_000;
/** Where no uptime tells: what two sound clocks (2 s each) differ at most, with room. */
const SOUND_CLOCKS_MS = 10_000;
/** As in common/model/counter: clocks of two machines may differ this much before an uptime is not believed to be of a boot in between. */
const UPTIME_SLACK_MS = 5000;

export function sameReading(one: Reading, other: Reading): boolean {
  return (
    one.observedAtMs === other.observedAtMs &&
    one.value === other.value &&
    one.monotonicMs === other.monotonicMs &&
    one.processId === other.processId &&
    one.width === other.width &&
    one.uptimeTicks === other.uptimeTicks &&
    one.discontinuityTicks === other.discontinuityTicks &&
    one.intervalMs === other.intervalMs &&
    one.speedBps === other.speedBps
  );
}

/**
 * The readings of one meter in the order in which they count: by the time they were observed, one for each time. Of several at the same
 * millisecond (two agents) the one that the device says is the latest counts; what is left out costs resolution, never octets.
 */
export function inOrder(readings: readonly Reading[]): Reading[] {
  const ordered: Reading[] = [];
  for (const reading of readings.toSorted((a, b) => a.observedAtMs - b.observedAtMs || compareContent(a, b))) {
    if (ordered.at(-1)?.observedAtMs === reading.observedAtMs) ordered.pop();
    ordered.push(reading);
  }
  return ordered;
}

/** Any total order would do, so long as it does not depend on how the readings came; uptime first makes it the right one. */
function compareContent(one: Reading, other: Reading): number {
  return (
    (one.uptimeTicks ?? -1) - (other.uptimeTicks ?? -1) ||
    one.monotonicMs - other.monotonicMs ||
    compare(one.value, other.value) ||
    compare(one.processId, other.processId) ||
    one.width - other.width ||
    (one.discontinuityTicks ?? -1) - (other.discontinuityTicks ?? -1) ||
    one.intervalMs - other.intervalMs ||
    compare(one.speedBps ?? -1n, other.speedBps ?? -1n)
  );
}

function compare<T extends bigint | string>(one: T, other: T): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/**
 * Is a reading that was observed after the last one really older? Then it is left out: subtracting it would look like a reset, and the
 * next would count its octets twice. One process knows the order by its monotonic clock, however its wall clock steps. Between two
 * processes the device's uptime decides, as long as the clocks are so near that their error can explain it and no boot can.
 */
export function isOlderThan(last: Reading, observed: Reading): boolean {
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
