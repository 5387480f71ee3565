// KPIs as they are asked for: one value with its series, a ranking, a report; results of periods that are over are kept for a while.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import { seesDevice, type Viewpoint } from '../../common/model/viewpoint.ts';
import type { Span } from './compute.ts';
import type { KpiDefinition } from './definition.ts';
import { metricsOf } from './formula.ts';
import type { Computed, KpiDesk, Part } from './kpi-desk.ts';
import type { KpiTargets, Target } from './kpi-targets.ts';
import { addWorkings, type KpiValue, valueOf, type Working } from './working.ts';

export type KpiStatus = 'good' | 'warning' | 'critical';

export interface KpiAnswer extends KpiValue {
  readonly definition: KpiDefinition;
  readonly span: Span;
  /** Null where nothing is known, or the KPI has no thresholds. */
  readonly status: KpiStatus | null;
  readonly resources: number;
  /** What it was read from: metrics, or types of alarms. */
  readonly sources: readonly string[];
  /** Of the readings; null for a KPI of alarms. */
  readonly readStepMs: DurationMs | null;
  readonly series: readonly (KpiValue & { readonly atMs: EpochMs })[];
}

export interface RankedResource extends KpiValue {
  readonly resource: string;
  readonly status: KpiStatus | null;
}

export interface KpiRanking {
  readonly definition: KpiDefinition;
  readonly span: Span;
  readonly items: readonly RankedResource[];
  readonly resources: number;
  /** Of which nothing is known. */
  readonly unknown: number;
}

export interface SiteValue extends KpiValue {
  /** '' for devices of the configuration that have none. */
  readonly site: string;
  readonly status: KpiStatus | null;
  readonly resources: number;
}

export interface KpiBySite {
  readonly definition: KpiDefinition;
  readonly span: Span;
  /** Of everything, also of what is configured no more. */
  readonly whole: Omit<SiteValue, 'site'>;
  readonly items: readonly SiteValue[];
}

export interface KpiQuestion extends Span {
  readonly target: Target;
  readonly viewpoint: Viewpoint;
}

/** What the API asks. */
export interface Kpis {
  definitions(): readonly KpiDefinition[];
  /** Throws not_found, kpi_too_large, kpi_busy. `stepMs`: of the series; none where it is null. */
  value(name: string, question: KpiQuestion & { readonly stepMs: DurationMs | null }): Promise<KpiAnswer>;
  ranking(
    name: string,
    question: KpiQuestion & { readonly limit: number; readonly order: 'worst' | 'best' },
  ): Promise<KpiRanking>;
  /** Site by site in one computation; throws invalid_request for a KPI whose parts do not add up. */
  bySite(name: string, question: KpiQuestion): Promise<KpiBySite>;
  /** Every KPI of the target. */
  report(question: KpiQuestion): Promise<readonly KpiAnswer[]>;
}

export interface KpiBookDeps {
  readonly clock: Clock;
  readonly definitions: ReadonlyMap<string, KpiDefinition>;
  readonly desk: Pick<KpiDesk, 'compute'>;
  readonly targets: Pick<KpiTargets, 'partsOf'>;
  /** By the configuration as it is now; null where it has no such device. */
  readonly siteOf: (device: string) => string | null;
}

const MAX_STEPS = 500;
/** Computed at once, and waiting: a dashboard of many must not hold the store from others. */
const MAX_WAITING = 32;
/** Late readings of a period that is over may still come: what is kept of it is asked again after this. */
const KEPT_MS: DurationMs = 600_000;
const MAX_KEPT = 500;
/** Parts that a kept result may hold. */
const MAX_KEPT_PARTS = 200;

interface Kept {
  readonly untilMs: number;
  readonly computed: Computed;
}

