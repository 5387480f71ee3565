// Decides again and again who is to be told what, writes it down, and has it delivered; what it was in the middle of, the next one goes on with.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import { type AlarmFacts, alarmsNow } from './alarms-now.ts';
import type { Deliveries } from './deliveries.ts';
import {
  alarmsToLookAt,
  lately,
  loadLedger,
  lockDecision,
  lockOpen,
  MAX_ALARMS,
  supersede,
  writeLedger,
  writeMessage,
} from './ledger.ts';
import { type Due, messagesDue, type Storm } from './messages-due.ts';
import { countUnsettled, forgetSettled } from './outbox.ts';
import type { Route } from './route.ts';

export interface AnnouncerConfig {
  readonly routes: readonly Route[];
  readonly storms: ReadonlyMap<string, Storm>;
  readonly keptMs: DurationMs;
}

export interface AnnouncerDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly newKey: () => string;
  readonly facts: AlarmFacts;
  readonly deliveries: Pick<Deliveries, 'kick' | 'stop'>;
}

/** What time alone changes (windows, shelves, hours, repeats) is seen this soon. */
const LOOK_EVERY_MS: DurationMs = 5000;
/** After a change: others may come with it. */
const SOON_MS: DurationMs = 250;
/** A pass over very many alarms rests four times as long as it took. */
const REST = 4;
const FORGET_EVERY_MS: DurationMs = 60_000;

export class Announcer implements Component {
  readonly #reporter: Reporter;
  readonly #config: AnnouncerConfig;
  readonly #deps: AnnouncerDeps;
  readonly #written: CounterMetric;
  readonly #left: GaugeMetric;
  readonly #failed: CounterMetric;
  readonly #waiting: GaugeMetric;
  readonly #dead: GaugeMetric;
  #stopping = new AbortController();
  #waking = new AbortController();
  #running: Promise<void> | null = null;
  #forgotAtMs = -Infinity;
  #trouble: string | null = null;

  constructor(reporter: Reporter, config: AnnouncerConfig, deps: AnnouncerDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#written = reporter.counter('telling_messages_written_total', 'Messages to people that were written', [
      'channel',
      'kind',
    ]);
    this.#left = reporter.gauge('telling_alarms_left_out', 'Alarms beyond the bound of one pass, the mildest');
    this.#failed = reporter.counter('telling_passes_failed_total', 'Looks at the alarms that came to nothing');
    this.#waiting = reporter.gauge('telling_messages_waiting', 'Messages that are written and not accepted yet', [
      'channel',
    ]);
    this.#dead = reporter.gauge('telling_messages_given_up', 'Messages that were given up and are still so', [
      'channel',
    ]);
    // Never unhealthy: what agents send is taken all the same.
    reporter.health('telling', () => ({
      healthy: true,
      message: this.#trouble ?? `${config.storms.size} channels`,
    }));
  }

  async start(): Promise<void> {
    if (this.#running !== null || this.#config.storms.size === 0) return;
    this.#stopping = new AbortController();
    this.#running = this.#run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#running = null;
    await this.#deps.deliveries.stop();
  }

  /** Something changed: looks soon. */
  wake(): void {
    this.#waking.abort();
  }

  /** Decides once, and has what is due delivered. False where another announcer was deciding. */
  async pass(): Promise<boolean> {
    const due = await this.#deps.database.transaction((connection) => this.#decide(connection));
    for (const { channel, kind } of due?.messages ?? []) this.#written.add(1, { channel, kind });
    this.#deps.deliveries.kick();
    return due !== null;
  }

  async #decide(connection: Queryable): Promise<Due | null> {
    if (!(await lockDecision(connection))) return null;
    const { clock, facts, newKey } = this.#deps;
    const { routes, storms } = this.#config;
    const nowMs = clock.now();
    const found = await alarmsToLookAt(connection);
    this.#left.set(Math.max(0, found.length - MAX_ALARMS));
    const alarms = await alarmsNow(connection, found.slice(0, MAX_ALARMS), facts, nowMs);
    const open = await lockOpen(connection, nowMs);
    const ledger = await loadLedger(
      connection,
      alarms.map(({ id }) => id),
      open,
    );
    const sent = await lately(connection, storms, nowMs);
    const due = messagesDue({ alarms, channels: storms, routes, ledger, lately: sent, nowMs });
    await supersede(connection, due.stale, nowMs);
    await writeLedger(connection, due.changes);
    for (const message of due.messages) await writeMessage(connection, { ...message, key: newKey() }, nowMs);
    return due;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      this.#waking = new AbortController();
      const beganMs = clock.monotonicMs();
      await this.#tried();
      const tookMs = clock.monotonicMs() - beganMs;
      const restMs = Math.max(SOON_MS, tookMs * REST);
      await clock.sleep(restMs, signal);
      await clock.sleep(Math.max(0, LOOK_EVERY_MS - restMs), AbortSignal.any([signal, this.#waking.signal]));
    }
  }

  async #count(): Promise<void> {
    const counts = await countUnsettled(this.#deps.database);
    for (const channel of this.#config.storms.keys()) {
      const { waiting, dead } = counts.get(channel) ?? { waiting: 0, dead: 0 };
      this.#waiting.set(waiting, { channel });
      this.#dead.set(dead, { channel });
    }
  }

  async #tried(): Promise<void> {
    try {
      await this.pass();
      const nowMs = this.#deps.clock.monotonicMs();
      if (nowMs - this.#forgotAtMs >= FORGET_EVERY_MS) {
        this.#forgotAtMs = nowMs;
        const { keptMs, storms } = this.#config;
        await forgetSettled(this.#deps.database, {
          nowMs: this.#deps.clock.now(),
          keptMs,
          channels: [...storms.keys()],
        });
        await this.#count();
      }
      this.#trouble = null;
    } catch (error) {
      this.#trouble = `nobody is told anything new: ${codeOf(error)}`;
      this.#failed.add();
      this.#reporter.warn('messages not decided', { code: codeOf(error), message: messageOf(error) });
    }
  }
}
