// The ways on which messages go out: mail with what the ledger prints, signed webhooks.
import { z } from 'zod';
import { SIGNATURE_HEADER, signatureOf } from '../common/http/webhook-signature.ts';
import type { Clock } from '../common/runtime/clock.ts';
import { WeirError } from '../common/runtime/errors.ts';
import { resolveSecret } from '../common/runtime/secrets.ts';
import { postJson } from '../common/send/post-json.ts';
import { messageId, sendMail } from '../common/send/smtp.ts';
import { unsure } from '../common/send/send-failure.ts';
import { billDocument, creditNoteDocument } from './bill-documents.ts';
import type { BillingBridgeConfig, MailConfig, WebhookConfig } from './config.ts';
import { billMessage, creditNoteMessage, type Message } from './export/bill-message.ts';
import { billFonts } from './export/fonts.ts';
import { listenerChannel } from './hub/bill-hub.ts';
import type { Ledger } from './ledger.ts';
import { MAIL, webhookChannel } from './letters.ts';
import { quotaMessage, readThreshold } from './quota/quota-message.ts';
import type { SentMessage } from './send/message-outbox.ts';
import type { Way } from './send/message-sender.ts';

export interface WaysDeps {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly fetch: typeof fetch;
}

/** A mail is several questions and answers, each within the timeout. */
const STEPS_OF_MAIL = 6;

export function waysOf(
  config: Pick<BillingBridgeConfig, 'mail' | 'webhooks' | 'bucketMs'>,
  deps: WaysDeps,
): (channel: string) => Way | null {
  const ways = new Map<string, Way>(
    config.webhooks.map((webhook) => [webhookChannel(webhook.name), webhookWay(webhook, deps)]),
  );
  if (config.mail !== null) ways.set(MAIL, mailWay(config.mail, config.bucketMs, deps));
  const listener = listenerWay(deps);
  return (channel) => (channel.startsWith(listenerChannel('')) ? listener : (ways.get(channel) ?? null));
}

function mailWay(mail: MailConfig, bucketMs: number, { ledger, environment }: WaysDeps): Way {
  const { from, timeoutMs, maxAttempts } = mail;
  return {
    timeoutMs: timeoutMs * STEPS_OF_MAIL,
    maxAttempts,
    send: async (message, signal) => {
      const { replyTo = null, attachments = [], ...told } = await textOf(ledger, bucketMs, message);
      const sent = sendMail(mail, environment, {
        from,
        to: message.recipients,
        ...(replyTo === null ? {} : { replyTo }),
        subject: told.subject,
        text: told.text,
        messageId: messageId(message.key, from),
        dateMs: message.createdAtMs,
        headers: { 'X-Weir-Key': message.key },
        attachments,
      });
      return Promise.race([sent, abortOf(signal)]);
    },
  };
}

type Told = Pick<Message, 'subject' | 'text'> & Partial<Pick<Message, 'replyTo' | 'attachments'>>;

/** Read from the ledger when it is sent: a closed bill never changes, so that each try is the same mail. */
async function textOf(ledger: Ledger, bucketMs: number, { kind, subject, content }: SentMessage): Promise<Told> {
  if (kind === 'quota') return quotaMessage(readThreshold(content));
  const bill = await ledger.bill(subject, null);
  if (bill === null) throw new WeirError('not_found', `There is no bill ${subject}.`, { bill: subject });
  if (kind === 'credit_note') {
    const { number } = noteSchema.parse(content);
    const note = await creditNoteDocument(ledger, bill, number);
    const told = note === null ? null : creditNoteMessage(note, billFonts());
    if (told !== null) return told;
    throw new WeirError('not_found', `The bill ${subject} has no credit note ${number}.`, { bill: subject });
  }
  const told = billMessage(await billDocument(ledger, bucketMs, bill), billFonts());
  if (told === null) throw new WeirError('mail_refused', `The bill ${bill.id} has no number.`, { bill: bill.id });
  return told;
}

const noteSchema = z.object({ number: z.string() });

function webhookWay(webhook: WebhookConfig, { clock, environment, fetch: send }: WaysDeps): Way {
  const { timeoutMs, maxAttempts } = webhook;
  return {
    timeoutMs,
    maxAttempts,
    send: async ({ key, content }, signal) => {
      const body = JSON.stringify({ key, event: content });
      const secret = resolveSecret(webhook.secret, environment);
      const headers = { 'idempotency-key': key, [SIGNATURE_HEADER]: signatureOf(secret, body, clock.now()) };
      const url = resolveSecret(webhook.url, environment);
      await postJson(send, { url, body, headers, alreadyThere: [409] }, signal);
      return null;
    },
  };
}

/** Of the hub: the event itself, as TMF678 has it. */
function listenerWay({ fetch: send }: WaysDeps): Way {
  return {
    timeoutMs: 10_000,
    maxAttempts: 50,
    send: async ({ key, content, recipients: [url = ''] }, signal) => {
      const headers = { 'idempotency-key': key };
      await postJson(send, { url, body: JSON.stringify(content), headers, alreadyThere: [409] }, signal);
      return null;
    },
  };
}

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const refuse = (): void => reject(unsure('no answer in time'));
    if (signal.aborted) refuse();
    else signal.addEventListener('abort', refuse, { once: true });
  });
}
