// The last counters of a device's interfaces, packed: what the next poll is subtracted from, kept as it is written to the database.
import type { CounterReading } from '../../common/model/counter.ts';

/** Counters of one row, in the order of their places. */
export const KEPT_COUNTERS = [
  'in_octets',
  'out_octets',
  'in_errors',
  'out_errors',
  'in_discards',
  'out_discards',
] as const;

const ROW_BYTES = 80;
/** Rows of the first form had four counters; their flags tell the forms apart. */
const FIRST_FORM_ROW_BYTES = 64;
const FIRST_FORM_COUNTERS = 4;
const FIRST_FORM_WRITTEN_BIT = 1 << 10;
const FIRST_COUNTER = 32;
const WIDE_SHIFT = 8;
const UPTIME_BIT = 1 << 16;
const DISCONTINUITY_BIT = 1 << 17;
const WRITTEN_BIT = 1 << 18;
const TWO_TO_32 = 2 ** 32;

/** Clocks of a row: of the device in row 0, of an interface in the others. */
export interface RowClock {
  readonly observedAtMs: number;
  readonly monotonicMs: number;
  readonly uptimeTicks: number | null;
  readonly discontinuityTicks: number | null;
  readonly processHash: number;
}

/**
 * Row: 0 f64 time, 8 f64 monotonic, 16 u32 uptime, 20 u32 discontinuity, 24 u32 flags (bit i present, 8 + i wide, 16 uptime, 17
 * discontinuity, 18 written), 28 u32 hash of the process, 32 six u64 counters; little-endian.
 */
export class CounterRows {
  #bytes: Buffer;
  /** Of the same octets: quicker than the methods of Buffer, which check more. */
  #view: DataView;

