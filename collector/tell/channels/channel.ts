// The port to a way of telling people. A failure says whether surely nobody was told, or whether somebody may have been.
import type { DurationMs } from '../../../common/model/time.ts';
import type { Message, ToldItem } from '../told.ts';

export interface Channel {
  /**
   * Resolves once the other side has taken it, with a remark for people or null. Throws channel_refused where surely nobody was told,
   * channel_unsure else.
   */
  send(message: Message, signal: AbortSignal): Promise<string | null>;
  /** Of a receiver that forgets what it is not told again: told all that is raised, so often. */
  readonly refresh?: {
    readonly everyMs: DurationMs;
    readonly send: (items: readonly ToldItem[], signal: AbortSignal) => Promise<void>;
  };
}

/** What every channel rests on. */
export interface ChannelDeps {
  readonly now: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly fetch: typeof fetch;
}
