// When alarms come faster than a person reads them: as it is seen from every instant of a day, against the definition counted by hand.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { STORM, stormSince } from '../../../collector/faults/alarm-storm.ts';

const MINUTE = 60_000;

/** Minutes at which alarms were raised, the minute that it is, since which minute there is a storm. */
test.each<readonly [what: string, raised: readonly number[], now: number, since: number | null]>([
  ['nothing', [], 5, null],
  ['ten in ten minutes are not too many', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 9, null],
  ['eleven are', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9], 9, 0],
  ['all at once', Array.from({ length: 50 }, () => 100), 100, 100],
  ['eleven in eleven minutes are not', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 10, null],
  ['it goes on while five come within ten minutes', [...Array.from({ length: 11 }, () => 0), 6, 7, 8, 9, 10], 15, 0],
  [
    'and ends once the fifth last is ten minutes old',
    [...Array.from({ length: 11 }, () => 0), 6, 7, 8, 9, 10],
    17,
    null,
  ],
  ['by itself, where nothing comes any more', Array.from({ length: 50 }, () => 100), 111, null],
  ['single alarms after it are none', [...Array.from({ length: 50 }, () => 100), 120, 121], 122, null],
  [
    'the next one is another',
    [...Array.from({ length: 50 }, () => 0), ...Array.from({ length: 11 }, () => 60)],
    61,
    60,
  ],
  ['old ones before it are not of it', [0, 1, ...Array.from({ length: 11 }, () => 60)], 61, 60],
])('%s', (_what, raised, now, since) => {
  const found = stormSince(
    raised.map((at) => at * MINUTE),
    now * MINUTE,
  );
  expect(found).toBe(since === null ? null : since * MINUTE);
});

test('whatever comes: in a storm a span held too many once and each span since held enough; outside of one the last span never holds too many', () => {
  const times = fc.array(fc.integer({ min: 0, max: 7200 }), { maxLength: 120 });
  fc.assert(
    fc.property(times, fc.integer({ min: 0, max: 1200 }), (seconds, later) => {
      const raised = seconds.map((second) => second * 1000).toSorted((a, b) => a - b);
      const nowMs = (raised.at(-1) ?? 0) + later * 1000;
      const within = (atMs: number): number => raised.filter((one) => one > atMs - STORM.spanMs && one <= atMs).length;
      const since = stormSince(raised, nowMs);
      if (since === null) expect(within(nowMs)).toBeLessThanOrEqual(STORM.beginsAbove);
      else {
        expect(raised).toContain(since);
        expect(raised.some((at) => at >= since && within(at) > STORM.beginsAbove)).toBe(true);
        // To the instant at which one leaves the span it is counted in full.
        expect(within(nowMs - 1)).toBeGreaterThanOrEqual(STORM.endsBelow);
      }
    }),
  );
});
