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
