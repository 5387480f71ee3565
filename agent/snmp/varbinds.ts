// The variable bindings of one answer, left in the packet: positions are checked once, values are read where they are wanted.
import { endianness } from 'node:os';
import { type BerReader, malformed, signedInteger, TAG, unsignedBigInteger, unsignedInteger } from './ber.ts';
import { MOST_SUBIDENTIFIERS, oidText, rangeStartsWith, type Oid } from './oid.ts';

const FIELDS = 5;
/** Three headers and a sub-identifier. */
const SHORTEST_VARBIND = 7;
const LONG_FORM = 0x80;
const [LOW_HALF, HIGH_HALF] = endianness() === 'LE' ? [0, 1] : [1, 0];

/** Varbind i: its OID and value as ranges of `bytes`, its type as a BER tag. Every range and every number's length was checked by `readVarbinds`. */
export class Varbinds {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** oidStart, oidEnd, tag, valueStart, valueEnd of each; a datagram has at most 65,535 bytes. */
  #fields: Uint16Array;

  constructor(bytes: Uint8Array, fields: Uint16Array, count: number) {
    this.bytes = bytes;
    this.#fields = fields;
    this.count = count;
  }

  /** Gives the positions back for another answer; whoever calls it has taken what it wants. What is read later is absent, never another's. */
  release(): void {
    const fields = this.#fields;
    this.#fields = NO_FIELDS;
    if (fields.length === SHARED_FIELDS && free.length < MOST_FREE) free.push(fields);
  }

  oidStart(i: number): number {
    return this.#fields[i * FIELDS] ?? 0;
  }
  oidEnd(i: number): number {
    return this.#fields[i * FIELDS + 1] ?? 0;
  }
  tag(i: number): number {
    return this.#fields[i * FIELDS + 2] ?? TAG.null;
  }
  valueStart(i: number): number {
    return this.#fields[i * FIELDS + 3] ?? 0;
  }
  valueEnd(i: number): number {
    return this.#fields[i * FIELDS + 4] ?? 0;
  }

  /** The OID, copied out of the packet. */
  oid(i: number): Oid {
    return this.bytes.slice(this.oidStart(i), this.oidEnd(i));
  }

  oidText(i: number): string {
    return oidText(this.bytes, this.oidStart(i), this.oidEnd(i));
  }

  startsWith(i: number, prefix: Oid): boolean {
    return rangeStartsWith(this.bytes, this.oidStart(i), this.oidEnd(i), prefix);
  }

  /** Whether a value came: not null, noSuchObject, noSuchInstance or endOfMibView (RFC 3416 §3). */
  hasValue(i: number): boolean {
    const tag = this.tag(i);
    return tag !== TAG.null && tag < TAG.noSuchObject;
  }

  /** The unsigned value of a Counter32, Counter64 or Gauge32; null for every other type. */
  counter(i: number): bigint | null {
    switch (this.tag(i)) {
      case TAG.counter64:
        return unsignedBigInteger(this.bytes, this.valueStart(i), this.valueEnd(i));
      case TAG.counter32:
      case TAG.gauge32:
        return BigInt(unsignedInteger(this.bytes, this.valueStart(i), this.valueEnd(i)));
      default:
        return null;
    }
  }

  /** The same of a varbind that is known to be a counter, into cell `row` of a BigUint64Array that is seen as its halves: no bigint is made on the way. */
  counterInto(i: number, halves: Uint32Array, row: number): void {
    const { bytes } = this;
    const start = this.valueStart(i);
    const end = this.valueEnd(i);
    let high = 0;
    let low = 0;
    if (this.tag(i) === TAG.counter64) {
      for (let at = start; at < end; at += 1) {
        high = (high << 8) | (low >>> 24);
        low = (low << 8) | (bytes[at] ?? 0);
      }
    } else low = signedInteger(bytes, start, end);
    halves[row * 2 + LOW_HALF] = low;
    halves[row * 2 + HIGH_HALF] = high;
  }

  /** Any numeric type as a number, Opaque floats too (a Counter64 above 2^53 loses digits: use `counter`); NaN for the rest. */
  number(i: number): number {
    const { bytes } = this;
    const start = this.valueStart(i);
    const end = this.valueEnd(i);
    switch (this.tag(i)) {
      case TAG.integer:
        return signedInteger(bytes, start, end);
      case TAG.counter32:
      case TAG.gauge32:
      case TAG.timeTicks:
        return unsignedInteger(bytes, start, end);
      case TAG.counter64:
        return Number(unsignedBigInteger(bytes, start, end));
      case TAG.opaque:
        return opaqueNumber(bytes, start, end);
      default:
        return Number.NaN;
    }
  }

  /** Whether it is an OCTET STRING, IpAddress or Opaque. */
  hasOctets(i: number): boolean {
    const tag = this.tag(i);
    return tag === TAG.octets || tag === TAG.ipAddress || tag === TAG.opaque;
  }

  /** Their contents octets, still inside the packet; null for other types. */
  octets(i: number): Uint8Array | null {
    if (!this.hasOctets(i)) return null;
    return this.bytes.subarray(this.valueStart(i), this.valueEnd(i));
  }

  /** Value of type OBJECT IDENTIFIER as dotted text; null for other types. */
  oidValue(i: number): string | null {
    return this.tag(i) === TAG.oid ? oidText(this.bytes, this.valueStart(i), this.valueEnd(i)) : null;
  }
}

/** net-snmp's Opaque float (9f 78 04) and double (9f 79 08), as UCD-SNMP-MIB uses them. */
function opaqueNumber(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] !== 0x9f) return Number.NaN;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start);
  if (bytes[start + 1] === 0x78 && bytes[start + 2] === 4 && end - start === 7) return view.getFloat32(3);
  if (bytes[start + 1] === 0x79 && bytes[start + 2] === 8 && end - start === 11) return view.getFloat64(3);
  return Number.NaN;
}

