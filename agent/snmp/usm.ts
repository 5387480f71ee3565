// The User-based Security Model (RFC 3414, RFC 3826, RFC 7860, the two key extensions of the drafts): keys, digests, privacy.
// The table of protocols is net-snmp's; keys and messages are ours, because its key cache hashes a megabyte for each device anew
// and keeps passwords as property names (docs/decisions/snmp-codec.md).
import { createCipheriv, createDecipheriv, createHash, createHmac, getCiphers, timingSafeEqual } from 'node:crypto';
import { createRequire } from 'node:module';
import type { CredentialConfiguration } from '../../common/runtime/device-configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';

type UserCredential = Extract<CredentialConfiguration, { version: '3' }>;
export type AuthProtocol = NonNullable<UserCredential['auth_protocol']>;
export type PrivProtocol = NonNullable<UserCredential['priv_protocol']>;

interface AuthAlgorithm {
  readonly KEY_LENGTH: number;
  readonly AUTHENTICATION_CODE_LENGTH: number;
  readonly CRYPTO_ALGORITHM: string;
}
interface PrivAlgorithm {
  readonly CRYPTO_ALGORITHM: string;
  readonly KEY_LENGTH: number;
}
interface NetSnmp {
  readonly AuthProtocols: Readonly<Record<string, number>>;
  readonly PrivProtocols: Readonly<Record<string, number>>;
  readonly Authentication: { readonly algorithms: Readonly<Record<number, AuthAlgorithm>> };
  readonly Encryption: { readonly algorithms: Readonly<Record<number, PrivAlgorithm>> };
}

const netSnmp = createRequire(import.meta.url)('net-snmp') as NetSnmp;

function authAlgorithm(protocol: AuthProtocol): AuthAlgorithm {
  const algorithm = netSnmp.Authentication.algorithms[netSnmp.AuthProtocols[protocol.toLowerCase()] ?? 0];
  if (algorithm === undefined) throw new Error(`BUG: net-snmp has no ${protocol}`);
  return algorithm;
}

/** Key length and cipher. Node's OpenSSL has no single DES; triple DES with one key three times is the same cipher (FIPS 46-3). */
function privAlgorithm(protocol: PrivProtocol): { cipher: string; keyLength: number } {
  if (protocol === 'DES') return { cipher: 'des-ede3-cbc', keyLength: 16 };
  const algorithm = netSnmp.Encryption.algorithms[netSnmp.PrivProtocols[protocol.toLowerCase()] ?? 0];
  if (algorithm === undefined) throw new Error(`BUG: net-snmp has no ${protocol}`);
  return { cipher: algorithm.CRYPTO_ALGORITHM, keyLength: algorithm.KEY_LENGTH };
}

/** Whether this Node can do the privacy protocol; asked when the configuration is read. */
export function privacyPossible(protocol: PrivProtocol): boolean {
  return getCiphers().includes(privAlgorithm(protocol).cipher);
}

const PASSPHRASE_STRETCH = 1_048_576;

/** Ku of RFC 3414 A.2: a megabyte of the passphrase, hashed. Costs about a millisecond; independent of the device. */
export function passphraseDigest(protocol: AuthProtocol, passphrase: string | Uint8Array): Uint8Array {
  const stretched = Buffer.alloc(PASSPHRASE_STRETCH, passphrase);
  return createHash(authAlgorithm(protocol).CRYPTO_ALGORITHM).update(stretched).digest();
}

/** Kul of RFC 3414 A.2: the key of one user at one engine. */
export function localizedKey(protocol: AuthProtocol, digest: Uint8Array, engineId: Uint8Array): Uint8Array {
  return createHash(authAlgorithm(protocol).CRYPTO_ALGORITHM).update(digest).update(engineId).update(digest).digest();
}

/** The privacy key, extended where the hash is shorter: by Blumenthal's draft (hash of all so far) or Reeder's (the key as next passphrase). */
export function privacyKey(
  auth: AuthProtocol,
  privacy: PrivProtocol,
  localized: Uint8Array,
  engineId: Uint8Array,
): Uint8Array {
  const { keyLength } = privAlgorithm(privacy);
  let key = localized;
  let last = localized;
  while (key.length < keyLength) {
    last = privacy.endsWith('R')
      ? localizedKey(auth, passphraseDigest(auth, last), engineId)
      : createHash(authAlgorithm(auth).CRYPTO_ALGORITHM).update(key).digest();
    key = Buffer.concat([key, last]);
  }
  return key.subarray(0, keyLength);
}

/** The keys of one user at one engine, ready for every message. */
export interface EngineKeys {
  readonly auth: Uint8Array | null;
  readonly privacy: Uint8Array | null;
}

/** One v3 user. The digests of the passphrases are made at first use, then the passphrases are let go. */
export class UsmUser {
  readonly name: Uint8Array;
  readonly authProtocol: AuthProtocol | null;
  readonly privProtocol: PrivProtocol | null;
  readonly #authDigest: () => Uint8Array;
  readonly #privDigest: () => Uint8Array;

  /** Refuses incomplete or impossible sets (credential_incomplete, snmp_privacy_unsupported). Passphrases are already resolved. */
  constructor(credential: UserCredential) {
    checkUser(credential);
    const { level, auth_protocol: auth, priv_protocol: priv } = credential;
    this.name = Buffer.from(credential.user, 'utf8');
    this.authProtocol = level === 'noAuthNoPriv' ? null : (auth ?? null);
    this.privProtocol = level === 'authPriv' ? (priv ?? null) : null;
    this.#authDigest = digestOnce(this.authProtocol, credential.auth_passphrase);
    this.#privDigest = digestOnce(this.authProtocol, credential.priv_passphrase);
  }

