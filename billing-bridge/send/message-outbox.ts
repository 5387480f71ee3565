// Messages on their way: written in the transaction of what they tell, claimed for a try, then done, tried again, or given up until somebody asks.
import { type AuditEntry, recordAudit } from '../../common/database/audit.ts';
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';

export const MESSAGE_KINDS = ['bill', 'credit_note', 'quota', 'event'] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];
export const MESSAGE_STATES = ['intended', 'sending', 'done', 'dead'] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

export interface NewMessage {
  /** The same whenever the same is told: a second row under it is not written, and a receiver knows a repeat by it. */
  readonly key: string;
  /** `mail`, or the name of another way. */
  readonly channel: string;
  readonly kind: MessageKind;
  /** Of what: the id of a bill, the number of a credit note. */
  readonly subject: string;
  readonly customer: string | null;
  readonly recipients: readonly string[];
  /** What is told, where it is not read from the ledger when it is sent. */
  readonly content?: unknown;
  readonly by: string;
}

export interface SentMessage extends Omit<NewMessage, 'content'> {
  readonly id: bigint;
  readonly content: unknown;
  readonly state: MessageState;
  readonly attempts: number;
  readonly createdAtMs: EpochMs;
  readonly nextTryMs: EpochMs;
  readonly triedAtMs: EpochMs | null;
  readonly doneAtMs: EpochMs | null;
  /** Why the last try failed; of one that is done, a remark. */
  readonly failure: string | null;
}

interface MessageRow {
  readonly id: bigint;
  readonly key: string;
  readonly channel: string;
  readonly kind: MessageKind;
  readonly subject: string;
  readonly customer: string | null;
  readonly recipients: readonly string[];
  readonly content: unknown;
  readonly by_whom: string;
  readonly state: MessageState;
  readonly attempts: number;
  readonly created_at_ms: bigint;
  readonly next_try_ms: bigint;
  readonly tried_at_ms: bigint | null;
  readonly done_at_ms: bigint | null;
  readonly failure: string | null;
}

const COLUMNS = `id, key, channel, kind, subject, customer, recipients, content, by_whom, state, attempts, created_at_ms, next_try_ms,
  tried_at_ms, done_at_ms, failure`;

/** In the transaction of what it tells. A key that is there already stays as it was: false then. */
export async function putMessage(connection: Queryable, message: NewMessage, atMs: EpochMs): Promise<boolean> {
  const { key, channel, kind, subject, customer, recipients, content, by } = message;
  const { rows } = await connection.query(
    `insert into billing.message (key, channel, kind, subject, customer, recipients, content, by_whom, created_at_ms, next_try_ms)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) on conflict (key) do nothing returning id`,
    [
      key,
      channel,
      kind,
      subject,
      customer,
      recipients,
      content === undefined ? null : JSON.stringify(content),
      by,
      atMs,
    ],
  );
  return rows.length > 0;
}

export async function messageByKey(connection: Queryable, key: string): Promise<SentMessage | null> {
  const { rows } = await connection.query<MessageRow>(`select ${COLUMNS} from billing.message where key = $1`, [key]);
  return rows[0] === undefined ? null : messageOf(rows[0]);
}

/** Ways on which something is to be tried now. */
export async function channelsDue(connection: Queryable, nowMs: EpochMs): Promise<string[]> {
  const { rows } = await connection.query<{ channel: string }>(
    `select distinct channel from billing.message
      where state in ('intended', 'sending') and next_try_ms <= $1 and claimed_until_ms <= $1`,
    [nowMs],
  );
  return rows.map((row) => row.channel);
}

/**
 * Takes the next message of a way that is to be tried, and keeps others from it for a while. One that was being sent when its sender died
 * may have arrived. A bill that is on hold is not sent while it is; events of one listener go out in their order.
 */
export async function claimMessage(
  connection: Queryable,
  channel: string,
  nowMs: EpochMs,
  claimMs: DurationMs,
): Promise<SentMessage | null> {
  const { rows } = await connection.query<MessageRow>(
    `update billing.message set state = 'sending', attempts = attempts + 1, tried_at_ms = $2, claimed_until_ms = $3,
            uncertain = uncertain or state = 'sending'
      where id = (select id from billing.message m
                   where channel = $1 and state in ('intended', 'sending') and next_try_ms <= $2 and claimed_until_ms <= $2
                     and (kind <> 'bill' or 'onHold' is distinct from
                       (select s.state from billing.bill_state s where s.bill = m.subject order by s.id desc limit 1))
                     and (kind <> 'event' or not exists (
                       select from billing.message e where e.channel = m.channel and e.id < m.id and e.state in ('intended', 'sending')))
                   order by id limit 1 for update skip locked)
     returning ${COLUMNS}`,
    [channel, nowMs, nowMs + claimMs],
  );
  return rows[0] === undefined ? null : messageOf(rows[0]);
}

export async function messageDone(
  connection: Queryable,
  id: bigint,
  atMs: EpochMs,
  remark: string | null,
): Promise<void> {
  await connection.query(
    `update billing.message set state = 'done', done_at_ms = $2, claimed_until_ms = 0, failure = $3 where id = $1`,
    [id, atMs, remark],
  );
}

