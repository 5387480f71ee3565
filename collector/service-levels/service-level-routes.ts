// Service levels over HTTP: of services and customers over a period with what made them, as JSON and CSV; and the records that bills rest on.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { pageInMemory, timeParameter } from '../../common/http/parameters.ts';
import { availabilityOf, type DownRecord, type LevelTerms, type Outage } from '../../common/model/service-level.ts';
import type { Span } from '../../common/model/spans.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import { principalOf, READERS, type Role } from '../../common/runtime/access.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Viewpoints } from '../access/viewpoint.ts';
import type { MirroredService, ServiceBook } from '../services/service-book.ts';
import type { Asked, LevelOfService, PortRecords, ServiceLevelDesk } from './service-level-desk.ts';
import { levelsCsv } from './service-level-csv.ts';

export interface ServiceLevelRoutesDeps {
  readonly desk: ServiceLevelDesk;
  /** Also what ended. */
  readonly services: Pick<ServiceBook, 'services' | 'service' | 'ofCustomer'>;
  readonly viewpoints: Viewpoints;
  /** Of a period by name in a time zone; throws invalid_request. */
  readonly spanOfPeriod: (period: string, zone: string) => Span;
}

/** As of services themselves: who is connected where is not told to everybody. */
const CUSTOMER_READERS: readonly Role[] = ['operator', 'care', 'billing'];
const MOST_PAGE = 1000;
const MOST_DAYS = 400;
/** Of a file: more are asked for by customer. */
const MOST_ROWS = 20_000;
const AT_ONCE = 500;

const time = z.iso.datetime();
const ms = z.number().int().nonnegative();
const name = z.string().min(1).max(500);

const spanParameters = {
  from: timeParameter.optional().describe('with `to`, instead of `period`'),
  to: timeParameter.optional(),
  period: z.string().max(20).optional().describe('2026-11, 2026-W48, 2026-11-24 or 2026-11-24T08Z'),
  zone: z.string().max(60).optional().describe("of the period; without it that of each service's contract"),
};
const levelsQuery = z.strictObject({
  service: name.optional(),
  customer: name.optional(),
  ...spanParameters,
  format: z.enum(['json', 'csv']).default('json').describe('csv: all of them, without the outages one by one'),
  limit: z.coerce.number().int().min(1).max(MOST_PAGE).default(100).describe('items of a page'),
  cursor: z.string().max(1000).optional().describe('`next` of the page before; absent for the first'),
});
type LevelsQuery = z.output<typeof levelsQuery>;

const alarmForm = z.object({
  alarm: z.string(),
  alarmType: z.string(),
  resource: z.string(),
  from: time.describe('when it was first seen'),
  to: time.nullable().describe('null: not cleared'),
});
const figures = {
  measuredMs: ms.describe('time in which an outage would have counted'),
  outageMs: ms,
  excludedMs: ms.describe('outages in maintenance that was agreed'),
  degradedMs: ms.describe('some of its ports were down, and the service was not'),
  availability: z.string().nullable().describe('percent, rounded down; null where nothing was measured'),
};
const termsForm = z.object({
  downWhen: z.enum(['every_port', 'any_port']),
  maintenance: z.enum(['excluded', 'counted']),
  noticeMs: ms,
  hours: z.array(z.object({ days: z.array(z.string()), fromMinute: ms, toMinute: ms })).nullable(),
  zone: z.string(),
});
const levelForm = z.object({
  service: z.string(),
  name: z.string(),
  customer: z.object({ id: z.string(), name: z.string() }),
  serviceLevel: z.string().nullable(),
  from: time,
  to: time,
  terms: termsForm,
  ...figures,
  knownUntil: time.describe('what its agents have told up to'),
  complete: z.boolean().describe('false where the span goes on, or agents have not told of all of it'),
  outages: z.array(
    z.object({
      from: time,
      to: time,
      ms,
      counted: z.boolean().describe('false: excluded by maintenance'),
      alarms: z.array(alarmForm),
      windows: z.array(z.string()).describe('maintenance windows that excluded it'),
    }),
  ),
});
const levelsForm = z.object({
  items: z.array(levelForm),
  next: z.string().nullable(),
  customer: z
    .object({ id: z.string(), name: z.string(), services: ms, ...figures })
    .nullable()
    .describe('of all services of the customer that was asked for: their times added up'),
});

