// Writes the values of one page into the arena: whole columns in one go, else row by row with a bit for what is there.
import { endianness } from 'node:os';
import { type CounterColumn, counterAt } from '../../common/model/poll.ts';
import { TIME_TICKS_MODULUS } from '../../common/model/time.ts';
import { PAGE_COLUMNS } from '../../common/wire/reading-page.ts';
import { presenceBytes, ROW_OCTETS_BYTES, setBit, TICKS_BYTES } from './packed-page.ts';
import type { PageArena } from './page-arena.ts';

/** The octet counters of one direction: wide where the device has them, else narrow, row by row. */
export interface OctetColumns {
  readonly wide: CounterColumn | undefined;
  readonly narrow: CounterColumn | undefined;
}

const BIG_ENDIAN = endianness() === 'BE';
const WORD_BYTES = 8;
const DISCONTINUITY = PAGE_COLUMNS.indexOf('discontinuity');

export class PagePacking {
  /** Where the page begins in the arena. */
  readonly begin: number;
  /** Values that stand in a width which is not their row's. */
  leftOut = 0;
  readonly #arena: PageArena;
  readonly #rows: number;
  readonly #kept: readonly number[] | null;
  readonly #places: Int32Array | null;
  /** Columns without a hole, as long as there is none in any. */
  readonly #whole: number[] = [];
  #bits: Uint8Array | null = null;

  /** `kept`: the rows of the table that the page has, null for all; `places`: where each stands in the page, null for one after the other. */
  constructor(arena: PageArena, rows: number, kept: readonly number[] | null, places: Int32Array | null) {
    this.#arena = arena;
    this.#rows = rows;
    this.#kept = kept;
    this.#places = places;
    this.begin = arena.take(rows * ROW_OCTETS_BYTES);
  }

  /** `widths`: that of each kept row; null where all counters are of one, there, and in their place. */
  addOctets(column: number, { wide, narrow }: OctetColumns, widths: Uint8Array | null): void {
    const at = this.begin + column * this.#rows * WORD_BYTES;
    const only = wide ?? narrow;
    if (widths === null && only !== undefined) {
      const { buffer, byteOffset, byteLength } = only.values;
      this.#arena.bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
      if (BIG_ENDIAN) this.#arena.bytes.subarray(at, at + byteLength).swap64();
      this.#markWhole(column);
      return;
    }
    const bits = this.#presence();
    for (let number = 0; number < (widths?.length ?? 0); number += 1) {
      const row = this.#rowOf(number);
      const counters = wide?.present[row] === 1 ? wide : narrow;
      const value = counters === undefined ? null : counterAt(counters, row);
      if (counters === undefined || value === null) continue;
      if (counters.width !== widths?.[number]) {
        this.leftOut += 1;
        continue;
      }
      const place = this.#placeOf(number);
      this.#arena.bytes.writeBigUInt64LE(value, at + place * WORD_BYTES);
      setBit(bits, column * this.#rows + place);
    }
  }

  /** Returns the octets taken. */
  addDiscontinuity(values: Float64Array | undefined): number {
    const count = this.#kept?.length ?? values?.length ?? 0;
    if (values === undefined || count === 0) return 0;
    const first = values[this.#rowOf(0)] ?? Number.NaN;
    let alike = count === this.#rows && isTicks(first);
    for (let number = 1; alike && number < count; number += 1) alike = values[this.#rowOf(number)] === first;
    if (alike) {
      const at = this.#arena.take(TICKS_BYTES);
      this.#arena.bytes.writeUInt32LE(first, at);
      this.#markWhole(DISCONTINUITY);
      return TICKS_BYTES;
    }
    return this.#addTicks(values, count);
  }

  /** Returns the octets taken: none where every value is there. */
  addPresence(): number {
    if (this.#bits === null) return 0;
    const at = this.#arena.take(this.#bits.length);
    this.#arena.bytes.set(this.#bits, at);
    return this.#bits.length;
  }

  #addTicks(values: Float64Array, count: number): number {
    const numbers = Array.from({ length: count }, (_, number) => number).filter((number) =>
      isTicks(values[this.#rowOf(number)]),
    );
    if (numbers.length === 0) return 0;
    const at = this.#arena.take(this.#rows * TICKS_BYTES);
    if (numbers.length === this.#rows) this.#markWhole(DISCONTINUITY);
    const bits = numbers.length === this.#rows ? this.#bits : this.#presence();
    for (const number of numbers) {
      const place = this.#placeOf(number);
      this.#arena.bytes.writeUInt32LE(values[this.#rowOf(number)] ?? 0, at + place * TICKS_BYTES);
      if (bits !== null) setBit(bits, DISCONTINUITY * this.#rows + place);
    }
    return this.#rows * TICKS_BYTES;
  }

  #rowOf(number: number): number {
    return this.#kept === null ? number : (this.#kept[number] ?? 0);
  }

  #placeOf(number: number): number {
    return this.#places === null ? number : (this.#places[number] ?? 0);
  }

  #markWhole(column: number): void {
    if (this.#bits === null) this.#whole.push(column);
    else markAll(this.#bits, column, this.#rows);
  }

  /** The bits, now that a value is missing. */
  #presence(): Uint8Array {
    if (this.#bits !== null) return this.#bits;
    const bits = new Uint8Array(presenceBytes(this.#rows));
    for (const column of this.#whole) markAll(bits, column, this.#rows);
    this.#bits = bits;
    return bits;
  }
}

function markAll(bits: Uint8Array, column: number, rows: number): void {
  for (let row = 0; row < rows; row += 1) setBit(bits, column * rows + row);
}

function isTicks(value: number | undefined): boolean {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value < TIME_TICKS_MODULUS;
}
