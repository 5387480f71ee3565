// The part of Prometheus' HTTP API that Grafana's stock data source asks, under /prometheus; docs/promql.md says what is understood.
import { z } from 'zod';
import type { DescribedRoutes, RouteInput } from '../../common/http/described-routes.ts';
import { toWeirError } from '../../common/http/server.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { principalOf, STATE_READERS } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Viewpoints } from '../access/viewpoint.ts';
import { evaluate } from './evaluate.ts';
import { notUnderstood } from './expression.ts';
import { answer, type Given, limited, limitOf, selected, seriesOf, success, textOf, valuesOf } from './listings.ts';
import { FIXED_METRICS } from './metric-names.ts';
import { durationOf, parseExpression } from './parse-expression.ts';
import { MetricList, Samples, type SampleStore } from './samples.ts';
import type { Axis, Value } from './vector.ts';

export interface PrometheusDeps {
  readonly clock: Clock;
  readonly store: SampleStore;
  readonly viewpoints: Viewpoints;
  readonly version: string;
}

const MAX_STEPS = 5000;
/** Instant queries are evaluated on this grid, at or before the time asked for. */
const INSTANT_GRID_MS: DurationMs = 15_000;
const MAX_AT_ONCE = 4;

const value = z.union([z.string().max(20_000), z.array(z.string().max(20_000)).max(100)]);
const FORM = 'application/x-www-form-urlencoded';

const told = (about: string) => value.optional().describe(about);
const QUERY = { query: told('PromQL, as docs/promql.md says') };
const SPAN = { start: told('seconds since 1970, or RFC 3339'), end: told('the same; it is evaluated up to it') };
const MATCH = {
  'match[]': told('a selector, or several: series that any of them fits; without one all'),
  limit: told('at most so many; more are left out with a warning'),
  ...SPAN,
};
/** What each is asked with; more is taken and not looked at, as Prometheus does. */
const PARAMETERS: Readonly<Record<string, Readonly<Record<string, ReturnType<typeof told>>>>> = {
  query: { ...QUERY, time: told('seconds since 1970, or RFC 3339; now where it is left out') },
  query_range: { ...QUERY, ...SPAN, step: told('a length such as 30s, or seconds') },
  series: MATCH,
  labels: MATCH,
  values: MATCH,
  metadata: { metric: told('only this one'), limit: told('of at most so many metrics') },
};
const parametersOf = (place: string) => z.object(PARAMETERS[place] ?? {}).catchall(value);

const refusal = z.object({
  status: z.literal('error').optional().describe('of a query; without a token the refusal is as everywhere else'),
  errorType: z.string().optional(),
  error: z.union([z.string(), z.object({ code: z.string(), message: z.string() })]),
});

export function addPrometheusRoutes(routes: DescribedRoutes, deps: PrometheusDeps): void {
  const metrics = new MetricList(deps.store, deps.clock);
  const turns = new Turns(MAX_AT_ONCE);
  const add = (place: string, summary: string, work: (given: Given, samples: Samples) => Promise<unknown>): void => {
    const handler = async ({ query, body, principal, reply }: RouteInput<unknown, Given, Given>): Promise<unknown> => {
      try {
        const samples = new Samples(deps.store, metrics, await deps.viewpoints.of(principalOf(principal)));
        return success(await turns.take(() => work({ ...query, ...body }, samples)));
      } catch (error) {
        const refusal = toWeirError(error);
        if (refusal.status >= 500 && refusal.code === 'unexpected') throw error;
        const errorType = refusal.status < 500 ? 'bad_data' : 'unavailable';
        return reply.status(refusal.status).send({ status: 'error', errorType, error: refusal.message });
      }
    };
    const url = `/prometheus/api/v1/${place}`;
    routes.add(
      { method: 'GET', url, access: STATE_READERS, scoped: true, summary, query: parametersOf(place), answer, refusal },
      (input) => handler({ ...input, body: {} }),
    );
    // Grafana posts its questions as a form.
    if (!place.includes(':') && !place.startsWith('status'))
      routes.add(
        {
          method: 'POST',
          url,
          access: STATE_READERS,
          scoped: true,
          summary,
          query: parametersOf(''),
          body: parametersOf(place),
          bodyType: FORM,
          answer,
          refusal,
        },
        handler,
      );
  };
  const now = (): EpochMs => deps.clock.now();
  add('query', 'A query of PromQL at one time.', (given, samples) => instant(given, samples, now()));
  add('query_range', 'A query of PromQL over a span.', ranged);
  add('series', 'Labels of the series that match.', seriesOf);
  add('labels', 'Names of labels.', async (given, samples) => {
    const names = new Set<string>();
    for await (const { labels } of selected(given, samples)) for (const name of Object.keys(labels)) names.add(name);
    return limited([...names].toSorted(), given);
  });
  addLabelValues(routes, deps, metrics, turns);
  add('metadata', 'What the metrics are.', async (given) => {
    const wanted = textOf(given, 'metric');
    const listed = [...new Map([...FIXED_METRICS, ...(await metrics.all())].map((one) => [one.name, one])).values()];
    return Object.fromEntries(
      listed
        .filter(({ name }) => wanted === '' || name === wanted)
        .slice(0, limitOf(given) ?? listed.length)
        .map(({ name, type, help, unit }) => [name, [{ type, help, unit }]]),
    );
  });
  add('status/buildinfo', 'Which version answers; the number is that of the API, not of a Prometheus.', async () => ({
    version: '2.24.0',
    revision: `weir ${deps.version}`,
    branch: '',
    buildUser: '',
    buildDate: '',
    goVersion: '',
  }));
}

