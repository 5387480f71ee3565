// The columns of a table while it is read: typed arrays that all lie in one piece of memory where the number of rows is known.
import { TAG } from './ber.ts';
import type { ColumnRequest, ReadColumn } from './table-reader.ts';
import { rangeText, valueAt } from './value.ts';
import type { Varbinds } from './varbinds.ts';

/** One column being filled. Rows come in order but for columns that were split over requests. */
export interface Cells {
  put(row: number, varbinds: Varbinds, position: number): void;
  finish(rows: number): ReadColumn;
}

/** Eight octets of value and one for its presence. */
const CELL_BYTES = 9;

export function cellsOf(columns: readonly ColumnRequest[], capacity: number): Cells[] {
  const numeric = columns.filter(({ form }) => form === 'number' || form === 'counter32' || form === 'counter64');
  // Memory outside the heap is dear to make and to collect: one piece a table, not two a column.
  const arena = new Arena(new ArrayBuffer(numeric.length * capacity * CELL_BYTES), numeric.length * capacity * 8);
  return columns.map(({ name, form }) => {
    switch (form) {
      case 'counter32':
        return new CounterCells(name, 32, arena, capacity);
      case 'counter64':
        return new CounterCells(name, 64, arena, capacity);
      case 'number':
        return new NumberCells(name, arena, capacity);
      case 'text':
        return new TextCells(name, capacity);
      case 'value':
      case 'hex':
      case 'address':
        return new ValueCells(name, form);
    }
  });
}

/** Hands out its memory in order: words from the front, octets from behind them. */
class Arena {
  readonly buffer: ArrayBuffer;
  #wordsAt = 0;
  #octetsAt: number;

  constructor(buffer: ArrayBuffer, words: number) {
    this.buffer = buffer;
    this.#octetsAt = words;
  }

  words(count: number): number {
    const at = this.#wordsAt;
    this.#wordsAt += count * 8;
    return at;
  }

  octets(count: number): number {
    const at = this.#octetsAt;
    this.#octetsAt += count;
    return at;
  }
}

/** Only the type that was asked for counts: a Gauge32 in a Counter64 column is no counter. */
class CounterCells implements Cells {
  readonly #name: string;
  readonly #width: 32 | 64;
  readonly #type: number;
  #values: BigUint64Array;
  #halves: Uint32Array;
  #present: Uint8Array;

  constructor(name: string, width: 32 | 64, arena: Arena, capacity: number) {
    this.#name = name;
    this.#width = width;
    this.#type = width === 64 ? TAG.counter64 : TAG.counter32;
    const at = arena.words(capacity);
    this.#values = new BigUint64Array(arena.buffer, at, capacity);
    this.#halves = new Uint32Array(arena.buffer, at, capacity * 2);
    this.#present = new Uint8Array(arena.buffer, arena.octets(capacity), capacity);
  }

  put(row: number, varbinds: Varbinds, position: number): void {
    if (varbinds.tag(position) !== this.#type) return;
    if (row >= this.#values.length) this.#enlarge(row * 2);
    varbinds.counterInto(position, this.#halves, row);
    this.#present[row] = 1;
  }

  finish(rows: number): ReadColumn {
    if (rows > this.#values.length) this.#enlarge(rows);
    const values = cutTo(this.#values, rows);
    return { kind: 'counter', name: this.#name, width: this.#width, values, present: cutTo(this.#present, rows) };
  }

  #enlarge(rows: number): void {
    const values = new BigUint64Array(rows);
    values.set(this.#values);
    const present = new Uint8Array(rows);
    present.set(this.#present);
    this.#values = values;
    this.#halves = new Uint32Array(values.buffer);
    this.#present = present;
  }
}

class NumberCells implements Cells {
  readonly #name: string;
  #values: Float64Array;

  constructor(name: string, arena: Arena, capacity: number) {
    this.#name = name;
    this.#values = new Float64Array(arena.buffer, arena.words(capacity), capacity).fill(Number.NaN);
  }

  put(row: number, varbinds: Varbinds, position: number): void {
    if (row >= this.#values.length) this.#enlarge(row * 2);
    this.#values[row] = varbinds.number(position);
  }

  finish(rows: number): ReadColumn {
    if (rows > this.#values.length) this.#enlarge(rows);
    return { kind: 'number', name: this.#name, values: cutTo(this.#values, rows) };
  }

  #enlarge(rows: number): void {
    const values = new Float64Array(rows).fill(Number.NaN);
    values.set(this.#values);
    this.#values = values;
  }
}

class TextCells implements Cells {
  readonly #name: string;
  readonly #values: (string | null)[];

  constructor(name: string, capacity: number) {
    this.#name = name;
    this.#values = Array.from({ length: capacity }, () => null);
  }

  put(row: number, varbinds: Varbinds, position: number): void {
    fillTo(this.#values, row);
    this.#values[row] = varbinds.hasOctets(position)
      ? rangeText(varbinds.bytes, varbinds.valueStart(position), varbinds.valueEnd(position))
      : varbinds.oidValue(position);
  }

  finish(rows: number): ReadColumn {
    fillTo(this.#values, rows);
    this.#values.length = rows;
    return { kind: 'text', name: this.#name, values: this.#values };
  }
}

class ValueCells implements Cells {
  readonly #name: string;
  readonly #form: 'value' | 'hex' | 'address';
  readonly #values: (string | number | null)[] = [];

  constructor(name: string, form: 'value' | 'hex' | 'address') {
    this.#name = name;
    this.#form = form;
  }

  put(row: number, varbinds: Varbinds, position: number): void {
    fillTo(this.#values, row);
    this.#values[row] = varbinds.hasValue(position) ? valueAt(varbinds, position, this.#form) : null;
  }

  finish(rows: number): ReadColumn {
    fillTo(this.#values, rows);
    return { kind: 'value', name: this.#name, values: this.#values };
  }
}

function fillTo(values: (string | number | null)[], rows: number): void {
  while (values.length < rows) values.push(null);
}

/** A copy of the first rows; the column itself where it has just so many, as when a table is as long as it was at the last poll. */
function cutTo<T extends { readonly length: number; slice(start: number, end: number): T }>(
  column: T,
  rows: number,
): T {
  return column.length === rows ? column : column.slice(0, rows);
}
