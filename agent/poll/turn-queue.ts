// Which device is polled next: the earliest that is due, but of those that did not answer last time no more than a share at once.
import type { DurationMs } from '../../common/model/time.ts';
import { DueQueue } from './timetable.ts';
import type { Turn } from './turn.ts';

export interface Taken {
  readonly turn: Turn;
  readonly lateMs: DurationMs;
  /** It takes one of the places of those that did not answer: give it back with `ended`. */
  readonly doubtful: boolean;
}

/** A dead device holds its place until its timeouts are over; without a share of their own, many of them would leave none to the living. */
export class TurnQueue {
  readonly #mostDoubtful: number;
  readonly #due = new DueQueue<Turn>();
  /** Due, in the order they came, until one of the doubtful ends. */
  readonly #waiting = new Map<Turn, number>();
  #doubtful = 0;

  constructor(concurrency: number) {
    this.#mostDoubtful = Math.max(1, Math.floor(concurrency / 2));
  }

  get waiting(): number {
    return this.#waiting.size;
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
    return this.#waiting.delete(turn) || this.#due.remove(turn);
  }

  clear(): void {
    this.#waiting.clear();
    while (this.#due.pop() !== null);
  }

  /** The next device that is due and may be polled; null where none is. */
  take(nowMs: number): Taken | null {
    const room = this.#doubtful < this.#mostDoubtful;
    for (const [turn, dueMs] of room ? this.#waiting : []) {
      this.#waiting.delete(turn);
      return this.#taken(turn, nowMs - dueMs);
    }
    for (let dueMs = this.#due.nextDueMs(); dueMs !== null && dueMs <= nowMs; dueMs = this.#due.nextDueMs()) {
      const turn = this.#due.pop();
      if (turn === null) return null;
      if (room || !turn.polled.doubtful) return this.#taken(turn, nowMs - dueMs);
      this.#waiting.set(turn, dueMs);
    }
    return null;
  }

  ended({ doubtful }: Taken): void {
    if (doubtful) this.#doubtful -= 1;
  }

  #taken(turn: Turn, lateMs: DurationMs): Taken {
    const { doubtful } = turn.polled;
    if (doubtful) this.#doubtful += 1;
    return { turn, lateMs, doubtful };
  }
}
