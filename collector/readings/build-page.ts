// Packs a poll's table of interfaces into a page: counters are copied as words, without a bigint for each where a device is all of one width.
import { type CounterColumn, OCTET_COUNTERS, observedAt, type Table } from '../../common/model/poll.ts';
import { countersOf, numbersOf, wholeOrNull } from '../../common/model/table-columns.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { PageSegment } from '../../common/wire/reading-page.ts';
import type { KnownInterface, RowInterfaces } from '../inventory/known-device.ts';
import type { KnownLayout, PlacedRows, RowFacts } from './layout-book.ts';
import { SEGMENT_BYTES, writeSegment } from './packed-page.ts';
import type { PageArena } from './page-arena.ts';
import { type OctetColumns, PagePacking } from './page-packing.ts';

export interface BuiltPage {
  readonly layout: KnownLayout;
  /** UTC of its first reading. */
  readonly observedAtMs: EpochMs;
  /** From the first to its last reading. */
  readonly spanMs: number;
  /** Where its parts begin in the arena, one after the other, and the octets of each (packed-page.ts). */
  readonly at: number;
  readonly octets: number;
  readonly segments: number;
  readonly discontinuity: number;
  readonly present: number;
  /** Values that a page has no place for: of a row whose directions differ in width, the narrow one. */
  readonly leftOut: number;
}

/** What finds the layout of a page. */
export interface PlaceRows {
  /** Where all rows are as they were when the layout was last used: without a look at each. */
  readonly asBefore: (interfaces: RowInterfaces, width: 32 | 64) => KnownLayout | null;
  readonly place: (facts: RowFacts, complete: boolean) => PlacedRows;
}

/** Null where no row that is known to be of an interface has octets. */
export function buildPage(
  arena: PageArena,
  table: Table,
  interfaces: RowInterfaces,
  clockOffsetMs: number,
  rows: PlaceRows,
): BuiltPage | null {
  const columns = (['in', 'out'] as const).map((direction): OctetColumns => {
    const { wide, narrow } = OCTET_COUNTERS[direction];
    return { wide: countersOf(table, wide), narrow: countersOf(table, narrow) };
  });
  const kept = interfaces.includes(null) ? knownRows(interfaces) : null;
  const one = kept === null ? widthOfAll(columns) : null;
  const before = one === null ? null : rows.asBefore(interfaces, one);
  if (before !== null) return pack(arena, table, columns, clockOffsetMs, { layout: before, places: null }, kept, null);
  const widths = widthsOf(columns, kept, interfaces.length);
  if (widths.every((width) => width === 0)) return null;
  const placed = rows.place(factsOf(table, interfaces, kept, widths), table.complete);
  return pack(
    arena,
    table,
    columns,
    clockOffsetMs,
    placed,
    kept,
    one === null || placed.places !== null ? widths : null,
  );
}

/** `widths`: null where every row of the layout has both counters in one and the same width. */
function pack(
  arena: PageArena,
  table: Table,
  columns: readonly OctetColumns[],
  clockOffsetMs: number,
  { layout, places }: PlacedRows,
  kept: readonly number[] | null,
  widths: Uint8Array | null,
): BuiltPage {
  const packing = new PagePacking(arena, layout.rows.length, kept, places);
  for (const [column, counters] of columns.entries()) packing.addOctets(column, counters, widths);
  const clocks = clocksOf(table, kept, places, clockOffsetMs);
  const from = arena.take(clocks.segments.length * SEGMENT_BYTES);
  for (const [at, segment] of clocks.segments.entries())
    writeSegment(arena.bytes, from + at * SEGMENT_BYTES, segment, clocks.observedAtMs);
  const discontinuity = packing.addDiscontinuity(numbersOf(table, 'ifCounterDiscontinuityTime'));
  const present = packing.addPresence();
  return {
    layout,
    observedAtMs: clocks.observedAtMs,
    spanMs: clocks.spanMs,
    at: packing.begin,
    octets: from - packing.begin,
    segments: clocks.segments.length * SEGMENT_BYTES,
    discontinuity,
    present,
    leftOut: packing.leftOut,
  };
}

