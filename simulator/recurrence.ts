// Windows of time that come again and again: reboots, silences, link downs, bursts. All on the network's own clock, in ticks of 10 ms.

export const TICK_MS = 10;
export const TICKS_PER_SECOND = 100;

/** `[first + n × every, first + n × every + length)` for n = 0, 1, 2, …; ticks since the network began. */
export interface Recurrence {
  readonly first: number;
  readonly every: number;
  readonly length: number;
}

/** A recurrence told in seconds. */
export function recurring(firstSeconds: number, everySeconds: number, lengthSeconds: number): Recurrence {
  if (firstSeconds < 0 || lengthSeconds <= 0 || lengthSeconds >= everySeconds)
    throw new Error('BUG: windows of a recurrence begin at or after 0 and do not touch each other');
  return {
    first: Math.round(firstSeconds * TICKS_PER_SECOND),
    every: Math.round(everySeconds * TICKS_PER_SECOND),
    length: Math.round(lengthSeconds * TICKS_PER_SECOND),
  };
}

/** How many windows have begun at or before the tick. */
export function windowsBegun(windows: Recurrence, tick: number): number {
  return tick < windows.first ? 0 : Math.floor((tick - windows.first) / windows.every) + 1;
}

/** How many windows have ended at or before the tick. */
export function windowsEnded(windows: Recurrence, tick: number): number {
  return windowsBegun(windows, tick - windows.length);
}

/** Whether the tick lies in a window. */
export function inWindow(windows: Recurrence, tick: number): boolean {
  return windowsBegun(windows, tick) > windowsEnded(windows, tick);
}

/** First tick of window `n`, counted from 0. */
export function windowStart(windows: Recurrence, n: number): number {
  return windows.first + n * windows.every;
}

/** How many of the ticks `[0, tick)` lie in windows. */
export function ticksInWindows(windows: Recurrence, tick: number): number {
  const begun = windowsBegun(windows, tick);
  if (begun === 0) return 0;
  return (begun - 1) * windows.length + Math.min(windows.length, tick - windowStart(windows, begun - 1));
}

/** The last beginning or end of a window at or before the tick; null where there was none. */
export function lastEdge(windows: Recurrence, tick: number): number | null {
  const begun = windowsBegun(windows, tick);
  if (begun === 0) return null;
  const start = windowStart(windows, begun - 1);
  return tick >= start + windows.length ? start + windows.length : start;
}
