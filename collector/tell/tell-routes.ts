// Telling over HTTP: why somebody was told of an alarm or not, messages with those that were given up, and another try for these.
import { z } from 'zod';
import type { AuditEntry } from '../../common/database/audit.ts';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { pageParameters, readCursor, writeCursor } from '../../common/http/parameters.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import { principalOf, READERS, type Role } from '../../common/runtime/access.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Viewpoints } from '../access/viewpoint.ts';
import type { Alarms } from '../faults/alarm.ts';
import type { ListedMessage, MessagesQuery } from './outbox.ts';
import { ITEM_KINDS } from './told.ts';
import type { WhyTold } from './why-told.ts';

export interface TellRoutesDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly viewpoints: Viewpoints;
  readonly alarms: Pick<Alarms, 'under'>;
  readonly whyTold: Pick<WhyTold, 'of'>;
  readonly list: (query: MessagesQuery, viewpoint: Viewpoint) => Promise<readonly ListedMessage[]>;
  /** Throws not_found. */
  readonly retry: (id: string, nowMs: EpochMs, audit: (before: unknown, after: unknown) => AuditEntry) => Promise<void>;
}

const OPERATORS: readonly Role[] = ['operator'];
const STATES = ['intended', 'sending', 'done', 'dead', 'superseded'] as const;
const byId = z.object({ id: z.string().regex(/^\d{1,18}$/, 'expected an id') });
const time = z.iso.datetime();

const messageAnswer = z.object({
  id: z.string(),
  key: z.string().describe('the Message-ID or Idempotency-Key: the same at every try'),
  channel: z.string(),
  kind: z.string().describe('alarms, or a digest that counts'),
  said: z.enum(ITEM_KINDS).nullable().describe('of the alarm that was asked about'),
  state: z
    .enum(STATES)
    .describe('intended: to be tried, or again; dead: given up; superseded: no longer so before anybody took it'),
  alarms: z.number().int(),
  attempts: z.number().int(),
  createdAt: time,
  nextTryAt: time.nullable(),
  triedAt: time.nullable(),
  doneAt: time.nullable(),
  failure: z.string().nullable(),
});

const toldAnswer = z.object({
  items: z.array(
    z.object({
      channel: z.string(),
      state: z.enum(['told', 'in_hand', 'waiting', 'not_told']),
      why: z
        .string()
        .describe(
          'told, never_told, no_route, hours, closed, held, symptom, maintenance, shelved, group, storm, sending, failing, given_up',
        ),
      text: z.string(),
      until: time.nullable(),
      believes: z
        .object({ severity: z.string(), operatorState: z.string() })
        .nullable()
        .describe('what it was last told; null where it was told nothing, or that it is over'),
      toldAt: time.nullable(),
      messages: z.array(messageAnswer).describe('the newest first'),
    }),
  ),
});

const listQuery = z.strictObject({
  state: z.enum(STATES).optional(),
  channel: z.string().max(63).optional(),
  ...pageParameters,
});

export function addTellRoutes(routes: DescribedRoutes, deps: TellRoutesDeps): void {
  const { clock, viewpoints, alarms, whyTold } = deps;
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/alarms/:id/told',
      access: READERS,
      scoped: true,
      summary: 'Of each channel what it was told of an alarm and when, or why not.',
      params: byId,
      answer: toldAnswer,
    },
    async ({ params, principal }) => {
      // What is not seen is not there.
      await alarms.under(await viewpoints.of(principalOf(principal))).get(params.id);
      const told = await whyTold.of(params.id);
      return {
        items: told.map(({ belief, toldAtMs, untilMs, messages, ...rest }) => ({
          ...rest,
          until: at(untilMs),
          believes: belief,
          toldAt: at(toldAtMs),
          messages: messages.map(describe),
        })),
      };
    },
  );
  routes.add(
    {
      method: 'GET',
      url: '/api/v1/messages',
      access: READERS,
      scoped: true,
      summary: 'Messages to people, the newest first; with state=dead those that were given up.',
      query: listQuery,
      answer: z.object({ items: z.array(messageAnswer), next: z.string().nullable() }),
    },
    async ({ query, principal }) => {
      const before = readCursor(query.cursor, z.string().regex(/^\d{1,18}$/));
      const viewpoint = await viewpoints.of(principalOf(principal));
      const wanted = {
        ...(query.state === undefined ? {} : { state: query.state }),
        ...(query.channel === undefined ? {} : { channel: query.channel }),
        ...(before === null ? {} : { before }),
        limit: query.limit + 1,
      };
      const found = await deps.list(wanted, viewpoint);
      const items = found.slice(0, query.limit);
      const last = items.at(-1);
      const next = found.length > items.length && last !== undefined ? writeCursor(last.id) : null;
      return { items: items.map(describe), next };
    },
  );
  routes.add(
    {
      method: 'POST',
      url: '/api/v1/messages/:id/retry',
      access: OPERATORS,
      summary: 'Has a message tried again that was given up.',
      params: byId,
      answer: z.object({ retried: z.literal(true) }),
    },
    async ({ params, principal }) => {
      const { name: actor, role } = principalOf(principal);
      const nowMs = clock.now();
      const entry = { atMs: nowMs, actor, role, action: 'message.retry', subject: `message/${params.id}` };
      await deps.retry(params.id, nowMs, (before, after) => ({ ...entry, before, after }));
      return { retried: true };
    },
  );
}

function describe(message: ListedMessage): z.input<typeof messageAnswer> {
  const { createdAtMs, nextTryMs, triedAtMs, doneAtMs, state, ...rest } = message;
  const known = STATES.find((one) => one === state);
  if (known === undefined) throw new Error(`BUG: a message is ${state}`);
  return {
    ...rest,
    state: known,
    createdAt: isoTime(createdAtMs),
    nextTryAt: known === 'intended' ? isoTime(nextTryMs) : null,
    triedAt: at(triedAtMs),
    doneAt: at(doneAtMs),
  };
}

function at(ms: EpochMs | null): string | null {
  return ms === null ? null : isoTime(ms);
}