  constructor(bytes: Uint8Array | null = null) {
    this.#bytes = bytes === null ? Buffer.alloc(ROW_BYTES) : ofToday(Buffer.from(bytes));
    if (this.#bytes.length === 0 || this.#bytes.length % ROW_BYTES !== 0)
      throw new Error(`BUG: ${this.#bytes.length} octets are no rows of counters`);
    this.#view = viewOf(this.#bytes);
  }

  /** As it is written; valid until the next change. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get rows(): number {
    return this.#bytes.length / ROW_BYTES;
  }

  /** From the last reading of the row to this clock, as `difference` measures it; NaN where there is none, or where it is no later. */
  secondsBefore(row: number, clock: Omit<RowClock, 'discontinuityTicks'>): number {
    const at = row * ROW_BYTES;
    if (at >= this.#bytes.length || (this.#flags(at) & WRITTEN_BIT) === 0) return Number.NaN;
    const passedMs = clock.observedAtMs - this.#view.getFloat64(at, true);
    if (!(passedMs > 0)) return Number.NaN;
    if (this.#view.getUint32(at + 28, true) !== clock.processHash) return passedMs / 1000;
    return Math.max(clock.monotonicMs - this.#view.getFloat64(at + 8, true), 0) / 1000;
  }

  clock(row: number): RowClock | null {
    const at = row * ROW_BYTES;
    if (at >= this.#bytes.length) return null;
    const flags = this.#flags(at);
    if ((flags & WRITTEN_BIT) === 0) return null;
    return {
      observedAtMs: this.#view.getFloat64(at, true),
      monotonicMs: this.#view.getFloat64(at + 8, true),
      uptimeTicks: (flags & UPTIME_BIT) === 0 ? null : this.#view.getUint32(at + 16, true),
      discontinuityTicks: (flags & DISCONTINUITY_BIT) === 0 ? null : this.#view.getUint32(at + 20, true),
      processHash: this.#view.getUint32(at + 28, true),
    };
  }

  /** The last reading of a counter; null where there is none. */
  reading(row: number, counter: number): CounterReading | null {
    const clock = this.clock(row);
    const at = row * ROW_BYTES;
    if (clock === null) return null;
    const flags = this.#flags(at);
    if ((flags & (1 << counter)) === 0) return null;
    const value = this.#view.getBigUint64(at + FIRST_COUNTER + counter * 8, true);
    return readingOf(clock, value, (flags & (1 << (WIDE_SHIFT + counter))) === 0 ? 32 : 64);
  }

  /**
   * About how much a counter has moved since the last reading: exact to 2^-53 of its value, without a bigint. NaN where there is nothing
   * to subtract from. Tells only whether it is worth asking `difference`.
   */
  about(row: number, counter: number, high: number, low: number): number {
    const at = row * ROW_BYTES;
    if (at >= this.#bytes.length || (this.#flags(at) & (1 << counter)) === 0) return Number.NaN;
    const place = at + FIRST_COUNTER + counter * 8;
    return (high - this.#view.getUint32(place + 4, true)) * TWO_TO_32 + (low - this.#view.getUint32(place, true));
  }

  /** The row was read anew: its counters of before are gone until each is kept again. */
  write(row: number, clock: Omit<RowClock, 'discontinuityTicks'>, discontinuityTicks: number | null): void {
    this.#grow(row);
    const at = row * ROW_BYTES;
    let flags = WRITTEN_BIT;
    if (clock.uptimeTicks !== null) flags |= UPTIME_BIT;
    if (discontinuityTicks !== null) flags |= DISCONTINUITY_BIT;
    this.#view.setFloat64(at, clock.observedAtMs, true);
    this.#view.setFloat64(at + 8, clock.monotonicMs, true);
    this.#view.setUint32(at + 16, clock.uptimeTicks ?? 0, true);
    this.#view.setUint32(at + 20, discontinuityTicks ?? 0, true);
    this.#view.setUint32(at + 24, flags, true);
    this.#view.setUint32(at + 28, clock.processHash, true);
  }

  /** A counter of a row that was just written, as two words of 32 bits. */
  keep(row: number, counter: number, high: number, low: number, width: 32 | 64): void {
    this.put(row, counter, high, low);
    this.mark(row, presentBits(counter, width));
  }

  /** The same of several counters of one row: the words of each, then at once which of them are there (`presentBits`). */
  put(row: number, counter: number, high: number, low: number): void {
    const place = row * ROW_BYTES + FIRST_COUNTER + counter * 8;
    this.#view.setUint32(place, low, true);
    this.#view.setUint32(place + 4, high, true);
  }

  mark(row: number, bits: number): void {
    const at = row * ROW_BYTES;
    this.#view.setUint32(at + 24, this.#flags(at) | bits, true);
  }

  forget(row: number): void {
    const at = row * ROW_BYTES;
    this.#bytes.fill(0, at, Math.min(this.#bytes.length, at + ROW_BYTES));
  }

  #flags(at: number): number {
    return this.#view.getUint32(at + 24, true);
  }

  #grow(row: number): void {
    const needed = (row + 1) * ROW_BYTES;
    if (needed <= this.#bytes.length) return;
    this.#bytes = Buffer.concat([this.#bytes], needed);
    this.#view = viewOf(this.#bytes);
  }
}

/** What `mark` takes of a counter that was put. */
export function presentBits(counter: number, width: 32 | 64): number {
  return (1 << counter) | (width === 64 ? 1 << (WIDE_SHIFT + counter) : 0);
}

/** Rows that an earlier version wrote: their flags have another bit for "written". */
function ofToday(bytes: Buffer): Buffer {
  if (!isFirstForm(bytes)) return bytes;
  const rows = bytes.length / FIRST_FORM_ROW_BYTES;
  const made = Buffer.alloc(rows * ROW_BYTES);
  for (let row = 0; row < rows; row += 1) {
    const [from, to] = [row * FIRST_FORM_ROW_BYTES, row * ROW_BYTES];
    bytes.copy(made, to, from, from + FIRST_FORM_ROW_BYTES);
    const old = bytes.readUInt32LE(from + 24);
    let flags = old & ((1 << FIRST_FORM_COUNTERS) - 1);
    flags |= ((old >> FIRST_FORM_COUNTERS) & ((1 << FIRST_FORM_COUNTERS) - 1)) << WIDE_SHIFT;
    flags |= ((old >> 8) & 0b111) << 16;
    made.writeUInt32LE(flags >>> 0, to + 24);
  }
  return made;
}

function isFirstForm(bytes: Buffer): boolean {
  const today = formFits(bytes, ROW_BYTES, WRITTEN_BIT);
  return !today && formFits(bytes, FIRST_FORM_ROW_BYTES, FIRST_FORM_WRITTEN_BIT);
}

/** Whether the flags of every row are none, or those of a row that was written in that form. */
function formFits(bytes: Buffer, rowBytes: number, writtenBit: number): boolean {
  if (bytes.length % rowBytes !== 0) return false;
  for (let at = 24; at < bytes.length; at += rowBytes) {
    const flags = bytes.readUInt32LE(at);
    if (flags !== 0 && ((flags & writtenBit) === 0 || flags >= writtenBit * 2)) return false;
  }
  return true;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The reading that `difference` takes; processes are told apart by their hash. */
export function readingOf(clock: RowClock, value: bigint, width: 32 | 64): CounterReading {
  return {
    observedAtMs: clock.observedAtMs,
    monotonicMs: clock.monotonicMs,
    uptimeTicks: clock.uptimeTicks,
    discontinuityTicks: clock.discontinuityTicks,
    processId: String(clock.processHash),
    value,
    width,
  };
}

/** FNV-1a of an agent's process id. */
export function processHashOf(processId: string): number {
  let hash = 0x81_1c_9d_c5;
  for (let at = 0; at < processId.length; at += 1)
    hash = Math.imul(hash ^ processId.charCodeAt(at), 0x01_00_01_93) >>> 0;
  return hash;
}
