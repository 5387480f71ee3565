// What the receiver sends: the response to an inform (RFC 3416 §4.2.7) and the reports of version 3 (RFC 3412 §7.1.3, RFC 3414 §3.2).
import { BerWriter, TAG } from '../snmp/ber.ts';
import { encodeSecuredMessage, FLAG } from '../snmp/message.ts';
import { type Oid, oidOf } from '../snmp/oid.ts';
import { PDU } from '../snmp/pdu.ts';
import { encrypt, digestLength, messageDigest } from '../snmp/usm.ts';
import type { Varbinds } from '../snmp/varbinds.ts';
import type { KeyedUser, ReceiverEngine } from './engines.ts';

const USM_STATS = '1.3.6.1.6.3.15.1.1';

/** Reasons of a report, with the object that counts it. */
export const REPORTS = {
  unsupported_level: oidOf(`${USM_STATS}.1.0`),
  not_in_time_window: oidOf(`${USM_STATS}.2.0`),
  unknown_user: oidOf(`${USM_STATS}.3.0`),
  unknown_engine: oidOf(`${USM_STATS}.4.0`),
  wrong_digest: oidOf(`${USM_STATS}.5.0`),
  decryption_failed: oidOf(`${USM_STATS}.6.0`),
} as const;

export type ReportReason = keyof typeof REPORTS;

/** An inform as far as its answer repeats it. */
export interface Inform {
  readonly requestId: number;
  readonly varbinds: Varbinds;
}

export interface SecuredInform extends Inform {
  readonly messageId: number;
  readonly user: KeyedUser;
  readonly userName: Uint8Array;
  readonly contextEngineId: Uint8Array;
  readonly contextName: Uint8Array;
}

export function communityResponse(version: 0 | 1, community: Uint8Array, inform: Inform): Uint8Array {
  const writer = new BerWriter(512);
  writeResponse(writer, inform);
  writer.octets(community);
  writer.integer(version);
  writer.wrap(TAG.sequence, 0);
  return writer.finish();
}

export interface AnswerDeps {
  readonly engine: ReceiverEngine;
  readonly monotonicMs: number;
  /** 8 octets that never repeat under one key. */
  readonly salt: () => Uint8Array;
}

/** At the level of the inform. */
export function securedResponse(inform: SecuredInform, deps: AnswerDeps): Uint8Array {
  const writer = new BerWriter(512);
  writeResponse(writer, inform);
  const scoped = scopedPdu(writer, inform.contextEngineId, inform.contextName);
  return secured({ messageId: inform.messageId, userName: inform.userName, user: inform.user }, scoped, deps);
}

export interface ReportTarget {
  readonly messageId: number;
  /** 0 where it could not be read. */
  readonly requestId: number;
  readonly userName: Uint8Array;
}

/** Unsigned, but for the report of the clock, which is signed so that the sender may believe it. */
export function report(
  reason: ReportReason,
  count: number,
  target: ReportTarget,
  user: KeyedUser | null,
  deps: AnswerDeps,
): Uint8Array {
  const writer = new BerWriter(256);
  const varbind = writer.size;
  writer.octets(counterOctets(count), TAG.counter32);
  writer.oid(REPORTS[reason]);
  writer.wrap(TAG.sequence, varbind);
  writer.wrap(TAG.sequence, 0);
  writePduHead(writer, PDU.report, target.requestId);
  const scoped = scopedPdu(writer, deps.engine.id, new Uint8Array());
  const signer = reason === 'not_in_time_window' && user?.authProtocol !== null ? user : null;
  return secured({ ...target, user: signer, signedOnly: true }, scoped, deps);
}

interface Head {
  readonly messageId: number;
  readonly userName: Uint8Array;
  readonly user: KeyedUser | null;
  readonly signedOnly?: boolean;
}

function secured(head: Head, plain: Uint8Array, { engine, monotonicMs, salt }: AnswerDeps): Uint8Array {
  const { user } = head;
  const clock = { engineBoots: engine.boots, engineTime: engine.seconds(monotonicMs) };
  const auth = user?.authProtocol ?? null;
  const privacy = head.signedOnly === true ? null : (user?.privProtocol ?? null);
  let flags = 0;
  let scoped = plain;
  let salted: Uint8Array = new Uint8Array();
  if (user !== null && privacy !== null) {
    flags |= FLAG.encrypted;
    salted = salt();
    scoped = encrypt(privacy, user.privacyKey(), clock, salted, plain);
  }
  if (auth !== null) flags |= FLAG.authenticated;
  const header = { messageId: head.messageId, flags, engineId: engine.id, ...clock, user: head.userName, salt: salted };
  const length = auth === null ? 0 : digestLength(auth);
  const { bytes, digestAt } = encodeSecuredMessage({ ...header, digestLength: length }, scoped);
  if (user !== null && auth !== null) bytes.set(messageDigest(auth, user.authKey(), bytes), digestAt);
  return bytes;
}

/** The varbinds as they came, octet by octet. */
function writeResponse(writer: BerWriter, { varbinds, requestId }: Inform): void {
  for (let i = varbinds.count - 1; i >= 0; i -= 1) {
    const mark = writer.size;
    writer.octets(varbinds.bytes.subarray(varbinds.valueStart(i), varbinds.valueEnd(i)), varbinds.tag(i));
    writer.octets(oidBytes(varbinds, i), TAG.oid);
    writer.wrap(TAG.sequence, mark);
  }
  writer.wrap(TAG.sequence, 0);
  writePduHead(writer, PDU.response, requestId);
}

function oidBytes(varbinds: Varbinds, i: number): Oid {
  return varbinds.bytes.subarray(varbinds.oidStart(i), varbinds.oidEnd(i));
}

/** Before the list of varbinds, which is all that was written so far. */
function writePduHead(writer: BerWriter, type: number, requestId: number): void {
  writer.integer(0);
  writer.integer(0);
  writer.integer(requestId);
  writer.wrap(type, 0);
}

function scopedPdu(writer: BerWriter, contextEngineId: Uint8Array, contextName: Uint8Array): Uint8Array {
  writer.octets(contextName);
  writer.octets(contextEngineId);
  writer.wrap(TAG.sequence, 0);
  return writer.finish();
}

function counterOctets(count: number): Uint8Array {
  const octets = Buffer.alloc(5);
  octets.writeUInt32BE(count >>> 0, 1);
  let start = 0;
  while (start < 4 && octets[start] === 0 && (octets[start + 1] ?? 0) < 0x80) start += 1;
  return octets.subarray(start);
}
