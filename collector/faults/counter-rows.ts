// The last counters of a device's interfaces, packed: what the next poll is subtracted from, kept as it is written to the database.
import type { CounterReading } from '../../common/model/counter.ts';

/** Counters of one row, in the order of their places. */
export const KEPT_COUNTERS = ['in_octets', 'out_octets', 'in_errors', 'out_errors'] as const;

const ROW_BYTES = 64;
const FIRST_COUNTER = 32;
const WIDE_SHIFT = 4;
const UPTIME_BIT = 1 << 8;
const DISCONTINUITY_BIT = 1 << 9;
const WRITTEN_BIT = 1 << 10;
const TWO_TO_32 = 2 ** 32;

/** Clocks of a row: of the device in row 0, of an interface in the others. */
export interface RowClock {
  readonly observedAtMs: number;
  readonly monotonicMs: number;
  readonly uptimeTicks: number | null;
  readonly discontinuityTicks: number | null;
  readonly processHash: number;
}

export interface KeptCounter {
  readonly value: bigint;
  readonly width: 32 | 64;
}

/**
 * Row: 0 f64 time, 8 f64 monotonic, 16 u32 uptime, 20 u32 discontinuity, 24 u32 flags (bit i present, 4 + i wide), 28 u32 hash of the
 * process, 32 four u64 counters; little-endian.
 */
export class CounterRows {
  #bytes: Buffer;

  constructor(bytes: Uint8Array | null = null) {
    this.#bytes = bytes === null ? Buffer.alloc(ROW_BYTES) : Buffer.from(bytes);
    if (this.#bytes.length === 0 || this.#bytes.length % ROW_BYTES !== 0)
      throw new Error(`BUG: ${this.#bytes.length} octets are no rows of counters`);
  }

  /** As it is written; valid until the next change. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get rows(): number {
    return this.#bytes.length / ROW_BYTES;
  }

  clock(row: number): RowClock | null {
    const at = row * ROW_BYTES;
    if (at >= this.#bytes.length) return null;
    const flags = this.#bytes.readUInt32LE(at + 24);
    if ((flags & WRITTEN_BIT) === 0) return null;
    return {
      observedAtMs: this.#bytes.readDoubleLE(at),
      monotonicMs: this.#bytes.readDoubleLE(at + 8),
      uptimeTicks: (flags & UPTIME_BIT) === 0 ? null : this.#bytes.readUInt32LE(at + 16),
      discontinuityTicks: (flags & DISCONTINUITY_BIT) === 0 ? null : this.#bytes.readUInt32LE(at + 20),
      processHash: this.#bytes.readUInt32LE(at + 28),
    };
  }

  /** The last reading of a counter; null where there is none. */
  reading(row: number, counter: number): CounterReading | null {
    const clock = this.clock(row);
    const at = row * ROW_BYTES;
    if (clock === null) return null;
    const flags = this.#bytes.readUInt32LE(at + 24);
    if ((flags & (1 << counter)) === 0) return null;
    return readingOf(clock, {
      value: this.#bytes.readBigUInt64LE(at + FIRST_COUNTER + counter * 8),
      width: (flags & (1 << (WIDE_SHIFT + counter))) === 0 ? 32 : 64,
    });
  }

  /**
   * About how much a counter has moved since the last reading: exact to 2^-53 of its value, without a bigint. NaN where there is nothing
   * to subtract from. Tells only whether it is worth asking `difference`.
   */
  about(row: number, counter: number, high: number, low: number): number {
    const at = row * ROW_BYTES;
    if (at >= this.#bytes.length || (this.#bytes.readUInt32LE(at + 24) & (1 << counter)) === 0) return Number.NaN;
    const place = at + FIRST_COUNTER + counter * 8;
    return (high - this.#bytes.readUInt32LE(place + 4)) * TWO_TO_32 + (low - this.#bytes.readUInt32LE(place));
  }

  write(row: number, clock: RowClock, counters: readonly (KeptCounter | null)[]): void {
    this.#grow(row);
    const at = row * ROW_BYTES;
    let flags = WRITTEN_BIT;
    if (clock.uptimeTicks !== null) flags |= UPTIME_BIT;
    if (clock.discontinuityTicks !== null) flags |= DISCONTINUITY_BIT;
    counters.forEach((counter, place) => {
      if (counter === null) return;
      flags |= (1 << place) | (counter.width === 64 ? 1 << (WIDE_SHIFT + place) : 0);
      this.#bytes.writeBigUInt64LE(counter.value, at + FIRST_COUNTER + place * 8);
    });
    this.#bytes.writeDoubleLE(clock.observedAtMs, at);
    this.#bytes.writeDoubleLE(clock.monotonicMs, at + 8);
    this.#bytes.writeUInt32LE(clock.uptimeTicks ?? 0, at + 16);
    this.#bytes.writeUInt32LE(clock.discontinuityTicks ?? 0, at + 20);
    this.#bytes.writeUInt32LE(flags, at + 24);
    this.#bytes.writeUInt32LE(clock.processHash, at + 28);
  }

  forget(row: number): void {
    const at = row * ROW_BYTES;
    this.#bytes.fill(0, at, Math.min(this.#bytes.length, at + ROW_BYTES));
  }

  #grow(row: number): void {
    const needed = (row + 1) * ROW_BYTES;
    if (needed > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], needed);
  }
}

/** The reading that `difference` takes; processes are told apart by their hash. */
export function readingOf(clock: RowClock, counter: KeptCounter): CounterReading {
  return {
    observedAtMs: clock.observedAtMs,
    monotonicMs: clock.monotonicMs,
    uptimeTicks: clock.uptimeTicks,
    discontinuityTicks: clock.discontinuityTicks,
    processId: String(clock.processHash),
    value: counter.value,
    width: counter.width,
  };
}

/** FNV-1a of an agent's process id. */
export function processHashOf(processId: string): number {
  let hash = 0x81_1c_9d_c5;
  for (let at = 0; at < processId.length; at += 1)
    hash = Math.imul(hash ^ processId.charCodeAt(at), 0x01_00_01_93) >>> 0;
  return hash;
}
