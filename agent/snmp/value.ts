// Values of a device as texts and numbers: what an OCTET STRING means depends on who asks.
import { TAG } from './ber.ts';
import type { Varbinds } from './varbinds.ts';

/** value: a number where the type is numeric, an OID dotted, octets as text. hex: octets as `aa:bb:cc`. address: an IpAddress or InetAddress as text. */
export type ValueForm = 'value' | 'hex' | 'address';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const LATIN1 = 'latin1';

export function valueAt(varbinds: Varbinds, i: number, form: ValueForm): string | number | null {
  const octets = varbinds.octets(i);
  if (octets === null) {
    const oid = varbinds.oidValue(i);
    if (oid !== null) return oid;
    const number = varbinds.number(i);
    return Number.isNaN(number) ? null : number;
  }
  if (form === 'hex') return hexText(octets);
  if (form === 'address' || varbinds.tag(i) === TAG.ipAddress) return addressText(octets);
  if (varbinds.tag(i) === TAG.opaque) {
    const number = varbinds.number(i);
    return Number.isNaN(number) ? hexText(octets) : number;
  }
  return octetText(octets);
}

/** Texts that were read lately, by a hash of their octets: the names of a device come at every poll, and those of many devices are the same. */
const RECENT = 4096;
const MOST_RECENT_LENGTH = 32;
const recent: (string | undefined)[] = Array.from({ length: RECENT });

/** The same as `octetText` of the range; for a short ASCII text that was read lately without making it anew. */
export function rangeText(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length > MOST_RECENT_LENGTH) return octetText(bytes.subarray(start, end));
  let hash = length;
  for (let at = start; at < end; at += 1) {
    const octet = bytes[at] ?? 0;
    if (octet === 0 || octet >= 0x80) return octetText(bytes.subarray(start, end));
    hash = (Math.imul(hash, 31) + octet) | 0;
  }
  const place = (hash ^ (hash >>> 15)) & (RECENT - 1);
  const known = recent[place];
  if (known !== undefined && isText(known, bytes, start, length)) return known;
  const text = octetText(bytes.subarray(start, end));
  recent[place] = text;
  return text;
}

function isText(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let at = 0; at < length; at += 1) if (text.charCodeAt(at) !== bytes[start + at]) return false;
  return true;
}

/** UTF-8 where it is valid, else Latin-1; NULs at the end, as fixed-width fields leave them, are cut. */
export function octetText(octets: Uint8Array): string {
  let end = octets.length;
  while (end > 0 && octets[end - 1] === 0) end -= 1;
  const view = Buffer.from(octets.buffer, octets.byteOffset, end);
  let ascii = true;
  for (let at = 0; at < end && ascii; at += 1) ascii = (view[at] ?? 0) < 0x80;
  if (ascii) return view.toString(LATIN1);
  try {
    return utf8.decode(view);
  } catch {
    return view.toString(LATIN1);
  }
}

/** Lower-case hex with colons, as MAC addresses are written; empty text for no octets. */
export function hexText(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join(':');
}

/** 4 octets as IPv4, 16 as IPv6, anything else as hex. */
export function addressText(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.');
  if (octets.length !== 16) return hexText(octets);
  const groups = Array.from({ length: 8 }, (_, at) => ((octets[at * 2] ?? 0) << 8) | (octets[at * 2 + 1] ?? 0));
  return groups.map((group) => group.toString(16)).join(':');
}