function addLabelValues(routes: DescribedRoutes, deps: PrometheusDeps, metrics: MetricList, turns: Turns): void {
  routes.add(
    {
      method: 'GET',
      url: '/prometheus/api/v1/label/:name/values',
      access: STATE_READERS,
      scoped: true,
      summary: 'Values of a label.',
      params: z.object({ name: z.string().max(256) }),
      query: parametersOf('values'),
      answer,
      refusal,
    },
    async ({ params, query, principal, reply }) => {
      try {
        const samples = new Samples(deps.store, metrics, await deps.viewpoints.of(principalOf(principal)));
        const values = await turns.take(() => valuesOf(params.name, query, samples));
        return success(limited([...values].toSorted(), query));
      } catch (error) {
        const refusal = toWeirError(error);
        if (refusal.status >= 500) throw error;
        return reply.status(refusal.status).send({ status: 'error', errorType: 'bad_data', error: refusal.message });
      }
    },
  );
}

async function instant(given: Given, samples: Samples, nowMs: EpochMs): Promise<unknown> {
  const expression = parseExpression(textOf(given, 'query'));
  const askedMs = timeOf(given, 'time') ?? nowMs;
  const fromMs = Math.floor(askedMs / INSTANT_GRID_MS) * INSTANT_GRID_MS;
  const value = await evaluate(expression, { fromMs, stepMs: INSTANT_GRID_MS, count: 1 }, samples);
  const at = askedMs / 1000;
  if (value.kind === 'text') return { resultType: 'string', result: [at, value.value] };
  if (value.kind === 'scalar') return { resultType: 'scalar', result: [at, numberText(value.values[0] ?? Number.NaN)] };
  return {
    resultType: 'vector',
    result: value.series.map(({ labels, values }) => ({ metric: labels, value: [at, numberText(values[0] ?? 0)] })),
  };
}

async function ranged(given: Given, samples: Samples): Promise<unknown> {
  const expression = parseExpression(textOf(given, 'query'));
  const [startMs, endMs] = [timeOf(given, 'start'), timeOf(given, 'end')];
  const stepMs = durationOf(textOf(given, 'step'));
  if (startMs === null || endMs === null || stepMs === null || stepMs < 1)
    throw new WeirError('invalid_request', 'start, end and step are needed.');
  if (endMs < startMs) throw new WeirError('invalid_request', 'end lies before start.');
  const fromMs = Math.floor(startMs / stepMs) * stepMs;
  const count = Math.floor((endMs - fromMs) / stepMs) + 1;
  if (count > MAX_STEPS)
    throw new WeirError('query_too_large', `The query is too large: ${count} steps, ${MAX_STEPS} are the most.`);
  const axis: Axis = { fromMs, stepMs, count };
  const value = await evaluate(expression, axis, samples);
  return { resultType: 'matrix', result: matrixOf(value, axis) };
}

function matrixOf(value: Value, axis: Axis): unknown[] {
  if (value.kind === 'text') throw notUnderstood('Text has no values over time', value.value);
  const series = value.kind === 'scalar' ? [{ labels: {}, values: value.values }] : value.series;
  return series.map(({ labels, values }) => ({
    metric: labels,
    values: [...values.entries()]
      .filter(([, one]) => !Number.isNaN(one))
      .map(([at, one]) => [(axis.fromMs + at * axis.stepMs) / 1000, numberText(one)]),
  }));
}

/** Seconds since 1970 with fractions, or RFC 3339; null where it is not given. */
function timeOf(given: Given, name: string): EpochMs | null {
  const text = textOf(given, name);
  if (text === '') return null;
  const ms = /^-?\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1000) : Date.parse(text);
  if (Number.isSafeInteger(ms)) return ms;
  throw new WeirError(
    'invalid_request',
    `${name}: expected seconds since 1970 or a time such as 2026-11-24T08:00:00Z.`,
  );
}

/** As Prometheus writes numbers: text, so that infinity can be said. */
function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

/** A few queries at a time; one more waits for its turn, and beyond a bound is asked to come again. */
class Turns {
  readonly #most: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#most) {
      if (this.#waiting.length >= MAX_WAITING)
        throw new WeirError('overloaded', 'Too many queries at once.', { retryAfterSeconds: 1 });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

const MAX_WAITING = 100;
