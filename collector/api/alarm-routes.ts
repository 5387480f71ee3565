// Alarms: the list, one with its histories, the summary, and what operators do to them.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { timeParameter } from '../../common/http/parameters.ts';
import { type Principal, type Role, STATE_READERS } from '../../common/runtime/access.ts';
import type { Alarms, OperatorAction, OperatorState, Severity } from '../faults/alarm.ts';
import { alarmAnswer, alarmSummaryAnswer, alarmWithHistoryAnswer, listOf } from './answers.ts';
import { collectorPage, deviceName, resourceName } from './parameters.ts';
import { type SeenBy, seenBy } from './seen.ts';

const SEVERITIES: Readonly<Record<Severity, true>> = {
  critical: true,
  major: true,
  minor: true,
  warning: true,
  indeterminate: true,
};
const OPERATORS: readonly Role[] = ['operator'];

const byId = z.object({ id: z.string().max(40) });
const action = z.strictObject({ text: z.string().max(2000).default('').describe('why; kept in the history') });

const alarmTypeAnswer = z.object({
  alarmType: z.string(),
  description: z.string(),
  resource: z.string().describe('what an alarm of this type is about'),
  qualifiers: z.string(),
  ends: z.string().describe('when it ends'),
  proposedRepair: z.string(),
  willClear: z.boolean().describe('whether the resource itself can end it'),
  eventType: z.string(),
  probableCause: z.string(),
  rule: z.string().nullable().describe('its rule in `collector.faults`'),
});

const listQuery = z.strictObject({
  state: z
    .enum(['active', 'cleared', 'shelved', 'all'])
    .default('all')
    .describe('active: raised and not shelved; cleared: not shelved either'),
  severity: z.enum(Object.keys(SEVERITIES) as Severity[]).optional(),
  device: deviceName.optional(),
  resource: resourceName.optional(),
  ...collectorPage,
});

export interface AlarmRoutesDeps extends SeenBy {
  readonly alarms: Alarms;
}

export function addAlarmRoutes(routes: DescribedRoutes, deps: AlarmRoutesDeps): void {
  const seen = async (principal: Principal | null): Promise<Alarms> => deps.alarms.under(await seenBy(deps, principal));
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/alarms',
      access: STATE_READERS,
      scoped: true,
      summary: 'Alarms, the last changed first.',
      query: listQuery,
      answer: listOf(alarmAnswer),
    },
    async ({ query, principal }) => (await seen(principal)).list(given(query)),
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/alarms/summary',
      access: STATE_READERS,
      scoped: true,
      summary: 'How many alarms of each severity are in which state (RFC 8632); shelved ones are counted apart.',
      answer: alarmSummaryAnswer,
    },
    async ({ principal }) => (await seen(principal)).summary(),
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/alarms/:id',
      access: STATE_READERS,
      scoped: true,
      summary: 'One alarm with the changes of its state and what operators did, the newest first.',
      params: byId,
      answer: alarmWithHistoryAnswer,
    },
    async ({ params, principal }) => (await seen(principal)).get(params.id),
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/alarm-types',
      access: STATE_READERS,
      // The same for everybody: it tells of no device.
      scoped: true,
      summary: 'What alarms may be about (RFC 8632): what each type means, when it ends and what to do.',
      answer: z.object({ items: z.array(alarmTypeAnswer) }),
    },
    async () => ({ items: [...deps.alarms.types()] }),
  );
  addActions(routes, seen);
}

const STATES: readonly { readonly verb: string; readonly state: OperatorState; readonly summary: string }[] = [
  { verb: 'ack', state: 'ack', summary: 'Acknowledges an alarm: somebody sees to it. It ends when it is raised anew.' },
  { verb: 'unack', state: 'none', summary: 'Takes an acknowledgement back.' },
  {
    verb: 'close',
    state: 'closed',
    summary: 'Closes an alarm for the operators; the resource goes on saying how it is.',
  },
];

function addActions(routes: DescribedRoutes, seen: (principal: Principal | null) => Promise<Alarms>): void {
  const route = <Body extends z.ZodType>(verb: string, summary: string, body: Body) => ({
    method: 'POST' as const,
    url: `/api/v1/alarms/:id/${verb}`,
    access: OPERATORS,
    scoped: true,
    summary,
    params: byId,
    body,
    answer: alarmAnswer,
  });
  for (const { verb, state, summary } of STATES)
    routes.add(route(verb, summary, action), async ({ params, body, principal }) =>
      (await seen(principal)).setState(params.id, state, by(principal, body.text)),
    );
  routes.add(
    route('comment', 'Adds a comment to the history.', z.strictObject({ text: z.string().min(1).max(2000) })),
    async ({ params, body, principal }) => (await seen(principal)).comment(params.id, by(principal, body.text)),
  );
  routes.add(
    route(
      'shelve',
      'Hides an alarm until a time; its state goes on being kept.',
      action.extend({ until: timeParameter }),
    ),
    async ({ params, body, principal }) =>
      (await seen(principal)).shelve(params.id, body.until, by(principal, body.text)),
  );
  routes.add(route('unshelve', 'Shows a shelved alarm again.', action), async ({ params, body, principal }) =>
    (await seen(principal)).unshelve(params.id, by(principal, body.text)),
  );
}

function by(principal: Pick<Principal, 'name' | 'role'> | null, text: string): OperatorAction {
  if (principal === null) throw new Error('BUG: an operator without a name');
  return { operator: principal.name, role: principal.role, text };
}

type Given<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

/** Without the keys that were not given. */
function given<T extends object>(query: T): Given<T> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as Given<T>;
}
