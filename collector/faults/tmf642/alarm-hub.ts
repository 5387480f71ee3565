// Tells listeners of alarms: each in the order of the changes, once a change is in the database and until it is taken; a slow one delays no other.
import { createHmac } from 'node:crypto';
import type { Database, Lease, Queryable } from '../../../common/database/database.ts';
import { type EpochMs, isoTime } from '../../../common/model/time.ts';
import { EVERYTHING } from '../../../common/model/viewpoint.ts';
import type { Clock } from '../../../common/runtime/clock.ts';
import type { Component } from '../../../common/runtime/component.ts';
import { codeOf, messageOf } from '../../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../../common/runtime/reporter.ts';
import { backoffDelay } from '../../../common/runtime/retry.ts';
import { type AlarmNotification, type EventRow, interestOf, notificationOf, rowOf } from './alarm-event.ts';
import { besideOf } from './alarm-reader.ts';
import type { ListenerBook, ListenerRow } from './listener-book.ts';
import { isAllowed } from '../../../common/send/allowed-address.ts';
import type { NorthboundConfig } from './northbound-config.ts';

/** Of common/database/lease.ts. */
export interface HubLeases {
  acquire(name: string, holder: string, ttlMs: number): Promise<Lease | null>;
  renew(lease: Lease, ttlMs: number): Promise<void>;
  release(lease: Lease): Promise<void>;
  assertHeld(connection: Queryable, lease: Lease): Promise<void>;
}

export interface AlarmHubDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: () => number;
  readonly fetch: typeof fetch;
  readonly listeners: ListenerBook;
  readonly leases: HubLeases;
  /** Of this process: one collector tells at a time. */
  readonly holder: string;
  readonly signingSecret: string | null;
}

const LOOK_EVERY_MS = 500;
const LEASE = 'alarm-hub';
const LEASE_MS = 30_000;
const RENEW_MS = 5000;
const BACKOFF = { firstMs: 1000, mostMs: 300_000 };
/** An event that a listener refuses as often is left out: it would hold back all behind it. */
const REFUSALS = 5;
const CHUNK = 50;
const TRIM_EVERY_MS = 30_000;

type Outcome = 'told' | 'refused' | 'failed';

export class AlarmHub implements Component {
  readonly #reporter: Reporter;
  readonly #config: NorthboundConfig;
  readonly #deps: AlarmHubDeps;
  readonly #stopping = new AbortController();
  readonly #telling = new Map<string, Promise<void>>();
  readonly #outcomes: CounterMetric;
  readonly #missed: CounterMetric;
  readonly #givenUp: CounterMetric;
  #running: Promise<void> | null = null;
  #lease: Lease | null = null;
  #leasedAtMs = 0;
  #trimmedAtMs = Number.NEGATIVE_INFINITY;

