// How long the answers of one device take, and so how long to wait for the next (Jacobson, RFC 6298 §2, with the bounds of the configuration).

/** Never less: an agent on a small processor may be busy for a moment, and so may we. */
export const SHORTEST_TIMEOUT_MS = 250;
const REMEMBERED = 64;
const MOST_DOUBLINGS = 6;

export interface RoundTripSummary {
  /** How many of the last answers the figures are of. */
  readonly samples: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
}

/**
 * Every attempt has an id of its own, so an answer always tells which attempt it took: the ambiguity that Karn's rule avoids does not
 * arise, and late answers count too. His second rule stays: after silence the timeout keeps doubling until an answer comes.
 */
export class RoundTrip {
  readonly #configuredMs: number;
  readonly #floorMs: number;
  readonly #mostMs: number;
  #smoothedMs = -1;
  #variationMs = 0;
  #silences = 0;
  #last: Float32Array | null = null;
  #count = 0;

  /** `mostMs`: how far the wait may grow with what is measured; default not at all. */
  constructor(configuredMs: number, mostMs = configuredMs) {
    this.#configuredMs = configuredMs;
    this.#mostMs = Math.max(configuredMs, mostMs);
    this.#floorMs = Math.min(SHORTEST_TIMEOUT_MS, configuredMs);
  }

  /** An answer came after this long. */
  answered(tookMs: number): void {
    if (this.#smoothedMs < 0) {
      this.#smoothedMs = tookMs;
      this.#variationMs = tookMs / 2;
    } else {
      this.#variationMs = 0.75 * this.#variationMs + 0.25 * Math.abs(this.#smoothedMs - tookMs);
      this.#smoothedMs = 0.875 * this.#smoothedMs + 0.125 * tookMs;
    }
    this.#silences = 0;
    this.#last ??= new Float32Array(REMEMBERED);
    this.#last[this.#count % REMEMBERED] = tookMs;
    this.#count += 1;
  }

  /** An attempt went without an answer. */
  silent(): void {
    this.#silences = Math.min(MOST_DOUBLINGS, this.#silences + 1);
  }

  /**
   * How long the next attempt waits: the last of a request as long as was configured, which is also what a device nobody knows gets; longer
   * where that may grow and round trips ask for it, or, before the first answer, silence may come of it.
   */
  timeoutMs(lastAttempt: boolean): number {
    if (this.#smoothedMs < 0) return Math.min(this.#mostMs, this.#configuredMs * 2 ** this.#silences);
    const estimate = Math.max(this.#floorMs, this.#smoothedMs + 4 * this.#variationMs);
    const longestMs = Math.max(this.#configuredMs, Math.min(this.#mostMs, estimate));
    return lastAttempt ? longestMs : Math.min(longestMs, estimate * 2 ** this.#silences);
  }

  /** Null before the first answer. */
  summary(): RoundTripSummary | null {
    if (this.#last === null) return null;
    const sorted = this.#last.slice(0, Math.min(this.#count, REMEMBERED)).sort();
    const rank = (share: number): number => round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
    return { samples: sorted.length, p50Ms: rank(0.5), p95Ms: rank(0.95), maxMs: rank(1) };
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
