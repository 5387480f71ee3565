// Whole messages: community based (RFC 1157, RFC 1901) and version 3 (RFC 3412 §6, RFC 3414 §2.4).
import { BerReader, BerWriter, malformed, TAG } from './ber.ts';
import { readPdu, writePdu, type Pdu, type PduRequest } from './pdu.ts';

/** The number on the wire. */
export const VERSION = { '1': 0, '2c': 1, '3': 3 } as const;
const USER_SECURITY_MODEL = 3;
/** What we can take in one datagram (RFC 3412 §6.2: at least 484). */
const MOST_MESSAGE_BYTES = 65_507;

const MOST_COMMUNITY_BYTES = 255;

/** Bits of msgFlags (RFC 3412 §6.4). */
export const FLAG = { authenticated: 1, encrypted: 2, reportable: 4 } as const;

export interface CommunityMessage {
  readonly version: 0 | 1;
  readonly community: Uint8Array;
  readonly pdu: Pdu;
}

/** A message of version 3 whose digest is not yet checked and whose scoped PDU may still be encrypted. */
export interface SecuredMessage {
  readonly version: 3;
  readonly messageId: number;
  readonly flags: number;
  readonly engineId: Uint8Array;
  readonly engineBoots: number;
  readonly engineTime: number;
  readonly user: Uint8Array;
  readonly digest: Uint8Array;
  /** Where the digest stands in `bytes`. */
  readonly digestAt: number;
  readonly salt: Uint8Array;
  /** The ciphertext, or the plain scoped PDU with its header, as `flags` says. */
  readonly scoped: Uint8Array;
  readonly bytes: Uint8Array;
}

export interface ScopedPdu {
  readonly contextEngineId: Uint8Array;
  readonly contextName: Uint8Array;
  readonly pdu: Pdu;
}

export type SnmpMessage = CommunityMessage | SecuredMessage;

/** Reads a datagram. Bytes behind the message are ignored (some agents pad). Throws snmp_malformed and nothing else. */
export function decodeMessage(bytes: Uint8Array): SnmpMessage {
  if (bytes.length > 65_535) throw malformed('longer than a datagram', 65_535);
  const reader = new BerReader(bytes);
  reader.enter(TAG.sequence);
  const version = reader.integer();
  if (version === VERSION['1'] || version === VERSION['2c']) {
    const community = reader.octets();
    if (community.length > MOST_COMMUNITY_BYTES) throw malformed('community', reader.at);
    return { version, community, pdu: readPdu(reader) };
  }
  if (version !== VERSION['3']) throw malformed(`version ${version}`, reader.at);
  return readSecured(reader);
}

function readSecured(reader: BerReader): SecuredMessage {
  const messageEnd = reader.end;
  reader.enter(TAG.sequence);
  const globalEnd = reader.end;
  const messageId = reader.integer();
  reader.integer();
  const flags = reader.octets();
  const model = reader.integer();
  if (flags.length !== 1) throw malformed('msgFlags', reader.at);
  if (model !== USER_SECURITY_MODEL) throw malformed(`security model ${model}`, reader.at);
  reader.at = globalEnd;
  reader.end = messageEnd;
  reader.expect(TAG.octets);
  const securityEnd = reader.at + reader.length;
  reader.end = securityEnd;
  const security = readSecurity(reader);
  reader.at = securityEnd;
  reader.end = messageEnd;
  const encrypted = ((flags[0] ?? 0) & FLAG.encrypted) !== 0;
  const scopedAt = reader.at;
  reader.expect(encrypted ? TAG.octets : TAG.sequence);
  const scopedEnd = reader.at + reader.length;
  const scoped = reader.bytes.subarray(encrypted ? reader.at : scopedAt, scopedEnd);
  return { version: 3, messageId, flags: flags[0] ?? 0, ...security, scoped, bytes: reader.bytes };
}

