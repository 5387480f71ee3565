// Whether a device restarted between two looks at its sysUpTime.
import type { Segment } from '../../common/model/poll.ts';

/** sysUpTime, hundredths of a second, and when it was seen by the agent's monotonic clock. */
export interface UptimeSeen {
  readonly ticks: number;
  readonly monotonicMs: number;
}

const MS_PER_TICK = 10;
/** Clocks of devices run up to this much slower than ours. */
const SLOWEST = 0.95;

/**
 * It went back, or is shorter than the time since the last look: after a long silence a device may have been up for longer than before.
 * The wrap after 497 days reads as a restart too: what follows costs one more walk, so the two need not be told apart here.
 */
export function restarted(before: UptimeSeen, after: UptimeSeen): boolean {
  const elapsedTicks = (after.monotonicMs - before.monotonicMs) / MS_PER_TICK;
  return after.ticks < before.ticks || after.ticks < elapsedTicks * SLOWEST;
}

/** Whether it restarted since `before` or while the answers came; answers without sysUpTime say nothing. */
export function restartedDuring(before: UptimeSeen | null, segments: readonly Segment[]): boolean {
  let last = before;
  for (const { uptimeTicks: ticks, monotonicMs } of segments) {
    if (ticks === null) continue;
    if (last !== null && restarted(last, { ticks, monotonicMs })) return true;
    last = { ticks, monotonicMs };
  }
  return false;
}

/** The last look of these answers; null where none had sysUpTime. */
export function lastUptime(segments: readonly Segment[]): UptimeSeen | null {
  const last = segments.findLast((segment) => segment.uptimeTicks !== null);
  return last === undefined ? null : { ticks: last.uptimeTicks ?? 0, monotonicMs: last.monotonicMs };
}
