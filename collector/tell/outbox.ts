// Messages on their way: claimed for a try, then accepted, failed, given up, or tried again; all in the database, so that a crash changes nothing.
import { type AuditEntry, recordAudit } from '../../common/database/audit.ts';
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { ItemKind, Message, MessageContent } from './told.ts';

interface MessageRow {
  readonly id: bigint;
  readonly key: string;
  readonly channel: string;
  readonly content: MessageContent;
  readonly created_at_ms: bigint;
  readonly attempts: number;
}

/** What was given up is tried once more after another message got through, but not more often. */
const REVIVE_AFTER_MS: DurationMs = 3_600_000;

/**
 * Takes the next message of a channel that is to be tried, and keeps others from it for a while. One that was being sent when its sender
 * died may have been accepted.
 */
export async function claim(
  database: Database,
  channel: string,
  nowMs: EpochMs,
  claimMs: DurationMs,
): Promise<Message | null> {
  const { rows } = await database.query<MessageRow>(
    `update tell.message set state = 'sending', attempts = attempts + 1, tried_at_ms = $2, claimed_until_ms = $3,
            uncertain = uncertain or state = 'sending'
      where id = (select id from tell.message
                   where channel = $1 and state in ('intended', 'sending')
                     and next_try_ms <= $2 and claimed_until_ms <= $2
                   order by id limit 1 for update skip locked)
     returning id, key, channel, content, created_at_ms, attempts`,
    [channel, nowMs, nowMs + claimMs],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { id, key, content, created_at_ms: createdAtMs, attempts } = row;
  return { ...content, id: id.toString(), key, channel, createdAtMs: Number(createdAtMs), attempts };
}

/** It was accepted: what it said is what its subscriber believes. */
export async function accepted(
  database: Database,
  message: Message,
  nowMs: EpochMs,
  remark: string | null,
): Promise<void> {
  await database.transaction(async (connection) => {
    await connection.query(
      `update tell.message set state = 'done', done_at_ms = $2, claimed_until_ms = 0, failure = $3 where id = $1`,
      [message.id, nowMs, remark],
    );
    await connection.query(
      `update tell.ledger held
          set severity = item.severity, operator_state = item.operator_state, told_at_ms = $2, message = null,
              thread = case when item.severity is null then null else coalesce(held.thread, $3) end,
              since_ms = case when item.severity is null then null else held.since_ms end
         from tell.message_item item
        where item.message = $1 and held.message = $1 and held.alarm = item.alarm`,
      [message.id, nowMs, message.key],
    );
    await connection.query(
      `update tell.message set state = 'intended', next_try_ms = $2
        where channel = $1 and state = 'dead' and tried_at_ms < $2::int8 - ${REVIVE_AFTER_MS}`,
      [message.channel, nowMs],
    );
  });
}

export interface Failed {
  readonly text: string;
  /** Surely nobody accepted it. */
  readonly certain: boolean;
  /** Null: it is not tried again by itself. */
  readonly nextTryMs: EpochMs | null;
}

export async function failed(
  database: Database,
  message: Message,
  { text, certain, nextTryMs }: Failed,
): Promise<void> {
  await database.query(
    `update tell.message set state = $2, failure = $3, claimed_until_ms = 0, next_try_ms = coalesce($4, next_try_ms),
            uncertain = uncertain or $5
      where id = $1`,
    [message.id, nextTryMs === null ? 'dead' : 'intended', text, nextTryMs, !certain],
  );
}

/** An operator has a message tried again that was given up. Throws not_found. */
export function retry(
  database: Database,
  id: string,
  nowMs: EpochMs,
  audit: (before: unknown, after: unknown) => AuditEntry,
): Promise<void> {
  return database.transaction(async (connection) => {
    const { rows } = await connection.query<{ attempts: number; failure: string | null }>(
      `select attempts, failure from tell.message where id = $1 and state = 'dead' for update`,
      [id],
    );
    const [held] = rows;
    if (held === undefined)
      throw new WeirError('not_found', `There is no message ${id} that was given up.`, { message: id });
    await connection.query(`update tell.message set state = 'intended', attempts = 0, next_try_ms = $2 where id = $1`, [
      id,
      nowMs,
    ]);
    await recordAudit(connection, audit({ state: 'dead', ...held }, { state: 'intended' }));
  });
}

export interface ListedMessage {
  readonly id: string;
  readonly key: string;
  readonly channel: string;
  readonly kind: string;
  readonly state: string;
  readonly attempts: number;
  readonly createdAtMs: EpochMs;
  readonly nextTryMs: EpochMs;
  readonly triedAtMs: EpochMs | null;
  readonly doneAtMs: EpochMs | null;
  readonly failure: string | null;
  readonly alarms: number;
  /** Of the alarm that was asked about; null where none was. */
  readonly said: ItemKind | null;
}

/** A condition on rows of `alarm`, whose values stand at that place and after it. */
export interface AlarmsSeen {
  readonly condition: (place: number) => string;
  readonly values: readonly unknown[];
}

export interface MessagesQuery {
  readonly state?: string;
  readonly channel?: string;
  /** Lower ids only. */
  readonly before?: string;
  /** Those that cover it. */
  readonly alarm?: string;
  /** Those that told of an alarm which is seen; `alarms` counts no others. Default everything. */
  readonly seen?: AlarmsSeen;
  readonly limit: number;
}

/** The newest first. */
export async function listMessages(connection: Queryable, query: MessagesQuery): Promise<ListedMessage[]> {
  const { seen } = query;
  const isSeen = `select from faults.alarm as alarm where alarm.id = item.alarm and ${seen?.condition(6) ?? 'true'}`;
  const items = `tell.message_item item where item.message = message.id ${seen === undefined ? '' : `and exists (${isSeen})`}`;
  const { rows } = await connection.query<
    Omit<MessageRow, 'content'> & {
      readonly kind: string;
      readonly state: string;
      readonly next_try_ms: bigint;
      readonly tried_at_ms: bigint | null;
      readonly done_at_ms: bigint | null;
      readonly failure: string | null;
      readonly alarms: bigint;
      readonly said: ItemKind | null;
    }
  >(
    `select id, key, channel, kind, state, attempts, created_at_ms, next_try_ms, tried_at_ms, done_at_ms, failure,
            (select count(*) from ${items}) as alarms,
            (select item.kind from tell.message_item item where item.message = message.id and item.alarm = $4) as said
       from tell.message message
      where ($1::text is null or state = $1) and ($2::text is null or channel = $2) and ($3::int8 is null or id < $3)
        and ($4::int8 is null or id in (select message from tell.message_item where alarm = $4))
        and ${seen === undefined ? 'true' : `exists (select from ${items})`}
      order by id desc limit $5`,
    [
      query.state ?? null,
      query.channel ?? null,
      query.before ?? null,
      query.alarm ?? null,
      query.limit,
      ...(seen?.values ?? []),
    ],
  );
  const time = (ms: bigint | null): number | null => (ms === null ? null : Number(ms));
  return rows.map((row) => ({
    id: row.id.toString(),
    key: row.key,
    channel: row.channel,
    kind: row.kind,
    state: row.state,
    attempts: row.attempts,
    createdAtMs: Number(row.created_at_ms),
    nextTryMs: Number(row.next_try_ms),
    triedAtMs: time(row.tried_at_ms),
    doneAtMs: time(row.done_at_ms),
    failure: row.failure,
    alarms: Number(row.alarms),
    said: row.said,
  }));
}

const FORGET_STEP = 5000;

/** A channel that is configured no more is forgotten after a day: another collector may still be started with the older file. */
const GONE_AFTER_MS: DurationMs = 86_400_000;

export interface Forgetting {
  readonly nowMs: EpochMs;
  readonly keptMs: DurationMs;
  /** That are configured. */
  readonly channels: readonly string[];
}

/** Forgets messages that are settled and old, what belongs to channels that are gone, and rows of the ledger in which nothing is believed any more. */
export async function forgetSettled(database: Database, { nowMs, keptMs, channels }: Forgetting): Promise<void> {
  await database.query(
    `with gone as (
       update tell.message set state = 'superseded', done_at_ms = $1
        where state in ('intended', 'sending', 'dead') and channel <> all($2::text[]) and created_at_ms < $3 returning id)
     update tell.ledger set message = null where message in (select id from gone)`,
    [nowMs, channels, nowMs - GONE_AFTER_MS],
  );
  await database.query(
    `delete from tell.ledger
      where message is null and channel <> all($1::text[])
        and greatest(told_at_ms, since_ms, waiting_since_ms, 0) < $2`,
    [channels, nowMs - GONE_AFTER_MS],
  );
  await database.query(
    `delete from tell.message where id in (
       select id from tell.message
        where created_at_ms < $1 and state in ('done', 'superseded')
          and not exists (select from tell.ledger where ledger.message = message.id)
        order by id limit ${FORGET_STEP})`,
    [nowMs - keptMs],
  );
  await database.query(
    'delete from tell.ledger where severity is null and message is null and waiting_since_ms is null and since_ms is null',
  );
}

/** By channel: messages that wait for a try, and those that were given up. */
export async function countUnsettled(
  connection: Queryable,
): Promise<ReadonlyMap<string, { readonly waiting: number; readonly dead: number }>> {
  const { rows } = await connection.query<{ channel: string; waiting: bigint; dead: bigint }>(
    `select channel, count(*) filter (where state <> 'dead') as waiting, count(*) filter (where state = 'dead') as dead
       from tell.message where state in ('intended', 'sending') or state = 'dead' group by channel`,
  );
  return new Map(rows.map(({ channel, waiting, dead }) => [channel, { waiting: Number(waiting), dead: Number(dead) }]));
}
