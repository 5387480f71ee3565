// Computes a KPI of resources over a span: reads the metric store and the histories of alarms within bounds, and shows the working.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { MetricStore, SeriesFunction, SeriesPoint } from '../store/store.ts';
import {
  type AlarmSpell,
  type Excluded,
  meanTimeOf,
  ratioOf,
  type Sample,
  samplesOf,
  shareOf,
  type Span,
  statisticOf,
} from './compute.ts';
import type { KpiDefinition } from './definition.ts';
import { bucketStatistics, runShares } from './bucket-statistics.ts';
import { type Formula, metricsOf } from './formula.ts';
import { KPI_BOUNDS, type KpiBounds, kpiTooLarge, LONGEST_STEPS_TIMES } from './kpi-bounds.ts';
import { CHUNK_POINTS, FINEST_MS, type FinerSteps, KpiReader, READ_STEPS } from './kpi-reader.ts';
import { addWorkings, type Working } from './working.ts';

/** A resource over the part of the span in which it counts: a service counts an interface while that is bound to it. */
export interface Part extends Span {
  readonly resource: string;
}

export interface AlarmSpells {
  /** By resource; spells that overlap the span. */
  of(
    resources: readonly string[],
    types: readonly string[],
    span: Span,
  ): Promise<ReadonlyMap<string, readonly AlarmSpell[]>>;
}

export interface KpiDeskDeps {
  readonly store: Pick<MetricStore, 'many' | 'statistics' | 'shares'>;
  readonly alarms: AlarmSpells;
  /** Time that does not count for a resource, planned maintenance say; nothing where it is left out. */
  readonly excluded?: (resource: string, span: Span) => Promise<Excluded>;
}

/** A span of the question: all of it, or a step of a series. */
export interface ComputedWindow {
  readonly span: Span;
  readonly whole: Working;
  readonly parts: readonly { readonly part: Part; readonly working: Working }[];
}

export interface Computed {
  readonly windows: readonly ComputedWindow[];
  /** Of the readings asked for; null where alarms were. */
  readonly stepMs: DurationMs | null;
}

/** What one window gathers. */
class Gathering {
  readonly span: Span;
  readonly parts: { part: Part; working: Working }[] = [];
  readonly #samples: Sample[] = [];
  readonly #wanted: boolean;

  constructor(span: Span, wanted: boolean) {
    this.span = span;
    this.#wanted = wanted;
  }

