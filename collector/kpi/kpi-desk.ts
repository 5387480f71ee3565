// Computes a KPI of resources over a span: reads the metric store and the histories of alarms within bounds, and shows the working.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
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
import { type Formula, metricsOf } from './formula.ts';
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
  readonly store: Pick<MetricStore, 'many'>;
  readonly alarms: AlarmSpells;
  /** Time that does not count for a resource, planned maintenance say; nothing where it is left out. */
  readonly excluded?: (resource: string, span: Span) => Promise<Excluded>;
}

export interface KpiBounds {
  /** Of one question: parts × steps × metrics. */
  readonly maxPoints: number;
  readonly maxParts: number;
}

export const KPI_BOUNDS: KpiBounds = { maxPoints: 2_000_000, maxParts: 5000 };

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

/** Steps that the store keeps, the finest that stays within the bound. */
const FINEST_MS: DurationMs = 60_000;
const STEPS: readonly DurationMs[] = [FINEST_MS, 300_000, 3_600_000, 86_400_000];
/** Of one question to the store: points of a series, and of all. */
const CHUNK_STEPS = 4000;
const CHUNK_POINTS = 400_000;

type Points = Map<string, Map<string, SeriesPoint[]>>;
type Share = Extract<Formula, { kind: 'share' }>;

/** What one window gathers. */
class Gathering {
  readonly span: Span;
  readonly parts: { part: Part; working: Working }[] = [];
  readonly samples: Sample[] = [];

  constructor(span: Span) {
    this.span = span;
  }

  /** A percentile of several is one of all their samples, never an average of percentiles. */
  sum(formula: Formula): ComputedWindow {
    const sum = addWorkings(this.parts.map(({ working }) => working));
    const whole = formula.kind === 'statistic' ? statisticOf(formula.statistic, this.samples, sum.wantedMs) : sum;
    return { span: this.span, whole, parts: this.parts };
  }
}

export class KpiDesk {
  readonly #deps: KpiDeskDeps;
  readonly #bounds: KpiBounds;

  constructor(deps: KpiDeskDeps, bounds: KpiBounds = KPI_BOUNDS) {
    this.#deps = deps;
    this.#bounds = bounds;
  }

