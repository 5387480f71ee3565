// Which sequences were given up and are not yet reported: a short list of ranges, kept as a note beside the batches.
import type { SequenceGap } from '../../common/model/batch.ts';

/** Why batches were given up: the bound on bytes, the bound on age, or bytes that the disk changed. */
export type GapReason = 'spool_bytes' | 'spool_age' | 'spool_damaged';

/** More ranges than this are not told apart: the oldest two become one. */
const MOST_GAPS = 1000;

/** The list with one more; a range that follows the last for the same reason makes it longer. */
export function addGap(gaps: readonly SequenceGap[], gap: SequenceGap): SequenceGap[] {
  const last = gaps.at(-1);
  if (last !== undefined && last.lastSequence + 1 === gap.firstSequence && last.reason === gap.reason)
    return [...gaps.slice(0, -1), { ...last, lastSequence: gap.lastSequence }];
  const [first, second, ...others] = [...gaps, gap];
  if (first === undefined || second === undefined || others.length < MOST_GAPS - 1) return [...gaps, gap];
  return [{ ...first, lastSequence: second.lastSequence }, ...others];
}

/** Without what is kept after all: the note is written before the batches go, and a crash may come between. */
export function gapsBefore(gaps: readonly SequenceGap[], firstKept: number): SequenceGap[] {
  return gaps
    .map((gap) => ({ ...gap, lastSequence: Math.min(gap.lastSequence, firstKept - 1) }))
    .filter((gap) => gap.firstSequence <= gap.lastSequence);
}

export function gapsToNote(gaps: readonly SequenceGap[]): Uint8Array {
  return Buffer.from(JSON.stringify(gaps));
}

/** Written by `gapsToNote` alone, and checked by the journal. */
export function gapsFromNote(note: Uint8Array | undefined): readonly SequenceGap[] {
  return note === undefined ? [] : (JSON.parse(Buffer.from(note).toString('utf8')) as readonly SequenceGap[]);
}
