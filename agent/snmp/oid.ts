// Object identifiers as the bytes that travel (X.690 §8.19): comparing and matching them needs no text and no arrays.
import { WeirError } from '../../common/runtime/errors.ts';

/** The contents octets of an OBJECT IDENTIFIER, without tag and length. */
export type Oid = Uint8Array;

/** RFC 2578 §7.1.3: at most 128 sub-identifiers, each at most 2^32 - 1. */
export const MOST_SUBIDENTIFIERS = 128;
const MOST_SUBIDENTIFIER = 2 ** 32 - 1;
const DOTTED = /^\.?\d{1,10}(\.\d{1,10})*$/;

/** Whether the text is a dotted OID that can be encoded. */
export function isOidText(text: string): boolean {
  if (!DOTTED.test(text)) return false;
  const parts = text.replace(/^\./, '').split('.').map(Number);
  const [first = 3, second = 0] = parts;
  if (parts.length < 2 || parts.length > MOST_SUBIDENTIFIERS || first > 2 || (first < 2 && second > 39)) return false;
  return parts.every((part) => part <= MOST_SUBIDENTIFIER) && first * 40 + second <= MOST_SUBIDENTIFIER;
}

/** Encodes `1.3.6.1…` (a leading dot is allowed); snmp_oid_invalid for anything else. */
export function oidOf(text: string): Oid {
  if (!isOidText(text))
    throw new WeirError('snmp_oid_invalid', `"${text}" is not an object identifier.`, { oid: text });
  const [first = 0, second = 0, ...rest] = text.replace(/^\./, '').split('.').map(Number);
  return encodeSubidentifiers([first * 40 + second, ...rest]);
}

/** Encodes plain sub-identifiers, for the index part of an instance: the first two are not joined. */
export function encodeSubidentifiers(parts: readonly number[]): Oid {
  const bytes: number[] = [];
  for (const part of parts) {
    let shift = 1;
    while (shift < 5 && part >= 2 ** (7 * shift)) shift += 1;
    for (let group = shift - 1; group >= 0; group -= 1) {
      bytes.push((Math.floor(part / 2 ** (7 * group)) & 0x7f) | (group > 0 ? 0x80 : 0));
    }
  }
  return Uint8Array.from(bytes);
}

/** `prefix` with an index such as `10.1` behind it; an empty index gives the prefix. */
export function instanceOf(prefix: Oid, index: string): Oid {
  if (index === '') return prefix;
  return joinOids(prefix, encodeSubidentifiers(index.split('.').map(Number)));
}

export function joinOids(prefix: Uint8Array, suffix: Uint8Array): Oid {
  const joined = new Uint8Array(prefix.length + suffix.length);
  // By hand: for a dozen bytes a call of `set` costs more than the bytes.
  for (let at = 0; at < prefix.length; at += 1) joined[at] = prefix[at] ?? 0;
  for (let at = 0; at < suffix.length; at += 1) joined[prefix.length + at] = suffix[at] ?? 0;
  return joined;
}

/** Writes over the last octets of an OID. */
export function putSuffix(oid: Uint8Array, suffix: Uint8Array): void {
  const from = oid.length - suffix.length;
  for (let at = 0; at < suffix.length; at += 1) oid[from + at] = suffix[at] ?? 0;
}

/** Dotted text of a whole OID; empty text for an empty one. */
export function oidText(bytes: Uint8Array, start = 0, end = bytes.length): string {
  if (start >= end) return '';
  const text = indexText(bytes, start, end);
  const dot = text.indexOf('.');
  const joined = Number(dot === -1 ? text : text.slice(0, dot));
  const first = Math.min(2, Math.floor(joined / 40));
  return `${first}.${joined - first * 40}${dot === -1 ? '' : text.slice(dot)}`;
}

/** Dotted text of sub-identifiers that do not begin an OID: the index behind a column. */
export function indexText(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      text = text === '' ? String(value) : `${text}.${value}`;
      value = 0;
    }
  }
  return text;
}

/** Order of two encoded ranges by their sub-identifiers (RFC 2578 §3.5 and RFC 3416: lexicographic): below 0, 0, above 0. Both must be minimal, as the decoder makes sure. */
export function compareRanges(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  let i = aStart;
  let j = bStart;
  while (i < aEnd && j < bEnd) {
    let left = 0;
    let byte = 0x80;
    while (byte >= 0x80 && i < aEnd) {
      byte = a[i++] ?? 0;
      left = left * 128 + (byte & 0x7f);
    }
    let right = 0;
    byte = 0x80;
    while (byte >= 0x80 && j < bEnd) {
      byte = b[j++] ?? 0;
      right = right * 128 + (byte & 0x7f);
    }
    if (left !== right) return left - right;
  }
  return i < aEnd ? 1 : j < bEnd ? -1 : 0;
}

export function compareOids(a: Oid, b: Oid): number {
  return compareRanges(a, 0, a.length, b, 0, b.length);
}

/** Whether the range of `bytes` begins with all of `prefix`. */
export function rangeStartsWith(bytes: Uint8Array, start: number, end: number, prefix: Oid): boolean {
  const length = prefix.length;
  if (end - start < length) return false;
  // The last byte differs first between neighbouring columns.
  for (let at = length - 1; at >= 0; at -= 1) if (bytes[start + at] !== prefix[at]) return false;
  return true;
}
