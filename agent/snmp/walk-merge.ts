// Puts an answer in which columns ended, have holes or were cut off back into rows: what each column has, up to where all are known.
import { TAG } from './ber.ts';
import { compareRanges, type Oid } from './oid.ts';
import type { Varbinds } from './varbinds.ts';

export interface Range {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** What an answer holds of one column. */
export interface Run {
  readonly entries: readonly { readonly varbind: number; readonly index: Uint8Array }[];
  /** The column has nothing beyond its entries. */
  readonly ended: boolean;
  /** It ended because the device went back or in a circle. */
  readonly goesBack: boolean;
}

/** The varbinds `first`, `first` + `step`, … as entries of a column beyond the frontier. */
export function runOf(varbinds: Varbinds, column: Oid, first: number, step: number, frontier: Uint8Array): Run {
  const entries: { varbind: number; index: Uint8Array }[] = [];
  let last = frontier;
  for (let varbind = first; varbind < varbinds.count; varbind += step) {
    if (!varbinds.startsWith(varbind, column) || varbinds.tag(varbind) === TAG.endOfMibView)
      return { entries, ended: true, goesBack: false };
    const index = varbinds.bytes.slice(varbinds.oidStart(varbind) + column.length, varbinds.oidEnd(varbind));
    if (compareSuffix(index, last) <= 0) return { entries, ended: true, goesBack: true };
    entries.push({ varbind, index });
    last = index;
  }
  return { entries, ended: false, goesBack: false };
}

/** The index up to which every column is known; null where all have ended. A column that came not at all is known up to where we stood. */
export function lowestEnd(runs: readonly Run[], frontier: Uint8Array): Uint8Array | null {
  let lowest: Uint8Array | null = null;
  for (const run of runs) {
    if (run.ended) continue;
    const end = run.entries.at(-1)?.index ?? frontier;
    if (lowest === null || compareSuffix(end, lowest) < 0) lowest = end;
  }
  return lowest;
}

export function lowestHead(runs: readonly Run[], heads: readonly number[]): Uint8Array | null {
  let lowest: Uint8Array | null = null;
  for (const [at, run] of runs.entries()) {
    const index = run.entries[heads[at] ?? 0]?.index;
    if (index !== undefined && (lowest === null || compareSuffix(index, lowest) < 0)) lowest = index;
  }
  return lowest;
}

export function compareSuffix(a: Uint8Array, b: Uint8Array): number {
  return compareRanges(a, 0, a.length, b, 0, b.length);
}

export function sameBytes(bytes: Uint8Array, aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false;
  for (let at = 0; aStart + at < aEnd; at += 1) if (bytes[aStart + at] !== bytes[bStart + at]) return false;
  return true;
}
