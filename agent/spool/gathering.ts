// Polls and events that wait to become a batch: until enough are there, or the first has waited long enough.
import type { Batch, Watermark } from '../../common/model/batch.ts';
import type { DeviceEvent } from '../../common/model/event.ts';
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';

export interface Waiting {
  readonly poll: Poll | null;
  readonly watermark: Watermark | null;
  readonly event: DeviceEvent | null;
  /** About what it takes before compression. */
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface GatheringBounds {
  /** A batch is written at the latest this long after its first poll came … */
  readonly lingerMs: DurationMs;
  /** … or with this many polls, or about this many bytes before compression. */
  readonly maxBatchPolls: number;
  readonly maxBatchBytes: number;
}

/** Whoever sends an event waits for it to be kept: only as long as others may join the same write. */
const EVENT_LINGER_MS = 20;
/** A reason that is no error: that would be made, with its stack, for each batch. */
const DRAINED = 'drained';

export class Gathering {
  readonly #bounds: GatheringBounds;
  readonly #clock: Clock;
  readonly #onReady: () => void;
  #waiting: Waiting[] = [];
  #bytes = 0;
  /** Ends the linger of those that wait. */
  #lingering: AbortController | null = null;
  #hurrying = false;

  /** `onReady`: it is time to drain. */
  constructor(bounds: GatheringBounds, clock: Clock, onReady: () => void) {
    this.#bounds = bounds;
    this.#clock = clock;
    this.#onReady = onReady;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(one: Waiting): void {
    this.#waiting.push(one);
    this.#bytes += one.bytes;
    const { maxBatchPolls, maxBatchBytes, lingerMs } = this.#bounds;
    if (this.#waiting.length >= maxBatchPolls || this.#bytes >= maxBatchBytes) return this.#onReady();
    if (this.#waiting.length === 1) void this.#linger(lingerMs);
    if (one.event !== null) void this.#hurry();
  }

  /** Everything that waits; nothing waits after it. */
  drain(): readonly Waiting[] {
    this.#lingering?.abort(DRAINED);
    const group = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    return group;
  }

  async #linger(ms: DurationMs): Promise<void> {
    const lingering = new AbortController();
    this.#lingering = lingering;
    await this.#clock.sleep(ms, lingering.signal);
    if (!lingering.signal.aborted) this.#onReady();
  }

  async #hurry(): Promise<void> {
    if (this.#hurrying) return;
    this.#hurrying = true;
    await this.#clock.sleep(EVENT_LINGER_MS, this.#lingering?.signal);
    this.#hurrying = false;
    if (this.#waiting.length > 0) this.#onReady();
  }
}

/** What of a batch a group is: of each device the newest watermark. */
export function contentsOf(group: readonly Waiting[]): Pick<Batch, 'polls' | 'events' | 'watermarks'> {
  const told = group.flatMap(({ watermark }) => watermark ?? []);
  return {
    polls: group.flatMap(({ poll }) => poll ?? []),
    events: group.flatMap(({ event }) => event ?? []),
    watermarks: [...new Map(told.map((watermark) => [watermark.device, watermark])).values()],
  };
}
