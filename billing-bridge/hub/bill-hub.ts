// The hub of TMF678: who listens, and an event for each bill that is made and each state it enters, in the order of the ledger's chain, once.
import { randomUUID } from 'node:crypto';
import { recordAudit } from '../../common/database/audit.ts';
import type { Database, Migration, Queryable } from '../../common/database/database.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { isAllowed } from '../../common/send/allowed-address.ts';
import type { ChainEntry } from '../audit/chain.ts';
import type { Bill, BillState } from '../bill/bill-store.ts';
import type { NewMessage } from '../send/message-outbox.ts';

export const billHubMigrations: readonly Migration[] = [
  {
    id: 'billing-hub-001',
    sql: `
      create table billing.bill_listener (
        id text primary key,
        callback text not null,
        query text not null,
        created_by text not null,
        created_at_ms bigint not null,
        position bigint not null,
        ended_at_ms bigint
      );`,
  },
];

export interface BillListener {
  readonly id: string;
  readonly callback: string;
  readonly query: string;
}

export const EVENT_TYPES = ['CustomerBillCreateEvent', 'CustomerBillStateChangeEvent'] as const;
export type BillEventType = (typeof EVENT_TYPES)[number];

export interface BillHubDeps {
  readonly database: Database;
  readonly clock: Clock;
  /** Addresses that may be registered, or what theirs begin with. */
  readonly allowed: readonly string[];
  readonly entriesAfter: (connection: Queryable, position: bigint, limit: number) => Promise<ChainEntry[]>;
  readonly bill: (id: string) => Promise<Bill | null>;
  /** As TMF678 has it. */
  readonly form: (bill: Bill) => Promise<Readonly<Record<string, unknown>>>;
  readonly put: (connection: Queryable, message: NewMessage, atMs: EpochMs) => Promise<unknown>;
}

const MAX_LISTENERS = 50;
const AT_ONCE = 500;
/** Events of one listener that wait; the others stay in the ledger until it has taken some. */
const MOST_WAITING = 10_000;
/** Taken ones are forgotten after this: the ledger itself says what happened. */
const KEPT_MS = 90 * 86_400_000;
const MAX_QUERY = 500;

export function listenerChannel(id: string): string {
  return `listener ${id}`;
}

/** Which events a listener asked for: `eventType=A,B`, all without. Throws invalid_request. */
export function wantedEvents(query: string): readonly BillEventType[] {
  const found = new Set<BillEventType>();
  for (const [name, value] of new URLSearchParams(query.slice(0, MAX_QUERY).replace(/^\?/, ''))) {
    if (name !== 'eventType') throw new WeirError('invalid_request', `query: expected eventType, not ${name}.`);
    for (const text of value.split(',')) {
      const type = EVENT_TYPES.find((one) => one.toLowerCase() === text.trim().toLowerCase());
      if (type === undefined)
        throw new WeirError('invalid_request', `query: eventType is one of ${EVENT_TYPES.join(', ')}, not ${text}.`);
      found.add(type);
    }
  }
  return found.size === 0 ? EVENT_TYPES : [...found];
}

interface Actor {
  readonly name: string;
  readonly role: string;
}

interface Told {
  readonly type: BillEventType;
  readonly bill: string;
  readonly state: BillState | null;
  readonly atMs: EpochMs;
}

export class BillHub {
  readonly #deps: BillHubDeps;

  constructor(deps: BillHubDeps) {
    this.#deps = deps;
  }

  /** Registered again with the same words it is the same listener. Throws listener_not_allowed, invalid_request, overloaded. */
  add(callback: string, query: string, by: Actor): Promise<BillListener> {
    const { database, clock, allowed } = this.#deps;
    if (!isAllowed(callback, allowed))
      throw new WeirError('listener_not_allowed', 'callback: the address is not among those allowed.', { callback });
    if (query.length > MAX_QUERY) throw new WeirError('invalid_request', `query: at most ${MAX_QUERY} characters.`);
    wantedEvents(query);
    const atMs = clock.now();
    return database.transaction(async (connection) => {
      // Whoever registers and whoever writes to the ledger take turns: what is written afterwards is told.
      const { rows: head } = await connection.query<{ position: bigint }>(
        'select position from billing.chain_head for update',
      );
      const { rows } = await connection.query<BillListener>(
        'select id, callback, query from billing.bill_listener where ended_at_ms is null',
      );
      const held = rows.find((row) => row.callback === callback && row.query === query);
      if (held !== undefined) return held;
      if (rows.length >= MAX_LISTENERS)
        throw new WeirError('overloaded', `There are ${MAX_LISTENERS} listeners already.`, { most: MAX_LISTENERS });
      const listener = { id: randomUUID(), callback, query };
      await connection.query(
        `insert into billing.bill_listener (id, callback, query, created_by, created_at_ms, position)
         values ($1, $2, $3, $4, $5, $6)`,
        [listener.id, callback, query, by.name, atMs, head[0]?.position ?? 0n],
      );
      const subject = `bill-listener/${listener.id}`;
      const entry = { atMs, actor: by.name, role: by.role, action: 'bill-listener.create' };
      await recordAudit(connection, { ...entry, subject, after: listener });
      return listener;
    });
  }

