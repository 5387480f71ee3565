// One reading of one meter as mediation sees it, and the one order in which the readings of a meter count, whatever order they came in.
import type { CounterReading } from '../../common/model/counter.ts';
import type { Integration } from '../../common/model/meter-class.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';

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
  /** Of a gauge; absent for a counter. */
  readonly integration?: Integration;
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
  get integration(): Integration | null {
    return this.port.integration ?? null;
  }
}

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
