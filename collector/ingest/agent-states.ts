// Each agent as it was last seen: which incarnation is its own, how far its clock is off. Kept in memory, written to PostgreSQL when it answers.
import type { Database, Migration } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import { answerWithin, DATABASE_PATIENCE_MS } from './patience.ts';
import type { StreamName } from './streams.ts';

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
}

interface SeenRow extends StreamName {
  readonly first_seen_ms: bigint;
  readonly last_batch_at_ms: bigint | null;
  readonly last_sequence: bigint | null;
  readonly received: bigint | null;
  readonly clock_offset_ms: bigint | null;
}

interface Known {
  /** The incarnations of an agent, the newest last. */
  order: readonly string[];
  /** When PostgreSQL last said so, on the monotonic clock. */
  askedAtMs: number;
}

const MAX_AGENTS = 10_000;
/** Another collector may have seen a newer incarnation. */
const ASK_AGAIN_MS = 10_000;

interface AgentStatesDeps {
  readonly database: Database;
  readonly clock: Clock;
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

  /** Throws agent_superseded where a newer incarnation of the agent has been seen; a new one becomes the agent's own. */
  async admit(stream: StreamName): Promise<void> {
    let known = this.#known.get(stream.agent);
    const fresh = known !== undefined && this.#deps.clock.monotonicMs() - known.askedAtMs < ASK_AGAIN_MS;
    if (known === undefined || !known.order.includes(stream.incarnation) || !fresh) known = await this.#ask(stream);
    if (known.order.at(-1) === stream.incarnation) return;
    throw new WeirError('agent_superseded', `The agent ${stream.agent} has reported with a newer spool.`, {
      agent: stream.agent,
      incarnation: stream.incarnation,
      newest: known.order.at(-1),
    });
  }

  seen(state: AgentState): void {
    if (!this.#states.has(state.agent) && this.#states.size >= MAX_AGENTS) return;
    this.#states.set(state.agent, state);
    this.#unwritten.add(state.agent);
    this.#offset.set(state.clockOffsetMs, { agent: state.agent });
  }

  /** Writes what changed since the last time; keeps it for the next where PostgreSQL does not answer. */
  async write(): Promise<void> {
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
      `select distinct on (agent) agent, incarnation, first_seen_ms, last_batch_at_ms, last_sequence, received,
              clock_offset_ms
         from inventory.agent_incarnation order by agent, ordinal desc limit $1`,
      [MAX_AGENTS],
    );
    return rows.map((row) => {
      const written = seenOf(row);
      const state = this.#states.get(row.agent);
      const fresher = state !== undefined && state.incarnation === row.incarnation;
      return fresher && state.lastBatchAtMs >= (written.lastBatchAtMs ?? 0) ? { ...written, ...state } : written;
    });
  }

  async #ask(stream: StreamName): Promise<Known> {
    const before = this.#known.get(stream.agent);
    const order = await answerWithin(this.#deps.clock, DATABASE_PATIENCE_MS, this.#register(stream)).catch(
      (error: unknown) => {
        this.#reporter.debug('incarnations not read', { code: codeOf(error), message: messageOf(error) });
        // Without PostgreSQL an unknown incarnation is believed: its batches are de-duplicated under its own name in any case.
        const last = before?.order ?? [];
        return last.includes(stream.incarnation) ? last : [...last, stream.incarnation];
      },
    );
    const known = { order, askedAtMs: this.#deps.clock.monotonicMs() };
    if (this.#known.size < MAX_AGENTS || before !== undefined) this.#known.set(stream.agent, known);
    return known;
  }

  async #register(stream: StreamName): Promise<string[]> {
    await this.#deps.database.query(
      `insert into inventory.agent_incarnation (agent, incarnation, first_seen_ms) values ($1, $2, $3)
       on conflict do nothing`,
      [stream.agent, stream.incarnation, this.#deps.clock.now()],
    );
    const { rows } = await this.#deps.database.query<{ incarnation: string }>(
      'select incarnation from inventory.agent_incarnation where agent = $1 order by ordinal',
      [stream.agent],
    );
    return rows.map((row) => row.incarnation);
  }

  #clockMessage(): string {
    const off = [...this.#states.values()].filter((state) => Math.abs(state.clockOffsetMs) > SOUND_CLOCK_MS);
    if (off.length === 0) return 'sound';
    const named = off.slice(0, 10).map((state) => `${state.agent} by ${state.clockOffsetMs} ms`);
    return `off: ${named.join(', ')}${off.length > named.length ? ` and ${off.length - named.length} more` : ''}`;
  }
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
