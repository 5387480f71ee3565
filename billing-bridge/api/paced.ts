// An answer that costs something to find: found once for all who ask, and again only when it is old beside what it costs.
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';

export interface PacedOptions {
  /** An answer this young is given again. */
  readonly freshMs: DurationMs;
  /** So is one that is younger than so many times what finding it took: then no more than that part of the time goes into it. */
  readonly share: number;
}

/** Who asks waits for a new answer that takes no longer; else the old one is given while the new one is found. */
const WAIT_MS = 1_000;

export class Paced<T> {
  readonly #find: () => Promise<T>;
  readonly #clock: Clock;
  readonly #options: PacedOptions;
  #held: { readonly value: T; readonly foundAt: number; readonly tookMs: DurationMs } | null = null;
  #finding: Promise<T> | null = null;

  constructor(find: () => Promise<T>, clock: Clock, options: PacedOptions) {
    this.#find = find;
    this.#clock = clock;
    this.#options = options;
  }

  get(): Promise<T> {
    const held = this.#held;
    if (held === null) return this.#again();
    const age = this.#clock.monotonicMs() - held.foundAt;
    const { freshMs, share } = this.#options;
    if (age < Math.max(freshMs, held.tookMs * share)) return Promise.resolve(held.value);
    const again = this.#again();
    if (held.tookMs <= WAIT_MS) return again;
    // Told to the next who asks: then nothing is held any more.
    again.catch(() => undefined);
    return Promise.resolve(held.value);
  }

  #again(): Promise<T> {
    this.#finding ??= this.#findOnce().finally(() => {
      this.#finding = null;
    });
    return this.#finding;
  }

  async #findOnce(): Promise<T> {
    const startedAt = this.#clock.monotonicMs();
    try {
      const value = await this.#find();
      const foundAt = this.#clock.monotonicMs();
      this.#held = { value, foundAt, tookMs: foundAt - startedAt };
      return value;
    } catch (error) {
      this.#held = null;
      throw error;
    }
  }
}
