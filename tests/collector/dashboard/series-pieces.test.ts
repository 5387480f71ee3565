// A long series in pieces: together they ask for every step of it once, and each has no more points than an answer.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { piecesOf } from '../../../collector/dashboard/web/src/series-pieces.ts';

const path = (fromMs: number, toMs: number, stepMs: number | null): string => {
  const span = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
  return `/api/v1/series?${new URLSearchParams({ metric: 'in_bps', ...span, ...(stepMs === null ? {} : { step_ms: String(stepMs) }) }).toString()}`;
};
/** The steps that the collector answers with: on the grid, the last one whole. */
function stepsOf(piece: string): number[] {
  const query = new URLSearchParams(piece.split('?')[1]);
  const [from = 0, to = 0] = ['from', 'to'].map((end) => Date.parse(query.get(end) ?? ''));
  const stepMs = Number(query.get('step_ms'));
  const begin = Math.floor(from / stepMs) * stepMs;
  return Array.from({ length: Math.ceil((to - begin) / stepMs) }, (_, at) => begin + at * stepMs);
}

test('every step once, in order, at most as many as an answer has', () => {
  const step = fc.constantFrom(1000, 60_000, 300_000);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e9 }),
      fc.integer({ min: 1, max: 20_000 }),
      step,
      (offset, steps, stepMs) => {
        const fromMs = 1_700_000_000_000 + offset;
        const whole = path(fromMs, fromMs + steps * stepMs, stepMs);
        const pieces = piecesOf(whole).map(stepsOf);
        expect(pieces.flat()).toEqual(stepsOf(whole));
        for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(5000);
      },
    ),
    { numRuns: 50 },
  );
});

test('a question without a step is asked as it is', () => {
  expect(piecesOf(path(0, 9e9, null))).toEqual([path(0, 9e9, null)]);
});
