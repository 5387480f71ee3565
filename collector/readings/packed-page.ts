// How the values of a page lie in its row: octet counters as little-endian words, clocks by segment, and only what is not as usual besides.
import type { EpochMs } from '../../common/model/time.ts';
import { PAGE_COLUMNS, type PageSegment } from '../../common/wire/reading-page.ts';

/** u64 LE: octets in of every row, then octets out; 0 where absent. */
export const ROW_OCTETS_BYTES = 16;
/** u32 LE ifCounterDiscontinuityTime of every row; one alone where it is that of all; nothing where no row has it. */
export const TICKS_BYTES = 4;
/** firstRow u32 (top bit: without uptime) | ms after the page's time u32 | monotonic f64 | uptime u32 */
export const SEGMENT_BYTES = 20;
const WITHOUT_UPTIME = 2 ** 31;
const WORD_BYTES = 8;
const COLUMNS = PAGE_COLUMNS.length;
const DISCONTINUITY = PAGE_COLUMNS.indexOf('discontinuity');

/** As the row of a page has it. */
export interface PackedPage {
  readonly rows: number;
  readonly octets: Buffer;
  readonly discontinuity: Buffer | null;
  /** A bit a value, column after column as on the wire; null where all are there, discontinuity as far as the page has it. */
  readonly present: Buffer | null;
}

/** Octets of the bits of presence. */
export function presenceBytes(rows: number): number {
  return Math.ceil((rows * COLUMNS) / 8);
}

export function setBit(bits: Uint8Array, at: number): void {
  const byte = at >>> 3;
  bits[byte] = (bits[byte] ?? 0) | (1 << (at & 7));
}

function hasBit(bits: Uint8Array, at: number): boolean {
  return ((bits[at >>> 3] ?? 0) & (1 << (at & 7))) !== 0;
}

export function writeSegment(bytes: Buffer, at: number, segment: PageSegment, observedAtMs: EpochMs): void {
  const [firstRow, atMs, monotonicMs, uptimeTicks] = segment;
  bytes.writeUInt32LE(uptimeTicks === null ? firstRow + WITHOUT_UPTIME : firstRow, at);
  bytes.writeUInt32LE(atMs - observedAtMs, at + 4);
  bytes.writeDoubleLE(monotonicMs, at + 8);
  bytes.writeUInt32LE(uptimeTicks ?? 0, at + 16);
}

export function unpackSegments(bytes: Buffer, observedAtMs: EpochMs): PageSegment[] {
  return Array.from({ length: bytes.length / SEGMENT_BYTES }, (_, place) => segmentAt(bytes, place, observedAtMs));
}

function segmentAt(bytes: Buffer, place: number, observedAtMs: EpochMs): PageSegment {
  const at = place * SEGMENT_BYTES;
  const row = bytes.readUInt32LE(at);
  const without = row >= WITHOUT_UPTIME;
  return [
    without ? row - WITHOUT_UPTIME : row,
    observedAtMs + bytes.readUInt32LE(at + 4),
    bytes.readDoubleLE(at + 8),
    without ? null : bytes.readUInt32LE(at + 16),
  ];
}

/** The segment of one row: the last whose first row is not above it. */
export function segmentOfRow(bytes: Buffer, observedAtMs: EpochMs, row: number): PageSegment {
  let place = bytes.length / SEGMENT_BYTES - 1;
  while (place > 0 && bytes.readUInt32LE(place * SEGMENT_BYTES) % WITHOUT_UPTIME > row) place -= 1;
  return segmentAt(bytes, place, observedAtMs);
}

/** The form of the wire: u64 words and a byte of presence a value, column after column. */
export function wireValues(page: PackedPage): { readonly values: string; readonly present: string } {
  const { rows, octets, discontinuity, present } = page;
  const values = Buffer.alloc(rows * COLUMNS * WORD_BYTES);
  const flags = Buffer.alloc(rows * COLUMNS);
  octets.copy(values);
  const first = rows * DISCONTINUITY;
  if (present === null) flags.fill(1, 0, discontinuity === null ? first : flags.length);
  else for (let at = 0; at < flags.length; at += 1) flags[at] = hasBit(present, at) ? 1 : 0;
  if (discontinuity !== null) {
    const step = discontinuity.length === TICKS_BYTES ? 0 : TICKS_BYTES;
    for (let row = 0; row < rows; row += 1)
      if (flags[first + row] === 1)
        values.writeUInt32LE(discontinuity.readUInt32LE(row * step), (first + row) * WORD_BYTES);
  }
  return { values: values.toString('base64'), present: flags.toString('base64') };
}

/** Whether the value of a column is there in a row. */
export function isPresent(
  page: Pick<PackedPage, 'rows' | 'present'>,
  column: (typeof PAGE_COLUMNS)[number],
  row: number,
): boolean {
  return page.present === null || hasBit(page.present, PAGE_COLUMNS.indexOf(column) * page.rows + row);
}
