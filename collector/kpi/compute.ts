// Pure: from points of the metric store, or from spells of alarms, to the working of a KPI.
import type { EpochMs } from '../../common/model/time.ts';
import type { SeriesPoint } from '../store/store.ts';
import type { Condition, Formula, Term } from './formula.ts';
import type { Working } from './working.ts';

/** Points of one resource by metric, all on one grid. */
export type PointsByMetric = ReadonlyMap<string, readonly SeriesPoint[]>;

export interface Span {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

/**
 * Time that counts for nothing, such as planned maintenance: it is taken from the time asked for and from the known time alike, so that it
 * is neither up nor down nor a gap. A step counts as excluded where its start lies in a span. Spans of one resource, in any order.
 */
export type Excluded = readonly Span[];

/** A raised alarm until it cleared; null where it has not. */
export interface AlarmSpell {
  readonly raisedMs: EpochMs;
  readonly clearedMs: EpochMs | null;
}

/** A known step of one resource: its value, and for how long it is known. */
export interface Sample {
  readonly value: number;
  readonly knownMs: number;
}

type Share = Extract<Formula, { kind: 'share' }>;
type Ratio = Extract<Formula, { kind: 'ratio' }>;
type MeanTime = Extract<Formula, { kind: 'mean_time' }>;

/** A step is known as far as the least known of its metrics is; a missing poll is neither up nor down. */
export function shareOf(formula: Share, points: PointsByMetric, stepMs: number, excluded: Excluded = []): Working {
  const metrics = formula.while === null ? [formula.condition] : [formula.condition, formula.while];
  let [holds, counted, knownMs, wantedMs] = [0, 0, 0, 0];
  for (const [index, { atMs }] of pointsOf(points, formula.condition.metric).entries()) {
    if (isExcluded(atMs, excluded)) continue;
    wantedMs += stepMs;
    const step = metrics.map(({ metric }) => pointsOf(points, metric)[index]);
    const known = Math.min(...step.map((point) => knownPart(point))) * stepMs;
    if (known === 0) continue;
    knownMs += known;
    if (formula.while !== null && !satisfies(formula.while, step[1])) continue;
    counted += known;
    if (satisfies(formula.condition, step[0])) holds += known;
  }
  return { numerator: holds, denominator: counted, knownMs, wantedMs };
}

/** Steps of which all metrics of the term are known. */
export function samplesOf(term: Term, points: PointsByMetric, stepMs: number, excluded: Excluded = []): Sample[] {
  const [first = ''] = term.metrics;
  return pointsOf(points, first).flatMap(({ atMs }, index) => {
    const step = term.metrics.map((metric) => pointsOf(points, metric)[index]);
    const known = Math.min(...step.map((point) => knownPart(point)));
    if (known === 0 || isExcluded(atMs, excluded)) return [];
    return [
      {
        value: combined(
          term,
          step.map((point) => Number(point?.value)),
        ),
        knownMs: known * stepMs,
      },
    ];
  });
}

/** Of the samples of one resource or of several; `denominator` is 1, or the known time that an average is divided by. */
export function statisticOf(
  statistic: 'avg' | 'min' | 'max' | 'p95' | 'p99',
  samples: readonly Sample[],
  wantedMs: number,
): Working {
  const knownMs = samples.reduce((total, sample) => total + sample.knownMs, 0);
  if (samples.length === 0) return { numerator: 0, denominator: 0, knownMs, wantedMs };
  if (statistic === 'avg') {
    const weighted = samples.reduce((total, sample) => total + sample.value * sample.knownMs, 0);
    return { numerator: weighted, denominator: knownMs, knownMs, wantedMs };
  }
  const sorted = samples.map(({ value }) => value).toSorted((left, right) => left - right);
  const rank = { min: 1, max: sorted.length, p95: nearestRank(95, sorted.length), p99: nearestRank(99, sorted.length) };
  return { numerator: sorted[rank[statistic] - 1] ?? 0, denominator: 1, knownMs, wantedMs };
}

/** Only steps of which every counter is known count: errors without packets are no rate. */
export function ratioOf(formula: Ratio, points: PointsByMetric, stepMs: number, excluded: Excluded = []): Working {
  const metrics = [...formula.above, ...formula.below];
  const [first = ''] = metrics;
  let [numerator, denominator, knownMs, wantedMs] = [0n, 0n, 0, 0];
  for (const [index, { atMs }] of pointsOf(points, first).entries()) {
    if (isExcluded(atMs, excluded)) continue;
    wantedMs += stepMs;
    const known = Math.min(...metrics.map((metric) => knownPart(pointsOf(points, metric)[index])));
    if (known === 0) continue;
    knownMs += known * stepMs;
    const moved = (metric: string): bigint => BigInt(pointsOf(points, metric)[index]?.value ?? 0);
    for (const metric of formula.above) numerator += moved(metric);
    for (const metric of formula.below) denominator += moved(metric);
  }
  return { numerator, denominator, knownMs, wantedMs };
}

/**
 * repair: how long spells that ended in the span lasted, whole, by their number. between_failures: time of the span outside of spells, by
 * the number of spells that began in it. Both without a value where there was none. Spells that overlap are one failure.
 */
export function meanTimeOf(formula: MeanTime, spells: readonly AlarmSpell[], span: Span): Working {
  const lengthMs = span.toMs - span.fromMs;
  const merged = mergeSpells(spells);
  const known = { knownMs: lengthMs, wantedMs: lengthMs };
  const within = (atMs: number): boolean => atMs >= span.fromMs && atMs < span.toMs;
  if (formula.of === 'repair') {
    const ended = merged.filter(({ clearedMs }) => clearedMs !== null && within(clearedMs));
    const downMs = ended.reduce((total, { raisedMs, clearedMs }) => total + ((clearedMs ?? raisedMs) - raisedMs), 0);
    return { numerator: downMs, denominator: ended.length, ...known };
  }
  const downMs = merged.reduce(
    (total, { raisedMs, clearedMs }) =>
      total + Math.max(0, Math.min(clearedMs ?? Infinity, span.toMs) - Math.max(raisedMs, span.fromMs)),
    0,
  );
  const begun = merged.filter(({ raisedMs }) => within(raisedMs)).length;
  return { numerator: lengthMs - downMs, denominator: begun, ...known };
}

function mergeSpells(spells: readonly AlarmSpell[]): AlarmSpell[] {
  const merged: AlarmSpell[] = [];
  for (const spell of spells.toSorted((left, right) => left.raisedMs - right.raisedMs)) {
    const last = merged.at(-1);
    if (last === undefined || (last.clearedMs !== null && last.clearedMs < spell.raisedMs)) merged.push(spell);
    else {
      const isOpen = last.clearedMs === null || spell.clearedMs === null;
      const clearedMs = isOpen ? null : Math.max(last.clearedMs ?? 0, spell.clearedMs ?? 0);
      merged[merged.length - 1] = { raisedMs: last.raisedMs, clearedMs };
    }
  }
  return merged;
}

function pointsOf(points: PointsByMetric, metric: string): readonly SeriesPoint[] {
  return points.get(metric) ?? [];
}

function knownPart(point: SeriesPoint | undefined): number {
  return point === undefined || point.value === null ? 0 : point.coverage;
}

function satisfies({ comparison, bound }: Condition, point: SeriesPoint | undefined): boolean {
  const value = Number(point?.value);
  switch (comparison) {
    case '==':
      return value === bound;
    case '!=':
      return value !== bound;
    case '<':
      return value < bound;
    case '<=':
      return value <= bound;
    case '>':
      return value > bound;
    case '>=':
      return value >= bound;
  }
}

function combined(term: Term, values: readonly number[]): number {
  if (term.combine === 'min') return Math.min(...values);
  return term.combine === 'max' ? Math.max(...values) : values.reduce((total, value) => total + value, 0);
}

function nearestRank(percent: number, count: number): number {
  return Math.ceil((percent * count) / 100);
}

function isExcluded(atMs: EpochMs, excluded: Excluded): boolean {
  return excluded.some(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
}
