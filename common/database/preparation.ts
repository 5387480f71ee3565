// Brings the database to what a component needs: at the start, or as soon as the database answers, so that one that is away stops nothing else.
import type { Clock } from '../runtime/clock.ts';
import type { Component } from '../runtime/component.ts';
import { codeOf, messageOf } from '../runtime/errors.ts';
import type { Reporter } from '../runtime/reporter.ts';
import { backoffDelay } from '../runtime/retry.ts';

export interface PreparationDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** Migrations, given tokens and the like; must be repeatable. */
  readonly prepare: () => Promise<void>;
}

const BACKOFF = { firstMs: 250, mostMs: 10_000 };

export class DatabasePreparation implements Component {
  readonly #reporter: Reporter;
  readonly #deps: PreparationDeps;
  readonly #stopping = new AbortController();
  readonly #settled = new AbortController();
  #running: Promise<void> | null = null;
  #done = false;
  #trouble = 'not tried yet';

  constructor(reporter: Reporter, deps: PreparationDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
    reporter.health('database schema', () => ({
      healthy: this.#done,
      message: this.#done ? 'up to date' : this.#trouble,
    }));
  }

  get done(): boolean {
    return this.#done;
  }

  /** Resolves after the first try. Throws what does not mend itself (database_refused, migration_changed, …); a database that is away is asked on. */
  async start(): Promise<void> {
    if (this.#done || this.#running !== null) return;
    try {
      await this.#try();
    } catch (error) {
      if (!isAway(error)) throw error;
      this.#tell(error);
      this.#running = this.#goOn();
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#settled.abort();
    await this.#running;
  }

  /** Resolves once the database is prepared, or at the stop: `done` says which. */
  settled(): Promise<void> {
    const { signal } = this.#settled;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  async #try(): Promise<void> {
    await this.#deps.prepare();
    this.#done = true;
    this.#settled.abort();
  }

  async #goOn(): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 0; !this.#done; attempt += 1) {
      await this.#deps.clock.sleep(backoffDelay(BACKOFF, attempt, this.#deps.random), signal);
      if (signal.aborted) return;
      await this.#try().catch((error: unknown) => this.#tell(error));
    }
    this.#reporter.info('database prepared');
  }

  #tell(error: unknown): void {
    const trouble = `${codeOf(error)}: ${messageOf(error)}`;
    if (trouble !== this.#trouble)
      this.#reporter.warn('database not prepared; it is tried again', {
        code: codeOf(error),
        message: messageOf(error),
      });
    this.#trouble = trouble;
  }
}

function isAway(error: unknown): boolean {
  return ['database_unreachable', 'database_busy'].includes(codeOf(error));
}
