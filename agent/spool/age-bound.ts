// Up to which batch a spool is too old.
import type { DurationMs } from '../../common/model/time.ts';

/**
 * The last sequence from `first` to `last` that was written before the time; `first` - 1 where none was. Spool time grows with the
 * sequence. What the disk damaged (null) is taken for young: it must not take sound batches with it.
 */
export function lastWrittenBefore(
  first: number,
  last: number,
  spoolTimeMs: DurationMs,
  entryAt: (sequence: number) => { readonly spoolTimeMs: DurationMs } | null,
): number {
  let old = first - 1;
  let young = last + 1;
  while (young - old > 1) {
    const middle = Math.floor((old + young) / 2);
    if ((entryAt(middle)?.spoolTimeMs ?? Number.POSITIVE_INFINITY) < spoolTimeMs) old = middle;
    else young = middle;
  }
  return old;
}
