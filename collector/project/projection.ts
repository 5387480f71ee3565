// The port between the journal and its readers: each projection keeps its own position in the transaction of what it writes.
import type { Batch } from '../../common/model/batch.ts';
import type { PointSet } from '../../common/model/point.ts';
import type { EpochMs } from '../../common/model/time.ts';

/** A batch as it stands in a journal. */
export interface JournaledBatch {
  readonly journal: string;
  readonly position: number;
  readonly receivedAtMs: EpochMs;
  /** Agent clock less collector clock, measured when the batch arrived; subtract it from the agent's wall times. */
  readonly clockOffsetMs: number;
  /** SHA-256 of the bytes as they arrived, hexadecimal. */
  readonly sha256: string;
  readonly batch: Batch;
  /** The oldest sequence the agent still had when it sent this one: nothing below it will ever come. */
  readonly oldestSequence?: number;
  /** Points of another program instead of polls: the batch is then an empty one, of no stream. Only the store has a use for them. */
  readonly points?: PointSet;
  /** True while a projection that was set back goes through entries again: sequences count as not applied, and what is written replaces what was. */
  readonly again?: boolean;
}

export interface Projection {
  readonly name: 'readings' | 'faults' | 'store';
  /** The highest position of that journal this projection has committed; 0 at first. */
  position(journal: string): Promise<number>;
  /** Sets the position of the journal back, durably; entries after it come again, marked `again`. */
  rewind(journal: string, position: number): Promise<void>;
  /** Applies the entries, which follow each other, and moves the position to the last of them, all or nothing. Applying again is a no-op. */
  apply(entries: readonly JournaledBatch[]): Promise<void>;
}
