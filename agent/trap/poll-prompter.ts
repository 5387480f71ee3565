// A device that says its links or itself changed is polled at once, and again where a poll was already under way that may have looked too early.
import type { EpochMs } from '../../common/model/time.ts';
import { messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';

export interface PollPrompterDeps {
  /** Polls at once, joining a poll in hand and keeping a distance to the last; says when that poll began. */
  readonly pollNow: (device: string) => Promise<{ readonly startedAtMs: EpochMs }>;
}

/** Polls for what a device says while it is being polled for it: one that flaps is polled as usual after that. */
const MOST_POLLS = 3;

export class PollPrompter {
  readonly #reporter: Reporter;
  readonly #deps: PollPrompterDeps;
  /** When each device that is being polled said something last; as many as there are devices at most. */
  readonly #saidAtMs = new Map<string, EpochMs>();

  constructor(reporter: Reporter, deps: PollPrompterDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
  }

  prompt(device: string, saidAtMs: EpochMs): void {
    const polling = this.#saidAtMs.has(device);
    this.#saidAtMs.set(device, saidAtMs);
    if (!polling) void this.#poll(device);
  }

  async #poll(device: string): Promise<void> {
    try {
      for (let polls = 0; polls < MOST_POLLS; polls += 1) {
        const { startedAtMs } = await this.#deps.pollNow(device);
        if (startedAtMs >= (this.#saidAtMs.get(device) ?? 0)) break;
      }
    } catch (error) {
      this.#reporter.debug('no poll after a notification', { device, error: messageOf(error) });
    } finally {
      this.#saidAtMs.delete(device);
    }
  }
}
