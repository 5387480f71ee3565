// A device that says its links or itself changed is polled at once: the first time immediately, again at most once in a while, and always once after the last.
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';

/** A port that flaps must not have its device polled without a pause. */
export const PROMPT_PAUSE_MS: DurationMs = 5000;

export class PollPrompter {
  readonly #clock: Clock;
  readonly #pollNow: (device: string) => void;
  /** Devices in their pause, and whether they said more meanwhile; as many as there are devices at most. */
  readonly #pausing = new Map<string, { again: boolean }>();
  #stopping = new AbortController();

  constructor(deps: { readonly clock: Clock; readonly pollNow: (device: string) => void }) {
    this.#clock = deps.clock;
    this.#pollNow = deps.pollNow;
  }

  prompt(device: string): void {
    const pause = this.#pausing.get(device);
    if (pause !== undefined) pause.again = true;
    else void this.#poll(device);
  }

  stop(): void {
    this.#stopping.abort();
    this.#stopping = new AbortController();
    this.#pausing.clear();
  }

  async #poll(device: string): Promise<void> {
    const { signal } = this.#stopping;
    const pause = { again: true };
    this.#pausing.set(device, pause);
    while (pause.again && !signal.aborted) {
      pause.again = false;
      this.#pollNow(device);
      await this.#clock.sleep(PROMPT_PAUSE_MS, signal);
    }
    if (this.#pausing.get(device) === pause) this.#pausing.delete(device);
  }
}
