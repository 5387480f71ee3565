// A long question as several short ones: whole steps of the grid, and so few series, that the readings of each are no more than a server should hand over at once.
import type { DurationMs } from '../../common/model/time.ts';
import type { Grid } from './grid.ts';

/** Readings of one question to the server; of a single step of one series it may be more. */
export const READINGS_AT_ONCE = 200_000;

/** As many series at once as one step of them allows. */
export function seriesAtOnce({ stepMs }: Grid, intervalMs: DurationMs, most: number): number {
  return Math.max(1, Math.floor(most / Math.max(1, stepMs / intervalMs)));
}

/** In the order of time, without a gap; a step is never cut, so that each is answered as if it had been asked for alone. */
export function windowsOf(grid: Grid, series: number, intervalMs: DurationMs, most: number): Grid[] {
  const { fromMs, toMs, stepMs } = grid;
  const perStep = Math.max(1, stepMs / intervalMs) * Math.max(1, series);
  const lengthMs = Math.max(1, Math.floor(most / perStep)) * stepMs;
  return Array.from({ length: Math.ceil((toMs - fromMs) / lengthMs) }, (_, at) => ({
    fromMs: fromMs + at * lengthMs,
    toMs: Math.min(toMs, fromMs + (at + 1) * lengthMs),
    stepMs,
  }));
}
