// Agents that wait for work: one question a second to PostgreSQL for all of them, and none while nobody waits.
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';

export interface WaitingAgentsDeps {
  readonly clock: Clock;
  /** Those of the agents that have work now. */
  readonly withWork: (agents: readonly string[]) => Promise<readonly string[]>;
}

const LOOK_MS: DurationMs = 1000;
const MOST_WAITING = 10_000;

interface Waiting {
  readonly over: AbortController;
  woken: boolean;
}

export class WaitingAgents implements Component {
  readonly #reporter: Reporter;
  readonly #deps: WaitingAgentsDeps;
  readonly #waiting = new Map<string, Waiting>();
  readonly #gauge: GaugeMetric;
  readonly #stopping = new AbortController();
  /** Ends the sleep of the loop while nobody waits. */
  #someone = new AbortController();
  #loop: Promise<void> | null = null;

  constructor(reporter: Reporter, deps: WaitingAgentsDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
    this.#gauge = reporter.gauge('agents_waiting', 'Agents that wait for work');
  }

  async start(): Promise<void> {
    this.#loop ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#someone.abort();
    for (const waiting of this.#waiting.values()) waiting.over.abort();
    await this.#loop;
  }

  /** Resolves with true when there may be work; false after the time, at the stop, when the signal aborts, or where the agent asks anew. */
  async wait(agent: string, ms: DurationMs, signal: AbortSignal): Promise<boolean> {
    if (this.#stopping.signal.aborted || signal.aborted) return false;
    // An agent waits once: a connection that it has lost must not keep the place of the next.
    this.#waiting.get(agent)?.over.abort();
    if (this.#waiting.size >= MOST_WAITING)
      throw new WeirError('overloaded', 'As many agents wait for work as may.', {
        bound: 'waiting agents',
        most: MOST_WAITING,
        retryAfterSeconds: 10,
      });
    const waiting: Waiting = { over: new AbortController(), woken: false };
    const leave = (): void => waiting.over.abort();
    this.#waiting.set(agent, waiting);
    this.#gauge.set(this.#waiting.size);
    this.#someone.abort();
    signal.addEventListener('abort', leave, { once: true });
    await this.#deps.clock.sleep(ms, waiting.over.signal);
    signal.removeEventListener('abort', leave);
    if (this.#waiting.get(agent) === waiting) this.#waiting.delete(agent);
    this.#gauge.set(this.#waiting.size);
    return waiting.woken;
  }

  /** Work was left at this collector. */
  wake(agent: string): void {
    const waiting = this.#waiting.get(agent);
    if (waiting === undefined) return;
    waiting.woken = true;
    waiting.over.abort();
  }

  async #run(): Promise<void> {
    const { clock, withWork } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#someone = new AbortController();
      if (this.#waiting.size === 0) await clock.sleep(NOBODY_MS, this.#someone.signal);
      else await clock.sleep(LOOK_MS, signal);
      if (signal.aborted) return;
      const agents = [...this.#waiting.keys()];
      if (agents.length === 0) continue;
      try {
        for (const agent of await withWork(agents)) this.wake(agent);
      } catch (error) {
        this.#reporter.debug('work not looked for', { code: codeOf(error), message: messageOf(error) });
      }
    }
  }
}

const NOBODY_MS: DurationMs = 60_000;
