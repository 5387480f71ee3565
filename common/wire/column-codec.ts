// The columns of a table and the texts of a batch, as batch-codec.ts draws them.
import type { Column, CounterColumn, NumberColumn, TextColumn } from '../model/poll.ts';
import { type ByteReader, type ByteWriter, unreadable } from './bytes.ts';

const ABSENT_INT = -(2 ** 31);
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
    writer.varint(this.#places.size);
    for (const text of this.#places.keys()) {
      const bytes = Buffer.from(text, 'utf8');
      writer.varint(bytes.length);
      writer.bytes(bytes);
    }
  }
}

export type Texts = readonly string[];

export function textAt(texts: Texts, place: number): string {
  const text = texts[place];
  if (text === undefined) throw unreadable('it names a text that it does not hold');
  return text;
}

/** Writes one column; see the drawing in batch-codec.ts. */
export function writeColumn(writer: ByteWriter, texts: TextTable, column: Column): void {
  writer.byte(KIND[column.kind]);
  writer.varint(texts.place(column.name));
  if (column.kind === 'counter') writeCounters(writer, column);
  else if (column.kind === 'number') writeNumbers(writer, column);
  else for (const text of column.values) writer.varint(text === null ? 0 : texts.place(text) + 1);
}

function writeCounters(writer: ByteWriter, column: CounterColumn): void {
  const bytes = column.width / 8;
  writer.byte(bytes);
  const all = column.present.every((flag) => flag === 1);
  writer.byte(all ? 1 : 0);
  if (!all) writer.bytes(column.present);
  const words = Buffer.allocUnsafe(column.values.length * bytes);
  column.values.forEach((value, row) => {
    if (column.width === 64) words.writeBigUInt64LE(value, row * 8);
    else words.writeUInt32LE(Number(value), row * 4);
  });
  writer.bytes(words);
}

function writeNumbers(writer: ByteWriter, column: NumberColumn): void {
  const { values } = column;
  const small = values.every(
    (value) => Number.isNaN(value) || ((value | 0) === value && value !== ABSENT_INT && !Object.is(value, -0)),
  );
  writer.byte(small ? 0 : 1);
  const size = small ? 4 : 8;
  const words = Buffer.allocUnsafe(values.length * size);
  values.forEach((value, row) => {
    if (small) words.writeInt32LE(Number.isNaN(value) ? ABSENT_INT : value, row * size);
    else words.writeDoubleLE(value, row * size);
  });
  writer.bytes(words);
}

/** Reads one column of a table with that many rows. */
export function readColumn(reader: ByteReader, texts: Texts, rows: number): Column {
  const kind = reader.byte();
  const name = textAt(texts, reader.varint());
  switch (kind) {
    case KIND.counter:
      return readCounters(reader, name, rows);
    case KIND.number:
      return readNumbers(reader, name, rows);
    case KIND.text:
      return readTexts(reader, name, rows, texts);
    default:
      throw unreadable('a column has a kind that does not exist');
  }
}

function readCounters(reader: ByteReader, name: string, rows: number): CounterColumn {
  const bytes = reader.byte();
  if (bytes !== 4 && bytes !== 8) throw unreadable('a counter has a width that does not exist');
  const all = reader.byte() === 1;
  const present = all
    ? new Uint8Array(rows).fill(1)
    : Uint8Array.from(reader.bytes(rows), (flag) => (flag === 1 ? 1 : 0));
  const words = reader.bytes(rows * bytes);
  const values = new BigUint64Array(rows);
  for (let row = 0; row < rows; row += 1)
    values[row] = bytes === 8 ? words.readBigUInt64LE(row * 8) : BigInt(words.readUInt32LE(row * 4));
  return { kind: 'counter', name, width: bytes === 8 ? 64 : 32, values, present };
}

function readNumbers(reader: ByteReader, name: string, rows: number): NumberColumn {
  const small = reader.byte() === 0;
  const words = reader.bytes(rows * (small ? 4 : 8));
  const values = new Float64Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const value = small ? words.readInt32LE(row * 4) : words.readDoubleLE(row * 8);
    values[row] = small && value === ABSENT_INT ? Number.NaN : value;
  }
  return { kind: 'number', name, values };
}

function readTexts(reader: ByteReader, name: string, rows: number, texts: Texts): TextColumn {
  if (rows > reader.left) throw unreadable('it ends too early');
  const values: (string | null)[] = [];
  for (let row = 0; row < rows; row += 1) {
    const place = reader.varint();
    values.push(place === 0 ? null : textAt(texts, place - 1));
  }
  return { kind: 'text', name, values };
}
