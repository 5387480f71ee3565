// Which of several collectors is spoken to: the next one where one fails, and after a while the preferred one again.
import type { Clock } from '../../common/runtime/clock.ts';

/** The preferred collector is looked for this long after it was left; twice as long each time that it proves no better. */
const RETURN_MS = { first: 300_000, most: 3_600_000 };

export class CollectorChoice {
  readonly #urls: readonly string[];
  readonly #clock: Clock;
  #at = 0;
  /** Collectors that failed one after the other. */
  #failed = 0;
  /** When the preferred one was returned to; null where it was not since it was left. */
  #returnedAtMs: number | null = null;
  /** When it is looked for again. */
  #dueAtMs = 0;
  #returnMs = RETURN_MS.first;

  /** `urls`: the preferred one first; at least one. */
  constructor(urls: readonly string[], clock: Clock) {
    this.#urls = urls;
    this.#clock = clock;
  }

  get url(): string {
    const url = this.#urls[this.#at];
    if (url === undefined) throw new Error('BUG: no collector is configured');
    return url;
  }

  /** The one that is spoken to failed: the next is. True where none is left that did not fail. */
  leave(): boolean {
    if (this.#at === 0) {
      const nowMs = this.#clock.monotonicMs();
      // One that was left again soon after the return is not to be returned to soon.
      if (this.#returnedAtMs !== null && nowMs - this.#returnedAtMs < this.#returnMs) this.#patience();
      else this.#returnMs = RETURN_MS.first;
      this.#returnedAtMs = null;
      this.#dueAtMs = nowMs + this.#returnMs;
    }
    this.#failed += 1;
    this.#at = (this.#at + 1) % this.#urls.length;
    return this.#failed % this.#urls.length === 0;
  }

  /** The one that is spoken to answered as it should. */
  stay(): void {
    this.#failed = 0;
  }

  /** The preferred collector, where another is spoken to and it is time to see whether it is back; null otherwise. */
  preferredDue(): string | null {
    const due = this.#at !== 0 && this.#clock.monotonicMs() >= this.#dueAtMs;
    return due ? (this.#urls[0] ?? null) : null;
  }

  /** What came of looking. */
  preferredAnswered(well: boolean): void {
    if (well) {
      this.#at = 0;
      this.#returnedAtMs = this.#clock.monotonicMs();
      return;
    }
    this.#patience();
    this.#dueAtMs = this.#clock.monotonicMs() + this.#returnMs;
  }

  #patience(): void {
    this.#returnMs = Math.min(RETURN_MS.most, this.#returnMs * 2);
  }
}
