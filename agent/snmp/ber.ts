// The little of BER (X.690) that SNMP uses: definite lengths, read within hard bounds, written from the back.
import { WeirError } from '../../common/runtime/errors.ts';
import type { Oid } from './oid.ts';

export const TAG = {
  integer: 0x02,
  octets: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
  ipAddress: 0x40,
  counter32: 0x41,
  gauge32: 0x42,
  timeTicks: 0x43,
  opaque: 0x44,
  counter64: 0x46,
  noSuchObject: 0x80,
  noSuchInstance: 0x81,
  endOfMibView: 0x82,
} as const;

export function malformed(what: string, at: number): WeirError {
  return new WeirError('snmp_malformed', `The SNMP message cannot be read: ${what} at byte ${at}.`, { at });
}

/** Walks over one message. Every read checks the end of the enclosing element; nothing is ever read beyond it. */
export class BerReader {
  readonly bytes: Uint8Array;
  at: number;
  end: number;
  /** Length of the element whose header was read last. */
  length = 0;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Reads tag and length, leaves `at` on the first contents byte and gives the tag. */
  header(): number {
    const { bytes, end } = this;
    let at = this.at;
    if (at + 2 > end) throw malformed('cut header', at);
    const tag = bytes[at++] ?? 0;
    let length = bytes[at++] ?? 0;
    if (length >= 0x80) {
      const count = length & 0x7f;
      // X.690 §8.1.3.6: the indefinite form (0x80) is not allowed in SNMP (RFC 3417 §8).
      if (count === 0 || count > 4 || at + count > end) throw malformed('length', at);
      length = 0;
      for (let read = 0; read < count; read += 1) length = length * 256 + (bytes[at++] ?? 0);
    }
    if (length > end - at) throw malformed('length beyond its element', at);
    this.at = at;
    this.length = length;
    return tag;
  }

  expect(tag: number): void {
    const found = this.header();
    if (found !== tag) throw malformed(`tag 0x${found.toString(16)} where 0x${tag.toString(16)} is due`, this.at);
  }

  /** Enters a constructed element: reads on inside it only; what follows it is cut off. */
  enter(tag: number): void {
    this.expect(tag);
    this.end = this.at + this.length;
  }

  /** A signed INTEGER of 1 to 4 octets; 5 where the first is a sign octet only (some agents pad). */
  integer(tag: number = TAG.integer): number {
    this.expect(tag);
    const start = this.at;
    this.at += this.length;
    return signedInteger(this.bytes, start, this.at);
  }

  octets(tag: number = TAG.octets): Uint8Array {
    this.expect(tag);
    const start = this.at;
    this.at += this.length;
    return this.bytes.subarray(start, this.at);
  }
}

export function signedInteger(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const first = bytes[start] ?? 0;
  if (length < 1 || length > 5 || (length === 5 && first !== 0 && first !== 0xff)) throw malformed('integer', start);
  let value = first & 0x80 ? -1 : 0;
  for (let at = start; at < end; at += 1) value = (value << 8) | (bytes[at] ?? 0);
  return value;
}

/** Counter32, Gauge32, TimeTicks. Agents that send the sign bit without a leading zero mean the unsigned value. */
export function unsignedInteger(bytes: Uint8Array, start: number, end: number): number {
  return signedInteger(bytes, start, end) >>> 0;
}

/** Counter64: 1 to 8 octets, 9 with a leading zero; always unsigned. */
export function unsignedBigInteger(bytes: Uint8Array, start: number, end: number): bigint {
  const length = end - start;
  if (length < 1 || length > 9 || (length === 9 && bytes[start] !== 0)) throw malformed('Counter64', start);
  let high = 0;
  let low = 0;
  for (let at = start; at < end; at += 1) {
    high = (high << 8) | (low >>> 24);
    low = (low << 8) | (bytes[at] ?? 0);
  }
  // Below 2^53 one conversion is enough; it is three times as fast as shifting.
  high >>>= 0;
  low >>>= 0;
  return high < 0x200000 ? BigInt(high * 4294967296 + low) : (BigInt(high) << 32n) | BigInt(low);
}

/** Up to here bytes are copied one by one, which costs less than a call of `set`. */
const SHORT_BYTES = 32;

/** Writes a message from its end to its beginning, so that every length is known when it is written. */
export class BerWriter {
  #bytes: Uint8Array;
  #at: number;

  constructor(capacity = 1024) {
    // Every byte that `finish` hands out was written.
    this.#bytes = Buffer.allocUnsafe(capacity);
    this.#at = capacity;
  }

  /** Bytes written so far; the mark to give to `wrap`. */
  get size(): number {
    return this.#bytes.length - this.#at;
  }

  byte(value: number): void {
    if (this.#at === 0) this.#grow(1);
    this.#at -= 1;
    this.#bytes[this.#at] = value;
  }

  raw(bytes: Uint8Array): void {
    if (this.#at < bytes.length) this.#grow(bytes.length);
    this.#at -= bytes.length;
    if (bytes.length > SHORT_BYTES) return this.#bytes.set(bytes, this.#at);
    for (let at = 0; at < bytes.length; at += 1) this.#bytes[this.#at + at] = bytes[at] ?? 0;
  }

  /** Puts tag and length before everything written since `mark`. */
  wrap(tag: number, mark: number): void {
    const length = this.size - mark;
    if (length < 0x80) {
      this.byte(length);
    } else {
      let rest = length;
      let count = 0;
      for (; rest > 0; rest = Math.floor(rest / 256), count += 1) this.byte(rest & 0xff);
      this.byte(0x80 | count);
    }
    this.byte(tag);
  }

  /** A signed 32-bit INTEGER in its shortest form. */
  integer(value: number, tag: number = TAG.integer): void {
    const mark = this.size;
    let rest = value | 0;
    for (;;) {
      const octet = rest & 0xff;
      this.byte(octet);
      rest >>= 8;
      if ((rest === 0 && octet < 0x80) || (rest === -1 && octet >= 0x80)) break;
    }
    this.wrap(tag, mark);
  }

  octets(bytes: Uint8Array, tag: number = TAG.octets): void {
    const mark = this.size;
    this.raw(bytes);
    this.wrap(tag, mark);
  }

  oid(oid: Oid): void {
    this.octets(oid, TAG.oid);
  }

  /** What was written, in order; the writer may be used no more. */
  finish(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  #grow(needed: number): void {
    const size = this.size;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, size + needed + 256));
    larger.set(this.#bytes.subarray(this.#at), larger.length - size);
    this.#at = larger.length - size;
    this.#bytes = larger;
  }
}