  constructor(reporter: Reporter, config: NorthboundConfig, deps: AlarmHubDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#outcomes = reporter.counter('alarm_hub_events_total', 'Events for listeners of alarms, by outcome', [
      'outcome',
    ]);
    this.#missed = reporter.counter(
      'alarm_hub_missed_total',
      'Events that were gone before a listener was told, or that it refused again and again',
    );
    this.#givenUp = reporter.counter(
      'alarm_hub_given_up_total',
      'Listeners given up: dead for long, or no longer allowed',
    );
  }

  async start(): Promise<void> {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(this.#telling.values());
    if (this.#lease !== null) await this.#deps.leases.release(this.#lease).catch(() => undefined);
    this.#lease = null;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#deps.clock.sleep(LOOK_EVERY_MS, signal);
      try {
        if (!signal.aborted) await this.#look();
      } catch (error) {
        // The database is away, or another collector tells: looked for again.
        this.#lease = null;
        this.#reporter.debug('listeners not looked for', { code: codeOf(error), message: messageOf(error) });
      }
    }
  }

  async #look(): Promise<void> {
    const { clock, leases, holder, listeners } = this.#deps;
    const due = await listeners.due(clock.now());
    const ttlMs = LEASE_MS + this.#config.timeoutMs;
    if (due.length > 0 && this.#lease === null) {
      this.#lease = await leases.acquire(LEASE, holder, ttlMs);
      this.#leasedAtMs = clock.monotonicMs();
    } else if (this.#lease !== null && clock.monotonicMs() - this.#leasedAtMs > RENEW_MS) {
      await leases.renew(this.#lease, ttlMs);
      this.#leasedAtMs = clock.monotonicMs();
    }
    const lease = this.#lease;
    if (lease !== null)
      for (const listener of due)
        if (!this.#telling.has(listener.id)) {
          const telling = this.#tell(listener, lease).finally(() => this.#telling.delete(listener.id));
          this.#telling.set(listener.id, telling);
        }
    if (clock.monotonicMs() - this.#trimmedAtMs > TRIM_EVERY_MS) {
      this.#trimmedAtMs = clock.monotonicMs();
      await this.#trim();
    }
  }

  /** Never rejects: what could not be written down is done again, under the same event id. */
  async #tell(listener: ListenerRow, lease: Lease): Promise<void> {
    try {
      if (!isAllowed(listener.callback, this.#config.listeners))
        return await this.#giveUp(listener, 'the address is no longer allowed');
      const interest = interestOf(listener.query);
      // Not as it was due: what was being told then may be told by now.
      const cursor = await this.#cursorOf(listener);
      if (cursor === null) return;
      const { rows } = await this.#deps.database.query<EventRow>(
        `select id, event_id, at_ms, alarm, before, after, task_kind, task from faults.alarm_event
          where id > $1 order by id limit ${CHUNK}`,
        [cursor],
      );
      for (const event of rows) {
        if (this.#stopping.signal.aborted) return;
        const row = event.after ?? event.before;
        const beside = await besideOf(this.#deps.database, row === null ? [] : [rowOf(row).id], EVERYTHING);
        const notification = notificationOf(event, interest, beside(event.alarm ?? 0n));
        const outcome = notification === null ? null : await this.#post(listener, notification, event.event_id);
        if (outcome !== null) this.#outcomes.add(1, { outcome: outcome.outcome });
        if (outcome !== null && outcome.outcome !== 'told') return await this.#fail(listener, lease, event, outcome);
        if (!(await this.#advance(listener, lease, event, outcome !== null))) return;
      }
    } catch (error) {
      this.#reporter.debug('a listener is told later', {
        listener: listener.id,
        code: codeOf(error),
        message: messageOf(error),
      });
    }
  }

  async #post(
    { callback }: ListenerRow,
    { name, body }: AlarmNotification,
    eventId: string,
  ): Promise<{ readonly outcome: Outcome; readonly why: string }> {
    const text = JSON.stringify(body);
    const { signingSecret: secret } = this.#deps;
    const signature = secret === null ? null : createHmac('sha256', secret).update(text).digest('hex');
    // As the specification names the paths of a listener; any other address gets every event itself.
    const url = new URL(callback);
    if (/\/listener\/?$/.test(url.pathname)) url.pathname = `${url.pathname.replace(/\/$/, '')}/${name}`;
    try {
      const answer = await this.#deps.fetch(url, {
        method: 'POST',
        body: text,
        redirect: 'manual',
        signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#config.timeoutMs)]),
        headers: {
          'content-type': 'application/json',
          'idempotency-key': eventId,
          ...(signature === null ? {} : { 'weir-signature': `sha256=${signature}` }),
        },
      });
      await answer.body?.cancel().catch(() => undefined);
      if (answer.status >= 200 && answer.status < 300) return { outcome: 'told', why: '' };
      const refused = answer.status >= 400 && answer.status < 500 && ![401, 403, 404, 408, 429].includes(answer.status);
      return { outcome: refused ? 'refused' : 'failed', why: `answered ${answer.status}` };
    } catch (error) {
      if (this.#stopping.signal.aborted) throw error;
      return { outcome: 'failed', why: messageOf(error) };
    }
  }

  /** False where the listener ended meanwhile, or its cursor was moved on. */
  async #advance(listener: ListenerRow, lease: Lease, { id }: EventRow, told: boolean): Promise<boolean> {
    const moved = await this.#write(
      lease,
      `update faults.alarm_listener set cursor = $2, failures = 0, failing_since_ms = null, next_try_at_ms = 0,
              last_told_at_ms = case when $3 then $4 else last_told_at_ms end
        where id = $1 and cursor < $2 and ended_at_ms is null`,
      [listener.id, id, told, this.#deps.clock.now()],
    );
    return moved > 0;
  }

  async #cursorOf({ id }: ListenerRow): Promise<bigint | null> {
    const { rows } = await this.#deps.database.query<{ cursor: bigint }>(
      'select cursor from faults.alarm_listener where id = $1 and ended_at_ms is null',
      [id],
    );
    return rows[0]?.cursor ?? null;
  }

  async #fail(
    listener: ListenerRow,
    lease: Lease,
    event: EventRow,
    { outcome, why }: { readonly outcome: Outcome; readonly why: string },
  ): Promise<void> {
    const { clock, random } = this.#deps;
    const nowMs = clock.now();
    const failures = await this.#failuresOf(listener);
    const since = failures.sinceMs ?? nowMs;
    if (outcome === 'refused' && failures.count + 1 >= REFUSALS) {
      this.#missed.add();
      this.#reporter.warn('an event was left out: a listener refuses it', {
        listener: listener.id,
        event: event.event_id,
        why,
      });
      return this.#leaveOut(listener, lease, event.id, 1n, why);
    }
    if (nowMs - since >= this.#config.giveUpMs)
      return this.#giveUp(listener, `failing since ${isoTime(since)}: ${why}`);
    await this.#write(
      lease,
      `update faults.alarm_listener set failures = $2, failing_since_ms = $3, next_try_at_ms = $4, last_failure = $5 where id = $1`,
      [
        listener.id,
        failures.count + 1,
        since,
        nowMs + backoffDelay(BACKOFF, failures.count, random),
        why.slice(0, 500),
      ],
    );
  }

  /** As it stands now: events before this one were told meanwhile. */
  async #failuresOf(listener: ListenerRow): Promise<{ readonly count: number; readonly sinceMs: EpochMs | null }> {
    const { rows } = await this.#deps.database.query<{ failures: number; failing_since_ms: bigint | null }>(
      'select failures, failing_since_ms from faults.alarm_listener where id = $1',
      [listener.id],
    );
    const since = rows[0]?.failing_since_ms ?? null;
    return { count: rows[0]?.failures ?? 0, sinceMs: since === null ? null : Number(since) };
  }

  async #leaveOut(listener: ListenerRow, lease: Lease, cursor: bigint, missed: bigint, why: string): Promise<void> {
    await this.#write(
      lease,
      `update faults.alarm_listener set cursor = greatest(cursor, $2), missed = missed + $3, failures = 0, failing_since_ms = null,
              next_try_at_ms = 0, last_failure = $4 where id = $1`,
      [listener.id, cursor, missed, why.slice(0, 500)],
    );
  }

  async #giveUp(listener: ListenerRow, reason: string): Promise<void> {
    const ended = await this.#deps.listeners.end(listener.id, reason, { name: 'system', role: 'system' });
    if (!ended) return;
    this.#givenUp.add();
    this.#reporter.warn('a listener of alarms was given up', {
      listener: listener.id,
      callback: listener.callback,
      reason,
    });
  }

  /** What nobody waits for goes, and the oldest beyond the bound: who had not been told is told that it missed some. */
  async #trim(): Promise<void> {
    const { database } = this.#deps;
    const { rows } = await database.query<{ last: bigint | null; told: bigint | null }>(
      `select (select max(id) from faults.alarm_event) as last,
              (select min(cursor) from faults.alarm_listener where ended_at_ms is null) as told`,
    );
    const last = rows[0]?.last ?? null;
    if (last === null) return;
    const bound = last - BigInt(this.#config.maxEvents);
    const upTo = [bound, rows[0]?.told ?? last].reduce((a, b) => (a > b ? a : b));
    const behind = await database.query<{ id: string; lost: bigint }>(
      `update faults.alarm_listener listener set cursor = $1, missed = missed + lost.count
         from (select one.id, count(event.id) as count from faults.alarm_listener one
                 left join faults.alarm_event event on event.id > one.cursor and event.id <= $1
                where one.ended_at_ms is null and one.cursor < $1 group by one.id) lost
        where listener.id = lost.id and listener.cursor < $1 returning listener.id, lost.count as lost`,
      [upTo],
    );
    for (const { id, lost } of behind.rows) {
      this.#missed.add(Number(lost));
      this.#reporter.warn('a listener of alarms is too far behind and missed events', {
        listener: id,
        missed: Number(lost),
      });
    }
    await database.query('delete from faults.alarm_event where id <= $1', [upTo]);
    await database.query(`delete from faults.alarm_listener where ended_at_ms < $1`, [
      this.#deps.clock.now() - KEPT_ENDED_MS,
    ]);
  }

  /** Only while this process is the one that tells. */
  #write(lease: Lease, text: string, values: readonly unknown[]): Promise<number> {
    return this.#deps.database.transaction(async (connection) => {
      await this.#deps.leases.assertHeld(connection, lease);
      return (await connection.query(text, values)).rowCount;
    });
  }
}

/** A listener that ended is shown so long. */
const KEPT_ENDED_MS = 30 * 86_400_000;
