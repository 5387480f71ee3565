// The first look at a datagram: what must be known to turn it away, read without decoding the rest.
import { BerReader, malformed, TAG } from '../snmp/ber.ts';
import { VERSION } from '../snmp/message.ts';

export interface CommunityHeader {
  readonly version: 0 | 1;
  /** Octet by octet. */
  readonly community: string;
  readonly pduType: number;
}

export type Header = CommunityHeader | { readonly version: 3 };

const MOST_COMMUNITY_BYTES = 255;

/** Throws snmp_malformed and nothing else. */
export function headerOf(bytes: Uint8Array): Header {
  const reader = new BerReader(bytes);
  reader.enter(TAG.sequence);
  const version = reader.integer();
  if (version === VERSION['3']) return { version };
  if (version !== VERSION['1'] && version !== VERSION['2c']) throw malformed(`version ${version}`, reader.at);
  reader.expect(TAG.octets);
  const { at, length } = reader;
  if (length > MOST_COMMUNITY_BYTES) throw malformed('community', at);
  reader.at = at + length;
  return { version, community: latin1(bytes, at, at + length), pduType: bytes[reader.at] ?? 0 };
}

export function latin1(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
