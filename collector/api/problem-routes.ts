// Problems: causes with their symptoms folded, whom they hit and what is at risk, the gravest first.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { readCursor, writeCursor } from '../../common/http/parameters.ts';
import { type Principal, principalOf, type Role, STATE_READERS } from '../../common/runtime/access.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Problem, Problems } from '../faults/cause/problem.ts';
import type { ServiceBook } from '../services/service-book.ts';
import { alarmAnswer } from './alarm-answers.ts';
import { collectorPage } from './parameters.ts';
import { type SeenBy, seenBy } from './seen.ts';
import { CUSTOMER_READERS, describeMirror, mirrorForm } from './service-routes.ts';

export interface ProblemRoutesDeps extends SeenBy {
  readonly problems: Problems;
  readonly services: Pick<ServiceBook, 'state'>;
}

/** Of symptoms, services and customers one list shows so many; one problem by itself shows more. */
const SHOWN = { inList: 20, byItself: 1000 };
const count = z.number().int().nonnegative();
const named = z.object({ id: z.string(), name: z.string() });

const problemForm = z.object({
  id: z.string().describe('that of the root alarm'),
  rootAlarm: alarmAnswer,
  rootResource: z.string(),
  since: z.iso.datetime(),
  settled: z.boolean().describe('false while it may turn out to be a symptom itself'),
  reason: z.string().nullable().describe('how it is known that it is the root'),
  criticality: z
    .enum(['low', 'normal', 'high', 'critical'])
    .describe('the highest that was set by hand of its devices'),
  symptomCount: count,
  symptoms: z.array(
    z.object({
      id: z.string(),
      resource: z.string(),
      alarmType: z.string(),
      severity: z.string(),
      raisedAt: z.iso.datetime(),
    }),
  ),
  affectedNumberOfServices: count,
  affectedServices: z
    .array(named.extend({ customer: named }))
    .nullable()
    .describe('null for who reads no customers'),
  affectedNumberOfCustomers: count,
  affectedCustomers: z.array(named).nullable(),
  serviceLevel: z.string().nullable().describe('the highest of what was promised of the affected services'),
  revenueAtRisk: z
    .array(z.object({ currency: z.string(), month: z.string(), hour: z.string() }))
    .nullable()
    .describe('decimals, by currency'),
});

export function addProblemRoutes(routes: DescribedRoutes, deps: ProblemRoutesDeps): void {
  const { problems, services } = deps;
  const open = async (principal: Principal | null): ReturnType<Problems['open']> =>
    problems.open(await seenBy(deps, principal));
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/problems',
      access: STATE_READERS,
      scoped: true,
      summary:
        'Open problems: causes with their symptoms folded and whom they hit; by criticality set by hand, revenue at risk, service level, severity.',
      query: z.strictObject(collectorPage),
      answer: z.object({
        items: z.array(problemForm),
        next: z.string().nullable(),
        complete: z.boolean().describe('false where there are more alarms than are looked at'),
        mirror: mirrorForm,
      }),
    },
    async ({ query, principal }) => {
      const { problems: found, complete } = await open(principal);
      const from = readCursor(query.cursor, count) ?? 0;
      const until = from + query.limit;
      const mayRead = readsCustomers(principalOf(principal));
      return {
        items: found.slice(from, until).map((problem) => describe(problem, SHOWN.inList, mayRead)),
        next: until < found.length ? writeCursor(until) : null,
        complete,
        mirror: describeMirror(services),
      };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/problems/:id',
      access: STATE_READERS,
      scoped: true,
      summary: 'One open problem by the id of its root alarm.',
      params: z.object({ id: z.string().max(40) }),
      answer: problemForm.extend({ mirror: mirrorForm }),
    },
    async ({ params, principal }) => {
      const { problems: found } = await open(principal);
      const problem = found.find(({ id }) => id === params.id);
      if (problem === undefined)
        throw new WeirError('not_found', `There is no open problem ${params.id}.`, { problem: params.id });
      const shown = describe(problem, SHOWN.byItself, readsCustomers(principalOf(principal)));
      return { ...shown, mirror: describeMirror(services) };
    },
  );
}

function readsCustomers({ role }: { readonly role: Role }): boolean {
  return role === 'administrator' || CUSTOMER_READERS.includes(role);
}

function describe(problem: Problem, most: number, mayRead: boolean): z.output<typeof problemForm> {
  const { root, symptoms, impact } = problem;
  return {
    id: problem.id,
    rootAlarm: root,
    rootResource: root.resource,
    since: root.raisedAt,
    settled: problem.settled,
    reason: problem.reason,
    criticality: problem.criticality,
    symptomCount: symptoms.length,
    symptoms: symptoms.slice(0, most),
    affectedNumberOfServices: impact.services.length,
    affectedServices: mayRead
      ? impact.services.slice(0, most).map(({ id, name, customer }) => ({ id, name, customer }))
      : null,
    affectedNumberOfCustomers: impact.customers.length,
    affectedCustomers: mayRead ? impact.customers.slice(0, most) : null,
    serviceLevel: impact.serviceLevel,
    revenueAtRisk: mayRead ? [...impact.revenueAtRisk] : null,
  };
}
