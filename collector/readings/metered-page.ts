// Packs what is metered beside octets into a page of the same form: a word for `in` and one for `out` of each row of its layout.
import { observedAt, type Segment, segmentOf, type Table } from '../../common/model/poll.ts';
import type { PageSegment } from '../../common/wire/reading-page.ts';
import type { BuiltPage } from './build-page.ts';
import type { KnownLayout } from './layout-book.ts';
import type { MeteredRow } from './metered-rows.ts';
import { presenceBytes, ROW_OCTETS_BYTES, SEGMENT_BYTES, setBit, writeSegment } from './packed-page.ts';
import type { PageArena } from './page-arena.ts';

const WORD_BYTES = 8;

/** `placed`: the row of the poll for each row of the layout; undefined where the poll has none. */
export function buildMeteredPage(
  arena: PageArena,
  table: Table,
  layout: KnownLayout,
  placed: readonly (MeteredRow | undefined)[],
  clockOffsetMs: number,
): BuiltPage {
  const rows = placed.length;
  const at = arena.take(rows * ROW_OCTETS_BYTES);
  const bits = new Uint8Array(presenceBytes(rows));
  for (const [place, row] of placed.entries())
    for (const [column, value] of [row?.in, row?.out].entries()) {
      if (value === null || value === undefined) continue;
      arena.bytes.writeBigUInt64LE(value, at + (column * rows + place) * WORD_BYTES);
      setBit(bits, column * rows + place);
    }
  const { segments, observedAtMs, spanMs } = clocksOf(table, placed, clockOffsetMs);
  const segmentsAt = arena.take(segments.length * SEGMENT_BYTES);
  for (const [number, segment] of segments.entries())
    writeSegment(arena.bytes, segmentsAt + number * SEGMENT_BYTES, segment, observedAtMs);
  const presentAt = arena.take(bits.length);
  arena.bytes.set(bits, presentAt);
  return {
    layout,
    observedAtMs,
    spanMs,
    at,
    octets: rows * ROW_OCTETS_BYTES,
    segments: segments.length * SEGMENT_BYTES,
    discontinuity: 0,
    present: bits.length,
    leftOut: 0,
  };
}

/** Where the clock changes from row to row of the layout; the first holds from its row 0 on. */
function clocksOf(
  table: Table,
  placed: readonly (MeteredRow | undefined)[],
  clockOffsetMs: number,
): { readonly segments: readonly PageSegment[]; readonly observedAtMs: number; readonly spanMs: number } {
  const segments: PageSegment[] = [];
  let last: Segment | null = null;
  for (const [place, row] of placed.entries()) {
    if (row === undefined) continue;
    const segment = segmentOf(table, row.tableRow);
    if (segment === last) continue;
    last = segment;
    const at = segments.length === 0 ? 0 : place;
    segments.push([at, observedAt(segment, clockOffsetMs), segment.monotonicMs, segment.uptimeTicks]);
  }
  const times = segments.map(([, atMs]) => atMs);
  const observedAtMs = Math.min(...times);
  return { segments, observedAtMs, spanMs: Math.max(...times) - observedAtMs };
}
