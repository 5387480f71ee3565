// Lets readers wait until something comes, a time is over, or they are told to stop.
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';

export class Arrivals {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Wakes everybody who waits. */
  wake(): void {
    for (const wake of this.#waiting) wake();
  }

  async wait(ms: DurationMs, signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    const wake = (): void => waiting.abort();
    this.#waiting.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    await this.#clock.sleep(ms, waiting.signal);
    this.#waiting.delete(wake);
    signal.removeEventListener('abort', wake);
  }
}
