// The system's clock with a leap wherever a test wants one: hours pass between two polls, while packets in flight keep real time.
import { SystemClock } from '../../common/runtime/clock.ts';

export class ShiftedClock extends SystemClock {
  #shiftMs = 0;

  leap(ms: number): void {
    this.#shiftMs += ms;
  }

  override now(): number {
    return super.now() + this.#shiftMs;
  }

  override monotonicMs(): number {
    return super.monotonicMs() + this.#shiftMs;
  }
}
