// Alarms: the list, one with its histories, and the summary; what operators do to them is in alarm-action-routes.ts.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { timeParameter } from '../../common/http/parameters.ts';
import { type Principal, principalOf, type Role, STATE_READERS } from '../../common/runtime/access.ts';
import type { Alarms, AlarmsPurge } from '../faults/alarm.ts';
import { addAlarmActions } from './alarm-action-routes.ts';
import { alarmsListQuery, alarmsQueryOf } from './alarm-filters.ts';
import { alarmAnswer, alarmSummaryAnswer, alarmWithHistoryAnswer } from './alarm-answers.ts';
import { listOf } from './answers.ts';
import { type SeenBy, seenBy } from './seen.ts';

const NOBODY_ELSE: readonly Role[] = [];
const byId = z.object({ id: z.string().max(40) });

export interface AlarmRoutesDeps extends SeenBy {
  readonly alarms: Alarms;
  readonly purge: AlarmsPurge;
}

export function addAlarmRoutes(routes: DescribedRoutes, deps: AlarmRoutesDeps): void {
  const seen = async (principal: Principal | null): Promise<Alarms> => deps.alarms.under(await seenBy(deps, principal));
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/alarms',
      access: STATE_READERS,
      scoped: true,
      summary: 'Alarms; the last changed first where `sort` does not say otherwise.',
      query: alarmsListQuery,
      answer: listOf(alarmAnswer),
    },
    async ({ query, principal }) => (await seen(principal)).list(alarmsQueryOf(query)),
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
  addAlarmActions(routes, seen);
  addPurge(routes, deps.purge);
}

const purgeAnswer = z.object({
  dryRun: z.boolean(),
  purged: z.number().int().describe('with dry_run how many would go'),
  more: z.boolean().describe('one request lets no more go: ask again'),
  items: z
    .array(
      z.object({
        id: z.string(),
        resource: z.string(),
        alarmType: z.string(),
        clearedAt: z.iso.datetime().nullable(),
        rule: z.string().describe('closed, or cleared'),
      }),
    )
    .describe('the first of them'),
});

function addPurge(routes: DescribedRoutes, purge: AlarmsPurge): void {
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/alarms/purge',
      access: NOBODY_ELSE,
      summary:
        'Lets go of cleared alarms: of those that the policy names, or cleared before a time. Never of an active one.',
      body: z.strictObject({
        cleared_before: timeParameter.optional().describe('and not touched since; without it as the policy says'),
        closed_only: z.boolean().default(false),
        dry_run: z.boolean().default(false),
      }),
      answer: purgeAnswer,
    },
    ({ body, principal }) =>
      purge.purge(
        { clearedBeforeMs: body.cleared_before ?? null, closedOnly: body.closed_only, dryRun: body.dry_run },
        principalOf(principal),
      ),
  );
}
