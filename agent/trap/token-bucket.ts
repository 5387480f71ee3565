// How much is taken in: a token bucket for each source and one for all, both bounded in number and in memory.
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAtMs: number;

  /** Full at first; a burst is two seconds' worth. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#burst = perSecond * 2;
    this.#tokens = this.#burst;
    this.#filledAtMs = nowMs;
  }

  /** `nowMs` is monotonic. */
  take(nowMs: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#filledAtMs) / 1000) * this.#perSecond);
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  full(nowMs: number): boolean {
    return this.#tokens + ((nowMs - this.#filledAtMs) / 1000) * this.#perSecond >= this.#burst;
  }
}

/** Sources that have a bucket of their own; the others share one. */
const MOST_BUCKETS = 20_000;

/** A bucket a source. A bucket that is full says nothing and is forgotten; one that is not never makes room for another, or a flood of forged sources would refill it. */
export class SourceBuckets {
  readonly #perSecond: number;
  readonly #most: number;
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #crowd: TokenBucket;
  #sweptAtMs: number;

  constructor(perSecond: number, nowMs: number, most = MOST_BUCKETS) {
    this.#perSecond = perSecond;
    this.#most = most;
    this.#crowd = new TokenBucket(perSecond, nowMs);
    this.#sweptAtMs = nowMs;
  }

  get size(): number {
    return this.#buckets.size;
  }

  take(source: string, nowMs: number): boolean {
    const known = this.#buckets.get(source);
    if (known !== undefined) return known.take(nowMs);
    if (this.#buckets.size >= this.#most) this.#sweep(nowMs);
    if (this.#buckets.size >= this.#most) return this.#crowd.take(nowMs);
    const fresh = new TokenBucket(this.#perSecond, nowMs);
    this.#buckets.set(source, fresh);
    return fresh.take(nowMs);
  }

  /** At most once a second: it looks at all of them. */
  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptAtMs < 1000) return;
    this.#sweptAtMs = nowMs;
    for (const [source, bucket] of this.#buckets) if (bucket.full(nowMs)) this.#buckets.delete(source);
  }
}
