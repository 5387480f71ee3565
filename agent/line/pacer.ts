// Holds a rate: so many packets a second, never more than a few at once, however many ask.
import type { Clock } from '../../common/runtime/clock.ts';

export interface PacerConfig {
  readonly packetsPerSecond: number;
  /** Packets that may go at once after a pause. */
  readonly burst: number;
}

/** In any time of T seconds at most T × rate + burst packets are let through; who asks first goes first. */
export class Pacer {
  readonly #clock: Clock;
  readonly #gapMs: number;
  readonly #credit: number;
  /** When the next packet would go if nothing had been saved up. */
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(config: PacerConfig, deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
    this.#gapMs = 1000 / config.packetsPerSecond;
    this.#credit = this.#gapMs * (config.burst - 1);
  }

  /** Resolves when a packet may go, or at once when the signal aborts. */
  async take(signal?: AbortSignal): Promise<void> {
    const now = this.#clock.monotonicMs();
    const goesAtMs = Math.max(this.#dueMs, now - this.#credit);
    this.#dueMs = goesAtMs + this.#gapMs;
    if (goesAtMs > now) await this.#clock.sleep(goesAtMs - now, signal);
  }
}