/** The rows of the table that are known to be of an interface, in order. */
function knownRows(interfaces: RowInterfaces): readonly number[] {
  return [...interfaces.keys()].filter((row) => interfaces[row] !== null);
}

function factsOf(
  table: Table,
  interfaces: RowInterfaces,
  kept: readonly number[] | null,
  widths: Uint8Array,
): RowFacts {
  const stated = numbersOf(table, 'ifSpeedBps');
  const found: KnownInterface[] = [];
  const ifIndexes: string[] = [];
  const speeds = new Float64Array(widths.length);
  for (let at = 0; at < widths.length; at += 1) {
    const row = kept === null ? at : (kept[at] ?? 0);
    const one = interfaces[row];
    if (one === null || one === undefined) throw new Error('BUG: a row without an interface was kept');
    found.push(one);
    ifIndexes.push(table.index[row] ?? '');
    speeds[at] = Math.max(0, wholeOrNull(stated?.[row]) ?? one.speedBps ?? 0);
  }
  return { rows: interfaces, interfaces: found, ifIndexes, speeds, widths };
}

/** The width of both counters where it is that of every row of the table; null where rows differ or lack one. */
function widthOfAll(columns: readonly OctetColumns[]): 32 | 64 | null {
  const width = (columns[0]?.wide ?? columns[0]?.narrow)?.width;
  const whole = columns.every(({ wide, narrow }) => {
    const only = wide ?? narrow;
    return only !== undefined && only.width === width && !only.present.includes(0);
  });
  return whole && width !== undefined ? width : null;
}

/** 64 where a row has a wide counter, 32 where it has but a narrow one, 0 where none. */
function widthsOf(columns: readonly OctetColumns[], kept: readonly number[] | null, rows: number): Uint8Array {
  const widths = new Uint8Array(kept?.length ?? rows);
  const counters = columns.flatMap(({ wide, narrow }) => [wide, narrow]).filter((one) => one !== undefined);
  for (const one of counters.toSorted((a, b) => a.width - b.width)) markWidth(widths, one, kept);
  return widths;
}

function markWidth(widths: Uint8Array, counters: CounterColumn, kept: readonly number[] | null): void {
  for (let at = 0; at < widths.length; at += 1)
    if (counters.present[kept === null ? at : (kept[at] ?? 0)] === 1) widths[at] = counters.width;
}

/** The clocks of the responses that the kept rows came in, where these stand in the layout; the first one holds from its row 0 on. */
function clocksOf(
  table: Table,
  kept: readonly number[] | null,
  places: Int32Array | null,
  clockOffsetMs: number,
): { readonly segments: readonly PageSegment[]; readonly observedAtMs: EpochMs; readonly spanMs: number } {
  const segments: PageSegment[] = [];
  const rows = kept?.length ?? table.index.length;
  let [firstMs, lastMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let at = 0;
  for (let number = 0; number < table.segments.length && at < rows; number += 1) {
    const segment = table.segments[number];
    const end = table.segments[number + 1]?.firstRow ?? table.index.length;
    const begin = at;
    if (kept === null) at = end;
    else while (at < rows && (kept[at] ?? 0) < end) at += 1;
    if (segment === undefined || at === begin) continue;
    const atMs = observedAt(segment, clockOffsetMs);
    const row = segments.length === 0 ? 0 : (places?.[begin] ?? begin);
    segments.push([row, atMs, segment.monotonicMs, segment.uptimeTicks]);
    firstMs = Math.min(firstMs, atMs);
    lastMs = Math.max(lastMs, atMs);
  }
  return { segments, observedAtMs: firstMs, spanMs: lastMs - firstMs };
}