  take(samples: readonly Sample[]): void {
    if (this.#wanted) for (const sample of samples) this.#samples.push(sample);
  }

  /** A percentile of several is one of all their samples, never an average of percentiles. */
  sum(formula: Formula): ComputedWindow {
    const sum = addWorkings(this.parts.map(({ working }) => working));
    const mixes = formula.kind === 'statistic' && formula.statistic !== 'avg' && this.#wanted;
    const whole = mixes ? statisticOf(formula.statistic, this.#samples, sum.wantedMs) : sum;
    return { span: this.span, whole, parts: this.parts };
  }
}

export class KpiDesk {
  readonly #deps: KpiDeskDeps;
  readonly #bounds: KpiBounds;
  readonly #reader: KpiReader;

  constructor(deps: KpiDeskDeps, bounds: KpiBounds = KPI_BOUNDS) {
    this.#deps = deps;
    this.#bounds = bounds;
    this.#reader = new KpiReader(deps.store, bounds);
  }

  /**
   * `windows` follow each other without a gap and cover the parts. Throws kpi_too_large beyond the bounds. With `onlyParts` nobody asks for the
   * whole, which of a percentile is one of all samples, and those need not be held.
   */
  async compute(
    { formula }: Pick<KpiDefinition, 'formula'>,
    parts: readonly Part[],
    windows: readonly Span[],
    onlyParts = false,
  ): Promise<Computed> {
    if (parts.length * windows.length > this.#bounds.maxParts)
      throw kpiTooLarge(`${parts.length} resources`, this.#bounds);
    const gatherings = windows.map((span) => new Gathering(span, !onlyParts));
    const done = (stepMs: DurationMs | null): Computed => ({
      windows: gatherings.map((gathering) => gathering.sum(formula)),
      stepMs,
    });
    if (formula.kind === 'mean_time') {
      await this.#ofAlarms(formula, parts, gatherings);
      return done(null);
    }
    const bucketMs = await this.#ofBuckets(formula, parts, gatherings, onlyParts);
    if (bucketMs !== null) return done(bucketMs);
    const stepMs = this.#stepOf(formula, parts);
    await this.#ofReadings(formula, parts, gatherings, stepMs);
    return done(stepMs);
  }

  async #ofAlarms(
    formula: Extract<Formula, { kind: 'mean_time' }>,
    parts: readonly Part[],
    gatherings: readonly Gathering[],
  ): Promise<void> {
    for (const { span, own } of groupsOf(parts, 1)) {
      const resources = [...new Set(own.map(({ resource }) => resource))];
      const spells = await this.#deps.alarms.of(resources, formula.alarms, span);
      for (const gathering of gatherings)
        for (const part of own) {
          const fromMs = Math.max(part.fromMs, gathering.span.fromMs);
          const toMs = Math.min(part.toMs, gathering.span.toMs);
          if (fromMs >= toMs) continue;
          const working = meanTimeOf(formula, spells.get(part.resource) ?? [], { fromMs, toMs });
          gathering.parts.push({ part, working });
        }
    }
  }

  /** Where minutes would be too many and sums are enough: null where they are not, or the store has none. Returns the length of the buckets. */
  async #ofBuckets(
    formula: Formula,
    parts: readonly Part[],
    gatherings: readonly Gathering[],
    onlyParts: boolean,
  ): Promise<DurationMs | null> {
    const [gathering, ...others] = gatherings;
    if (gathering === undefined || others.length > 0) return null;
    // A percentile or an extreme of the whole is one of all samples.
    const isSum =
      formula.kind === 'share' || (formula.kind === 'statistic' && (onlyParts || formula.statistic === 'avg'));
    if (!isSum) return null;
    if (this.#pointsOf(formula, parts, FINEST_MS) <= this.#bounds.maxPoints) return null;
    const { maxBuckets } = this.#bounds;
    const fits = READ_STEPS.slice(1).find((one) => this.#pointsOf(formula, parts, one) <= maxBuckets);
    const stepMs = formula.kind === 'share' && fits !== undefined ? FINEST_MS : fits;
    if (stepMs === undefined) return null;
    const grounds = { store: this.#deps.store, reader: this.#reader };
    const [gathered, maintained]: [typeof gathering.parts, Part[]] = [[], []];
    for (const { span, own } of groupsOf(parts, stepMs)) {
      const excluded = await Promise.all(own.map((part) => this.#excludedOf(part)));
      const plain = own.filter((part, at) => excluded[at]?.length === 0 || !maintained.push(part));
      const names = [...new Set(plain.map(({ resource }) => resource))];
      const workings =
        formula.kind === 'share'
          ? await runShares(grounds, formula, names, span)
          : await bucketStatistics(grounds, formula, names, span, stepMs);
      if (workings === null) return null;
      for (const part of plain) {
        const working = workings.get(part.resource);
        if (working !== undefined) gathered.push({ part, working });
      }
    }
    for (const one of gathered) gathering.parts.push(one);
    if (maintained.length > 0)
      await this.#ofReadings(
        formula,
        maintained,
        gatherings,
        formula.kind === 'share' ? this.#stepOf(formula, maintained) : stepMs,
      );
    return stepMs;
  }

  /** Part after part in chunks: what was read of one is let go of before the next. */
  async #ofReadings(
    formula: Exclude<Formula, { kind: 'mean_time' }>,
    parts: readonly Part[],
    gatherings: readonly Gathering[],
    stepMs: DurationMs,
  ): Promise<void> {
    for (const { span, own } of groupsOf(parts, stepMs)) {
      const each = ((span.toMs - span.fromMs) / stepMs) * metricsOf(formula).length;
      const most = Math.max(1, Math.floor(CHUNK_POINTS / each));
      for (let first = 0; first < own.length; first += most)
        await this.#ofChunk(formula, own.slice(first, first + most), span, gatherings, stepMs);
    }
  }

  async #ofChunk(
    formula: Exclude<Formula, { kind: 'mean_time' }>,
    own: readonly Part[],
    span: Span,
    gatherings: readonly Gathering[],
    stepMs: DurationMs,
  ): Promise<void> {
    const finer: FinerSteps[] = [];
    const resources = [...new Set(own.map(({ resource }) => resource))];
    const points =
      formula.kind === 'share' && stepMs > FINEST_MS
        ? await this.#reader.readStates(formula, resources, span, stepMs, finer)
        : await this.#reader.read(formula, resources, span, stepMs, functionOf(formula));
    for (const part of own) {
      const excluded = await this.#excludedOf(part);
      const all = points.get(part.resource) ?? new Map<string, SeriesPoint[]>();
      for (const [index, gathering] of gatherings.entries()) {
        const window = stepsOf(gathering.span, span, stepMs, index === gatherings.length - 1);
        if (window.toMs <= window.fromMs) continue;
        const byMetric = sliced(all, window, span.fromMs, stepMs);
        if (formula.kind === 'share') {
          const fine = finer.filter(({ atMs }) => atMs >= window.fromMs && atMs < window.toMs);
          const working = addWorkings([
            shareOf(formula, byMetric, stepMs, excluded),
            ...fine.flatMap(({ points: found, stepMs: finerMs }) => {
              const ofPart = found.get(part.resource);
              return ofPart === undefined ? [] : [withoutWanted(shareOf(formula, ofPart, finerMs, excluded))];
            }),
          ]);
          gathering.parts.push({ part, working });
        } else if (formula.kind === 'ratio')
          gathering.parts.push({ part, working: ratioOf(formula, byMetric, stepMs, excluded) });
        else {
          const samples = samplesOf(formula.term, byMetric, stepMs, excluded);
          gathering.take(samples);
          const working = statisticOf(formula.statistic, samples, window.toMs - window.fromMs);
          gathering.parts.push({ part, working });
        }
      }
    }
  }

  async #excludedOf(part: Part): Promise<Excluded> {
    return (await this.#deps.excluded?.(part.resource, part)) ?? [];
  }

  #stepOf(formula: Formula, parts: readonly Part[]): DurationMs {
    const { maxPoints } = this.#bounds;
    const step = READ_STEPS.find((one) => this.#pointsOf(formula, parts, one) <= maxPoints);
    if (step !== undefined) return step;
    const longest = READ_STEPS.at(-1) ?? FINEST_MS;
    // Of days no more than sums are kept, but for a percentile.
    if (formula.kind !== 'statistic' && this.#pointsOf(formula, parts, longest) <= maxPoints * LONGEST_STEPS_TIMES)
      return longest;
    const totalMs = parts.reduce((total, { fromMs, toMs }) => total + (toMs - fromMs), 0);
    throw kpiTooLarge(`${Math.round(totalMs / 86_400_000)} days of resources`, this.#bounds);
  }

  #pointsOf(formula: Formula, parts: readonly Part[], stepMs: DurationMs): number {
    const totalMs = parts.reduce((total, { fromMs, toMs }) => total + (toMs - fromMs), 0);
    return (totalMs / stepMs + parts.length) * metricsOf(formula).length;
  }
}

/** The steps of a window inside a group's span: neighbours meet, the last takes the step that it begins. */
function stepsOf(window: Span, span: Span, stepMs: DurationMs, isLast: boolean): Span {
  return {
    fromMs: Math.max(span.fromMs, down(window.fromMs, stepMs)),
    toMs: Math.min(span.toMs, isLast ? -down(-window.toMs, stepMs) : down(window.toMs, stepMs)),
  };
}

function sliced(
  points: ReadonlyMap<string, readonly SeriesPoint[]>,
  window: Span,
  firstMs: EpochMs,
  stepMs: DurationMs,
): Map<string, readonly SeriesPoint[]> {
  const [from, to] = [window.fromMs, window.toMs].map((atMs) => Math.round((atMs - firstMs) / stepMs));
  return new Map([...points].map(([metric, list]) => [metric, list.slice(from, to)]));
}

/** The step that these minutes are of is counted as wanted already. */
function withoutWanted(working: Working): Working {
  return { ...working, wantedMs: 0 };
}

/** Parts of one span together, rounded outwards to whole steps as the store does. */
function groupsOf(parts: readonly Part[], stepMs: DurationMs): { span: Span; own: readonly Part[] }[] {
  const groups = new Map<string, { span: Span; own: Part[] }>();
  for (const part of parts) {
    if (part.toMs <= part.fromMs) continue;
    const span = { fromMs: down(part.fromMs, stepMs), toMs: -down(-part.toMs, stepMs) };
    const key = `${span.fromMs} ${span.toMs}`;
    const group = groups.get(key) ?? { span, own: [] };
    groups.set(key, group);
    group.own.push(part);
  }
  return [...groups.values()];
}

function down(atMs: EpochMs, stepMs: DurationMs): EpochMs {
  return Math.floor(atMs / stepMs) * stepMs;
}

function functionOf(formula: Formula): SeriesFunction {
  if (formula.kind === 'share') return 'last';
  if (formula.kind === 'ratio') return 'delta';
  if (formula.kind !== 'statistic') return 'avg';
  return formula.statistic === 'max' || formula.statistic === 'min' ? formula.statistic : 'avg';
}
