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

export interface Computed {
  readonly whole: Working;
  readonly parts: readonly { readonly part: Part; readonly working: Working }[];
  readonly stepMs: DurationMs;
}

/** Steps that the store keeps, the finest that stays within the bound. */
const STEPS: readonly DurationMs[] = [60_000, 300_000, 3_600_000, 86_400_000];
/** Of one question to the store: points of a series, and of all. */
const CHUNK_STEPS = 4000;
const CHUNK_POINTS = 400_000;

export class KpiDesk {
  readonly #deps: KpiDeskDeps;
  readonly #bounds: KpiBounds;

  constructor(deps: KpiDeskDeps, bounds: KpiBounds = KPI_BOUNDS) {
    this.#deps = deps;
    this.#bounds = bounds;
  }

  /** Throws kpi_too_large beyond the bounds. */
  async compute(kpi: Pick<KpiDefinition, 'formula'>, parts: readonly Part[]): Promise<Computed> {
    if (parts.length > this.#bounds.maxParts) throw tooLarge(`${parts.length} resources`, this.#bounds);
    const { formula } = kpi;
    if (formula.kind === 'mean_time') return this.#ofAlarms(formula, parts);
    const stepMs = this.#stepOf(formula, parts);
    const samples: Sample[] = [];
    const found: { part: Part; working: Working }[] = [];
    for (const { span, own } of groupsOf(parts, stepMs)) {
      const points = await this.#read(formula, own, span, stepMs);
      for (const part of own) {
        const byMetric = points.get(part.resource) ?? new Map<string, SeriesPoint[]>();
        const excluded = (await this.#deps.excluded?.(part.resource, part)) ?? [];
        if (formula.kind === 'share') found.push({ part, working: shareOf(formula, byMetric, stepMs, excluded) });
        else if (formula.kind === 'ratio') found.push({ part, working: ratioOf(formula, byMetric, stepMs, excluded) });
        else {
          const of = samplesOf(formula.term, byMetric, stepMs, excluded);
          for (const sample of of) samples.push(sample);
          found.push({ part, working: statisticOf(formula.statistic, of, span.toMs - span.fromMs) });
        }
      }
    }
    const sum = addWorkings(found.map(({ working }) => working));
    // A percentile of several is one of all their samples, never an average of percentiles.
    const whole = formula.kind === 'statistic' ? statisticOf(formula.statistic, samples, sum.wantedMs) : sum;
    return { whole, parts: found, stepMs };
  }

  async #ofAlarms(formula: Extract<Formula, { kind: 'mean_time' }>, parts: readonly Part[]): Promise<Computed> {
    const found: { part: Part; working: Working }[] = [];
    for (const { span, own } of groupsOf(parts, 1)) {
      const spells = await this.#deps.alarms.of(
        [...new Set(own.map(({ resource }) => resource))],
        formula.alarms,
        span,
      );
      for (const part of own) found.push({ part, working: meanTimeOf(formula, spells.get(part.resource) ?? [], part) });
    }
    return { whole: addWorkings(found.map(({ working }) => working)), parts: found, stepMs: 1 };
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
  ): Promise<Map<string, Map<string, SeriesPoint[]>>> {
    const found = new Map<string, Map<string, SeriesPoint[]>>();
    const steps = Math.min(CHUNK_STEPS, (span.toMs - span.fromMs) / stepMs);
    const most = Math.max(1, Math.min(1000, Math.floor(CHUNK_POINTS / steps)));
    for (let first = 0; first < parts.length; first += most) {
      const resources = parts.slice(first, first + most).map(({ resource }) => resource);
      for (const metric of new Set(metricsOf(formula)))
        for (let fromMs = span.fromMs; fromMs < span.toMs; fromMs += CHUNK_STEPS * stepMs) {
          const toMs = Math.min(span.toMs, fromMs + CHUNK_STEPS * stepMs);
          const query = { metric, resources, fromMs, toMs, stepMs, function: functionOf(formula) };
          for (const { resource, points } of await this.#deps.store.many(query)) {
            const own = found.get(resource) ?? new Map<string, SeriesPoint[]>();
            found.set(resource, own);
            own.set(metric, [...(own.get(metric) ?? []), ...points]);
          }
        }
    }
    return found;
  }
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
