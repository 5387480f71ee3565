// When devices are due: spread evenly, never two polls close together, late rather than left out.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DueQueue, firstWait, nextTurn, phaseOf } from '../../../agent/poll/timetable.ts';

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 10, 25, 12, 0, 0);

describe('the place of a device in its interval', () => {
  test('is the same in every process and spreads a network evenly', () => {
    const places = Array.from({ length: 6000 }, (_, at) => phaseOf(`sw-${at}.example.net`, MINUTE));
    expect(phaseOf('core1', MINUTE)).toBe(phaseOf('core1', MINUTE));
    const seconds = new Uint32Array(60);
    for (const place of places) seconds[Math.floor(place / 1000)] = (seconds[Math.floor(place / 1000)] ?? 0) + 1;
    // 100 a second on average.
    expect(Math.min(...seconds)).toBeGreaterThan(50);
    expect(Math.max(...seconds)).toBeLessThan(160);
  });

  test('after a start every device comes within the time given, and within its interval', () => {
    for (const device of ['a', 'b', 'core1', 'access-17']) {
      expect(firstWait(device, MINUTE, 15_000)).toBeLessThan(15_000);
      expect(firstWait(device, 5000, 15_000)).toBeLessThan(5000);
      expect(firstWait(device, MINUTE, 0)).toBe(0);
    }
  });
});

describe('the next turn', () => {
  const place = (n: number): number => Math.floor(NOW / MINUTE) * MINUTE + n * MINUTE + 17_000;

  test('is the next place, however long the poll took', () => {
    expect(nextTurn(place(0) + 300, 300, MINUTE, 17_000)).toEqual({ waitMs: MINUTE - 300, skipped: 0 });
    expect(nextTurn(place(0) + 59_000, 59_000, MINUTE, 17_000)).toEqual({ waitMs: 1000, skipped: 0 });
  });

  test('a poll that needs its whole interval is followed at once, not an interval later', () => {
    expect(nextTurn(place(1) + 900, 60_900, MINUTE, 17_000)).toEqual({ waitMs: 0, skipped: 0 });
  });

  test('a poll that took far longer leaves places out, and they are counted', () => {
    expect(nextTurn(place(3) + 40_000, 3 * MINUTE + 40_000, MINUTE, 17_000)).toEqual({ waitMs: 20_000, skipped: 3 });
  });

  test('a wall clock that steps makes no two polls fall together and none fall out', () => {
    // The poll began on its place, then the clock jumped 55 s on: the next place by that clock is 5 s away.
    expect(nextTurn(place(0) + 55_000 + 100, 100, MINUTE, 17_000).waitMs).toBe(MINUTE + 4900);
    expect(nextTurn(place(0) - 55_000 + 100, 100, MINUTE, 17_000).waitMs).toBe(54_900);
  });

  test('at any time: between half and one and a half intervals after the last began, and on a place unless late', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4e12 }),
        fc.integer({ min: 0, max: 10 * MINUTE }),
        fc.integer({ min: 1000, max: 10 * MINUTE }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (nowMs, elapsedMs, intervalMs, share) => {
          const phaseMs = Math.floor(intervalMs * share);
          const { waitMs, skipped } = nextTurn(nowMs, elapsedMs, intervalMs, phaseMs);
          expect(waitMs).toBeGreaterThanOrEqual(0);
          const spacing = elapsedMs + waitMs;
          expect(spacing).toBeGreaterThanOrEqual(intervalMs / 2);
          if (elapsedMs <= intervalMs / 2) {
            expect(spacing).toBeLessThanOrEqual(1.5 * intervalMs);
            expect(skipped).toBe(0);
          }
          if (waitMs > 0) expect((nowMs + waitMs - phaseMs) % intervalMs).toBe(0);
        },
      ),
    );
  });
});

test('the queue gives the earliest first', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1000 })), (times) => {
      const queue = new DueQueue<number>();
      for (const time of times) queue.push(time, time);
      const out: number[] = [];
      for (let item = queue.pop(); item !== null; item = queue.pop()) out.push(item);
      expect(out).toEqual(times.toSorted((a, b) => a - b));
      expect(queue.nextDueMs()).toBeNull();
    }),
  );
});
