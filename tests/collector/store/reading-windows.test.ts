// Windows of a long question: whole steps, without a gap or an overlap, and no more readings than a server should hand over at once.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seriesAtOnce, windowsOf } from '../../../collector/store/reading-windows.ts';

test('windows are whole steps that follow each other, and hold no more than is asked at once, or one step', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 300 }),
      fc.constantFrom(1000, 60_000, 300_000, 86_400_000),
      fc.constantFrom(5000, 60_000, 300_000),
      fc.integer({ min: 1, max: 100_000 }),
      (series, steps, stepMs, intervalMs, most) => {
        const grid = { fromMs: 7 * stepMs, toMs: (7 + steps) * stepMs, stepMs };
        const some = Math.min(series, seriesAtOnce(grid, intervalMs, most));
        const windows = windowsOf(grid, some, intervalMs, most);
        expect([windows[0]?.fromMs, windows.at(-1)?.toMs]).toEqual([grid.fromMs, grid.toMs]);
        const wrong = windows.filter((window, at) => {
          const held = (window.toMs - window.fromMs) / stepMs;
          const fits = held * Math.max(1, stepMs / intervalMs) * some <= most || (held === 1 && some === 1);
          return window.fromMs !== (windows[at - 1]?.toMs ?? grid.fromMs) || !Number.isInteger(held) || !fits;
        });
        expect(wrong).toEqual([]);
      },
    ),
  );
});