  /** What waits for it is told to nobody. Throws not_found. */
  remove(id: string, by: Actor): Promise<void> {
    const { database, clock } = this.#deps;
    const atMs = clock.now();
    return database.transaction(async (connection) => {
      const { rows } = await connection.query<BillListener>(
        `update billing.bill_listener set ended_at_ms = $2 where id = $1 and ended_at_ms is null
         returning id, callback, query`,
        [id, atMs],
      );
      if (rows[0] === undefined) throw new WeirError('not_found', 'There is no such listener.', { listener: id });
      await connection.query(`delete from billing.message where channel = $1 and state <> 'done'`, [
        listenerChannel(id),
      ]);
      const entry = { atMs, actor: by.name, role: by.role, action: 'bill-listener.end' };
      await recordAudit(connection, { ...entry, subject: `bill-listener/${id}`, before: rows[0] });
    });
  }

  /** Writes down what each listener has not been told yet, for whoever sends it. `fence` throws lease_lost. */
  async run(fence: (connection: Queryable) => Promise<void>): Promise<{ readonly events: number }> {
    const { database, clock } = this.#deps;
    const { rows } = await database.query<BillListener & { position: bigint }>(
      `select id, callback, query, position from billing.bill_listener l where ended_at_ms is null
          and position < (select position from billing.chain_head)
          and (select count(*) from billing.message m where m.channel = 'listener ' || l.id and m.state in ('intended', 'sending')) < $1`,
      [MOST_WAITING],
    );
    let events = 0;
    for (const listener of rows) events += await this.#tell(listener, fence);
    await database.query(`delete from billing.message where kind = 'event' and state = 'done' and done_at_ms < $1`, [
      clock.now() - KEPT_MS,
    ]);
    return { events };
  }

  async #tell(
    listener: BillListener & { readonly position: bigint },
    fence: (connection: Queryable) => Promise<void>,
  ): Promise<number> {
    const { database, clock, entriesAfter, put } = this.#deps;
    const entries = await entriesAfter(database, listener.position, AT_ONCE);
    const last = entries.at(-1);
    if (last === undefined) return 0;
    const wanted = wantedEvents(listener.query);
    const messages: NewMessage[] = [];
    for (const entry of entries) {
      const told = await this.#toldBy(entry);
      if (told !== null && wanted.includes(told.type)) messages.push(await this.#message(listener, entry, told));
    }
    await database.transaction(async (connection) => {
      await fence(connection);
      for (const message of messages) await put(connection, message, clock.now());
      await connection.query('update billing.bill_listener set position = $2 where id = $1', [
        listener.id,
        last.position,
      ]);
    });
    return messages.length;
  }

  /** Null for what is no event; the first state of a bill is part of its making. */
  async #toldBy({ kind, keys, atMs }: ChainEntry): Promise<Told | null> {
    const [key = ''] = keys;
    if (kind === 'bill') return { type: 'CustomerBillCreateEvent', bill: key, state: null, atMs };
    if (kind !== 'bill_state') return null;
    const { rows } = await this.#deps.database.query<{ bill: string; state: BillState; first: boolean }>(
      `select s.bill, s.state, not exists (select from billing.bill_state b where b.bill = s.bill and b.id < s.id) as first
         from billing.bill_state s where s.id = $1`,
      [key],
    );
    const [row] = rows;
    if (row === undefined || row.first) return null;
    return { type: 'CustomerBillStateChangeEvent', bill: row.bill, state: row.state, atMs };
  }

  async #message(listener: BillListener, entry: ChainEntry, told: Told): Promise<NewMessage> {
    const bill = await this.#deps.bill(told.bill);
    if (bill === null) throw new Error(`BUG: the bill ${told.bill} of the ledger is gone`);
    const customerBill = { ...(await this.#deps.form(bill)), ...(told.state === null ? {} : { state: told.state }) };
    return {
      key: `event-${listener.id}-${entry.position}`,
      channel: listenerChannel(listener.id),
      kind: 'event',
      subject: told.bill,
      customer: null,
      recipients: [listener.callback],
      content: {
        eventId: `bill-${entry.position}`,
        eventTime: isoTime(told.atMs),
        eventType: told.type,
        event: { customerBill },
      },
      by: 'hub',
    };
  }
}
