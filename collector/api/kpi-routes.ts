// KPIs over HTTP: what they are, one value with its working and series, rankings, and reports as JSON and CSV.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { timeParameter } from '../../common/http/parameters.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { mayEnter, type Principal, STATE_READERS, type Role } from '../../common/runtime/access.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import type { Viewpoints } from '../access/viewpoint.ts';
import type { KpiDefinition } from '../kpi/definition.ts';
import type { KpiAnswer, KpiQuestion, Kpis } from '../kpi/kpi-book.ts';
import type { Target } from '../kpi/kpi-targets.ts';
import { deviceName, resourceName } from './parameters.ts';

export interface KpiRoutesDeps {
  readonly kpis: Kpis;
  readonly viewpoints: Viewpoints;
  /** Of a period by name in a time zone; throws invalid_request. */
  readonly spanOfPeriod: (period: string, zone: string) => { readonly fromMs: EpochMs; readonly toMs: EpochMs };
}

/** Who is connected where is not told to everybody who may see a device. */
const CUSTOMER_READERS: readonly Role[] = ['operator', 'care', 'billing'];
const MIN_STEP_MS = 60_000;

const time = z.iso.datetime();
const idText = z.string().min(1).max(500);
const byName = z.object({ name: z.string().min(1).max(63) });

const targetParameters = {
  resource: resourceName.optional(),
  device: deviceName.optional().describe('all of one device'),
  site: z.string().min(1).max(200).optional(),
  service: idText.optional().describe('its interfaces while they are bound to it'),
  customer: idText.optional(),
};
const spanParameters = {
  from: timeParameter.optional(),
  to: timeParameter.optional(),
  period: z
    .string()
    .max(20)
    .optional()
    .describe('2026-11, 2026-W48, 2026-11-24 or 2026-11-24T08Z, instead of from and to'),
  zone: z.string().max(60).default('UTC').describe('of the period'),
};
const questionQuery = z.strictObject({ ...targetParameters, ...spanParameters });
type QuestionQuery = z.output<typeof questionQuery>;

const definitionForm = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  formula: z.string(),
  unit: z.string(),
  resources: z.array(z.string()),
  direction: z.string(),
  thresholds: z.object({ warning: z.number(), critical: z.number() }).nullable(),
});

const valueShape = {
  value: z.number().nullable().describe('null where nothing is known, or nothing happened to divide by'),
  coverage: z.number().describe('part of the time of which something is known, 0 to 1'),
  numerator: z.string(),
  denominator: z.string(),
};
const status = z.enum(['good', 'warning', 'critical']).nullable();
const answerForm = z.object({
  kpi: definitionForm,
  from: time,
  to: time,
  ...valueShape,
  status,
  resources: z.number().int(),
  sources: z.array(z.string()).describe('metrics or types of alarms that it was read from'),
  readStepMs: z.number().nullable().describe('of the readings; null for a KPI of alarms'),
  series: z.array(z.object({ at: time, ...valueShape })),
});
const rankingForm = z.object({
  kpi: definitionForm,
  from: time,
  to: time,
  items: z.array(z.object({ resource: z.string(), ...valueShape, status })),
  resources: z.number().int(),
  unknown: z.number().int().describe('resources of which nothing is known'),
});
const sitesForm = z.object({
  kpi: definitionForm,
  from: time,
  to: time,
  whole: z.object({ ...valueShape, status, resources: z.number().int() }).describe('of all that the token sees'),
  items: z.array(
    z.object({
      site: z.string().describe('empty for devices without one'),
      ...valueShape,
      status,
      resources: z.number().int(),
    }),
  ),
});
const reportForm = z.object({ from: time, to: time, items: z.array(answerForm) });

export function addKpiRoutes(routes: DescribedRoutes, deps: KpiRoutesDeps): void {
  const { kpis } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/kpis',
      access: STATE_READERS,
      scoped: true,
      summary: 'Which KPIs there are and how each is computed.',
      answer: z.object({ items: z.array(definitionForm), next: z.null() }),
    },
    () => Promise.resolve({ items: kpis.definitions().map(describeDefinition), next: null }),
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/kpis/:name',
      access: STATE_READERS,
      scoped: true,
      summary:
        'A KPI of a resource, a device, a site, a service, a customer or everything, with its working and its series.',
      params: byName,
      query: questionQuery.extend({
        step: z.coerce.number().int().min(MIN_STEP_MS).optional().describe('of the series, ms; without it no series'),
      }),
      answer: answerForm,
    },
    async ({ params, query, principal }) => {
      const { step, ...rest } = query;
      const question = await questionOf(deps, rest, principal);
      return describeAnswer(await kpis.value(params.name, { ...question, stepMs: step ?? null }));
    },
  );
  addOverviews(routes, deps);
}

