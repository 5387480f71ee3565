// Each agent as it was last seen: which incarnation is its own, how far its clock is off. Kept in memory, written to PostgreSQL when it answers.
import type { Database, Migration } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import { answerWithin, DATABASE_PATIENCE_MS } from './patience.ts';
import type { StreamName } from './streams.ts';
import type { Superseded } from './superseded.ts';

export const ingestMigrations: readonly Migration[] = [
  {
    id: 'ingest-001',
    sql: `
      create schema if not exists inventory;
      create table inventory.agent_incarnation (
        agent text not null,
        incarnation text not null,
        ordinal int8 not null generated always as identity,
        first_seen_ms int8 not null,
        last_batch_at_ms int8,
        last_sequence int8,
        received int8,
        clock_offset_ms int8,
        primary key (agent, incarnation)
      );`,
  },
  {
    id: 'ingest-002',
    sql: 'alter table inventory.agent_incarnation add column refused_at_ms int8;',
  },
];

/** A clock further off than this is an alarm, marks the readings, and is a gate of the bill run. */
export const SOUND_CLOCK_MS = 2000;

export interface AgentState extends StreamName {
  readonly lastBatchAtMs: EpochMs;
  readonly lastSequence: number;
  readonly received: number;
  readonly clockOffsetMs: number;
}

/** An agent in its newest incarnation; null what no batch of that has told yet. */
export interface SeenAgent extends StreamName {
  readonly firstSeenMs: EpochMs;
  readonly lastBatchAtMs: EpochMs | null;
  readonly lastSequence: number | null;
  readonly received: number | null;
  readonly clockOffsetMs: number | null;
  /** An older spool of this name that was refused, and when last; null where none was. */
  readonly superseded: { readonly incarnation: string; readonly refusedAtMs: EpochMs } | null;
}

/** The spool that came after one, and since when it has reported. */
export interface Successor {
  readonly newest: string;
  readonly sinceMs: EpochMs;
}

interface Incarnation {
  readonly incarnation: string;
  readonly firstSeenMs: EpochMs;
}

interface SeenRow extends StreamName {
  readonly first_seen_ms: bigint;
  readonly last_batch_at_ms: bigint | null;
  readonly last_sequence: bigint | null;
  readonly received: bigint | null;
  readonly clock_offset_ms: bigint | null;
  readonly refused_incarnation: string | null;
  readonly refused_at_ms: bigint | null;
}

interface Known {
  /** The incarnations of an agent, the newest last. */
  order: readonly Incarnation[];
  /** When PostgreSQL last said so, on the monotonic clock. */
  askedAtMs: number;
}

const MAX_AGENTS = 10_000;
/** Another collector may have seen a newer incarnation. */
const ASK_AGAIN_MS = 10_000;

interface AgentStatesDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly superseded: Pick<Superseded, 'of' | 'write'>;
}

export class AgentStates {
  readonly #reporter: Reporter;
  readonly #deps: AgentStatesDeps;
  readonly #known = new Map<string, Known>();
  readonly #states = new Map<string, AgentState>();
  #unwritten = new Set<string>();
  readonly #offset: GaugeMetric;