  /** `windows` follow each other without a gap and cover the parts. Throws kpi_too_large beyond the bounds. */
  async compute(
    { formula }: Pick<KpiDefinition, 'formula'>,
    parts: readonly Part[],
    windows: readonly Span[],
  ): Promise<Computed> {
    if (parts.length * windows.length > this.#bounds.maxParts)
      throw tooLarge(`${parts.length} resources`, this.#bounds);
    const gatherings = windows.map((span) => new Gathering(span));
    const stepMs = formula.kind === 'mean_time' ? null : this.#stepOf(formula, parts);
    if (formula.kind === 'mean_time') await this.#ofAlarms(formula, parts, gatherings);
    else await this.#ofReadings(formula, parts, gatherings, stepMs ?? FINEST_MS);
    return { windows: gatherings.map((gathering) => gathering.sum(formula)), stepMs };
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

  async #ofReadings(
    formula: Exclude<Formula, { kind: 'mean_time' }>,
    parts: readonly Part[],
    gatherings: readonly Gathering[],
    stepMs: DurationMs,
  ): Promise<void> {
    for (const { span, own } of groupsOf(parts, stepMs)) {
      const mixed = new Map<EpochMs, Points>();
      const isCoarse = formula.kind === 'share' && stepMs > FINEST_MS;
      const points = isCoarse
        ? await this.#readStates(formula, own, span, stepMs, mixed)
        : await this.#read(formula, own, span, stepMs, functionOf(formula));
      for (const part of own) {
        const excluded = (await this.#deps.excluded?.(part.resource, part)) ?? [];
        const all = points.get(part.resource) ?? new Map<string, SeriesPoint[]>();
        for (const [index, gathering] of gatherings.entries()) {
          const window = stepsOf(gathering.span, span, stepMs, index === gatherings.length - 1);
          if (window.toMs <= window.fromMs) continue;
          const byMetric = sliced(all, window, span.fromMs, stepMs);
          if (formula.kind === 'share') {
            const fine = [...mixed].filter(([atMs]) => atMs >= window.fromMs && atMs < window.toMs);
            const working = addWorkings([
              shareOf(formula, byMetric, stepMs, excluded),
              ...fine.map(([, found]) =>
                withoutWanted(shareOf(formula, found.get(part.resource) ?? NOTHING, FINEST_MS, excluded)),
              ),
            ]);
            gathering.parts.push({ part, working });
          } else if (formula.kind === 'ratio')
            gathering.parts.push({ part, working: ratioOf(formula, byMetric, stepMs, excluded) });
          else {
            const samples = samplesOf(formula.term, byMetric, stepMs, excluded);
            for (const sample of samples) gathering.samples.push(sample);
            const working = statisticOf(formula.statistic, samples, window.toMs - window.fromMs);
            gathering.parts.push({ part, working });
          }
        }
      }
    }
  }

  /**
   * States over long steps, exactly: a step in which the least and the most are the same was so all the time; of the others, which are few,
   * minutes are read into `mixed` by the start of the step, and the step itself is left as unknown.
   */
  async #readStates(
    formula: Share,
    parts: readonly Part[],
    span: Span,
    stepMs: DurationMs,
    mixed: Map<EpochMs, Points>,
  ): Promise<Points> {
    const least = await this.#read(formula, parts, span, stepMs, 'min');
    const most = await this.#read(formula, parts, span, stepMs, 'max');
    const unsettled = new Map<EpochMs, Part[]>();
    for (const part of parts) {
      const own = least.get(part.resource);
      const steps = Math.round((span.toMs - span.fromMs) / stepMs);
      for (let step = 0; step < steps; step += 1) {
        const isMixed = [...(own ?? [])].some(
          ([metric, points]) => points[step]?.value !== most.get(part.resource)?.get(metric)?.[step]?.value,
        );
        if (!isMixed) continue;
        const atMs = span.fromMs + step * stepMs;
        unsettled.set(atMs, [...(unsettled.get(atMs) ?? []), part]);
        for (const points of own?.values() ?? []) points[step] = { atMs, value: null, coverage: 0 };
      }
    }
    const count = [...unsettled.values()].reduce((total, list) => total + list.length, 0);
    if (((count * stepMs) / FINEST_MS) * metricsOf(formula).length > this.#bounds.maxPoints)
      throw tooLarge(`${count} steps in which states changed`, this.#bounds);
    for (const [atMs, list] of unsettled)
      mixed.set(atMs, await this.#read(formula, list, { fromMs: atMs, toMs: atMs + stepMs }, FINEST_MS, 'last'));
    return least;
  }

  #stepOf(formula: Formula, parts: readonly Part[]): DurationMs {
    const totalMs = parts.reduce((total, { fromMs, toMs }) => total + (toMs - fromMs), 0);
    const metrics = metricsOf(formula).length;
    const step = STEPS.find((one) => (totalMs / one + parts.length) * metrics <= this.#bounds.maxPoints);
    if (step === undefined) throw tooLarge(`${Math.round(totalMs / 86_400_000)} days of resources`, this.#bounds);
    return step;
  }

  /** By resource and metric, in chunks that the store answers at once. */
  async #read(
    formula: Formula,
    parts: readonly Part[],
    span: Span,
    stepMs: DurationMs,
    seriesFunction: SeriesFunction,
  ): Promise<Points> {
    const found: Points = new Map();
    const steps = Math.min(CHUNK_STEPS, (span.toMs - span.fromMs) / stepMs);
    const most = Math.max(1, Math.min(1000, Math.floor(CHUNK_POINTS / steps)));
    for (let first = 0; first < parts.length; first += most) {
      const resources = [...new Set(parts.slice(first, first + most).map(({ resource }) => resource))];
      for (const metric of new Set(metricsOf(formula)))
        for (let fromMs = span.fromMs; fromMs < span.toMs; fromMs += CHUNK_STEPS * stepMs) {
          const toMs = Math.min(span.toMs, fromMs + CHUNK_STEPS * stepMs);
          const query = { metric, resources, fromMs, toMs, stepMs, function: seriesFunction };
          for (const { resource, points } of await this.#deps.store.many(query)) {
            const own = found.get(resource) ?? new Map<string, SeriesPoint[]>();
            found.set(resource, own);
            own.set(metric, (own.get(metric) ?? []).concat(points));
          }
        }
    }
    return found;
  }
}

const NOTHING: ReadonlyMap<string, readonly SeriesPoint[]> = new Map();

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

function tooLarge(what: string, { maxParts, maxPoints }: KpiBounds): WeirError {
  return new WeirError('kpi_too_large', `One question about a KPI is not answered for ${what}.`, {
    maxParts,
    maxPoints,
  });
}
