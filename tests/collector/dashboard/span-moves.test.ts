// Spans that are moved and stretched: never beyond now, never too short, and what is looked at stays in place.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterKey, moved, stretched } from '../../../collector/dashboard/web/src/span-moves.ts';

const NOW = Date.parse('2026-11-28T04:00:00Z');
const HOUR = 3_600_000;
const span = fc
  .tuple(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 0, max: 5000 }))
  .map(([hours, ago]) => ({ fromMs: NOW - (ago + hours) * HOUR, toMs: NOW - ago * HOUR }));

test('whatever is pressed, the span ends at now at the latest and is a minute to 400 days long', () => {
  const keys = fc.array(fc.constantFrom('ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', '+', '-'), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(span, keys, (begin, pressed) => {
      const end = pressed.reduce((held, key) => afterKey(key, held, NOW) ?? held, begin);
      expect(end.toMs).toBeLessThanOrEqual(NOW + 1);
      expect(end.toMs - end.fromMs).toBeGreaterThanOrEqual(60_000 - 1);
      expect(end.toMs - end.fromMs).toBeLessThanOrEqual(400 * 24 * HOUR + 1);
    }),
  );
});

test('moved keeps its length; stretched in the past keeps its middle', () => {
  const day = { fromMs: NOW - 48 * HOUR, toMs: NOW - 24 * HOUR };
  expect(moved(day, -0.5, NOW)).toEqual({ fromMs: NOW - 60 * HOUR, toMs: NOW - 36 * HOUR });
  expect(moved(day, 3, NOW)).toEqual({ fromMs: NOW - 24 * HOUR, toMs: NOW });
  expect(stretched(day, 0.5, NOW - 36 * HOUR, NOW)).toEqual({ fromMs: NOW - 42 * HOUR, toMs: NOW - 30 * HOUR });
});

test("other keys are the page's", () => {
  expect(afterKey('a', { fromMs: 0, toMs: HOUR }, NOW)).toBeNull();
});
