// Routes of what is told outside: a bill sent by e-mail now, what was sent and what was given up, and another try.
import { z } from 'zod';
import type { DescribedRoutes } from '../../common/http/described-routes.ts';
import { pageOf, pageParameters, readCursor, writeCursor } from '../../common/http/parameters.ts';
import { isoTime } from '../../common/model/time.ts';
import { principalOf } from '../../common/runtime/access.ts';
import type { Correspondence } from '../correspondence.ts';
import type { Ledger } from '../ledger.ts';
import type { MessageKind, MessageState, SentMessage } from '../send/message-outbox.ts';
import { BILL_READERS, customersSeen, FEED_READERS, MONEY_WRITERS } from './access.ts';
import { existing } from './bill-routes.ts';
import { idParameter } from './charge-routes.ts';
import { timeOrNull } from './forms.ts';
import { integer, time } from './schemas.ts';

export interface MessageRoutesDeps {
  readonly ledger: Ledger;
  readonly correspondence: Pick<Correspondence, 'sendBill' | 'messages' | 'retry' | 'failing'>;
  readonly messageKinds: readonly [MessageKind, ...MessageKind[]];
  readonly messageStates: readonly [MessageState, ...MessageState[]];
}

const messageForm = z.object({
  id: integer,
  key: z.string().describe('the same for each try: a mail has it in its Message-ID, a webhook as idempotency-key'),
  channel: z.string(),
  kind: z.string(),
  subject: z.string(),
  customer: z.string().nullable(),
  recipients: z.array(z.string()),
  by: z.string(),
  state: z.string(),
  attempts: z.number().int(),
  createdAt: time,
  nextTryAt: time.nullable(),
  triedAt: time.nullable(),
  doneAt: time.nullable(),
  failure: z.string().nullable(),
});

export function addMessageRoutes(routes: DescribedRoutes, deps: MessageRoutesDeps): void {
  addSending(routes, deps);
  addMessages(routes, deps);
  addFailing(routes, deps);
}

function addFailing(routes: DescribedRoutes, { correspondence }: MessageRoutesDeps): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/failing-channels',
      access: FEED_READERS,
      summary: 'Ways on which something was given up, or is tried again and again: what the collector makes alarms of.',
      answer: z.object({
        items: z.array(
          z.object({
            channel: z.string().describe('mail, the name of a webhook, or `listener ID`'),
            state: z.enum(['failing', 'given_up']),
            since: time.describe('when the oldest message of these was written'),
            failure: z.string().nullable(),
          }),
        ),
      }),
    },
    async () => ({
      items: (await correspondence.failing()).map(({ channel, givenUp, sinceMs, failure }) => ({
        channel,
        state: givenUp ? ('given_up' as const) : ('failing' as const),
        since: isoTime(sinceMs),
        failure,
      })),
    }),
  );
}

function addSending(routes: DescribedRoutes, { ledger, correspondence }: MessageRoutesDeps): void {
  routes.add(
    {
      method: 'POST',
      url: '/billing/v1/bills/:id/mail',
      access: MONEY_WRITERS,
      summary: 'Sends a bill by e-mail, with its PDF and CSV; under one request it is sent once.',
      params: z.object({ id: z.string().max(300) }),
      body: z.strictObject({
        request: z.string().min(1).max(100).describe('chosen by who asks, so that a repeat is told from a second mail'),
        to: z
          .array(z.email())
          .min(1)
          .max(20)
          .optional()
          .describe('the address that the bill has where it is not given'),
      }),
      answer: messageForm,
    },
    async ({ params, body, principal }) => {
      const { name, role } = principalOf(principal);
      const bill = await existing(ledger, params.id, principal);
      const { request, to = null } = body;
      return describeMessage(await correspondence.sendBill(bill, { request, to, by: { name, role } }));
    },
  );
}

function addMessages(
  routes: DescribedRoutes,
  { correspondence, messageKinds, messageStates }: MessageRoutesDeps,
): void {
  routes.add(
    {
      method: 'GET',
      url: '/billing/v1/messages',
      access: BILL_READERS,
      scoped: true,
      summary: 'What was told outside or waits for it, newest first: bills, credit notes, thresholds.',
      query: z.strictObject({
        customer: z.string().optional(),
        state: z.enum(messageStates).optional().describe('dead: given up after all tries'),
        kind: z.enum(messageKinds).optional(),
        subject: z.string().max(300).optional().describe('the id of a bill, or of a quota'),
        ...pageParameters,
      }),
      answer: pageOf(messageForm),
    },
    async ({ query: { cursor, limit, ...wanted }, principal }) => {
      const before = readCursor(cursor, idParameter) ?? undefined;
      const customers = customersSeen(principal);
      const found = await correspondence.messages({ customers, ...wanted, before, limit: limit + 1 });
      const items = found.slice(0, limit);
      const last = found.length > limit ? items.at(-1) : undefined;
      return {
        items: items.map(describeMessage),
        next: last === undefined ? null : writeCursor(last.id.toString()),
      };
    },
  );
  routes.add(
    {
      method: 'POST',
      url: '/billing/v1/messages/:id/retry',
      access: MONEY_WRITERS,
      summary: 'Has a message tried again that was given up, under the same key and with all its tries.',
      params: z.object({ id: idParameter }),
      body: z.strictObject({}),
      answer: messageForm,
    },
    async ({ params, principal }) => {
      const { name, role } = principalOf(principal);
      return describeMessage(await correspondence.retry(params.id, { name, role }));
    },
  );
}

function describeMessage(message: SentMessage): object {
  const { id, createdAtMs, nextTryMs, triedAtMs, doneAtMs, content: _content, ...told } = message;
  const waits = message.state === 'intended' || message.state === 'sending';
  return {
    ...told,
    id: id.toString(),
    createdAt: isoTime(createdAtMs),
    nextTryAt: waits ? isoTime(nextTryMs) : null,
    triedAt: timeOrNull(triedAtMs),
    doneAt: timeOrNull(doneAtMs),
  };
}
