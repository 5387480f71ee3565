// Two agents under one name: the older spool is refused, which only its own log would tell. Here it is counted, kept beside the agent, and told once as an event.
import type { Database } from '../../common/database/database.ts';
import type { DeviceEvent } from '../../common/model/event.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { StreamName } from './streams.ts';

/** An older spool that goes on reporting beside a newer one. */
export interface SupersededSign extends StreamName {
  readonly newest: string;
  /** When it was refused last. */
  readonly atMs: EpochMs;
}

export interface SupersededDeps {
  readonly database: Database;
  readonly clock: Clock;
  /** Keeps the event durably, and no second time for the same two spools. */
  readonly tell: (sign: SupersededSign) => Promise<void>;
}

const MAX_SIGNS = 10_000;

export class Superseded {
  readonly #reporter: Reporter;
  readonly #deps: SupersededDeps;
  readonly #refused: CounterMetric;
  /** By agent; the last of each. */
  readonly #signs = new Map<string, SupersededSign>();
  #unwritten = new Map<string, SupersededSign>();
  readonly #told = new Set<string>();

  constructor(reporter: Reporter, deps: SupersededDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
    this.#refused = reporter.counter(
      'ingest_superseded_total',
      'Batches refused because a newer spool of the same agent has reported',
      ['agent'],
    );
  }

  refused(stream: StreamName, newest: string): void {
    if (!this.#signs.has(stream.agent) && this.#signs.size >= MAX_SIGNS) return;
    this.#refused.add(1, { agent: stream.agent });
    const { agent, incarnation } = stream;
    const sign = { agent, incarnation, newest, atMs: this.#deps.clock.now() };
    this.#signs.set(agent, sign);
    if (this.#unwritten.size < MAX_SIGNS) this.#unwritten.set(keyOf(sign), sign);
  }

  /** What this collector has seen last; null where nothing. */
  of(agent: string): SupersededSign | null {
    return this.#signs.get(agent) ?? null;
  }

  /** Writes what is new; keeps it for the next time where PostgreSQL does not answer. */
  async write(): Promise<void> {
    const signs = [...this.#unwritten.values()];
    this.#unwritten = new Map();
    for (const [at, sign] of signs.entries()) {
      try {
        await this.#write(sign);
      } catch (error) {
        for (const left of signs.slice(at))
          if (!this.#unwritten.has(keyOf(left))) this.#unwritten.set(keyOf(left), left);
        const facts = { code: codeOf(error), message: messageOf(error) };
        this.#reporter.debug('superseded spools not written', facts);
        return;
      }
    }
  }

  async #write(sign: SupersededSign): Promise<void> {
    await this.#deps.database.query(
      `update inventory.agent_incarnation set refused_at_ms = greatest(refused_at_ms, $3)
        where agent = $1 and incarnation = $2`,
      [sign.agent, sign.incarnation, sign.atMs],
    );
    const key = keyOf(sign);
    if (this.#told.has(key)) return;
    await this.#deps.tell(sign);
    // Forgotten, it is told again to whoever knows that it was.
    if (this.#told.size >= MAX_SIGNS) this.#told.clear();
    this.#told.add(key);
    this.#reporter.warn('two agents report under one name', { ...sign });
  }
}

/** The same two spools give the same id: the event is kept once, whichever collector tells it. */
export function supersededEvent({ incarnation, newest, atMs }: SupersededSign): DeviceEvent {
  return {
    id: `superseded ${incarnation} ${newest}`,
    device: null,
    source: null,
    origin: 'agent',
    name: 'agent_superseded',
    observedAtMs: atMs,
    uptimeTicks: null,
    interfaceKey: null,
    details: [
      { name: 'incarnation', value: incarnation },
      { name: 'newest', value: newest },
    ],
  };
}

function keyOf({ agent, incarnation, newest }: SupersededSign): string {
  return `${agent} ${incarnation} ${newest}`;
}
