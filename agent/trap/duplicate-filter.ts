// One notification, one event: what came is remembered for a while, so that what the network or the sender repeats is known again.

export type Remembered = 'pending' | 'kept';

interface Entry {
  readonly token: number;
  state: Remembered;
  readonly forgetAtMs: number;
}

/** Longer than the time window of RFC 3414 (150 s), so that nothing inside it can be played again, and than the retries of a Cisco inform (90 s). */
export const REMEMBERED_FOR_MS = 200_000;
const MOST_ENTRIES = 65_536;

export class DuplicateFilter {
  readonly #most: number;
  readonly #entries = new Map<string, Entry>();

  constructor(most = MOST_ENTRIES) {
    this.#most = most;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The token under which it came before and how far that got; null where it is new. */
  find(key: string, nowMs: number): { readonly token: number; readonly state: Remembered } | null {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.forgetAtMs <= nowMs ? null : entry;
  }

  /** Remembers it as pending; the number of younger ones that had to go for it. */
  add(key: string, token: number, nowMs: number): number {
    this.#entries.delete(key);
    let forgotten = 0;
    // In order of time: the oldest come first.
    for (const [oldest, entry] of this.#entries) {
      const expired = entry.forgetAtMs <= nowMs;
      if (!expired && this.#entries.size < this.#most) break;
      this.#entries.delete(oldest);
      if (!expired) forgotten += 1;
    }
    this.#entries.set(key, { token, state: 'pending', forgetAtMs: nowMs + REMEMBERED_FOR_MS });
    return forgotten;
  }

  kept(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.state = 'kept';
  }

  /** It was not taken after all: when it is sent again it is new. */
  forget(key: string): void {
    this.#entries.delete(key);
  }
}
