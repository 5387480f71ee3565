// Which messages there are and under which keys: a bill, a credit note, a threshold. A key is the same however often the same is told.
import { createHash } from 'node:crypto';
import type { Queryable } from '../common/database/database.ts';
import type { ContractBook } from './account/contract-book.ts';
import type { Customer } from './account/contract.ts';
import type { NewBill } from './bill/bill-store.ts';
import type { CreditNote } from './bill/credit-note.ts';
import type { Quota, QuotaJob } from './quota/quota-watch.ts';
import { type NewMessage, putMessage } from './send/message-outbox.ts';

export const MAIL = 'mail';

/** Weir itself, where nobody asked. */
const BY_POLICY = 'send_bills';

export function webhookChannel(name: string): string {
  return `webhook ${name}`;
}

/** In the transaction in which a bill closes: where its customer wants its bills by e-mail, one goes out. */
export async function announceBill(
  connection: Queryable,
  bill: Pick<NewBill, 'id' | 'customer' | 'issuedAtMs'>,
  { billsByMail, buyer }: Customer,
): Promise<void> {
  const email = buyer?.email ?? null;
  if (billsByMail === true && email !== null) await putMessage(connection, billLetter(bill, email), bill.issuedAtMs);
}

/** In the transaction of the note, as of a bill. */
export async function announceCreditNote(
  book: ContractBook,
  connection: Queryable,
  note: CreditNote,
  email: string | null,
): Promise<void> {
  if (email !== null && book.customers.get(note.customer)?.billsByMail === true)
    await putMessage(connection, creditNoteLetter(note, email), note.atMs);
}

/** Once a bill is closed. */
export function billLetter(bill: { readonly id: string; readonly customer: string }, email: string): NewMessage {
  return { ...mail('bill', `bill-${bill.id}`, bill.customer, [email]), subject: bill.id, by: BY_POLICY };
}

/** Whenever somebody asks for it, once a request: another request is another mail, which no mailbox takes for the first one. */
export function billLetterAsked(
  bill: { readonly id: string; readonly customer: string },
  asked: { readonly recipients: readonly string[]; readonly request: string; readonly by: string },
): NewMessage {
  const request = createHash('sha256').update(asked.request).digest('hex').slice(0, 12);
  return {
    ...mail('bill', `bill-${bill.id}-${request}`, bill.customer, asked.recipients),
    subject: bill.id,
    by: asked.by,
  };
}

export function creditNoteLetter({ serial, bill, number, customer }: CreditNote, email: string): NewMessage {
  return {
    ...mail('credit_note', `credit-note-${serial}`, customer, [email]),
    subject: bill,
    content: { number },
    by: BY_POLICY,
  };
}

/** To everybody who is to hear of it beside the billing queue. */
export function quotaLetters({ mail: addresses = [], webhooks = [] }: Quota, { id, data }: QuotaJob): NewMessage[] {
  const told = { kind: 'quota', subject: data.quota, customer: data.account, content: data, by: 'quotas' } as const;
  return [
    ...(addresses.length === 0 ? [] : [{ ...told, key: id, channel: MAIL, recipients: addresses }]),
    ...[...new Set(webhooks)].map((name) => ({
      ...told,
      key: `${id}-${name}`,
      channel: webhookChannel(name),
      recipients: [],
    })),
  ];
}

function mail(
  kind: NewMessage['kind'],
  key: string,
  customer: string,
  recipients: readonly string[],
): Pick<NewMessage, 'key' | 'channel' | 'kind' | 'customer' | 'recipients'> {
  return { kind, key, channel: MAIL, customer, recipients };
}
