// The columns of a table and the texts of a batch, as batch-format.ts draws them.
import { endianness } from 'node:os';
import type { Column, CounterColumn, NumberColumn, TextColumn } from '../model/poll.ts';
import { type ByteReader, type ByteWriter, type ListBound, type Place, unreadable } from './bytes.ts';

const ABSENT_INT = -(2 ** 31);
/** An eight-byte word, and a byte on whether it is there. */
const CELL_BYTES = 9;
/** A string takes one or two bytes a character. */
const STRING_FACTOR = 2;
const WORD_BYTES = 8;
const TEXTS: ListBound = { least: 1, most: 1_000_000, memory: 32 };
const TEXTS_A_PIECE = 4096;
const LITTLE_ENDIAN = endianness() === 'LE';
const [LOW_HALF, HIGH_HALF] = LITTLE_ENDIAN ? [0, 1] : [1, 0];
const KIND = { counter: 1, number: 2, text: 3 } as const;

/** Gives each text of a batch its place, in the order in which it is first written. */
export class TextTable {
  readonly #places = new Map<string, number>();

  place(text: string): number {
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const place = this.#places.size;
    this.#places.set(text, place);
    return place;
  }

  write(writer: ByteWriter): void {
    writer.count(this.#places.size, TEXTS);
    for (const text of this.#places.keys()) {
      const bytes = Buffer.from(text, 'utf8');
      writer.budget.spend(bytes.length * STRING_FACTOR);
      writer.varint(bytes.length);
      writer.bytes(bytes);
    }
  }
}

/** The texts of a batch, in their places; between two pieces of the work others may have a turn. */
export function* readTexts(reader: ByteReader): Generator<undefined, Texts> {
  const texts: string[] = [];
  for (let left = reader.count(TEXTS); left > 0; left -= 1) {
    if (left % TEXTS_A_PIECE === 0) yield;
    const bytes = reader.bytes(reader.varint());
    reader.budget.spend(bytes.length * STRING_FACTOR);
    texts.push(bytes.toString('utf8'));
  }
  return texts;
}

export type Texts = readonly string[];

export function textAt(texts: Texts, place: number): string {
  const text = texts[place];
  if (text === undefined) throw unreadable('it names a text that it does not hold');
  return text;
}

/** Writes one column; see the drawing in batch-format.ts. */
export function writeColumn(writer: ByteWriter, texts: TextTable, column: Column, rows: number): void {
  if (column.values.length !== rows) throw new Error(`BUG: ${column.name} has ${column.values.length} of ${rows} rows`);
  writer.budget.spend(rows * CELL_BYTES);
  writer.byte(KIND[column.kind]);
  writer.varint(texts.place(column.name));
  if (column.kind === 'counter') writeCounters(writer, column);
  else if (column.kind === 'number') writeNumbers(writer, column);
  else for (const text of column.values) writer.varint(text === null ? 0 : texts.place(text) + 1);
}

function writeCounters(writer: ByteWriter, column: CounterColumn): void {
  const { present, values, width, name } = column;
  if (present.length !== values.length) throw new Error(`BUG: ${name} tells presence of ${present.length} rows`);
  writer.byte(width / 8);
  const all = allOnes(present);
  writer.byte(all ? 1 : 0);
  if (!all) for (const flag of present) writer.byte(flag === 1 ? 1 : 0);
  if (width === 64) return writer.bytes(inWireOrder(values));
  const halves = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  const words = new Uint32Array(values.length);
  for (let row = 0; row < words.length; row += 1) {
    if (halves[row * 2 + HIGH_HALF] !== 0) throw new Error(`BUG: ${name} has more than 32 bits`);
    words[row] = halves[row * 2 + LOW_HALF] ?? 0;
  }
  writer.bytes(inWireOrder(words));
}

function writeNumbers(writer: ByteWriter, column: NumberColumn): void {
  const { values } = column;
  const small = allFitInt32(values);
  writer.byte(small ? 0 : 1);
  const words = small ? new Int32Array(values.length) : new Float64Array(values.length);
  const absent = small ? ABSENT_INT : Number.NaN;
  for (let row = 0; row < words.length; row += 1) {
    const value = values[row] ?? Number.NaN;
    words[row] = Number.isNaN(value) ? absent : value;
  }
  writer.bytes(inWireOrder(words));
}

function allOnes(present: Uint8Array): boolean {
  for (let row = 0; row < present.length; row += 1) if (present[row] !== 1) return false;
  return true;
}

/** A loop: `every` makes an object of each number. */
function allFitInt32(values: Float64Array): boolean {
  for (let row = 0; row < values.length; row += 1) if (!fitsInt32(values[row] ?? Number.NaN)) return false;
  return true;
}

function fitsInt32(value: number): boolean {
  return Number.isNaN(value) || ((value | 0) === value && value !== ABSENT_INT && !Object.is(value, -0));
}

/** Reads one column of a table with that many rows. */
export function readColumn(reader: ByteReader, texts: Texts, rows: number): Column {
  const kind = reader.byte();
  const name = textAt(texts, reader.varint());
  if (rows > reader.left) throw unreadable('it ends too early');
  reader.budget.spend(rows * CELL_BYTES);
  switch (kind) {
    case KIND.counter:
      return readCounters(reader, name, rows);
    case KIND.number:
      return readNumbers(reader, name, rows);
    case KIND.text:
      return readTextColumn(reader, name, rows, texts);
    default:
      throw unreadable('a column has a kind that does not exist');
  }
}

function readCounters(reader: ByteReader, name: string, rows: number): CounterColumn {
  const bytes = reader.byte();
  if (bytes !== 4 && bytes !== 8) throw unreadable('a counter has a width that does not exist');
  const present = readPresence(reader, rows);
  if (bytes === 8) {
    const { buffer, at } = hostWords(reader, rows, 8);
    return { kind: 'counter', name, width: 64, values: new BigUint64Array(buffer, at, rows), present };
  }
  const narrow = hostWords(reader, rows, 4);
  const words = new Uint32Array(narrow.buffer, narrow.at, rows);
  const { buffer, at } = reader.arena.take(rows * WORD_BYTES);
  // Written as halves: a bigint for each would be made and thrown away.
  const halves = new Uint32Array(buffer, at, rows * 2);
  for (let row = 0; row < rows; row += 1) halves[row * 2 + LOW_HALF] = words[row] ?? 0;
  return { kind: 'counter', name, width: 32, values: new BigUint64Array(buffer, at, rows), present };
}

function readPresence(reader: ByteReader, rows: number): Uint8Array {
  if (reader.flag()) return allPresent(rows);
  const present = new Uint8Array(rows);
  for (let row = 0; row < rows; row += 1) present[row] = reader.flag() ? 1 : 0;
  return present;
}

/** Shared by all columns that have every value: nobody writes into a column that was read. */
const ONES = new Uint8Array(4096).fill(1);

function allPresent(rows: number): Uint8Array {
  return rows <= ONES.length ? ONES.subarray(0, rows) : new Uint8Array(rows).fill(1);
}

function readNumbers(reader: ByteReader, name: string, rows: number): NumberColumn {
  if (reader.flag()) {
    const { buffer, at } = hostWords(reader, rows, 8);
    return { kind: 'number', name, values: new Float64Array(buffer, at, rows) };
  }
  const narrow = hostWords(reader, rows, 4);
  const words = new Int32Array(narrow.buffer, narrow.at, rows);
  const { buffer, at } = reader.arena.take(rows * WORD_BYTES);
  const values = new Float64Array(buffer, at, rows);
  for (let row = 0; row < rows; row += 1) {
    const word = words[row] ?? ABSENT_INT;
    values[row] = word === ABSENT_INT ? Number.NaN : word;
  }
  return { kind: 'number', name, values };
}

function readTextColumn(reader: ByteReader, name: string, rows: number, texts: Texts): TextColumn {
  const values: (string | null)[] = [];
  for (let row = 0; row < rows; row += 1) {
    const place = reader.varint();
    values.push(place === 0 ? null : textAt(texts, place - 1));
  }
  return { kind: 'text', name, values };
}

/** The bytes of the words as they travel: low byte first. */
function inWireOrder(words: BigUint64Array | Float64Array | Uint32Array | Int32Array): Uint8Array {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  return LITTLE_ENDIAN ? bytes : swapped(Buffer.from(bytes), words.BYTES_PER_ELEMENT);
}

/** The next words of the reader in the arena, aligned, in the order of this machine. */
function hostWords(reader: ByteReader, rows: number, size: number): Place {
  const place = reader.arena.take(rows * size);
  const bytes = Buffer.from(place.buffer, place.at, rows * size);
  reader.copy(bytes);
  if (!LITTLE_ENDIAN) swapped(bytes, size);
  return place;
}

function swapped(bytes: Buffer, size: number): Buffer {
  return size === 8 ? bytes.swap64() : bytes.swap32();
}