export class KpiBook implements Kpis {
  readonly #deps: KpiBookDeps;
  readonly #kept = new Map<string, Kept>();
  readonly #answers: CounterMetric;
  #queue: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(reporter: Reporter, deps: KpiBookDeps) {
    this.#deps = deps;
    this.#answers = reporter.counter('kpi_computations_total', 'Computations of KPIs, by result', ['result']);
  }

  definitions(): readonly KpiDefinition[] {
    return [...this.#deps.definitions.values()];
  }

  async value(name: string, question: KpiQuestion & { readonly stepMs: DurationMs | null }): Promise<KpiAnswer> {
    const definition = this.#definition(name);
    const span = this.#elapsed(question);
    const parts = await this.#deps.targets.partsOf(definition, question.target, span, question.viewpoint);
    const whole = await this.#compute(definition, parts, [span]);
    const series =
      question.stepMs === null ? null : await this.#compute(definition, parts, windowsOf(span, question.stepMs));
    return answerOf(definition, span, parts, whole, series);
  }

  async ranking(
    name: string,
    question: KpiQuestion & { readonly limit: number; readonly order: 'worst' | 'best' },
  ): Promise<KpiRanking> {
    const definition = this.#definition(name);
    const span = this.#elapsed(question);
    const parts = await this.#deps.targets.partsOf(definition, question.target, span, question.viewpoint);
    const { windows } = await this.#compute(definition, parts, [span], true);
    const all = (windows[0]?.parts ?? []).map(({ part, working }) => {
      const value = valueOf(working, scaleOf(definition));
      return { resource: part.resource, ...value, status: statusOf(definition, value.value) };
    });
    const known = all.filter(({ value }) => value !== null);
    const isHighFirst = (definition.direction === 'lower-is-better') === (question.order === 'worst');
    const items = known
      .toSorted((left, right) => {
        const difference = (left.value ?? 0) - (right.value ?? 0);
        return (isHighFirst ? -difference : difference) || (left.resource < right.resource ? -1 : 1);
      })
      .slice(0, question.limit);
    return { definition, span, items, resources: all.length, unknown: all.length - known.length };
  }

  async bySite(name: string, question: KpiQuestion): Promise<KpiBySite> {
    const definition = this.#definition(name);
    const { formula } = definition;
    if (formula.kind === 'statistic' && formula.statistic !== 'avg')
      throw new WeirError('invalid_request', `The KPI ${name} of a site is no sum of what is known of its resources.`, {
        issues: [{ path: 'name', message: 'expected a share, a ratio, an average or a mean time' }],
      });
    const span = this.#elapsed(question);
    const parts = await this.#deps.targets.partsOf(definition, question.target, span, question.viewpoint);
    const { windows } = await this.#compute(definition, parts, [span], true);
    const all = windows[0]?.parts ?? [];
    const sites = new Map<string, Working[]>();
    for (const { part, working } of all) {
      const device = part.resource.split('/')[0] ?? '';
      // Of a device that is seen by its port alone it is not told where it stands.
      const site = seesDevice(question.viewpoint, device) ? this.#deps.siteOf(device) : null;
      if (site === null) continue;
      const own = sites.get(site);
      if (own === undefined) sites.set(site, [working]);
      else own.push(working);
    }
    const sumOf = (workings: readonly Working[]): Omit<SiteValue, 'site'> => {
      const value = valueOf(addWorkings(workings), scaleOf(definition));
      return { ...value, status: statusOf(definition, value.value), resources: workings.length };
    };
    const items = [...sites].map(([site, workings]) => ({ site, ...sumOf(workings) }));
    return {
      definition,
      span,
      whole: sumOf(all.map(({ working }) => working)),
      items: items.toSorted((one, other) => (one.site < other.site ? -1 : 1)),
    };
  }

  async report(question: KpiQuestion): Promise<readonly KpiAnswer[]> {
    const answers: KpiAnswer[] = [];
    const span = this.#elapsed(question);
    for (const definition of this.#deps.definitions.values()) {
      const parts = await this.#deps.targets
        .partsOf(definition, question.target, span, question.viewpoint)
        // A site whose devices have no such resource has no row of it.
        .catch((error: unknown) => {
          if (question.target.kind === 'site' && error instanceof WeirError && error.code === 'not_found') return null;
          if (error instanceof WeirError && error.code === 'invalid_request') return null;
          throw error;
        });
      if (parts === null) continue;
      answers.push(answerOf(definition, span, parts, await this.#compute(definition, parts, [span]), null));
    }
    if (answers.length === 0) throw new WeirError('not_found', 'There is nothing of that to report on.', {});
    return answers;
  }

  #definition(name: string): KpiDefinition {
    const definition = this.#deps.definitions.get(name);
    if (definition !== undefined) return definition;
    throw new WeirError('not_found', `There is no KPI ${JSON.stringify(name)}.`, {
      kpis: [...this.#deps.definitions.keys()],
    });
  }

  /** What lies ahead is not unknown: it is not asked for. */
  #elapsed({ fromMs, toMs }: Span): Span {
    const untilMs = Math.min(toMs, this.#deps.clock.now());
    if (fromMs < untilMs) return { fromMs, toMs: untilMs };
    throw new WeirError('invalid_request', 'from: expected a time that is over, and before `to`.', {
      issues: [{ path: 'from', message: 'expected a time that is over, and before `to`' }],
    });
  }

  async #compute(
    definition: KpiDefinition,
    parts: readonly Part[],
    windows: readonly Span[],
    onlyParts = false,
  ): Promise<Computed> {
    const key = parts.length > MAX_KEPT_PARTS ? null : JSON.stringify([definition.text, onlyParts, parts, windows]);
    const held = key === null ? undefined : this.#kept.get(key);
    if (held !== undefined && held.untilMs > this.#deps.clock.monotonicMs()) {
      this.#answers.add(1, { result: 'kept' });
      return held.computed;
    }
    const computed = await this.#inTurn(() => this.#deps.desk.compute(definition, parts, windows, onlyParts));
    this.#answers.add(1, { result: 'computed' });
    // Spans that end now are asked for once.
    const isOver = (windows.at(-1)?.toMs ?? Infinity) < this.#deps.clock.now();
    if (key !== null && isOver) this.#keep(key, computed);
    return computed;
  }

  #keep(key: string, computed: Computed): void {
    this.#kept.delete(key);
    this.#kept.set(key, { untilMs: this.#deps.clock.monotonicMs() + KEPT_MS, computed });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break;
      this.#kept.delete(oldest);
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) {
      this.#answers.add(1, { result: 'refused' });
      throw new WeirError('kpi_busy', `${MAX_WAITING} computations of KPIs wait already.`, {});
    }
    this.#waiting += 1;
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }
}

