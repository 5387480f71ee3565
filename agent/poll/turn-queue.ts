// Which device is polled next: the earliest that is due; but of those that did not answer last time, and of those behind one thin line, no more than their share at once.
import type { DurationMs } from '../../common/model/time.ts';
import type { SchedulerSummary } from './explanation.ts';
import { DueQueue } from './timetable.ts';
import type { Turn } from './turn.ts';

export interface Taken {
  readonly turn: Turn;
  readonly lateMs: DurationMs;
  /** It takes one of the places of those that did not answer, also on its line: give it back with `ended`. */
  readonly doubtful: boolean;
  readonly share: Share | null;
}

/** Devices that may be polled at once over a line; null: no bound. */
export type PlacesOf = (line: string) => number | null;

/** The places of one line. A device that waits for one takes none of the others' places. */
class Share {
  readonly line: string;
  readonly #placesOf: PlacesOf;
  taken = 0;
  doubtful = 0;
  /** Due, in the order they came. */
  readonly waiting = new Map<Turn, number>();

  constructor(line: string, placesOf: PlacesOf) {
    this.line = line;
    this.#placesOf = placesOf;
  }

  /** As many as the line is configured to have now. */
  get full(): boolean {
    return this.taken >= this.#places;
  }

  admits(turn: Turn): boolean {
    if (this.full) return false;
    return !turn.polled.doubtful || this.doubtful < Math.max(1, Math.floor(this.#places / 2));
  }

  get #places(): number {
    return this.#placesOf(this.line) ?? Number.POSITIVE_INFINITY;
  }
}

/** A dead device holds its place until its timeouts are over; without a share of their own, many of them would leave none to the living. */
export class TurnQueue {
  readonly #mostDoubtful: number;
  readonly #placesOf: PlacesOf;
  readonly #due = new DueQueue<Turn>();
  /** Due, in the order they came, until one of the doubtful ends. */
  readonly #waiting = new Map<Turn, number>();
  readonly #shares = new Map<string, Share>();
  /** Shares that gave back a place while somebody waits for it. */
  readonly #freed = new Set<Share>();
  #doubtful = 0;

  constructor(concurrency: number, placesOf: PlacesOf = () => null) {
    this.#mostDoubtful = Math.max(1, Math.floor(concurrency / 2));
    this.#placesOf = placesOf;
  }

  /** Somebody who waits may have a place now. */
  get freed(): boolean {
    return this.#waiting.size > 0 || this.#freed.size > 0;
  }

  summary(nowMs: number): Pick<SchedulerSummary, 'waiting' | 'waitingForLine' | 'longestLateMs'> {
    const shares = [...this.#shares.values()];
    return {
      waiting: this.#waiting.size,
      waitingForLine: shares.reduce((sum, share) => sum + share.waiting.size, 0),
      longestLateMs: Math.max(0, Math.round(nowMs - (this.#due.nextDueMs() ?? nowMs))),
    };
  }

  /** Null where none is in the queue; those that wait are not. */
  nextDueMs(): number | null {
    return this.#due.nextDueMs();
  }

  push(dueMs: number, turn: Turn): void {
    this.#due.push(dueMs, turn);
  }

  /** False where it is not there: it is being polled. */
  remove(turn: Turn): boolean {
    for (const share of this.#shares.values()) if (share.waiting.delete(turn)) return true;
    return this.#waiting.delete(turn) || this.#due.remove(turn);
  }

  clear(): void {
    this.#waiting.clear();
    this.#shares.clear();
    this.#freed.clear();
    while (this.#due.pop() !== null);
  }

  /** The next device that is due and may be polled; null where none is. */
  take(nowMs: number): Taken | null {
    const waited = this.#takeWaiting(nowMs);
    if (waited !== null) return waited;
    for (let dueMs = this.#due.nextDueMs(); dueMs !== null && dueMs <= nowMs; dueMs = this.#due.nextDueMs()) {
      const turn = this.#due.pop();
      if (turn === null) return null;
      const taken = this.#admit(turn, dueMs, nowMs);
      if (taken !== null) return taken;
    }
    return null;
  }

  ended({ doubtful, share }: Taken): void {
    if (doubtful) this.#doubtful -= 1;
    if (share === null) return;
    share.taken -= 1;
    if (doubtful) share.doubtful -= 1;
    if (share.waiting.size > 0) this.#freed.add(share);
    else if (share.taken === 0) this.#shares.delete(share.line);
  }

  #takeWaiting(nowMs: number): Taken | null {
    for (const [turn, dueMs] of this.#doubtful < this.#mostDoubtful ? this.#waiting : []) {
      this.#waiting.delete(turn);
      const taken = this.#admit(turn, dueMs, nowMs);
      if (taken !== null) return taken;
    }
    for (const share of this.#freed) {
      for (const [turn, dueMs] of share.waiting) {
        if (share.full) break;
        if (!share.admits(turn)) continue;
        share.waiting.delete(turn);
        const taken = this.#admit(turn, dueMs, nowMs);
        if (taken !== null) return taken;
      }
      this.#freed.delete(share);
    }
    return null;
  }

  /** Null: it waits, for its line or for its place among the doubtful. */
  #admit(turn: Turn, dueMs: number, nowMs: number): Taken | null {
    const { doubtful } = turn.polled;
    const share = this.#shareOf(turn.device.line ?? null);
    if (share !== null && !share.admits(turn)) {
      share.waiting.set(turn, dueMs);
      return null;
    }
    if (doubtful && this.#doubtful >= this.#mostDoubtful) {
      this.#waiting.set(turn, dueMs);
      return null;
    }
    if (doubtful) this.#doubtful += 1;
    if (share !== null) {
      share.taken += 1;
      if (doubtful) share.doubtful += 1;
    }
    return { turn, lateMs: nowMs - dueMs, doubtful, share };
  }

  #shareOf(line: string | null): Share | null {
    if (line === null) return null;
    const known = this.#shares.get(line);
    if (known !== undefined) return known;
    if (this.#placesOf(line) === null) return null;
    const share = new Share(line, this.#placesOf);
    this.#shares.set(line, share);
    return share;
  }
}
