// Writing and reading the primitives of the wire formats; the reader checks every length against what is left and throws batch_unreadable.
import { WeirError } from '../runtime/errors.ts';

/** How much of one kind of list is believed. */
export interface ListBound {
  /** Bytes that an element takes on the wire at least: no garbage claims more elements than it is long. */
  readonly least: number;
  readonly most: number;
  /** Bytes of memory that an element takes once it is read, strings and cells aside. */
  readonly memory: number;
}

const CHARGED_AT_ONCE_BYTES = 64 * 1024;

/** Memory that reading may take in all: a few compressed bytes must not become gigabytes of empty lists. */
export class MemoryBudget {
  readonly #most: number;
  readonly #refuse: (why: string) => WeirError;
  readonly #charge: ((bytes: number) => void) | undefined;
  #spent = 0;
  #charged = 0;

  /** `charge`: told of what is spent, in pieces of some size, before it is taken; it may throw. */
  constructor(bytes: number, refuse: (why: string) => WeirError, charge?: (bytes: number) => void) {
    this.#most = bytes;
    this.#refuse = refuse;
    this.#charge = charge;
  }

  get spent(): number {
    return this.#spent;
  }

  spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent > this.#most) throw this.#refuse('it would take too much memory');
    if (this.#charge === undefined || this.#spent - this.#charged < CHARGED_AT_ONCE_BYTES) return;
    const owed = this.#spent - this.#charged;
    this.#charged = this.#spent;
    this.#charge(owed);
  }
}

/** Grows as it is written to. Integers are varints (7 bits a byte, low first), signed ones zigzag. */
export class ByteWriter {
  readonly budget: MemoryBudget;
  #bytes = Buffer.allocUnsafe(4096);
  #length = 0;

  constructor(budget: MemoryBudget) {
    this.budget = budget;
  }

  /** The number of elements that follow; throws batch_too_large where a reader would not believe it. */
  count(value: number, bound: ListBound): void {
    if (value > bound.most) throw tooLarge(`it has a list of ${value} elements`);
    this.budget.spend(value * bound.memory);
    this.varint(value);
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  /** A safe integer that is not negative. */
  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new Error(`BUG: ${value} is no unsigned integer`);
    this.#room(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length] = (rest % 0x80) | 0x80;
      this.#length += 1;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length] = rest;
    this.#length += 1;
  }

  /** A safe integer of at most 2^52 in magnitude. */
  signed(value: number): void {
    this.varint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  float(value: number): void {
    this.#room(8);
    this.#bytes.writeDoubleLE(value, this.#length);
    this.#length += 8;
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  take(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** A piece of an arena; `at` is a multiple of eight. */
export interface Place {
  readonly buffer: ArrayBuffer;
  readonly at: number;
}

const ARENA_BYTES = 64 * 1024;
const ALIGNED = 8;

/** Memory for the columns of what is read, in few large pieces: a piece for each column is dear to make and to collect. */
export class Arena {
  #buffer = new ArrayBuffer(0);
  #used = 0;

  take(bytes: number): Place {
    if (this.#used + bytes > this.#buffer.byteLength) {
      if (bytes > ARENA_BYTES / 2) return { buffer: new ArrayBuffer(bytes), at: 0 };
      this.#buffer = new ArrayBuffer(ARENA_BYTES);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += Math.ceil(bytes / ALIGNED) * ALIGNED;
    return { buffer: this.#buffer, at };
  }
}

export class ByteReader {
  readonly budget: MemoryBudget;
  readonly arena = new Arena();
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array, budget: MemoryBudget) {
    this.budget = budget;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw unreadable('it ends too early');
    this.#at += 1;
    return value;
  }

  /** A byte that is 0 or 1. */
  flag(): boolean {
    const value = this.byte();
    if (value > 1) throw unreadable('a flag is neither set nor clear');
    return value === 1;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let taken = 0; taken < 8; taken += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 0x80;
    }
    throw unreadable('an integer is too large');
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  float(): number {
    const value = this.bytes(8);
    return value.readDoubleLE(0);
  }

  /** A view, not a copy. */
  bytes(count: number): Buffer {
    if (count > this.left) throw unreadable('it ends too early');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** Fills the target with the next bytes. */
  copy(target: Buffer): void {
    if (target.length > this.left) throw unreadable('it ends too early');
    this.#bytes.copy(target, 0, this.#at, this.#at + target.length);
    this.#at += target.length;
  }

  /** The number of elements that follow. */
  count(bound: ListBound): number {
    const value = this.varint();
    if (value > bound.most || value * bound.least > this.left) throw unreadable(`it claims ${value} elements`);
    this.budget.spend(value * bound.memory);
    return value;
  }
}

export function unreadable(why: string, cause?: unknown): WeirError {
  return new WeirError('batch_unreadable', `The batch cannot be read: ${why}.`, {}, cause);
}

export function tooLarge(why: string): WeirError {
  return new WeirError('batch_too_large', `The batch cannot be written: ${why}.`);
}

/** A counted list, each item read in turn. */
export function list<T>(reader: ByteReader, bound: ListBound, read: () => T): T[] {
  const count = reader.count(bound);
  const items: T[] = [];
  for (let at = 0; at < count; at += 1) items.push(read());
  return items;
}
