// Long synchronous work in pieces: between them whoever waits for the event loop has a turn.
import { setImmediate } from 'node:timers/promises';
import type { DurationMs } from '../model/time.ts';
import type { Clock } from './clock.ts';

/** Shorter than anybody notices, longer than a turn costs. */
const PIECE_MS: DurationMs = 5;

export class Breather {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #since: number;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
    this.#since = clock.monotonicMs();
  }

  /** To be called between two pieces of work: lets others have a turn where the last was some time ago. */
  async breathe(): Promise<void> {
    if (this.#clock.monotonicMs() - this.#since < PIECE_MS) return;
    await setImmediate();
    this.#since = this.#clock.monotonicMs();
  }
}
