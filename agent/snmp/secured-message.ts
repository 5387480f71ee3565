// Seals and opens messages of version 3 under the keys of one user at one engine (RFC 3414 §3.1, §3.2).
import { WeirError } from '../../common/runtime/errors.ts';
import type { EngineKeys } from './key-derivation.ts';
import { decodeScopedPdu, encodeSecuredMessage, FLAG, type ScopedPdu, type SecuredMessage } from './message.ts';
import { oidOf } from './oid.ts';
import {
  type AuthProtocol,
  decrypt,
  digestHolds,
  digestLength,
  encrypt,
  messageDigest,
  type PrivProtocol,
} from './usm.ts';

const USM_STATS = '1.3.6.1.6.3.15.1.1';

/** The objects by which a report says its reason (RFC 3414 §5, usmStats), with their instance. */
export const USM_REPORTS = {
  unsupportedSecurityLevel: oidOf(`${USM_STATS}.1.0`),
  notInTimeWindow: oidOf(`${USM_STATS}.2.0`),
  unknownUserName: oidOf(`${USM_STATS}.3.0`),
  unknownEngineId: oidOf(`${USM_STATS}.4.0`),
  wrongDigest: oidOf(`${USM_STATS}.5.0`),
  decryptionError: oidOf(`${USM_STATS}.6.0`),
} as const;

/** What of a user decides how a message looks. */
export interface MessageUser {
  readonly name: Uint8Array;
  readonly authProtocol: AuthProtocol | null;
  readonly privProtocol: PrivProtocol | null;
}

export interface SealedHeader {
  readonly messageId: number;
  /** Whether a report may come back (RFC 3412 §6.4): of requests and informs, not of responses. */
  readonly reportable: boolean;
  readonly engineId: Uint8Array;
  readonly engineBoots: number;
  readonly engineTime: number;
  /** 8 octets that never repeat under one key; used with privacy only. */
  readonly salt: Uint8Array;
}

const EMPTY = new Uint8Array();

/** A whole message at the user's level; `scoped` is what `encodeScopedPdu` gave. */
export function sealMessage(user: MessageUser, keys: EngineKeys, header: SealedHeader, scoped: Uint8Array): Uint8Array {
  const { authProtocol, privProtocol, name } = user;
  const { messageId, engineId, engineBoots, engineTime } = header;
  let flags: number = header.reportable ? FLAG.reportable : 0;
  let salt: Uint8Array = EMPTY;
  let content = scoped;
  if (privProtocol !== null && keys.privacy !== null) {
    flags |= FLAG.encrypted;
    salt = header.salt;
    content = encrypt(privProtocol, keys.privacy, header, salt, scoped);
  }
  if (authProtocol !== null) flags |= FLAG.authenticated;
  const codeLength = authProtocol === null ? 0 : digestLength(authProtocol);
  const { bytes, digestAt } = encodeSecuredMessage(
    { messageId, flags, engineId, engineBoots, engineTime, user: name, digestLength: codeLength, salt },
    content,
  );
  if (authProtocol !== null && keys.auth !== null) bytes.set(messageDigest(authProtocol, keys.auth, bytes), digestAt);
  return bytes;
}

/** Whether the message says it is authenticated and its digest holds. */
export function isAuthentic(user: MessageUser, keys: EngineKeys, message: SecuredMessage): boolean {
  if (user.authProtocol === null || keys.auth === null || (message.flags & FLAG.authenticated) === 0) return false;
  return digestHolds(user.authProtocol, keys.auth, message.bytes, message.digestAt, message.digest.length);
}

/** The scoped PDU, decrypted where needed; null where it cannot be read under these keys. Says nothing of the digest. */
export function scopedPduOf(user: MessageUser, keys: EngineKeys, message: SecuredMessage): ScopedPdu | null {
  try {
    if ((message.flags & FLAG.encrypted) === 0) return decodeScopedPdu(message.scoped);
    if (user.privProtocol === null || keys.privacy === null) return null;
    return decodeScopedPdu(decrypt(user.privProtocol, keys.privacy, message, message.salt, message.scoped));
  } catch (error) {
    if (error instanceof WeirError) return null;
    throw error;
  }
}
