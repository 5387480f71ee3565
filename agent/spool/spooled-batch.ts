// How a batch stands in the journal of the spool: its age before its bytes, so that the age is known without decoding.
//
//   version u8 (1) | created f64 LE (epoch ms) | spool time f64 LE (ms) | the encoded batch
import type { JournalEntry } from '../../common/journal/journal.ts';
import type { DeviceEvent } from '../../common/model/event.ts';
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { decodeBatch, encodeBatch } from '../../common/wire/batch-codec.ts';

const VERSION = 1;
const HEAD_BYTES = 17;

export interface SpooledBatch {
  readonly sequence: number;
  readonly createdAtMs: EpochMs;
  /** How long agents had run on this spool when it was written: age that no step of the wall clock changes. */
  readonly spoolTimeMs: DurationMs;
  readonly bytes: Uint8Array;
}

export function toEntry(batch: Omit<SpooledBatch, 'sequence'>): Uint8Array {
  const entry = Buffer.allocUnsafe(HEAD_BYTES + batch.bytes.length);
  entry[0] = VERSION;
  entry.writeDoubleLE(batch.createdAtMs, 1);
  entry.writeDoubleLE(batch.spoolTimeMs, 9);
  entry.set(batch.bytes, HEAD_BYTES);
  return entry;
}

export function fromEntry({ position, bytes }: JournalEntry): SpooledBatch {
  const entry = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (entry[0] !== VERSION) throw new Error(`BUG: the spool has an entry of version ${entry[0]}`);
  return {
    sequence: position,
    createdAtMs: entry.readDoubleLE(1),
    spoolTimeMs: entry.readDoubleLE(9),
    bytes: entry.subarray(HEAD_BYTES),
  };
}

/** The same polls under another incarnation. */
export function relabelled(batch: SpooledBatch, incarnation: string): SpooledBatch {
  return { ...batch, bytes: encodeBatch({ ...decodeBatch(batch.bytes), incarnation }) };
}

/** About what the poll takes in a batch before compression. */
export function estimatedBytes(poll: Poll | null): number {
  if (poll === null) return 32;
  let bytes = 100;
  for (const { index, segments, columns } of poll.tables)
    bytes += 16 + segments.length * 20 + index.length * (2 + columns.length * 6);
  return bytes;
}

/** Likewise of an event. */
export function eventBytes(event: DeviceEvent): number {
  return event.details.reduce((sum, { name, value }) => sum + name.length + value.length + 4, 100);
}