/** Positions of an answer of one datagram, used again and again: memory outside the heap is dear to make and to collect. */
const SHARED_FIELDS = 256 * FIELDS;
const MOST_FREE = 64;
const free: Uint16Array[] = [];
const NO_FIELDS = new Uint16Array(0);

function kept(filled: number): Uint16Array {
  if (filled > SHARED_FIELDS) return scratch.slice(0, filled);
  const fields = free.pop() ?? new Uint16Array(SHARED_FIELDS);
  for (let at = 0; at < filled; at += 1) fields[at] = scratch[at] ?? 0;
  return fields;
}

/** Filled by `readVarbinds`, which copies what it needs; a varbind takes six bytes of a datagram at least. */
const scratch = new Uint16Array(Math.ceil(65_536 / 6) * FIELDS);

/** Reads a VarBindList (RFC 3416 §3) at the reader and checks all of it; the reader then stands behind the list. Throws snmp_malformed only. */
export function readVarbinds(reader: BerReader): Varbinds {
  reader.expect(TAG.sequence);
  const outerEnd = reader.end;
  const listEnd = reader.at + reader.length;
  reader.end = listEnd;
  let filled = 0;
  while (reader.at < listEnd) {
    if (!readShortVarbind(reader, filled)) readVarbind(reader, filled);
    filled += FIELDS;
  }
  reader.at = listEnd;
  reader.end = outerEnd;
  return new Varbinds(reader.bytes, kept(filled), filled / FIELDS);
}

/** The usual one, of short lengths, without a call for each header. False, with nothing moved, for all that is not plainly such a one. */
function readShortVarbind(reader: BerReader, i: number): boolean {
  const { bytes, at, end: listEnd } = reader;
  if (listEnd - at < SHORTEST_VARBIND) return false;
  const length = bytes[at + 1] ?? 0;
  const oidLength = bytes[at + 3] ?? 0;
  const valueHeader = at + 4 + oidLength;
  const end = at + 2 + length;
  const short = length < LONG_FORM && oidLength < LONG_FORM && end <= listEnd && valueHeader + 2 <= end;
  if (!short || bytes[at] !== TAG.sequence || bytes[at + 2] !== TAG.oid) return false;
  if (valueHeader + 2 + (bytes[valueHeader + 1] ?? 0) !== end) return false;
  const tag = bytes[valueHeader] ?? 0;
  checkOid(bytes, at + 4, valueHeader);
  checkValue(bytes, tag, valueHeader + 2, end);
  scratch[i] = at + 4;
  scratch[i + 1] = valueHeader;
  scratch[i + 2] = tag;
  scratch[i + 3] = valueHeader + 2;
  scratch[i + 4] = end;
  reader.at = end;
  return true;
}

function readVarbind(reader: BerReader, i: number): void {
  const listEnd = reader.end;
  reader.expect(TAG.sequence);
  const end = reader.at + reader.length;
  reader.end = end;
  reader.expect(TAG.oid);
  scratch[i] = reader.at;
  const oidEnd = reader.at + reader.length;
  checkOid(reader.bytes, reader.at, oidEnd);
  scratch[i + 1] = oidEnd;
  reader.at = oidEnd;
  const tag = reader.header();
  const valueEnd = reader.at + reader.length;
  if (valueEnd !== end) throw malformed('varbind', reader.at);
  checkValue(reader.bytes, tag, reader.at, valueEnd);
  scratch[i + 2] = tag;
  scratch[i + 3] = reader.at;
  scratch[i + 4] = valueEnd;
  reader.at = end;
  reader.end = listEnd;
}

/** Minimal sub-identifiers of at most 32 bits, as comparing and matching them needs. */
export function checkOid(bytes: Uint8Array, start: number, end: number): void {
  // The first octets hold two sub-identifiers.
  let parts = 1;
  let at = start;
  while (at < end) {
    const first = bytes[at] ?? 0;
    parts += 1;
    if (first < 0x80) {
      at += 1;
      continue;
    }
    if (first === 0x80) throw malformed('padded sub-identifier', at);
    let width = 1;
    while ((bytes[at++] ?? 0) >= 0x80) {
      if (at >= end) throw malformed('cut sub-identifier', at);
      width += 1;
    }
    if (width > 5 || (width === 5 && first > 0x8f)) throw malformed('sub-identifier above 2^32 - 1', at);
  }
  if (parts > MOST_SUBIDENTIFIERS) throw malformed('more than 128 sub-identifiers', start);
}

function checkValue(bytes: Uint8Array, tag: number, start: number, end: number): void {
  switch (tag) {
    case TAG.integer:
    case TAG.counter32:
    case TAG.gauge32:
    case TAG.timeTicks: {
      const length = end - start;
      const first = bytes[start] ?? 0;
      if (length < 1 || length > 5 || (length === 5 && first !== 0 && first !== 0xff))
        throw malformed('integer', start);
      return;
    }
    case TAG.counter64: {
      const length = end - start;
      if (length < 1 || length > 9 || (length === 9 && bytes[start] !== 0)) throw malformed('Counter64', start);
      return;
    }
    case TAG.oid:
      return checkOid(bytes, start, end);
    case TAG.octets:
    case TAG.opaque:
      return;
    case TAG.ipAddress:
      if (end - start !== 4) throw malformed('IpAddress', start);
      return;
    case TAG.null:
    case TAG.noSuchObject:
    case TAG.noSuchInstance:
    case TAG.endOfMibView:
      if (end !== start) throw malformed('contents in an empty type', start);
      return;
    default:
      throw malformed(`unknown type 0x${tag.toString(16)}`, start);
  }
}
