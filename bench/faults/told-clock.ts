// A clock that stands still until it is told how much time has passed: a day in minutes.
import type { Clock } from '../../common/runtime/clock.ts';

export class ToldClock implements Clock {
  #monotonicMs = 0;
  readonly #startMs: number;
  readonly #sleepers = new Set<{ readonly wakeAtMs: number; readonly wake: () => void }>();

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + this.#monotonicMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const sleeper = {
        wakeAtMs: this.#monotonicMs + ms,
        wake: (): void => {
          this.#sleepers.delete(sleeper);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
    });
  }

  advance(ms: number): void {
    this.#monotonicMs += ms;
    for (const sleeper of this.#sleepers) if (sleeper.wakeAtMs <= this.#monotonicMs) sleeper.wake();
  }
}
