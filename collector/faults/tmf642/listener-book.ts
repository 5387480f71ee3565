// Who is told of alarms: registered at an address that is allowed, told in order after a cursor that outlives the process, given up when dead for long.
import { recordAudit } from '../../../common/database/audit.ts';
import type { Database } from '../../../common/database/database.ts';
import { cleanText } from '../../../common/model/table-columns.ts';
import { type EpochMs, isoTime } from '../../../common/model/time.ts';
import type { Principal } from '../../../common/runtime/access.ts';
import type { Clock } from '../../../common/runtime/clock.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { interestOf } from './alarm-event.ts';
import { isAllowed } from '../../../common/send/allowed-address.ts';

export interface Listener {
  readonly id: string;
  readonly callback: string;
  readonly query: string;
}

export interface ListenerRow extends Listener {
  readonly cursor: bigint;
  readonly failures: number;
  readonly failing_since_ms: bigint | null;
  readonly next_try_at_ms: bigint;
}

/** How a listener is doing, for people. */
export interface ListenerState extends Listener {
  readonly createdBy: string;
  readonly createdAt: string;
  /** Events that it has not been told yet. */
  readonly behind: number;
  readonly failures: number;
  readonly failingSince: string | null;
  readonly lastFailure: string | null;
  readonly lastToldAt: string | null;
  /** Events that were gone before it could be told, or that it refused again and again. */
  readonly missed: number;
  readonly endedAt: string | null;
  readonly endReason: string | null;
}

export interface ListenerBookDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly allowed: readonly string[];
}

const MAX_LISTENERS = 50;
const SHOWN = 200;
/** Whoever registers and whoever changes an alarm takes turns: what is changed afterwards is told (faults-hub-001 has the same number). */
const TURN = 'select pg_advisory_xact_lock(8632642)';

export class ListenerBook {
  readonly #deps: ListenerBookDeps;

  constructor(deps: ListenerBookDeps) {
    this.#deps = deps;
  }

  /** Registered again with the same words it is the same listener. Throws listener_not_allowed, invalid_request, overloaded. */
  add(callback: string, asked: string, principal: Principal): Promise<Listener> {
    const query = cleanText(asked);
    if (!isAllowed(callback, this.#deps.allowed))
      throw new WeirError('listener_not_allowed', 'callback: the address is not among those allowed.', { callback });
    interestOf(query);
    const nowMs = this.#deps.clock.now();
    return this.#deps.database.transaction(async (connection) => {
      await connection.query(TURN);
      const { rows } = await connection.query<Listener>(
        'select id, callback, query from faults.alarm_listener where ended_at_ms is null',
      );
      const held = rows.find((row) => row.callback === callback && row.query === query);
      if (held !== undefined) return held;
      if (rows.length >= MAX_LISTENERS)
        throw new WeirError('overloaded', `There are ${MAX_LISTENERS} listeners already.`, { most: MAX_LISTENERS });
      const listener = { id: this.#deps.newId(), callback, query };
      await connection.query(
        `insert into faults.alarm_listener (id, callback, query, created_by, created_at_ms, cursor)
         values ($1, $2, $3, $4, $5, (select coalesce(max(id), 0) from faults.alarm_event))`,
        [listener.id, callback, query, principal.name, nowMs],
      );
      await recordAudit(connection, {
        atMs: nowMs,
        actor: principal.name,
        role: principal.role,
        action: 'alarm-listener.create',
        subject: `alarm-listener/${listener.id}`,
        after: listener,
      });
      return listener;
    });
  }

  /** Throws not_found. */
  async remove(id: string, principal: Principal): Promise<void> {
    const ended = await this.end(id, 'unregistered', { name: principal.name, role: principal.role });
    if (!ended) throw new WeirError('not_found', 'There is no such listener.', { listener: id.slice(0, 40) });
  }

  /** False where it had ended. */
  end(id: string, reason: string, by: { readonly name: string; readonly role: string }): Promise<boolean> {
    const nowMs = this.#deps.clock.now();
    return this.#deps.database.transaction(async (connection) => {
      const { rows } = await connection.query<Listener>(
        `update faults.alarm_listener set ended_at_ms = $2, end_reason = $3
          where id = $1 and ended_at_ms is null returning id, callback, query`,
        [cleanText(id), nowMs, reason],
      );
      const [row] = rows;
      if (row === undefined) return false;
      await recordAudit(connection, {
        atMs: nowMs,
        actor: by.name,
        role: by.role,
        action: 'alarm-listener.end',
        subject: `alarm-listener/${id}`,
        before: row,
        note: reason,
      });
      return true;
    });
  }

  /** Also those that ended, the newest first. */
  async list(): Promise<ListenerState[]> {
    const { rows } = await this.#deps.database.query<StateRow>(
      `select id, callback, query, created_by, created_at_ms, failures, failing_since_ms, last_failure, last_told_at_ms,
              missed, ended_at_ms, end_reason,
              (select count(*) from faults.alarm_event event where event.id > listener.cursor) as behind
         from faults.alarm_listener listener order by created_at_ms desc, id limit ${SHOWN}`,
    );
    return rows.map((row) => ({
      id: row.id,
      callback: row.callback,
      query: row.query,
      createdBy: row.created_by,
      createdAt: isoTime(Number(row.created_at_ms)),
      behind: row.ended_at_ms === null ? Number(row.behind) : 0,
      failures: row.failures,
      failingSince: timeOrNull(row.failing_since_ms),
      lastFailure: row.last_failure,
      lastToldAt: timeOrNull(row.last_told_at_ms),
      missed: Number(row.missed),
      endedAt: timeOrNull(row.ended_at_ms),
      endReason: row.end_reason,
    }));
  }

  async due(nowMs: EpochMs): Promise<readonly ListenerRow[]> {
    const { rows } = await this.#deps.database.query<ListenerRow>(
      `select id, callback, query, cursor, failures, failing_since_ms, next_try_at_ms from faults.alarm_listener listener
        where ended_at_ms is null and next_try_at_ms <= $1
          and exists (select from faults.alarm_event event where event.id > listener.cursor) order by id`,
      [nowMs],
    );
    return rows;
  }
}

interface StateRow extends Listener {
  readonly created_by: string;
  readonly created_at_ms: bigint;
  readonly failures: number;
  readonly failing_since_ms: bigint | null;
  readonly last_failure: string | null;
  readonly last_told_at_ms: bigint | null;
  readonly missed: bigint;
  readonly ended_at_ms: bigint | null;
  readonly end_reason: string | null;
  readonly behind: bigint;
}

function timeOrNull(atMs: bigint | null): string | null {
  return atMs === null ? null : isoTime(Number(atMs));
}
