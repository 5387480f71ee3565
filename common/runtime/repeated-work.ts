// Work that is done again and again, and once more at the stop.
import type { DurationMs } from '../model/time.ts';
import type { Clock } from './clock.ts';
import type { Component } from './component.ts';

export class RepeatedWork implements Component {
  readonly #clock: Clock;
  readonly #everyMs: DurationMs;
  readonly #work: () => Promise<void>;
  readonly #stopping = new AbortController();
  #running: Promise<void> | null = null;

  /** `work` keeps its failures to itself. */
  constructor(clock: Clock, everyMs: DurationMs, work: () => Promise<void>) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#work = work;
  }

  async start(): Promise<void> {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#clock.sleep(this.#everyMs, signal);
      await this.#work();
    }
  }
}