export interface MessageFailure {
  readonly text: string;
  /** Surely it did not arrive. */
  readonly certain: boolean;
  /** Null: it is not tried again by itself. */
  readonly nextTryMs: EpochMs | null;
}

export async function messageFailed(
  connection: Queryable,
  id: bigint,
  { text, certain, nextTryMs }: MessageFailure,
): Promise<void> {
  await connection.query(
    `update billing.message set state = $2, failure = $3, claimed_until_ms = 0, next_try_ms = coalesce($4, next_try_ms),
            uncertain = uncertain or $5 where id = $1`,
    [id, nextTryMs === null ? 'dead' : 'intended', text, nextTryMs, !certain],
  );
}

/** Has a message tried again that was given up, with all its tries. Throws not_found. */
export function retryMessage(
  database: Database,
  id: bigint,
  nowMs: EpochMs,
  audit: (before: unknown, after: unknown) => AuditEntry,
): Promise<SentMessage> {
  return database.transaction(async (connection) => {
    const { rows: held } = await connection.query<{ attempts: number; failure: string | null }>(
      `select attempts, failure from billing.message where id = $1 and state = 'dead' for update`,
      [id],
    );
    if (held[0] === undefined)
      throw new WeirError('not_found', `There is no message ${id} that was given up.`, { message: id.toString() });
    const { rows } = await connection.query<MessageRow>(
      `update billing.message set state = 'intended', attempts = 0, next_try_ms = $2 where id = $1 returning ${COLUMNS}`,
      [id, nowMs],
    );
    await recordAudit(connection, audit({ state: 'dead', ...held[0] }, { state: 'intended' }));
    if (rows[0] === undefined) throw new Error('BUG: a row that is locked is gone');
    return messageOf(rows[0]);
  });
}

export interface MessagesQuery {
  /** Only theirs, as a scope names them; null: everybody's. */
  readonly customers: readonly string[] | null;
  readonly customer?: string | undefined;
  readonly state?: MessageState | undefined;
  readonly kind?: MessageKind | undefined;
  readonly subject?: string | undefined;
  readonly before?: bigint | undefined;
  readonly limit: number;
}

/** Newest first. */
export async function findMessages(connection: Queryable, query: MessagesQuery): Promise<SentMessage[]> {
  const { rows } = await connection.query<MessageRow>(
    `select ${COLUMNS} from billing.message
      where ($1::text[] is null or customer = any($1)) and ($2::text is null or customer = $2) and ($3::text is null or state = $3)
        and ($4::text is null or kind = $4) and ($5::text is null or subject = $5) and ($6::int8 is null or id < $6)
      order by id desc limit $7`,
    [
      query.customers,
      query.customer ?? null,
      query.state ?? null,
      query.kind ?? null,
      query.subject ?? null,
      query.before ?? null,
      query.limit,
    ],
  );
  return rows.map(messageOf);
}

/** By way: messages that wait for a try, and those that were given up. */
export async function countUnsent(
  connection: Queryable,
): Promise<ReadonlyMap<string, { readonly waiting: number; readonly dead: number }>> {
  const { rows } = await connection.query<{ channel: string; waiting: bigint; dead: bigint }>(
    `select channel, count(*) filter (where state <> 'dead') as waiting, count(*) filter (where state = 'dead') as dead
       from billing.message where state in ('intended', 'sending') or state = 'dead' group by channel`,
  );
  return new Map(rows.map(({ channel, waiting, dead }) => [channel, { waiting: Number(waiting), dead: Number(dead) }]));
}

function messageOf(row: MessageRow): SentMessage {
  const time = (ms: bigint | null): number | null => (ms === null ? null : Number(ms));
  return {
    id: row.id,
    key: row.key,
    channel: row.channel,
    kind: row.kind,
    subject: row.subject,
    customer: row.customer,
    recipients: row.recipients,
    content: row.content,
    by: row.by_whom,
    state: row.state,
    attempts: row.attempts,
    createdAtMs: Number(row.created_at_ms),
    nextTryMs: Number(row.next_try_ms),
    triedAtMs: time(row.tried_at_ms),
    doneAtMs: time(row.done_at_ms),
    failure: row.failure,
  };
}

/** Tried so often without being sent, a message says that its way fails. */
const TRIES_OF_A_FAILURE = 3;
const MOST_FAILING = 1000;

export interface FailingWay {
  readonly channel: string;
  /** Something is not tried again by itself. */
  readonly givenUp: boolean;
  readonly sinceMs: EpochMs;
  readonly failure: string | null;
}

/** Ways of which something was given up, or is tried again and again. */
export async function failingWays(connection: Queryable): Promise<readonly FailingWay[]> {
  const { rows } = await connection.query<{ channel: string; dead: boolean; since_ms: bigint; failure: string | null }>(
    `select channel, bool_or(state = 'dead') as dead, min(created_at_ms) as since_ms,
            (array_agg(failure order by id desc) filter (where failure is not null))[1] as failure
       from billing.message where state = 'dead' or (state in ('intended', 'sending') and attempts >= ${TRIES_OF_A_FAILURE})
      group by channel order by channel limit ${MOST_FAILING}`,
  );
  return rows.map(({ channel, dead, since_ms: sinceMs, failure }) => ({
    channel,
    givenUp: dead,
    sinceMs: Number(sinceMs),
    failure,
  }));
}
