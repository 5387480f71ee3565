// Writing and reading the primitives of the wire formats; the reader checks every length against what is left and throws batch_unreadable.
import { WeirError } from '../runtime/errors.ts';

/** Grows as it is written to. Integers are varints (7 bits a byte, low first), signed ones zigzag. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(4096);
  #length = 0;

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

export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
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

  /** A number of things that take at least `least` bytes each and of which at most `most` are believed: no garbage makes us allocate more than it is long. */
  count(least: number, most: number): number {
    const value = this.varint();
    if (value > most || value * least > this.left) throw unreadable(`it claims ${value} elements`);
    return value;
  }
}

export function unreadable(why: string, cause?: unknown): WeirError {
  return new WeirError('batch_unreadable', `The batch cannot be read: ${why}.`, {}, cause);
}