function readSecurity(
  reader: BerReader,
): Pick<SecuredMessage, 'engineId' | 'engineBoots' | 'engineTime' | 'user' | 'digest' | 'digestAt' | 'salt'> {
  reader.enter(TAG.sequence);
  const engineId = reader.octets();
  const engineBoots = reader.integer();
  const engineTime = reader.integer();
  const user = reader.octets();
  const digest = reader.octets();
  const digestAt = reader.at - digest.length;
  const salt = reader.octets();
  if (engineId.length > 32 || user.length > 32 || engineBoots < 0 || engineTime < 0) {
    throw malformed('security parameters', reader.at);
  }
  return { engineId, engineBoots, engineTime, user, digest, digestAt, salt };
}

/** Reads a plain scoped PDU (RFC 3412 §6.8); padding behind it is allowed, as DES leaves some. */
export function decodeScopedPdu(bytes: Uint8Array): ScopedPdu {
  const reader = new BerReader(bytes);
  reader.enter(TAG.sequence);
  const contextEngineId = reader.octets();
  const contextName = reader.octets();
  return { contextEngineId, contextName, pdu: readPdu(reader) };
}

export function encodeCommunityMessage(version: 0 | 1, community: Uint8Array, request: PduRequest): Uint8Array {
  const writer = new BerWriter(512);
  writePdu(writer, request);
  return finishCommunityMessage(writer, version, community);
}

/** Around the PDU, which is all that was written so far. */
export function finishCommunityMessage(writer: BerWriter, version: 0 | 1, community: Uint8Array): Uint8Array {
  writer.octets(community);
  writer.integer(version);
  writer.wrap(TAG.sequence, 0);
  return writer.finish();
}

export function encodeScopedPdu(contextEngineId: Uint8Array, contextName: Uint8Array, request: PduRequest): Uint8Array {
  const writer = new BerWriter(512);
  writePdu(writer, request);
  return finishScopedPdu(writer, contextEngineId, contextName);
}

/** Around the PDU, which is all that was written so far. */
export function finishScopedPdu(writer: BerWriter, contextEngineId: Uint8Array, contextName: Uint8Array): Uint8Array {
  writer.octets(contextName);
  writer.octets(contextEngineId);
  writer.wrap(TAG.sequence, 0);
  return writer.finish();
}

export interface SecuredHeader {
  readonly messageId: number;
  readonly flags: number;
  readonly engineId: Uint8Array;
  readonly engineBoots: number;
  readonly engineTime: number;
  readonly user: Uint8Array;
  /** Octets to leave for the digest, zero filled; 0 without authentication. */
  readonly digestLength: number;
  readonly salt: Uint8Array;
}

/** The whole message with a zeroed digest, and where to put the digest. */
export function encodeSecuredMessage(
  header: SecuredHeader,
  scoped: Uint8Array,
): { bytes: Uint8Array; digestAt: number } {
  const writer = new BerWriter(1024);
  if (header.flags & FLAG.encrypted) writer.octets(scoped);
  else writer.raw(scoped);
  const securityMark = writer.size;
  writer.octets(header.salt);
  writer.raw(new Uint8Array(header.digestLength));
  const digestFromEnd = writer.size;
  writer.wrap(TAG.octets, digestFromEnd - header.digestLength);
  writer.octets(header.user);
  writer.integer(header.engineTime);
  writer.integer(header.engineBoots);
  writer.octets(header.engineId);
  writer.wrap(TAG.sequence, securityMark);
  writer.wrap(TAG.octets, securityMark);
  const globalMark = writer.size;
  writer.integer(USER_SECURITY_MODEL);
  writer.octets(Uint8Array.of(header.flags));
  writer.integer(MOST_MESSAGE_BYTES);
  writer.integer(header.messageId);
  writer.wrap(TAG.sequence, globalMark);
  writer.integer(VERSION['3']);
  writer.wrap(TAG.sequence, 0);
  const bytes = writer.finish();
  return { bytes, digestAt: bytes.length - digestFromEnd };
}