  keysAt(engineId: Uint8Array): EngineKeys {
    if (this.authProtocol === null) return { auth: null, privacy: null };
    const auth = localizedKey(this.authProtocol, this.#authDigest(), engineId);
    if (this.privProtocol === null) return { auth, privacy: null };
    const localized = localizedKey(this.authProtocol, this.#privDigest(), engineId);
    return { auth, privacy: privacyKey(this.authProtocol, this.privProtocol, localized, engineId) };
  }
}

function digestOnce(protocol: AuthProtocol | null, passphrase: string | undefined): () => Uint8Array {
  let pending: string | null = passphrase ?? '';
  let digest = new Uint8Array();
  return () => {
    if (pending !== null && protocol !== null) digest = Uint8Array.from(passphraseDigest(protocol, pending));
    pending = null;
    return digest;
  };
}

/** What must stand in a v3 credential set for its level; called when the configuration is read, before any passphrase is resolved. */
export function checkUser(credential: UserCredential): void {
  const missing = [];
  if (credential.level !== 'noAuthNoPriv') {
    if (credential.auth_protocol === undefined) missing.push('auth_protocol');
    if (credential.auth_passphrase === undefined) missing.push('auth_passphrase');
  }
  if (credential.level === 'authPriv') {
    if (credential.priv_protocol === undefined) missing.push('priv_protocol');
    if (credential.priv_passphrase === undefined) missing.push('priv_passphrase');
  }
  if (missing.length > 0) {
    const message = `The level ${credential.level} of the user ${credential.user} needs ${missing.join(', ')}.`;
    throw new WeirError('credential_incomplete', message, { user: credential.user, missing });
  }
  const privacy = credential.level === 'authPriv' ? credential.priv_protocol : undefined;
  if (privacy !== undefined && !privacyPossible(privacy)) {
    throw new WeirError('snmp_privacy_unsupported', `This Node cannot do ${privacy}.`, { protocol: privacy });
  }
}

/** Octets of the digest in a message (RFC 3414 §6, RFC 7860 §4.1). */
export function digestLength(protocol: AuthProtocol): number {
  return authAlgorithm(protocol).AUTHENTICATION_CODE_LENGTH;
}

/** The digest over a message whose digest field is zero. */
export function messageDigest(protocol: AuthProtocol, key: Uint8Array, message: Uint8Array): Uint8Array {
  const { CRYPTO_ALGORITHM, AUTHENTICATION_CODE_LENGTH } = authAlgorithm(protocol);
  return createHmac(CRYPTO_ALGORITHM, key).update(message).digest().subarray(0, AUTHENTICATION_CODE_LENGTH);
}

/** Whether the digest in the message is the right one; compared in constant time. The message is left as it was. */
export function digestHolds(
  protocol: AuthProtocol,
  key: Uint8Array,
  message: Uint8Array,
  digestAt: number,
  length: number,
): boolean {
  if (length !== digestLength(protocol)) return false;
  const zeroed = Uint8Array.from(message);
  zeroed.fill(0, digestAt, digestAt + length);
  return timingSafeEqual(messageDigest(protocol, key, zeroed), message.subarray(digestAt, digestAt + length));
}

export interface EngineClock {
  readonly engineBoots: number;
  readonly engineTime: number;
}

/** Encrypts a scoped PDU; `salt` are 8 octets that must never repeat under one key. */
export function encrypt(
  protocol: PrivProtocol,
  key: Uint8Array,
  clock: EngineClock,
  salt: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const { cipher } = privAlgorithm(protocol);
  if (protocol !== 'DES') {
    const stream = createCipheriv(cipher, key, aesVector(clock, salt));
    return Buffer.concat([stream.update(plain), stream.final()]);
  }
  const padded = Buffer.alloc(Math.ceil(plain.length / 8) * 8);
  padded.set(plain);
  const stream = createCipheriv(cipher, tripled(key), desVector(key, salt)).setAutoPadding(false);
  return Buffer.concat([stream.update(padded), stream.final()]);
}

/** Decrypts; snmp_decryption_failed where the lengths cannot be right. A wrong key shows as a scoped PDU that cannot be read. */
export function decrypt(
  protocol: PrivProtocol,
  key: Uint8Array,
  clock: EngineClock,
  salt: Uint8Array,
  secret: Uint8Array,
): Uint8Array {
  if (salt.length !== 8 || (protocol === 'DES' && secret.length % 8 !== 0)) {
    throw new WeirError('snmp_decryption_failed', 'The encrypted answer has a wrong length.');
  }
  const { cipher } = privAlgorithm(protocol);
  const stream =
    protocol === 'DES'
      ? createDecipheriv(cipher, tripled(key), desVector(key, salt)).setAutoPadding(false)
      : createDecipheriv(cipher, key, aesVector(clock, salt));
  return Buffer.concat([stream.update(secret), stream.final()]);
}

/** RFC 3826 §3.1.2.1: engineBoots, engineTime, salt. */
function aesVector(clock: EngineClock, salt: Uint8Array): Uint8Array {
  const vector = Buffer.alloc(16);
  vector.writeUInt32BE(clock.engineBoots >>> 0, 0);
  vector.writeUInt32BE(clock.engineTime >>> 0, 4);
  vector.set(salt, 8);
  return vector;
}

/** RFC 3414 §8.1.1.1: the second half of the key, exclusive or with the salt. */
function desVector(key: Uint8Array, salt: Uint8Array): Uint8Array {
  return Uint8Array.from(salt, (octet, i) => octet ^ (key[8 + i] ?? 0));
}

function tripled(key: Uint8Array): Uint8Array {
  const single = key.subarray(0, 8);
  return Buffer.concat([single, single, single]);
}
