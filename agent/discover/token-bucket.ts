// Holds a rate: so many packets a second, never more than a few at once, however many ask.
import type { Clock } from '../../common/runtime/clock.ts';

export interface TokenBucketConfig {
  readonly packetsPerSecond: number;
  /** Packets that may go at once after a pause. */
  readonly burst: number;
}

/** In any time of T seconds at most T × rate + burst packets are let through; who asks first goes first. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #gapMs: number;
  readonly #credit: number;
  /** When the next packet would go if nothing had been saved up. */
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(config: TokenBucketConfig, deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
    this.#gapMs = 1000 / config.packetsPerSecond;
    this.#credit = this.#gapMs * (config.burst - 1);
  }

  /** Resolves when a packet may go, or at once when the signal aborts. */
  async take(signal?: AbortSignal): Promise<void> {
    const now = this.#clock.monotonicMs();
    const goesAtMs = this.#spend(now, 1);
    if (goesAtMs > now) await this.#clock.sleep(goesAtMs - now, signal);
  }

  /** Packets that went without having asked: those after them wait the longer. */
  charge(packets: number): void {
    if (packets > 0) this.#spend(this.#clock.monotonicMs(), packets);
  }

  #spend(now: number, packets: number): number {
    const due = Math.max(this.#dueMs, now - this.#credit);
    this.#dueMs = due + packets * this.#gapMs;
    return due;
  }
}
