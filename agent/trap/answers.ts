// What the receiver sends: the response to an inform (RFC 3416 §4.2.7) and the reports of version 3 (RFC 3412 §7.1.3, RFC 3414 §3.2).
import { BerWriter, TAG } from '../snmp/ber.ts';
import { finishCommunityMessage, finishScopedPdu } from '../snmp/message.ts';
import type { Oid } from '../snmp/oid.ts';
import { PDU } from '../snmp/pdu.ts';
import { sealMessage, USM_REPORTS } from '../snmp/secured-message.ts';
import type { Varbinds } from '../snmp/varbinds.ts';
import type { KeyedUser, ReceiverEngine } from './engines.ts';

/** Reasons of a report, with the object that counts it. */
export const REPORTS = {
  unsupported_level: USM_REPORTS.unsupportedSecurityLevel,
  not_in_time_window: USM_REPORTS.notInTimeWindow,
  unknown_user: USM_REPORTS.unknownUserName,
  unknown_engine: USM_REPORTS.unknownEngineId,
  wrong_digest: USM_REPORTS.wrongDigest,
  decryption_failed: USM_REPORTS.decryptionError,
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
  return finishCommunityMessage(writer, version, community);
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
  const scoped = finishScopedPdu(writer, inform.contextEngineId, inform.contextName);
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
  const scoped = finishScopedPdu(writer, deps.engine.id, new Uint8Array());
  const signer = reason === 'not_in_time_window' && user?.authProtocol !== null ? user : null;
  return secured({ ...target, user: signer, signedOnly: true }, scoped, deps);
}

interface Head {
  readonly messageId: number;
  readonly userName: Uint8Array;
  readonly user: KeyedUser | null;
  readonly signedOnly?: boolean;
}

const NO_SALT = new Uint8Array();

function secured(head: Head, scoped: Uint8Array, { engine, monotonicMs, salt }: AnswerDeps): Uint8Array {
  const { user, messageId, userName } = head;
  const authProtocol = user?.authProtocol ?? null;
  const privProtocol = head.signedOnly === true ? null : (user?.privProtocol ?? null);
  const auth = user === null || authProtocol === null ? null : user.authKey();
  const privacy = user === null || privProtocol === null ? null : user.privacyKey();
  const header = {
    messageId,
    reportable: false,
    engineId: engine.id,
    engineBoots: engine.boots,
    engineTime: engine.seconds(monotonicMs),
    salt: privacy === null ? NO_SALT : salt(),
  };
  return sealMessage({ name: userName, authProtocol, privProtocol }, { auth, privacy }, header, scoped);
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

function counterOctets(count: number): Uint8Array {
  const octets = Buffer.alloc(5);
  octets.writeUInt32BE(count >>> 0, 1);
  let start = 0;
  while (start < 4 && octets[start] === 0 && (octets[start + 1] ?? 0) < 0x80) start += 1;
  return octets.subarray(start);
}
