// Protocol data units (RFC 3416 §3, RFC 1157 §4.1.6 for the trap of version 1), encoded as requests and decoded as anything.
import { type BerReader, type BerWriter, malformed, TAG } from './ber.ts';
import type { Oid } from './oid.ts';
import { checkOid, readVarbinds, type Varbinds } from './varbinds.ts';

export const PDU = {
  get: 0xa0,
  getNext: 0xa1,
  response: 0xa2,
  set: 0xa3,
  trapV1: 0xa4,
  getBulk: 0xa5,
  inform: 0xa6,
  trap: 0xa7,
  report: 0xa8,
} as const;

/** RFC 3416 §3. */
export const ERROR_STATUS = {
  noError: 0,
  tooBig: 1,
  noSuchName: 2,
  badValue: 3,
  readOnly: 4,
  genErr: 5,
  noAccess: 6,
  wrongType: 7,
  wrongLength: 8,
  wrongEncoding: 9,
  wrongValue: 10,
  noCreation: 11,
  inconsistentValue: 12,
  resourceUnavailable: 13,
  commitFailed: 14,
  undoFailed: 15,
  authorizationError: 16,
  notWritable: 17,
  inconsistentName: 18,
} as const;

export interface PduRequest {
  readonly type: typeof PDU.get | typeof PDU.getNext | typeof PDU.getBulk | typeof PDU.set;
  readonly requestId: number;
  readonly oids: readonly Oid[];
  /** SET only: encoded values (set-value.ts) in the order of `oids`. */
  readonly values?: readonly Uint8Array[] | null;
  /** GETBULK only. */
  readonly nonRepeaters?: number;
  readonly maxRepetitions?: number;
}

export interface Pdu {
  readonly type: number;
  readonly requestId: number;
  /** non-repeaters in a GETBULK. */
  readonly errorStatus: number;
  /** max-repetitions in a GETBULK. */
  readonly errorIndex: number;
  readonly varbinds: Varbinds;
  /** Only in a trap of version 1. */
  readonly trapV1?: TrapV1Header;
}

export interface TrapV1Header {
  readonly enterprise: Oid;
  readonly agentAddress: Uint8Array;
  readonly genericTrap: number;
  readonly specificTrap: number;
  readonly uptimeTicks: number;
}

const NULL_VALUE = Uint8Array.of(TAG.null, 0);

export function writePdu(writer: BerWriter, request: PduRequest): void {
  const mark = writer.size;
  for (let i = request.oids.length - 1; i >= 0; i -= 1) {
    const varbind = writer.size;
    writer.raw(request.values?.[i] ?? NULL_VALUE);
    writer.oid(request.oids[i] ?? new Uint8Array());
    writer.wrap(TAG.sequence, varbind);
  }
  writer.wrap(TAG.sequence, mark);
  writer.integer(request.type === PDU.getBulk ? (request.maxRepetitions ?? 10) : 0);
  writer.integer(request.type === PDU.getBulk ? (request.nonRepeaters ?? 0) : 0);
  writer.integer(request.requestId);
  writer.wrap(request.type, mark);
}

/** Reads the PDU at the reader to its end; snmp_malformed for anything that is none. */
export function readPdu(reader: BerReader): Pdu {
  const type = reader.header();
  if (type < PDU.get || type > PDU.report) throw malformed(`PDU type 0x${type.toString(16)}`, reader.at);
  reader.end = reader.at + reader.length;
  if (type === PDU.trapV1) return readTrapV1(reader);
  const requestId = reader.integer();
  const errorStatus = reader.integer();
  const errorIndex = reader.integer();
  const varbinds = readVarbinds(reader);
  return { type, requestId, errorStatus, errorIndex, varbinds };
}

function readTrapV1(reader: BerReader): Pdu {
  const trapV1 = {
    enterprise: reader.octets(TAG.oid),
    agentAddress: reader.octets(TAG.ipAddress),
    genericTrap: reader.integer(),
    specificTrap: reader.integer(),
    uptimeTicks: reader.integer(TAG.timeTicks) >>> 0,
  };
  checkOid(trapV1.enterprise, 0, trapV1.enterprise.length);
  if (trapV1.agentAddress.length !== 4) throw malformed('agent address', reader.at);
  return { type: PDU.trapV1, requestId: 0, errorStatus: 0, errorIndex: 0, varbinds: readVarbinds(reader), trapV1 };
}
