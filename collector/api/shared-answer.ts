// One answer for everybody who asks the same within a while: a wall is open on many screens, and each asks every few seconds.
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';

export class SharedAnswer<T> {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #held: { readonly answer: Promise<T>; readonly untilMs: number } | null = null;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** `keptMs`: how long the answer is good for, from when it was asked for. A failure is told to those who share it, and to nobody after them. */
  get(keptMs: DurationMs, make: () => Promise<T>): Promise<T> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#held !== null && this.#held.untilMs > nowMs) return this.#held.answer;
    const answer = make();
    this.#held = { answer, untilMs: nowMs + keptMs };
    answer.catch(() => {
      if (this.#held?.answer === answer) this.#held = null;
    });
    return answer;
  }
}
