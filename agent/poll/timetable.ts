// When each device is due: its own fixed phase of its interval, so that polls spread evenly and keep their spacing over restarts.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';

/** FNV-1a, 32 bits. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const octet of Buffer.from(text)) hash = Math.imul(hash ^ octet, 0x01000193) >>> 0;
  return hash;
}

/** The device's place inside its interval, 0 up to the interval. */
export function phaseOf(device: string, intervalMs: DurationMs): DurationMs {
  return hashOf(device) % intervalMs;
}

export interface NextTurn {
  readonly waitMs: DurationMs;
  /** Places that passed while the last poll was under way and that no poll will take. */
  readonly skipped: number;
}

/**
 * The device's next turn, `elapsedMs` after the last one began. Turns stand on the device's places of the wall clock, but never closer than half
 * an interval, so that no step of that clock makes two polls fall together or one fall out. A place that passed less than half an interval
 * ago is taken at once: a device that needs the whole interval is polled late, not half as often.
 */
export function nextTurn(nowMs: EpochMs, elapsedMs: DurationMs, intervalMs: DurationMs, phaseMs: DurationMs): NextTurn {
  const placeMs = placeFrom(nowMs - elapsedMs + intervalMs / 2, intervalMs, phaseMs);
  const lateMs = nowMs - placeMs;
  if (lateMs <= 0) return { waitMs: -lateMs, skipped: 0 };
  if (lateMs < intervalMs / 2) return { waitMs: 0, skipped: 0 };
  const next = placeFrom(nowMs, intervalMs, phaseMs);
  return { waitMs: next - nowMs, skipped: Math.round((next - placeMs) / intervalMs) };
}

/** The device's first place at or after a time. */
function placeFrom(ms: EpochMs, intervalMs: DurationMs, phaseMs: DurationMs): EpochMs {
  return Math.ceil((ms - phaseMs) / intervalMs) * intervalMs + phaseMs;
}

/** The first wait after a start: the device's phase, but early enough that a person watching sees something. */
export function firstWait(device: string, intervalMs: DurationMs, withinMs: DurationMs): DurationMs {
  return hashOf(device) % Math.max(1, Math.min(intervalMs, withinMs));
}

/** Devices by the time they are due, earliest first: a binary heap. */
export class DueQueue<T> {
  readonly #heap: { readonly dueMs: number; readonly item: T }[] = [];

  get size(): number {
    return this.#heap.length;
  }

  nextDueMs(): number | null {
    return this.#heap[0]?.dueMs ?? null;
  }

  push(dueMs: number, item: T): void {
    const heap = this.#heap;
    const entry = { dueMs, item };
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.dueMs <= dueMs) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  pop(): T | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length > 0) this.#sink(last);
    return first.item;
  }

  /** Takes an item out wherever it stands: a look at all, for what happens rarely. */
  remove(item: T): boolean {
    const rest = this.#heap.filter((entry) => entry.item !== item);
    if (rest.length === this.#heap.length) return false;
    this.#heap.length = 0;
    for (const entry of rest) this.push(entry.dueMs, entry.item);
    return true;
  }

  #sink(entry: { readonly dueMs: number; readonly item: T }): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const smaller = (heap[right]?.dueMs ?? Number.POSITIVE_INFINITY) < (heap[left]?.dueMs ?? 0) ? right : left;
      const below = heap[smaller];
      if (below === undefined || below.dueMs >= entry.dueMs) break;
      heap[at] = below;
      at = smaller;
    }
    heap[at] = entry;
  }
}
