// Writes responses in BER into one buffer that is used again and again: nothing is allocated for a varbind.
import { PDU, type Request, TAG } from './ber.ts';

const MAX_DATAGRAM_BYTES = 65_507;
/** Room in front of the varbinds for the message header, whose lengths are known last. */
const HEAD_BYTES = 512;
/** Headers of message, PDU and list, version, request id, two error fields; the community comes on top. */
const FIXED_BYTES = 34;

/** How many bytes a value of an unsigned type takes (X.690 §8.3: the first bit is the sign). */
function unsignedLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x8000) return 2;
  if (value < 0x800000) return 3;
  return value < 0x80000000 ? 4 : 5;
}

function headerLength(length: number): number {
  return length < 0x80 ? 2 : length < 0x100 ? 3 : 4;
}

/** Set a value, then write it with its name: `writer.gauge(7); writer.varbind(prefix, suffix)`. */
export class ResponseWriter {
  readonly #bytes = Buffer.alloc(HEAD_BYTES + MAX_DATAGRAM_BYTES);
  readonly #scratch = Buffer.alloc(16);
  #at = HEAD_BYTES;
  #limit = 0;
  #count = 0;
  #tag = 0;
  #value: Uint8Array = this.#scratch;
  #valueFrom = 0;
  #valueLength = 0;

  /** Begins a message that may not be longer than `maxBytes`. */
  begin(community: string, maxBytes: number): void {
    this.#at = HEAD_BYTES;
    this.#count = 0;
    this.#limit = HEAD_BYTES + Math.min(maxBytes, MAX_DATAGRAM_BYTES) - FIXED_BYTES - community.length;
  }

  /** Varbinds written so far. */
  get count(): number {
    return this.#count;
  }

  integer(value: number): void {
    let length = 1;
    while (length < 4 && (value < -(2 ** (8 * length - 1)) || value >= 2 ** (8 * length - 1))) length += 1;
    this.#scratch.writeIntBE(value, 0, length);
    this.#set(TAG.integer, this.#scratch, length);
  }

  /** Counter32, Gauge32, TimeTicks: below 2^32. */
  unsigned(tag: number, value: number): void {
    const length = unsignedLength(value);
    if (length === 5) {
      this.#scratch[0] = 0;
      this.#scratch.writeUInt32BE(value, 1);
    } else this.#scratch.writeUIntBE(value, 0, length);
    this.#set(tag, this.#scratch, length);
  }

  /** Below 2^64. */
  counter64(value: bigint): void {
    this.#scratch[0] = 0;
    this.#scratch.writeBigUInt64BE(value, 1);
    let from = 0;
    while (from < 8 && this.#scratch[from] === 0 && (this.#scratch[from + 1] ?? 0) < 0x80) from += 1;
    this.#set(TAG.counter64, this.#scratch, 9 - from);
    this.#valueFrom = from;
  }

  octets(value: Uint8Array): void {
    this.#set(TAG.octets, value, value.length);
  }

  /** An OID by its contents. */
  oid(contents: Uint8Array): void {
    this.#set(TAG.oid, contents, contents.length);
  }

  /** NULL, noSuchObject, noSuchInstance, endOfMibView. */
  empty(tag: number): void {
    this.#set(tag, this.#scratch, 0);
  }

  #set(tag: number, value: Uint8Array, length: number): void {
    this.#tag = tag;
    this.#value = value;
    this.#valueFrom = 0;
    this.#valueLength = length;
  }

  /** Writes the value under the name made of the two; false, and nothing written, where the message would grow too long. */
  varbind(prefix: Uint8Array, suffix: Uint8Array): boolean {
    const name = prefix.length + suffix.length;
    const inner = headerLength(name) + name + headerLength(this.#valueLength) + this.#valueLength;
    if (this.#at + headerLength(inner) + inner > this.#limit) return false;
    this.#header(TAG.sequence, inner);
    this.#header(TAG.oid, name);
    this.#copy(prefix, 0, prefix.length);
    this.#copy(suffix, 0, suffix.length);
    this.#header(this.#tag, this.#valueLength);
    this.#copy(this.#value, this.#valueFrom, this.#valueLength);
    this.#count += 1;
    return true;
  }

  /** Puts varbinds as they came in the place of those written; no longer than a datagram, because they came in one. */
  repeat(varbinds: Uint8Array): void {
    this.#at = HEAD_BYTES;
    this.#copy(varbinds, 0, varbinds.length);
  }

  /** The whole message, in memory of its own. */
  finish(request: Request, errorStatus: number, errorIndex: number): Buffer {
    const end = this.#at;
    let from = this.#headerBefore(HEAD_BYTES, TAG.sequence, end - HEAD_BYTES);
    from = this.#integerBefore(from, errorIndex);
    from = this.#integerBefore(from, errorStatus);
    from = this.#integerBefore(from, request.requestId);
    from = this.#headerBefore(from, PDU.response, end - from);
    from -= request.community.length;
    this.#bytes.write(request.community, from, 'latin1');
    from = this.#headerBefore(from, TAG.octets, request.community.length);
    from = this.#integerBefore(from, request.version);
    from = this.#headerBefore(from, TAG.sequence, end - from);
    return Buffer.from(this.#bytes.subarray(from, end));
  }

  #copy(source: Uint8Array, from: number, length: number): void {
    // Names and numbers are a few bytes long: a loop is faster than a call.
    for (let at = 0; at < length; at += 1) this.#bytes[this.#at + at] = source[from + at] ?? 0;
    this.#at += length;
  }

  #header(tag: number, length: number): void {
    this.#at = this.#headerAt(this.#at, tag, length);
  }

  #headerAt(at: number, tag: number, length: number): number {
    this.#bytes[at] = tag;
    if (length < 0x80) {
      this.#bytes[at + 1] = length;
      return at + 2;
    }
    if (length < 0x100) {
      this.#bytes[at + 1] = 0x81;
      this.#bytes[at + 2] = length;
      return at + 3;
    }
    this.#bytes[at + 1] = 0x82;
    this.#bytes.writeUInt16BE(length, at + 2);
    return at + 4;
  }

  #headerBefore(at: number, tag: number, length: number): number {
    const from = at - headerLength(length);
    this.#headerAt(from, tag, length);
    return from;
  }

  #integerBefore(at: number, value: number): number {
    this.integer(value);
    const from = at - this.#valueLength;
    this.#scratch.copy(this.#bytes, from, 0, this.#valueLength);
    return this.#headerBefore(from, TAG.integer, this.#valueLength);
  }
}