export function addServiceLevelRoutes(routes: DescribedRoutes, deps: ServiceLevelRoutesDeps): void {
  const { desk, viewpoints } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/service-levels',
      access: CUSTOMER_READERS,
      scoped: true,
      summary: 'Availability and outages of services over a period, with the alarms behind each; as JSON or CSV.',
      query: levelsQuery,
      answer: z.union([levelsForm, z.string()]),
    },
    async ({ query, principal, reply }) => {
      const asked = askedFor(deps, query, await viewpoints.of(principalOf(principal)));
      if (query.format === 'csv') {
        const text = levelsCsv(await allOf(desk, asked));
        void reply
          .type('text/csv; charset=utf-8')
          .header('content-disposition', 'attachment; filename="service-levels.csv"');
        return text;
      }
      const page = pageInMemory(asked, ({ service }) => service.id, query);
      const customer = query.customer === undefined ? null : sumOf(await allOf(desk, asked));
      return { items: (await desk.levels(page.items)).map(describe), next: page.next, customer };
    },
  );
  addRecords(routes, deps);
}

function addRecords(routes: DescribedRoutes, { desk }: ServiceLevelRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/outage-records',
      access: READERS,
      summary:
        'When a port was down in a span, and the maintenance that was agreed for it: what credits on bills rest on.',
      query: z.strictObject({
        resource: z.string().min(1).max(600).describe('`device/interfaceKey`'),
        service: name.optional().describe('what it is bound to then, for windows of services'),
        from: timeParameter,
        to: timeParameter,
      }),
      answer: z.object({
        resource: z.string(),
        knownUntil: time.nullable().describe('null: nothing more will be known'),
        downs: z.array(alarmForm),
        maintenance: z.array(
          z.object({ window: z.string(), from: time, to: time, announcedAt: time, reason: z.string() }),
        ),
      }),
    },
    async ({ query }) => {
      const span = checked({ fromMs: query.from, toMs: query.to });
      return describeRecords(await desk.records(query.resource, query.service ?? null, span));
    },
  );
}

/** In the order of their ids; throws not_found where the one that is named is not seen. */
function askedFor(
  { services, spanOfPeriod }: ServiceLevelRoutesDeps,
  query: LevelsQuery,
  viewpoint: Viewpoint,
): Asked[] {
  const named = query.service === undefined ? undefined : services.service(query.service);
  const all =
    query.service !== undefined
      ? [named].flatMap((one) => one ?? [])
      : query.customer === undefined
        ? services.services()
        : services.ofCustomer(query.customer);
  const found = all.filter(
    ({ customer }) =>
      (viewpoint.everything || viewpoint.customers.includes(customer.id)) &&
      (query.customer === undefined || customer.id === query.customer),
  );
  const wanted = query.service ?? query.customer;
  if (wanted !== undefined && found.length === 0)
    throw new WeirError('not_found', `The mirror knows no such service or customer: ${JSON.stringify(wanted)}.`, {
      [query.service === undefined ? 'customer' : 'service']: wanted,
    });
  const asked = found.map((service) => ({ service, span: spanOf(query, service, spanOfPeriod) }));
  if (found.length === 0) spanOf(query, null, spanOfPeriod);
  return asked.filter(({ service, span }) => service.fromMs < span.toMs && (service.toMs ?? Infinity) > span.fromMs);
}

