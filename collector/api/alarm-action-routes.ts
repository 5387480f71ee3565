// What operators do to alarms, to one or to many at once: acknowledge, close, comment, shelve, assign, escalate, name a ticket.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { timeParameter } from '../../common/http/parameters.ts';
import { type Principal, principalOf, type Role } from '../../common/runtime/access.ts';
import type { Alarms, Deed, OperatorAction } from '../faults/alarm.ts';
import { alarmFilters, alarmsQueryOf } from './alarm-filters.ts';
import { alarmAnswer, bulkAnswer } from './alarm-answers.ts';

const OPERATORS: readonly Role[] = ['operator'];
/** As many as one request may name; the book has the same bound. */
const MAX_IDS = 500;

type SeenAlarms = (principal: Principal | null) => Promise<Alarms>;

const byId = z.object({ id: z.string().max(40) });
const reason = z.string().max(2000);
const text = { text: reason.default('').describe('why; kept in the history') };
const needed = { text: reason.min(1) };
const assign = { to: z.string().max(200).nullable().describe('null: nobody any more') };
const ticket = {
  reference: z.string().max(200).nullable().describe('of the ticket system; null: none any more'),
  url: z
    .url({ protocol: /^https?$/ })
    .max(1000)
    .nullable()
    .default(null),
};

/** Of each action what its body has beside the text, and what becomes of it. */
const BODIES = {
  ack: z.strictObject(text).transform((): Deed => ({ verb: 'ack' })),
  unack: z.strictObject(text).transform((): Deed => ({ verb: 'unack' })),
  close: z.strictObject(text).transform((): Deed => ({ verb: 'close' })),
  comment: z.strictObject(needed).transform((): Deed => ({ verb: 'comment' })),
  shelve: z
    .strictObject({ ...text, until: timeParameter })
    .transform(({ until }): Deed => ({ verb: 'shelve', untilMs: until })),
  unshelve: z.strictObject(text).transform((): Deed => ({ verb: 'unshelve' })),
  assign: z.strictObject({ ...text, ...assign }).transform(({ to }): Deed => ({ verb: 'assign', to })),
  escalate: z.strictObject(needed).transform((): Deed => ({ verb: 'escalate' })),
  ticket: z.strictObject({ ...text, ...ticket }).transform(
    (body): Deed => ({
      verb: 'ticket',
      reference: body.reference,
      url: body.url,
    }),
  ),
} as const;
type Verb = keyof typeof BODIES;

const SUMMARIES: Readonly<Record<Verb, string>> = {
  ack: 'Acknowledges an alarm: somebody sees to it. It ends when it is raised anew.',
  unack: 'Takes an acknowledgement back.',
  close: 'Closes an alarm for the operators; the resource goes on saying how it is.',
  comment: 'Adds a comment to the history.',
  shelve: 'Hides an alarm until a time; its state goes on being kept.',
  unshelve: 'Shows a shelved alarm again.',
  assign: 'Says who sees to it, or that nobody does any more.',
  escalate: 'Hands an alarm up by one level, with the reason; raised anew it begins below.',
  ticket: 'Names the ticket of an alarm, or takes it away.',
};
const VERBS = Object.keys(BODIES) as readonly Verb[];

export function addAlarmActions(routes: DescribedRoutes, seen: SeenAlarms): void {
  for (const verb of VERBS)
    routes.add(
      {
        method: 'POST',
        url: `/api/v1/alarms/:id/${verb}`,
        access: OPERATORS,
        scoped: true,
        summary: SUMMARIES[verb],
        params: byId,
        body: BODIES[verb],
        answer: alarmAnswer,
      },
      async ({ params, body, principal, request }) =>
        (await seen(principal)).act(params.id, body, by(principal, textOf(request.body))),
    );
  addBulk(routes, seen);
}

const bulkBody = z
  .strictObject({
    action: z.enum(Object.keys(BODIES) as Verb[]),
    ids: z.array(z.string().max(40)).min(1).max(MAX_IDS).optional(),
    filter: z.strictObject(alarmFilters).optional().describe('as the query of the list; instead of ids'),
    body: z.record(z.string(), z.unknown()).default({}).describe('as the body of the action on one alarm'),
  })
  .refine(({ ids, filter }) => (ids === undefined) !== (filter === undefined), {
    path: ['ids'],
    message: 'expected either ids or a filter',
  });

function addBulk(routes: DescribedRoutes, seen: SeenAlarms): void {
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/alarms/actions',
      access: OPERATORS,
      scoped: true,
      summary: `Does the same to up to ${MAX_IDS} alarms, and tells of each what became of it.`,
      body: bulkBody,
      answer: bulkAnswer,
    },
    async ({ body, principal }) => {
      const deed = BODIES[body.action].parse(body.body);
      const selection = body.filter === undefined ? { ids: body.ids ?? [] } : { query: alarmsQueryOf(body.filter) };
      return (await seen(principal)).actOnAll(selection, deed, by(principal, textOf(body.body)));
    },
  );
}

/** The schemas of the bodies have checked it. */
function textOf(body: unknown): string {
  const value = typeof body === 'object' && body !== null && 'text' in body ? body.text : undefined;
  return typeof value === 'string' ? value : '';
}

function by(principal: Principal | null, reasonGiven: string): OperatorAction {
  const { name, role } = principalOf(principal);
  return { operator: name, role, text: reasonGiven };
}