function windowsOf({ fromMs, toMs }: Span, stepMs: DurationMs): readonly Span[] {
  const count = Math.ceil((toMs - fromMs) / stepMs);
  if (count > MAX_STEPS)
    throw new WeirError('kpi_too_large', `A series of a KPI has at most ${MAX_STEPS} steps.`, { maxSteps: MAX_STEPS });
  return Array.from({ length: count }, (_, index) => ({
    fromMs: fromMs + index * stepMs,
    toMs: Math.min(toMs, fromMs + (index + 1) * stepMs),
  }));
}

function answerOf(
  definition: KpiDefinition,
  span: Span,
  parts: readonly Part[],
  { windows, stepMs }: Computed,
  series: Computed | null,
): KpiAnswer {
  const scale = scaleOf(definition);
  const [window] = windows;
  if (window === undefined) throw new Error('BUG: a KPI without a window');
  const value = valueOf(window.whole, scale);
  const { formula } = definition;
  return {
    ...value,
    definition,
    span,
    status: statusOf(definition, value.value),
    resources: new Set(parts.map(({ resource }) => resource)).size,
    sources: formula.kind === 'mean_time' ? formula.alarms : [...new Set(metricsOf(formula))],
    readStepMs: stepMs,
    series: (series?.windows ?? []).map((one) => ({ atMs: one.span.fromMs, ...valueOf(one.whole, scale) })),
  };
}

/** Shares and ratios are told in percent where the unit says so; times from alarms are counted in milliseconds. */
function scaleOf({ formula, unit }: KpiDefinition): number {
  if (formula.kind === 'mean_time') return unit === 's' ? 0.001 : 1;
  return unit === '%' && formula.kind !== 'statistic' ? 100 : 1;
}

function statusOf({ thresholds, direction }: KpiDefinition, value: number | null): KpiStatus | null {
  if (thresholds === null || value === null) return null;
  const isPast = (bound: number): boolean => (direction === 'higher-is-better' ? value < bound : value > bound);
  if (isPast(thresholds.critical)) return 'critical';
  return isPast(thresholds.warning) ? 'warning' : 'good';
}
