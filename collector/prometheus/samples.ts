// Values of selectors, from the metric store: on the grid of the evaluation, over windows for the functions of a range.
import type { Clock } from '../../common/runtime/clock.ts';
import { sees, type Viewpoint } from '../../common/model/viewpoint.ts';
import type { MetricStore, Series, SeriesFunction, StoredSeries } from '../store/store.ts';
import { type Matcher, notUnderstood, type Selector, tooLarge } from './expression.ts';
import { type Labels, labelsOf, namesOf, type PromMetric } from './metric-names.ts';
import { combineOf, overWindows, partsOf, windowOf } from './range-window.ts';
import { RegularExpression, StepBudget } from './regular-expression.ts';
import type { Axis, VectorSeries } from './vector.ts';

/** Functions over a range, and what the store is asked for. */
export const RANGE_FUNCTIONS: Readonly<
  Record<string, { readonly asks: SeriesFunction; readonly of: PromMetric['type'] }>
> = {
  rate: { asks: 'avg', of: 'counter' },
  increase: { asks: 'avg', of: 'counter' },
  irate: { asks: 'last', of: 'counter' },
  avg_over_time: { asks: 'avg', of: 'gauge' },
  min_over_time: { asks: 'min', of: 'gauge' },
  max_over_time: { asks: 'max', of: 'gauge' },
  last_over_time: { asks: 'last', of: 'gauge' },
  present_over_time: { asks: 'last', of: 'gauge' },
};

export const MAX_SERIES = 10_000;
/** Values of all selectors of a query: what one query costs in time and memory rests on it. */
const MAX_VALUES = 2_000_000;
/** Each looks through what series there are. */
const MAX_SELECTORS = 50;
/** Resources that the store is asked for at once (MAX_MANY of store.ts). */
const ASKED_AT_ONCE = 500;
const CATALOGUE_PAGE = 1000;
const METRICS_KEPT_MS = 10_000;
const MAX_METRICS = 5000;
export interface FoundSeries {
  readonly metric: PromMetric;
  readonly series: StoredSeries;
  readonly labels: Labels;
}

export type SampleStore = Pick<MetricStore, 'many' | 'catalogue'>;

/** All that one query asks of the store, under one viewpoint. */
export class Samples {
  readonly #store: SampleStore;
  readonly #metrics: MetricList;
  readonly #viewpoint: Viewpoint;
  /** Of all regular expressions of the query. */
  readonly steps = new StepBudget();
  #selectors = 0;
  #asked = 0;

  constructor(store: SampleStore, metrics: MetricList, viewpoint: Viewpoint) {
    this.#store = store;
    this.#metrics = metrics;
    this.#viewpoint = viewpoint;
  }

  /** Series that match, at most MAX_SERIES of them; throws query_too_large beyond. */
  async find(matchers: readonly Matcher[], most = MAX_SERIES): Promise<FoundSeries[]> {
    const found: FoundSeries[] = [];
    for await (const one of this.each(matchers)) {
      if (found.length === most) throw tooLarge(`more than ${most} series match`);
      found.push(one);
    }
    return found;
  }

  /** Names of metrics of which a series matches; of each no more is looked at than until there is one. */
  async names(matchers: readonly Matcher[]): Promise<Set<string>> {
    const names = new Set<string>();
    for (const metric of await this.#metrics.all()) {
      if (names.has(metric.name)) continue;
      for await (const { labels } of this.#ofName(metric, matchers)) {
        names.add(labels['__name__'] ?? metric.name);
        break;
      }
    }
    return names;
  }

