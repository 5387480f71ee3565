// What travels from an agent to a collector: polls under a sequence number that is never given twice.
import type { DeviceEvent } from './event.ts';
import type { EpochMs } from './time.ts';
import type { Poll } from './poll.ts';

/** The time up to which a device's polls are complete or reported as gaps, also when there was nothing to send. */
export interface Watermark {
  readonly device: string;
  readonly completeUntilMs: EpochMs;
}

/** A span of sequence numbers whose polls the agent had to give up (spool bound reached): proof of what is missing. */
export interface SequenceGap {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly reason: string;
}

export interface Batch {
  readonly agent: string;
  /** Random id made with the spool file: a new spool is a new sequence. */
  readonly incarnation: string;
  /** Starts at 1 and grows by 1. */
  readonly sequence: number;
  readonly createdAtMs: EpochMs;
  /** True where polls were taken out of this sequence to save room (never octets: counters accumulate). */
  readonly thinned: boolean;
  readonly polls: readonly Poll[];
  readonly events: readonly DeviceEvent[];
  readonly watermarks: readonly Watermark[];
  readonly gaps: readonly SequenceGap[];
}

/** The collector's answer: the highest contiguous sequence it holds durably, and the highest that readings and faults have committed. */
export interface Receipt {
  readonly received: number;
  readonly applied: number;
  readonly quarantined?: { readonly code: string; readonly message: string };
}
