// The port to the queue: it wakes, and it carries rated charges to whoever wants them; it is never the record of what was done.
import type { Component } from '../../common/runtime/component.ts';
import type { DurationMs } from '../../common/model/time.ts';

/** A job to be carried; the id is the same whenever it is delivered again. */
export interface CarriedJob {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
}

/** gone: the queue does not know it: it was never delivered, was lost, or was removed by its consumer. */
export type CarriedState = 'waiting' | 'done' | 'failed' | 'gone';

export interface WorkQueue extends Component {
  /** Makes sure that `name` is woken about so often; again and again without effect. A wake may come twice, late, or not at all. */
  schedule(name: string, everyMs: DurationMs): Promise<void>;
  /** Is the schedule still there? */
  scheduled(name: string): Promise<boolean>;
  /** Puts jobs on the queue of rated charges; one that is there already stays once. Rejects where the queue does not answer. */
  deliver(jobs: readonly CarriedJob[]): Promise<void>;
  stateOf(ids: readonly string[]): Promise<Map<string, CarriedState>>;
  /** Jobs that wait on the queue of rated charges. */
  backlog(): Promise<number>;
}

/** Called when the queue wakes a schedule. */
export type OnWake = (name: string) => void;

/** The queue that an operator's own billing system reads. */
export const CHARGES_QUEUE = 'billing';
/** The queue of our schedules. */
export const WAKE_QUEUE = 'weir-wake';
