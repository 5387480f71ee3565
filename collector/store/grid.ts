// Spans laid over a grid of steps: every function of a series says what the spans that overlap a step come to.
import { bucketStart, type DurationMs, type EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { movedUntil, type Span } from './spans.ts';
import { MAX_POINTS, type SeriesFunction, type SeriesPoint } from './store.ts';

export interface Grid {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly stepMs: DurationMs;
}

/** Steps a person can read off an axis. */
const STEPS_MS = [
  1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
].map((seconds) => seconds * 1000);
const USUAL_POINTS = 300;
const DAY_MS = 86_400_000;

/** The grid that a query asks for; throws series_too_long. */
export function gridOf(fromMs: EpochMs, toMs: EpochMs, stepMs: DurationMs | undefined, intervalMs: DurationMs): Grid {
  if (!(toMs > fromMs) || !Number.isSafeInteger(fromMs) || !Number.isSafeInteger(toMs))
    throw new WeirError('series_too_long', 'The span of the series is empty.', { fromMs, toMs });
  const step = stepMs ?? usualStep(toMs - fromMs, intervalMs);
  if (!Number.isSafeInteger(step) || step < 1)
    throw new WeirError('series_too_long', 'The step of the series is not a whole number of milliseconds above 0.', {
      stepMs: step,
    });
  const start = bucketStart(fromMs, step);
  const end = bucketStart(toMs - 1, step) + step;
  const points = (end - start) / step;
  if (points > MAX_POINTS)
    throw new WeirError('series_too_long', `The series would have ${points} points, ${MAX_POINTS} are the most.`, {
      points,
      most: MAX_POINTS,
    });
  return { fromMs: start, toMs: end, stepMs: step };
}

function usualStep(spanMs: DurationMs, intervalMs: DurationMs): DurationMs {
  const least = Math.max(intervalMs, spanMs / USUAL_POINTS);
  return STEPS_MS.find((step) => step >= least) ?? Math.ceil(least / DAY_MS) * DAY_MS;
}

/** One point for each step; spans are in the order of time. */
export function pointsOf(grid: Grid, spans: readonly Span[], wanted: SeriesFunction): SeriesPoint[] {
  const points: SeriesPoint[] = [];
  let first = 0;
  for (let atMs = grid.fromMs; atMs < grid.toMs; atMs += grid.stepMs) {
    const endMs = atMs + grid.stepMs;
    while ((spans[first]?.toMs ?? Number.POSITIVE_INFINITY) <= atMs) first += 1;
    const overlapping: Span[] = [];
    for (let at = first; at < spans.length; at += 1) {
      const span = spans[at];
      if (span === undefined || span.fromMs >= endMs) break;
      overlapping.push(span);
    }
    points.push(wanted === 'delta' ? movedIn(atMs, endMs, overlapping) : shapeOf(atMs, endMs, overlapping, wanted));
  }
  return points;
}

function movedIn(atMs: EpochMs, endMs: EpochMs, spans: readonly Span[]): SeriesPoint {
  let moved = 0n;
  let coveredMs = 0;
  for (const span of spans) {
    // The octets of a gap are exact, their place in it is not: only a step that holds all of it may count them.
    const inside = span.fromMs >= atMs && span.toMs <= endMs;
    if (span.delta === null || (span.value === null && !inside)) continue;
    coveredMs += knownOf(span, atMs, endMs);
    moved += movedUntil(span, span.delta, endMs) - movedUntil(span, span.delta, atMs);
  }
  return { atMs, value: coveredMs === 0 ? null : moved.toString(), coverage: coveredMs / (endMs - atMs) };
}

function shapeOf(atMs: EpochMs, endMs: EpochMs, spans: readonly Span[], wanted: SeriesFunction): SeriesPoint {
  const values: number[] = [];
  const place = wanted === 'min' || wanted === 'max' || wanted === 'last' ? wanted : null;
  let weighted = 0;
  let coveredMs = 0;
  for (const span of spans) {
    if (span.value === null) continue;
    const knownMs = knownOf(span, atMs, endMs);
    values.push(place === null ? span.value : (span.bucket?.[place] ?? span.value));
    weighted += span.value * knownMs;
    coveredMs += knownMs;
  }
  const coverage = Math.min(1, coveredMs / (endMs - atMs));
  if (values.length === 0) return { atMs, value: null, coverage };
  return { atMs, value: valueOf(values, weighted / coveredMs, wanted), coverage };
}

/** `values` in the order of time and not empty. */
export function valueOf(values: readonly number[], average: number, wanted: SeriesFunction): number {
  switch (wanted) {
    case 'rate':
    case 'avg':
    case 'delta':
      return average;
    case 'min':
      return values.reduce((least, value) => Math.min(least, value));
    case 'max':
      return values.reduce((most, value) => Math.max(most, value));
    case 'last':
      return values.at(-1) ?? average;
    case 'p95':
      return ranked(values, 95) ?? average;
    case 'p99':
      return ranked(values, 99) ?? average;
  }
}

/** Nearest rank, ceil(percent n / 100). */
function ranked(values: readonly number[], percent: number): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.ceil((percent * values.length) / 100) - 1];
}

/** How much of the step the span covers; of a bucket cut by the step as much as its part of it. */
function knownOf(span: Span, atMs: EpochMs, endMs: EpochMs): DurationMs {
  const overlapMs = Math.min(span.toMs, endMs) - Math.max(span.fromMs, atMs);
  return span.bucket === undefined ? overlapMs : (span.bucket.knownMs * overlapMs) / (span.toMs - span.fromMs);
}
