// The window of a range: which steps of the store it is made of, and what they come to.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Series, SeriesPoint } from '../store/store.ts';
import { type Selector, tooLarge } from './expression.ts';
import type { Axis } from './vector.ts';

/** Points of one series that the store is asked for: beyond it a range is widened to whole steps. */
const USUAL_POINTS = 1000;
const MAX_POINTS = 5000;
/** How far back an instant query without a range looks. */
const LOOKBACK_MS: DurationMs = 300_000;
/** An instant query has no step that could be longer: its long ranges are made of these, and after the last whole one of finer steps. */
const LONG_STEPS: readonly { readonly baseMs: DurationMs; readonly restMs: DurationMs }[] = [
  { baseMs: 300_000, restMs: 15_000 },
  { baseMs: 3_600_000, restMs: 15_000 },
  { baseMs: 86_400_000, restMs: 300_000 },
];

interface Window {
  readonly baseMs: DurationMs;
  readonly lengthMs: DurationMs;
  /** Steps after the last whole one; null where all are alike. */
  readonly restMs: DurationMs | null;
}

/** A span to be asked for. */
interface Part {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly stepMs: DurationMs;
}

/** Windows are made of whole steps of a grid: as fine as range and offset need where that is not too much, else of whole steps of the query. */
export function windowOf({ rangeMs, offsetMs }: Selector, axis: Axis): Window {
  const lengthMs = rangeMs ?? (axis.count === 1 ? LOOKBACK_MS : axis.stepMs);
  const spanMs = (axis.count - 1) * axis.stepMs + lengthMs;
  const fineMs = divisor(divisor(axis.stepMs, lengthMs), Math.abs(offsetMs));
  const fits = spanMs / fineMs <= (rangeMs === null && offsetMs === 0 ? MAX_POINTS : USUAL_POINTS);
  if (fineMs >= 1000 && fits) return { baseMs: fineMs, lengthMs, restMs: null };
  if (spanMs / axis.stepMs <= MAX_POINTS)
    return { baseMs: axis.stepMs, lengthMs: Math.ceil(lengthMs / axis.stepMs) * axis.stepMs, restMs: null };
  const long = axis.count === 1 ? LONG_STEPS.find(({ baseMs }) => lengthMs / baseMs <= USUAL_POINTS) : undefined;
  if (long === undefined) throw tooLarge('the range needs too many steps: ask for a longer step');
  return { lengthMs, ...long };
}

/** From the beginning of the first window to the end of the last. */
export function partsOf({ baseMs, restMs }: Window, fromMs: EpochMs, toMs: EpochMs): Part[] {
  if (restMs === null) return [{ fromMs, toMs, stepMs: baseMs }];
  const wholeMs = Math.floor(toMs / baseMs) * baseMs;
  const endMs = Math.floor(toMs / restMs) * restMs;
  const whole = { fromMs: Math.floor(fromMs / baseMs) * baseMs, toMs: wholeMs, stepMs: baseMs };
  return endMs > wholeMs ? [whole, { fromMs: wholeMs, toMs: endMs, stepMs: restMs }] : [whole];
}

function divisor(a: number, b: number): number {
  let [large, small] = [a, b];
  while (small > 0) [large, small] = [small, large % small];
  return large;
}

type Combine = (points: readonly SeriesPoint[]) => number;

export function combineOf(call: string | null, rangeMs: DurationMs): Combine {
  const found = call === null || !Object.hasOwn(COMBINE, call) ? undefined : COMBINE[call];
  return (points) => (points.length === 0 ? Number.NaN : (found ?? last)(points, rangeMs / 1000));
}

/** What the steps of a window come to; `seconds`: the range as it was asked for. Without an entry the last counts. */
const COMBINE: Readonly<Record<string, (points: readonly SeriesPoint[], seconds: number) => number>> = {
  rate: average,
  avg_over_time: average,
  increase: (points, seconds) => average(points) * seconds,
  min_over_time: (points) => Math.min(...points.map(numberOf)),
  max_over_time: (points) => Math.max(...points.map(numberOf)),
  present_over_time: () => 1,
};

function last(points: readonly SeriesPoint[]): number {
  const point = points.at(-1);
  return point === undefined ? Number.NaN : numberOf(point);
}

/** Of the time that is known: a missing poll is no zero. */
function average(points: readonly SeriesPoint[]): number {
  let [weighted, known] = [0, 0];
  for (const point of points) {
    weighted += numberOf(point) * point.coverage;
    known += point.coverage;
  }
  return known === 0 ? Number.NaN : weighted / known;
}

/** `answers`: of each part. */
export function overWindows(
  answers: readonly (Series | undefined)[],
  axis: Axis,
  offsetMs: DurationMs,
  window: Window,
  combine: Combine,
): Float64Array {
  const values = new Float64Array(axis.count).fill(Number.NaN);
  const [series] = answers;
  if (series === undefined) return values;
  if (window.restMs !== null) return values.fill(combine(answers.flatMap(knownOf)));
  for (let at = 0; at < axis.count; at += 1) {
    const untilMs: EpochMs = axis.fromMs + at * axis.stepMs - offsetMs;
    // A step that has not ended yet has values of later on.
    const last = Math.floor((untilMs - series.fromMs) / window.baseMs);
    const first = last - Math.round(window.lengthMs / window.baseMs);
    values[at] = combine(
      series.points.slice(Math.max(0, first), last).filter((point) => typeof point.value === 'number'),
    );
  }
  return values;
}

/** Points of parts whose steps differ count by the time that is known of them. */
function knownOf(part: Series | undefined): SeriesPoint[] {
  return (part?.points ?? []).flatMap((point) =>
    typeof point.value === 'number' ? [{ ...point, coverage: point.coverage * (part?.stepMs ?? 0) }] : [],
  );
}

function numberOf(point: SeriesPoint): number {
  return typeof point.value === 'number' ? point.value : Number.NaN;
}