  /** Series that match, one after the other. */
  async *each(matchers: readonly Matcher[]): AsyncGenerator<FoundSeries> {
    for (const metric of await this.#metrics.all()) yield* this.#ofName(metric, matchers);
  }

  async *#ofName(metric: PromMetric, matchers: readonly Matcher[]): AsyncGenerator<FoundSeries> {
    const tests = matchers.map((matcher) => testOf(matcher, this.steps));
    const device = matchers.find((one) => one.label === 'device' && one.operator === '=')?.value;
    const named = tests.filter(({ label }) => label === '__name__');
    if (!named.every(({ holds }) => holds(metric.name))) return;
    for await (const series of pagesOf(this.#store, metric.metric, device)) {
      const labels = labelsOf(metric.name, series);
      if (this.#sees(series) && tests.every(({ label, holds }) => holds(labels[label] ?? '')))
        yield { metric, series, labels };
    }
  }

  /** Values at the times of the axis. `call`: the function whose range this is; null for an instant selector. */
  async values(selector: Selector, call: string | null, axis: Axis): Promise<VectorSeries[]> {
    if (selector.matchers.every(({ operator, value }) => (operator === '=' || operator === '=~') === (value === '')))
      throw notUnderstood('A selector needs a name or a label that is not empty', 'selector');
    this.#selectors += 1;
    if (this.#selectors > MAX_SELECTORS) throw tooLarge(`more than ${MAX_SELECTORS} selectors`);
    const found = await this.find(selector.matchers);
    const wanted = call === null ? null : RANGE_FUNCTIONS[call];
    if (wanted === undefined) throw notUnderstood('This function takes no range here', call ?? '');
    const lines: VectorSeries[] = [];
    for (const metric of new Set(found.map((one) => one.metric))) {
      const type = wanted === null ? 'gauge' : wanted.of;
      if (metric.type !== type)
        throw notUnderstood(
          metric.type === 'counter' ? 'A counter is read by rate, irate or increase' : 'A gauge has no rate',
          metric.name,
        );
      lines.push(
        ...(await this.#ofMetric(
          found.filter((one) => one.metric === metric),
          selector,
          call,
          axis,
        )),
      );
    }
    return lines;
  }

  async #ofMetric(
    found: readonly FoundSeries[],
    selector: Selector,
    call: string | null,
    axis: Axis,
  ): Promise<VectorSeries[]> {
    const window = windowOf(selector, axis);
    const asks = call === null ? 'last' : (RANGE_FUNCTIONS[call]?.asks ?? 'avg');
    const lastMs = axis.fromMs + (axis.count - 1) * axis.stepMs - selector.offsetMs;
    const parts = partsOf(window, axis.fromMs - selector.offsetMs - window.lengthMs, lastMs);
    const steps = parts.reduce((sum, { fromMs, toMs, stepMs }) => sum + (toMs - fromMs) / stepMs, 0);
    this.#asked += found.length * steps;
    if (this.#asked > MAX_VALUES) throw tooLarge(`${found.length} series of ${Math.ceil(steps)} steps`);
    const combine = combineOf(call, selector.rangeMs ?? 0);
    const lines: VectorSeries[] = [];
    for (let from = 0; from < found.length; from += ASKED_AT_ONCE) {
      const some = found.slice(from, from + ASKED_AT_ONCE);
      const resources = some.map(({ series }) => series.resource);
      const answers: (readonly Series[])[] = [];
      for (const part of parts)
        answers.push(
          await this.#store.many({ metric: found[0]?.metric.metric ?? '', resources, ...part, function: asks }),
        );
      for (const [at, { labels }] of some.entries()) {
        const answered = answers.map((each) => each[at]);
        lines.push({ labels, values: overWindows(answered, axis, selector.offsetMs, window, combine) });
      }
    }
    return lines;
  }

  #sees(series: StoredSeries): boolean {
    if (this.#viewpoint.everything) return true;
    // Points of other programs belong to no site and no customer.
    return series.device !== '' && sees(this.#viewpoint, series.resource);
  }
}

/** Which metrics the store has, looked up by leaping from one to the next, and kept for a few seconds. */
export class MetricList {
  readonly #store: SampleStore;
  readonly #clock: Clock;
  #kept: { readonly untilMs: number; readonly metrics: Promise<readonly PromMetric[]> } | null = null;

  constructor(store: SampleStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  all(): Promise<readonly PromMetric[]> {
    if (this.#kept !== null && this.#kept.untilMs > this.#clock.monotonicMs()) return this.#kept.metrics;
    const metrics = this.#look();
    this.#kept = { untilMs: this.#clock.monotonicMs() + METRICS_KEPT_MS, metrics };
    metrics.catch(() => (this.#kept = null));
    return metrics;
  }

  async #look(): Promise<readonly PromMetric[]> {
    const found: PromMetric[] = [];
    let after: { metric: string; resource: string } | undefined;
    while (found.length < MAX_METRICS) {
      const [next] = await this.#store.catalogue({ limit: 1, ...(after === undefined ? {} : { after }) });
      if (next === undefined) break;
      found.push(...namesOf(next.metric));
      after = { metric: next.metric, resource: '\uffff' };
    }
    return found;
  }
}

async function* pagesOf(store: SampleStore, metric: string, device: string | undefined): AsyncGenerator<StoredSeries> {
  let after: { metric: string; resource: string } | undefined;
  for (;;) {
    const page = await store.catalogue({
      metric,
      limit: CATALOGUE_PAGE,
      ...(device === undefined ? {} : { device }),
      ...(after === undefined ? {} : { after }),
    });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < CATALOGUE_PAGE) return;
    after = { metric, resource: last.resource };
  }
}

function testOf(
  { label, operator, value }: Matcher,
  budget: StepBudget,
): {
  readonly label: string;
  readonly holds: (text: string) => boolean;
} {
  if (operator === '=') return { label, holds: (text) => text === value };
  if (operator === '!=') return { label, holds: (text) => text !== value };
  const pattern = new RegularExpression(value, budget);
  return { label, holds: (text) => pattern.matches(text) === (operator === '=~') };
}