  constructor(reporter: Reporter, deps: AgentStatesDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
    this.#offset = reporter.gauge('agent_clock_offset_milliseconds', "Agent's clock less the collector's", ['agent']);
    // A wrong clock is the agent's fault: it is told here, but does not take the collector out of service.
    reporter.health('agent clocks', () => ({ healthy: true, message: this.#clockMessage() }));
  }

  /** A new incarnation becomes the agent's own: null. Gives the one that came after it where a newer one has been seen. */
  async admit(stream: StreamName): Promise<Successor | null> {
    let known = this.#known.get(stream.agent);
    const fresh = known !== undefined && this.#deps.clock.monotonicMs() - known.askedAtMs < ASK_AGAIN_MS;
    if (known === undefined || placeOf(known, stream) === -1 || !fresh) known = await this.#ask(stream);
    const next = known.order[placeOf(known, stream) + 1];
    const newest = known.order.at(-1);
    return next === undefined || newest === undefined
      ? null
      : { newest: newest.incarnation, sinceMs: next.firstSeenMs };
  }

  seen(state: AgentState): void {
    if (!this.#states.has(state.agent) && this.#states.size >= MAX_AGENTS) return;
    this.#states.set(state.agent, state);
    this.#unwritten.add(state.agent);
    this.#offset.set(state.clockOffsetMs, { agent: state.agent });
  }

  /** Writes what changed since the last time; keeps it for the next where PostgreSQL does not answer. */
  async write(): Promise<void> {
    await this.#deps.superseded.write();
    const states = [...this.#unwritten].flatMap((agent) => this.#states.get(agent) ?? []);
    if (states.length === 0) return;
    this.#unwritten = new Set();
    try {
      await this.#deps.database.query(WRITE_STATES, [JSON.stringify(states), this.#deps.clock.now()]);
    } catch (error) {
      for (const { agent } of states) this.#unwritten.add(agent);
      this.#reporter.debug('agent states not written', { code: codeOf(error), message: messageOf(error) });
    }
  }

  /** Every agent ever heard, by any collector; what this one has not written yet is in it. */
  async list(): Promise<SeenAgent[]> {
    const { rows } = await this.#deps.database.query<SeenRow>(
      `select distinct on (agent) agent, agent_incarnation.incarnation, first_seen_ms, last_batch_at_ms, last_sequence, received,
              clock_offset_ms, refused.incarnation as refused_incarnation, refused.refused_at_ms
         from inventory.agent_incarnation
         left join lateral (
           select older.incarnation, older.refused_at_ms from inventory.agent_incarnation older
            where older.agent = agent_incarnation.agent and older.refused_at_ms is not null
            order by older.refused_at_ms desc limit 1) refused on true
        order by agent, ordinal desc limit $1`,
      [MAX_AGENTS],
    );
    return rows.map((row) => {
      const written = this.#withRefusal(seenOf(row));
      const state = this.#states.get(row.agent);
      const fresher = state !== undefined && state.incarnation === row.incarnation;
      return fresher && state.lastBatchAtMs >= (written.lastBatchAtMs ?? 0) ? { ...written, ...state } : written;
    });
  }

  #withRefusal(seen: SeenAgent): SeenAgent {
    const sign = this.#deps.superseded.of(seen.agent);
    if (sign === null || sign.atMs < (seen.superseded?.refusedAtMs ?? 0)) return seen;
    return { ...seen, superseded: { incarnation: sign.incarnation, refusedAtMs: sign.atMs } };
  }

  async #ask(stream: StreamName): Promise<Known> {
    const before = this.#known.get(stream.agent);
    const order = await answerWithin(this.#deps.clock, DATABASE_PATIENCE_MS, this.#register(stream)).catch(
      (error: unknown) => {
        this.#reporter.debug('incarnations not read', { code: codeOf(error), message: messageOf(error) });
        // Without PostgreSQL an unknown incarnation is believed: its batches are de-duplicated under its own name in any case.
        const last = before?.order ?? [];
        const known = last.some(({ incarnation }) => incarnation === stream.incarnation);
        const firstSeenMs = this.#deps.clock.now();
        return known ? last : [...last, { incarnation: stream.incarnation, firstSeenMs }];
      },
    );
    const known = { order, askedAtMs: this.#deps.clock.monotonicMs() };
    if (this.#known.size < MAX_AGENTS || before !== undefined) this.#known.set(stream.agent, known);
    return known;
  }

  async #register(stream: StreamName): Promise<Incarnation[]> {
    await this.#deps.database.query(
      `insert into inventory.agent_incarnation (agent, incarnation, first_seen_ms) values ($1, $2, $3)
       on conflict do nothing`,
      [stream.agent, stream.incarnation, this.#deps.clock.now()],
    );
    const { rows } = await this.#deps.database.query<{ incarnation: string; first_seen_ms: bigint }>(
      'select incarnation, first_seen_ms from inventory.agent_incarnation where agent = $1 order by ordinal',
      [stream.agent],
    );
    return rows.map((row) => ({ incarnation: row.incarnation, firstSeenMs: Number(row.first_seen_ms) }));
  }

  #clockMessage(): string {
    const off = [...this.#states.values()].filter((state) => Math.abs(state.clockOffsetMs) > SOUND_CLOCK_MS);
    if (off.length === 0) return 'sound';
    const named = off.slice(0, 10).map((state) => `${state.agent} by ${state.clockOffsetMs} ms`);
    return `off: ${named.join(', ')}${off.length > named.length ? ` and ${off.length - named.length} more` : ''}`;
  }
}

function placeOf(known: Known, stream: StreamName): number {
  return known.order.findIndex(({ incarnation }) => incarnation === stream.incarnation);
}

function seenOf(row: SeenRow): SeenAgent {
  const { agent, incarnation } = row;
  return {
    agent,
    incarnation,
    firstSeenMs: Number(row.first_seen_ms),
    lastBatchAtMs: numberOf(row.last_batch_at_ms),
    lastSequence: numberOf(row.last_sequence),
    received: numberOf(row.received),
    clockOffsetMs: numberOf(row.clock_offset_ms),
    superseded:
      row.refused_incarnation === null || row.refused_at_ms === null
        ? null
        : { incarnation: row.refused_incarnation, refusedAtMs: Number(row.refused_at_ms) },
  };
}

function numberOf(value: bigint | null): number | null {
  return value === null ? null : Number(value);
}

const WRITE_STATES = `
  insert into inventory.agent_incarnation as held
         (agent, incarnation, first_seen_ms, last_batch_at_ms, last_sequence, received, clock_offset_ms)
  select agent, incarnation, $2, "lastBatchAtMs", "lastSequence", received, "clockOffsetMs"
    from jsonb_to_recordset($1::jsonb) as seen
         (agent text, incarnation text, "lastBatchAtMs" int8, "lastSequence" int8, received int8, "clockOffsetMs" int8)
  on conflict (agent, incarnation) do update
     set last_batch_at_ms = excluded.last_batch_at_ms, last_sequence = excluded.last_sequence,
         received = greatest(held.received, excluded.received), clock_offset_ms = excluded.clock_offset_ms
   where held.last_batch_at_ms is null or held.last_batch_at_ms <= excluded.last_batch_at_ms`;
