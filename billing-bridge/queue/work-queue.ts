// The port to the queue: it wakes, and it carries rated charges to whoever wants them; it is never the record of what was done.
import type { Component } from '../../common/runtime/component.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';

/** A job to be carried; the id is the same whenever it is delivered again. */
export interface CarriedJob {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
}

/** gone: the queue does not know it: it was never delivered, was lost, or was removed by its consumer. */
export type CarriedState = 'waiting' | 'done' | 'failed' | 'gone';

/** A job that its consumer has given up: it stays until somebody looks. */
export interface DeadLetter {
  readonly id: string;
  readonly name: string;
  readonly attempts: number;
  readonly reason: string;
  /** When it failed for the last time; null where the queue does not tell. */
  readonly failedAtMs: EpochMs | null;
}

/** Five fields, in a time zone. */
export interface CronTime {
  readonly pattern: string;
  readonly zone: string;
}

export interface WorkQueue extends Component {
  /** Makes sure that `name` is woken about so often, or at the times of a cron; again and again without effect, and with another time in place of the one before. A wake may come twice, late, or not at all. */
  schedule(name: string, when: DurationMs | CronTime): Promise<void>;
  /** Is the schedule still there? */
  scheduled(name: string): Promise<boolean>;
  /** Puts jobs on the queue of rated charges; one that is there already stays once. Rejects where the queue does not answer. */
  deliver(jobs: readonly CarriedJob[]): Promise<void>;
  stateOf(ids: readonly string[]): Promise<Map<string, CarriedState>>;
  /** Jobs that wait on the queue of rated charges. */
  backlog(): Promise<number>;
  /** Jobs of that queue that failed for good, newest first, and how many there are in all. */
  deadLetters(limit: number): Promise<{ readonly items: readonly DeadLetter[]; readonly all: number }>;
  /** Puts one back with all its attempts; false where no such job has failed. */
  retry(id: string): Promise<boolean>;
}

/** Called when the queue wakes a schedule. */
export type OnWake = (name: string) => void;

/** The queue that an operator's own billing system reads. */
export const CHARGES_QUEUE = 'billing';
/** The queue of our schedules. */
export const WAKE_QUEUE = 'weir-wake';
