// Reads what a KPI is computed from out of the metric store, in chunks that the store answers at once.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { MetricStore, SeriesFunction, SeriesPoint } from '../store/store.ts';
import type { PointsByMetric, Span } from './compute.ts';
import { type Formula, metricsOf } from './formula.ts';
import { type KpiBounds, kpiTooLarge } from './kpi-bounds.ts';

/** By resource and metric. */
export type Points = Map<string, Map<string, SeriesPoint[]>>;
type Share = Extract<Formula, { kind: 'share' }>;

/** The finer steps of one step in which states changed. */
export interface FinerSteps {
  readonly atMs: EpochMs;
  readonly stepMs: DurationMs;
  readonly points: ReadonlyMap<string, PointsByMetric>;
}

/** Steps that the store keeps. */
export const FINEST_MS: DurationMs = 60_000;
const HOUR_MS: DurationMs = 3_600_000;
export const READ_STEPS: readonly DurationMs[] = [FINEST_MS, 300_000, HOUR_MS, 86_400_000];
/** Of one question to the store: points of a series, and of all. */
const CHUNK_STEPS = 4000;
export const CHUNK_POINTS = 400_000;

export class KpiReader {
  readonly #store: Pick<MetricStore, 'many'>;
  readonly #bounds: KpiBounds;

  constructor(store: Pick<MetricStore, 'many'>, bounds: KpiBounds) {
    this.#store = store;
    this.#bounds = bounds;
  }

  async read(
    formula: Formula,
    all: readonly string[],
    span: Span,
    stepMs: DurationMs,
    seriesFunction: SeriesFunction,
  ): Promise<Points> {
    const found: Points = new Map();
    const steps = Math.min(CHUNK_STEPS, (span.toMs - span.fromMs) / stepMs);
    const most = Math.max(1, Math.min(1000, Math.floor(CHUNK_POINTS / steps)));
    for (let first = 0; first < all.length; first += most) {
      const resources = [...new Set(all.slice(first, first + most))];
      for (const metric of new Set(metricsOf(formula)))
        for (let fromMs = span.fromMs; fromMs < span.toMs; fromMs += CHUNK_STEPS * stepMs) {
          const toMs = Math.min(span.toMs, fromMs + CHUNK_STEPS * stepMs);
          const query = { metric, resources, fromMs, toMs, stepMs, function: seriesFunction };
          for (const { resource, points } of await this.#store.many(query)) {
            const own = found.get(resource) ?? new Map<string, SeriesPoint[]>();
            found.set(resource, own);
            own.set(metric, (own.get(metric) ?? []).concat(points));
          }
        }
    }
    return found;
  }

  /**
   * States over long steps, exactly: a step in which the least and the most are the same was so all the time; of the others, which are few,
   * hours are read and of those minutes, into `finer`, and the step itself is left as unknown.
   */
  async readStates(
    formula: Share,
    resources: readonly string[],
    span: Span,
    stepMs: DurationMs,
    finer: FinerSteps[],
  ): Promise<Points> {
    const least = await this.read(formula, resources, span, stepMs, 'min');
    const most = await this.read(formula, resources, span, stepMs, 'max');
    const unsettled = new Map<EpochMs, string[]>();
    for (const resource of resources) {
      const own = least.get(resource);
      const steps = Math.round((span.toMs - span.fromMs) / stepMs);
      for (let step = 0; step < steps; step += 1) {
        const isMixed = [...(own ?? [])].some(
          ([metric, points]) => points[step]?.value !== most.get(resource)?.get(metric)?.[step]?.value,
        );
        if (!isMixed) continue;
        const atMs = span.fromMs + step * stepMs;
        const list = unsettled.get(atMs);
        if (list === undefined) unsettled.set(atMs, [resource]);
        else list.push(resource);
        for (const points of own?.values() ?? []) points[step] = { atMs, value: null, coverage: 0 };
      }
    }
    await this.#settle(formula, unsettled, stepMs, finer);
    return least;
  }

  async #settle(
    formula: Share,
    unsettled: ReadonlyMap<EpochMs, readonly string[]>,
    stepMs: DurationMs,
    finer: FinerSteps[],
  ): Promise<void> {
    const finerMs = stepMs > HOUR_MS ? HOUR_MS : FINEST_MS;
    const count = [...unsettled.values()].reduce((total, list) => total + list.length, 0);
    if (((count * stepMs) / finerMs) * metricsOf(formula).length > this.#bounds.maxPoints)
      throw kpiTooLarge(`${count} steps in which states changed`, this.#bounds);
    for (const [atMs, list] of unsettled) {
      const step = { fromMs: atMs, toMs: atMs + stepMs };
      const points =
        finerMs === FINEST_MS
          ? await this.read(formula, list, step, FINEST_MS, 'last')
          : await this.readStates(formula, list, step, finerMs, finer);
      finer.push({ atMs, stepMs: finerMs, points });
    }
  }
}