/** Of many at once. */
function addOverviews(routes: DescribedRoutes, deps: KpiRoutesDeps): void {
  const { kpis } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/kpis/:name/ranking',
      access: STATE_READERS,
      scoped: true,
      summary: 'The worst (or best) resources by a KPI.',
      params: byName,
      query: questionQuery.extend({
        limit: z.coerce.number().int().min(1).max(1000).default(20),
        order: z.enum(['worst', 'best']).default('worst'),
      }),
      answer: rankingForm,
    },
    async ({ params, query, principal }) => {
      const { limit, order, ...rest } = query;
      const question = await questionOf(deps, rest, principal);
      const { definition, span, items, resources, unknown } = await kpis.ranking(params.name, {
        ...question,
        limit,
        order,
      });
      return { kpi: describeDefinition(definition), ...describeSpan(span), items, resources, unknown };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/kpis/:name/sites',
      access: STATE_READERS,
      scoped: true,
      summary: 'A KPI of every site and of everything, in one computation.',
      params: byName,
      query: z.strictObject(spanParameters),
      answer: sitesForm,
    },
    async ({ params, query, principal }) => {
      const question = await questionOf(deps, query, principal);
      const { definition, span, whole, items } = await kpis.bySite(params.name, question);
      return { kpi: describeDefinition(definition), ...describeSpan(span), whole, items: [...items] };
    },
  );
  addReport(routes, deps);
}

function addReport(routes: DescribedRoutes, deps: KpiRoutesDeps): void {
  const { kpis } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/kpi-report',
      access: STATE_READERS,
      scoped: true,
      summary: 'Every KPI of a site, a service, a customer, a resource or everything over a period; as JSON or CSV.',
      query: questionQuery.extend({ format: z.enum(['json', 'csv']).default('json') }),
      answer: z.union([reportForm, z.string()]),
    },
    async ({ query, principal, reply }) => {
      const { format, ...rest } = query;
      const question = await questionOf(deps, rest, principal);
      const answers = await kpis.report(question);
      if (format === 'csv') {
        void reply.type('text/csv; charset=utf-8').header('content-disposition', 'attachment; filename="kpis.csv"');
        return csvOf(rest, answers);
      }
      const { fromMs, toMs } = question;
      return { ...describeSpan({ fromMs, toMs }), items: answers.map(describeAnswer) };
    },
  );
}

async function questionOf(
  { viewpoints, spanOfPeriod }: KpiRoutesDeps,
  query: QuestionQuery,
  principal: Principal | null,
): Promise<KpiQuestion> {
  if (principal === null) throw new WeirError('forbidden', 'A KPI is told to nobody without a token.', {});
  const target = targetOf(query);
  const isOfCustomers = target.kind === 'service' || target.kind === 'customer';
  if (isOfCustomers && !mayEnter(principal, CUSTOMER_READERS))
    throw new WeirError('forbidden', 'What customers have is not told to this role.', { roles: CUSTOMER_READERS });
  const viewpoint: Viewpoint = await viewpoints.of(principal);
  return { target, viewpoint, ...spanOf(query, spanOfPeriod) };
}

function targetOf(query: QuestionQuery): Target {
  const given = (['resource', 'device', 'site', 'service', 'customer'] as const).flatMap((kind): Target[] => {
    const id = query[kind];
    return id === undefined ? [] : [{ kind, id }];
  });
  if (given.length > 1) throw wrong('resource', 'expected one of resource, device, site, service and customer');
  return given[0] ?? { kind: 'network' };
}

function spanOf(
  { from, to, period, zone }: QuestionQuery,
  spanOfPeriod: KpiRoutesDeps['spanOfPeriod'],
): { readonly fromMs: EpochMs; readonly toMs: EpochMs } {
  if (period !== undefined && from === undefined && to === undefined) return spanOfPeriod(period, zone);
  if (period !== undefined || from === undefined || to === undefined)
    throw wrong('period', 'expected it, or from and to');
  if (from >= to) throw wrong('from', 'expected a time before `to`');
  return { fromMs: from, toMs: to };
}

function wrong(path: string, message: string): WeirError {
  return new WeirError('invalid_request', `${path}: ${message}.`, { issues: [{ path, message }] });
}

function describeDefinition({ text, formula: _formula, ...rest }: KpiDefinition) {
  return { ...rest, formula: text };
}

function describeSpan({ fromMs, toMs }: { readonly fromMs: EpochMs; readonly toMs: EpochMs }) {
  return { from: isoTime(fromMs), to: isoTime(toMs) };
}

function describeAnswer({ definition, span, series, ...rest }: KpiAnswer) {
  return {
    kpi: describeDefinition(definition),
    ...describeSpan(span),
    ...rest,
    series: series.map(({ atMs, ...value }) => ({ at: isoTime(atMs), ...value })),
  };
}

const COLUMNS = 'kpi,title,target,from,to,value,unit,coverage,status,numerator,denominator,resources';

/** RFC 4180. */
function csvOf(query: QuestionQuery, answers: readonly KpiAnswer[]): string {
  const target = targetOf(query);
  const name = target.kind === 'network' ? 'network' : `${target.kind}:${target.id}`;
  const lines = answers.map(({ definition, span, value, coverage, status: found, numerator, denominator, resources }) =>
    [
      definition.name,
      definition.title,
      name,
      isoTime(span.fromMs),
      isoTime(span.toMs),
      value === null ? '' : String(value),
      definition.unit,
      String(coverage),
      found ?? '',
      numerator,
      denominator,
      String(resources),
    ]
      .map(cell)
      .join(','),
  );
  return [COLUMNS, ...lines, ''].join('\r\n');
}

/** What begins like a formula of a spreadsheet is text. */
function cell(text: string): string {
  const safe = /^[=+@\t\r]|^-\D/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
