// Ends what takes too long: one sleeper for all polls under way, so that a poll that ends in time costs neither a timer nor an abort.
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';

/** A reason that is no error: an error would be made, with its stack, for each abort. */
const OVER = 'poll over';

export interface Deadline {
  /** Aborts when the time is up, or when all are ended. */
  readonly signal: AbortSignal;
  /** What it bounds has come to its end. */
  end(): void;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #open = new Set<OpenDeadline>();
  /** Ends the sleeper's sleep; null while nobody sleeps. */
  #nap: AbortController | null = null;
  #wakeMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(lastsMs: DurationMs): Deadline {
    const dueMs = this.#clock.monotonicMs() + lastsMs;
    const deadline = new OpenDeadline(dueMs, this.#open);
    this.#open.add(deadline);
    if (this.#nap === null) void this.#watch();
    else if (dueMs < this.#wakeMs) this.#nap.abort(OVER);
    return deadline;
  }

  /** Aborts all that are under way. */
  endAll(): void {
    for (const { controller } of this.#open) controller.abort(OVER);
    this.#open.clear();
    this.#nap?.abort(OVER);
  }

  async #watch(): Promise<void> {
    while (this.#open.size > 0) {
      this.#nap = new AbortController();
      this.#wakeMs = Number.POSITIVE_INFINITY;
      for (const { dueMs } of this.#open) this.#wakeMs = Math.min(this.#wakeMs, dueMs);
      await this.#clock.sleep(this.#wakeMs - this.#clock.monotonicMs(), this.#nap.signal);
      const nowMs = this.#clock.monotonicMs();
      for (const deadline of this.#open) {
        if (deadline.dueMs > nowMs) continue;
        this.#open.delete(deadline);
        deadline.controller.abort(OVER);
      }
    }
    this.#nap = null;
  }
}

class OpenDeadline implements Deadline {
  readonly dueMs: number;
  readonly controller = new AbortController();
  readonly #open: Set<OpenDeadline>;

  constructor(dueMs: number, open: Set<OpenDeadline>) {
    this.dueMs = dueMs;
    this.#open = open;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  end(): void {
    this.#open.delete(this);
  }
}