function spanOf(
  { from, to, period, zone }: LevelsQuery,
  service: MirroredService | null,
  spanOfPeriod: ServiceLevelRoutesDeps['spanOfPeriod'],
): Span {
  if (period !== undefined && from === undefined && to === undefined)
    return spanOfPeriod(period, zone ?? service?.availability?.zone ?? 'UTC');
  if (period !== undefined || from === undefined || to === undefined)
    throw wrong('period', 'expected it, or from and to');
  return checked({ fromMs: from, toMs: to });
}

function checked(span: Span): Span {
  if (span.fromMs >= span.toMs) throw wrong('from', 'expected a time before `to`');
  if (span.toMs - span.fromMs > MOST_DAYS * 86_400_000) throw wrong('to', `expected at most ${MOST_DAYS} days`);
  return span;
}

async function allOf(desk: ServiceLevelDesk, asked: readonly Asked[]): Promise<LevelOfService[]> {
  if (asked.length > MOST_ROWS)
    throw new WeirError('service_level_too_large', `One answer is not about more than ${MOST_ROWS} services.`, {
      most: MOST_ROWS,
    });
  const levels: LevelOfService[] = [];
  for (let at = 0; at < asked.length; at += AT_ONCE) levels.push(...(await desk.levels(asked.slice(at, at + AT_ONCE))));
  return levels;
}

function sumOf(levels: readonly LevelOfService[]): z.output<typeof levelsForm>['customer'] {
  const [first] = levels;
  if (first === undefined) return null;
  const sum = { measuredMs: 0, outageMs: 0, excludedMs: 0, degradedMs: 0 };
  for (const { level } of levels) for (const part of Object.keys(sum) as (keyof typeof sum)[]) sum[part] += level[part];
  return { ...first.service.customer, services: levels.length, ...sum, availability: availability(sum) };
}

function availability(times: { readonly measuredMs: number; readonly outageMs: number }): string | null {
  return availabilityOf(times)?.toFixed(4, 'down') ?? null;
}

function describe({ service, terms, span, level, knownUntilMs }: LevelOfService): z.output<typeof levelForm> {
  const { outages, ...times } = level;
  return {
    service: service.id,
    name: service.name,
    customer: service.customer,
    serviceLevel: service.serviceLevel ?? null,
    from: isoTime(span.fromMs),
    to: isoTime(span.toMs),
    terms: describeTerms(terms),
    ...times,
    availability: availability(times),
    knownUntil: isoTime(knownUntilMs),
    complete: knownUntilMs >= span.toMs,
    outages: outages.map(describeOutage),
  };
}

function describeTerms({ hours, ...terms }: LevelTerms): z.output<typeof termsForm> {
  return { ...terms, hours: hours?.map(({ days, ...minutes }) => ({ days: [...days], ...minutes })) ?? null };
}

function describeOutage({ fromMs, toMs, counted, alarms, windows }: Outage) {
  return {
    from: isoTime(fromMs),
    to: isoTime(toMs),
    ms: toMs - fromMs,
    counted,
    alarms: alarms.map(describeDown),
    windows: [...windows],
  };
}

function describeDown({ fromMs, toMs, ...alarm }: DownRecord): z.output<typeof alarmForm> {
  return { ...alarm, from: isoTime(fromMs), to: timeOrNull(toMs) };
}

function describeRecords({ resource, knownUntilMs, downs, windows }: PortRecords) {
  return {
    resource,
    knownUntil: timeOrNull(knownUntilMs),
    downs: downs.map(describeDown),
    maintenance: windows.map(({ fromMs, toMs, announcedAtMs, ...window }) => ({
      ...window,
      from: isoTime(fromMs),
      to: isoTime(toMs),
      announcedAt: isoTime(announcedAtMs),
    })),
  };
}

function timeOrNull(atMs: EpochMs | null): string | null {
  return atMs === null ? null : isoTime(atMs);
}

function wrong(path: string, message: string): WeirError {
  return new WeirError('invalid_request', `${path}: ${message}.`, { issues: [{ path, message }] });
}
