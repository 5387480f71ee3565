// What was told to people and programs outside, and what somebody asks to have told: bills by e-mail, messages that were given up.
import type { AuditEntry } from '../common/database/audit.ts';
import { recordAudit } from '../common/database/audit.ts';
import type { Database } from '../common/database/database.ts';
import type { Clock } from '../common/runtime/clock.ts';
import { WeirError } from '../common/runtime/errors.ts';
import type { Bill } from './bill/bill-store.ts';
import { billLetterAsked } from './letters.ts';
import {
  failingWays,
  type FailingWay,
  findMessages,
  messageByKey,
  type MessagesQuery,
  putMessage,
  retryMessage,
  type SentMessage,
} from './send/message-outbox.ts';

export interface CorrespondenceDeps {
  readonly database: Database;
  readonly clock: Clock;
  /** A server that mail goes out through is configured. */
  readonly hasMail: boolean;
  /** After something was written that waits to be sent. */
  readonly onPut?: () => void;
}

export interface Actor {
  readonly name: string;
  readonly role: string;
}

export interface SendBill {
  /** Chosen by who asks: asked again under it, nothing more is sent. */
  readonly request: string;
  /** Null: to the address that the bill has. */
  readonly to: readonly string[] | null;
  readonly by: Actor;
}

export class Correspondence {
  readonly #deps: CorrespondenceDeps;

  constructor(deps: CorrespondenceDeps) {
    this.#deps = deps;
  }

  /** Writes down that a bill is to be sent by e-mail. Throws mail_refused. */
  async sendBill(bill: Bill, { request, to, by }: SendBill): Promise<SentMessage> {
    const { database, clock, hasMail, onPut } = this.#deps;
    const address = bill.invoice?.buyer.email ?? null;
    const recipients = to ?? (address === null ? [] : [address]);
    if (bill.invoice === null || recipients.length === 0 || !hasMail)
      throw new WeirError('mail_refused', `The bill ${bill.id} ${whyNot(bill, recipients)}.`, { bill: bill.id });
    const letter = billLetterAsked(bill, { recipients, request, by: by.name });
    const message = await database.transaction(async (connection) => {
      const atMs = clock.now();
      const after = { message: letter.key, to: recipients };
      if (await putMessage(connection, letter, atMs))
        await recordAudit(connection, { atMs, ...actorOf(by), action: 'bill.mail', subject: `bill/${bill.id}`, after });
      return messageByKey(connection, letter.key);
    });
    if (message === null) throw new Error('BUG: a message that was written is not there');
    onPut?.();
    return message;
  }

  /** Newest first. */
  messages(query: MessagesQuery): Promise<SentMessage[]> {
    return findMessages(this.#deps.database, query);
  }

  failing(): Promise<readonly FailingWay[]> {
    return failingWays(this.#deps.database);
  }

  /** Throws not_found. */
  async retry(id: bigint, by: Actor): Promise<SentMessage> {
    const { database, clock, onPut } = this.#deps;
    const atMs = clock.now();
    const retried = await retryMessage(
      database,
      id,
      atMs,
      (before, after): AuditEntry => ({
        atMs,
        ...actorOf(by),
        action: 'message.retry',
        subject: `message/${id}`,
        before,
        after,
      }),
    );
    onPut?.();
    return retried;
  }
}

function actorOf({ name, role }: Actor): Pick<AuditEntry, 'actor' | 'role'> {
  return { actor: name, role };
}

function whyNot(bill: Bill, recipients: readonly string[]): string {
  if (bill.invoice === null) return 'has no number';
  return recipients.length === 0 ? 'goes to no address' : 'has no server to go out through';
}
