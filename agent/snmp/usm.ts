// The User-based Security Model (RFC 3414, RFC 3826, RFC 7860, the two key extensions of the drafts): protocols, users, digests, privacy.
// Names and numbers of the protocols are net-snmp's where it has them; keys and messages are ours (docs/decisions/snmp-codec.md).
import { createCipheriv, createDecipheriv, createHash, createHmac, getCiphers, timingSafeEqual } from 'node:crypto';
import { createRequire } from 'node:module';
import type { CredentialConfiguration } from '../../common/runtime/device-configuration.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { type EngineKeys, keyDerivation, type KeyExtension, type KeyRequest } from './key-derivation.ts';

export type UserCredential = Extract<CredentialConfiguration, { version: '3' }>;
export type AuthProtocol = NonNullable<UserCredential['auth_protocol']>;
export type PrivProtocol = NonNullable<UserCredential['priv_protocol']>;

interface NetSnmp {
  readonly AuthProtocols: Readonly<Record<string, number>>;
  readonly PrivProtocols: Readonly<Record<string, number>>;
  readonly Authentication: {
    readonly algorithms: Readonly<
      Record<number, { readonly AUTHENTICATION_CODE_LENGTH: number; readonly CRYPTO_ALGORITHM: string }>
    >;
  };
  readonly Encryption: {
    readonly algorithms: Readonly<Record<number, { readonly CRYPTO_ALGORITHM: string; readonly KEY_LENGTH: number }>>;
  };
}

interface AuthAlgorithm {
  readonly hash: string;
  /** Octets of the digest in a message (RFC 3414 §6, RFC 7860 §4.1). */
  readonly codeLength: number;
}

interface PrivAlgorithm {
  readonly cipher: string;
  /** Octets, for DES with those of its initial vector. */
  readonly keyLength: number;
  readonly extension: KeyExtension;
}

interface Protocols {
  readonly auth: Readonly<Record<AuthProtocol, AuthAlgorithm>>;
  readonly priv: Readonly<Record<PrivProtocol, PrivAlgorithm>>;
}

function tableOfProtocols(): Protocols {
  const netSnmp = createRequire(import.meta.url)('net-snmp') as NetSnmp;
  const hash = (name: string): AuthAlgorithm => {
    const algorithm = netSnmp.Authentication.algorithms[netSnmp.AuthProtocols[name] ?? 0];
    if (algorithm === undefined) throw new Error(`BUG: net-snmp has no ${name}`);
    return { hash: algorithm.CRYPTO_ALGORITHM, codeLength: algorithm.AUTHENTICATION_CODE_LENGTH };
  };
  const aes = (name: string, extension: KeyExtension): PrivAlgorithm => {
    const algorithm = netSnmp.Encryption.algorithms[netSnmp.PrivProtocols[name] ?? 0];
    if (algorithm === undefined) throw new Error(`BUG: net-snmp has no ${name}`);
    return { cipher: algorithm.CRYPTO_ALGORITHM, keyLength: algorithm.KEY_LENGTH, extension };
  };
  return {
    auth: {
      MD5: hash('md5'),
      SHA: hash('sha'),
      SHA224: hash('sha224'),
      SHA256: hash('sha256'),
      SHA384: hash('sha384'),
      SHA512: hash('sha512'),
    },
    // Node's OpenSSL has no single DES; triple DES with one key three times is the same cipher (FIPS 46-3). net-snmp has no AES-192.
    // AES-128 needs no extension: every hash gives 16 octets.
    priv: {
      DES: { cipher: 'des-ede3-cbc', keyLength: 16, extension: 'blumenthal' },
      AES: aes('aes', 'blumenthal'),
      AES192B: { cipher: 'aes-192-cfb', keyLength: 24, extension: 'blumenthal' },
      AES192R: { cipher: 'aes-192-cfb', keyLength: 24, extension: 'reeder' },
      AES256B: aes('aes256b', 'blumenthal'),
      AES256R: aes('aes256r', 'reeder'),
    },
  };
}

let table: Protocols | null = null;

/** Made when version 3 is first spoken of: net-snmp is ten megabytes that an agent of version 2c need not have. */
function protocols(): Protocols {
  return (table ??= tableOfProtocols());
}

/** Whether this Node can do the protocol (one in FIPS mode has no MD5); asked when the configuration is read. */
export function authenticationPossible(protocol: AuthProtocol): boolean {
  try {
    createHash(protocols().auth[protocol].hash);
    return true;
  } catch {
    return false;
  }
}

export function privacyPossible(protocol: PrivProtocol): boolean {
  return getCiphers().includes(protocols().priv[protocol].cipher);
}

const derivation = keyDerivation(createHash);

/** Ku of RFC 3414 A.2. Blocks for a millisecond or two: polls use the worker (key-worker.ts). */
export function passphraseDigest(protocol: AuthProtocol, passphrase: string | Uint8Array): Uint8Array {
  return derivation.passphraseDigest(protocols().auth[protocol].hash, passphrase);
}

/** Kul of RFC 3414 A.2. */
export function localizedKey(protocol: AuthProtocol, digest: Uint8Array, engineId: Uint8Array): Uint8Array {
  return derivation.localized(protocols().auth[protocol].hash, digest, engineId);
}

/** The privacy key, extended where the hash is shorter. */
export function privacyKey(
  auth: AuthProtocol,
  privacy: PrivProtocol,
  localized: Uint8Array,
  engineId: Uint8Array,
): Uint8Array {
  const { extension, keyLength } = protocols().priv[privacy];
  return derivation.extended(protocols().auth[auth].hash, extension, localized, engineId, keyLength);
}

/** Where keys come from: at once where they are known, else from the worker. */
export interface KeySource {
  keysFor(request: KeyRequest): EngineKeys | Promise<EngineKeys>;
}

const NO_KEYS: EngineKeys = { auth: null, privacy: null };

/** One v3 user. It keeps no passphrase: the references are resolved each time keys are needed, so a renewed secret file is seen. */
export class UsmUser {
  readonly name: Uint8Array;
  readonly authProtocol: AuthProtocol | null;
  readonly privProtocol: PrivProtocol | null;
  readonly #credential: UserCredential;
  readonly #resolve: (reference: string) => string;
  readonly #keys: KeySource;

  /** Refuses incomplete or impossible sets (credential_incomplete, snmp_privacy_unsupported) and secrets that do not resolve now. */
  constructor(credential: UserCredential, deps: { resolve: (reference: string) => string; keys: KeySource }) {
    checkUser(credential);
    const { level, auth_protocol: auth, priv_protocol: priv } = credential;
    this.name = Buffer.from(credential.user, 'utf8');
    this.authProtocol = level === 'noAuthNoPriv' ? null : (auth ?? null);
    this.privProtocol = level === 'authPriv' ? (priv ?? null) : null;
    this.#credential = credential;
    this.#resolve = deps.resolve;
    this.#keys = deps.keys;
    this.passphrases();
  }

  /** Throws secret_unresolved; rejects with key_worker_failed. */
  keysAt(engineId: Uint8Array): EngineKeys | Promise<EngineKeys> {
    const { authProtocol: auth, privProtocol: priv } = this;
    if (auth === null) return NO_KEYS;
    const passphrases = this.passphrases();
    return this.#keys.keysFor({
      hash: protocols().auth[auth].hash,
      authPassphrase: passphrases.auth,
      privacy:
        priv === null
          ? null
          : {
              passphrase: passphrases.priv,
              keyLength: protocols().priv[priv].keyLength,
              extension: protocols().priv[priv].extension,
            },
      engineId,
    });
  }

  /** Empty where the level needs none. */
  passphrases(): { readonly auth: string; readonly priv: string } {
    const { auth_passphrase: auth, priv_passphrase: priv } = this.#credential;
    return {
      auth: this.authProtocol === null || auth === undefined ? '' : this.#resolve(auth),
      priv: this.privProtocol === null || priv === undefined ? '' : this.#resolve(priv),
    };
  }
}

/** RFC 3414 §11.2. Some equipment takes shorter ones, so they are told and not refused. */
export const SHORTEST_PASSPHRASE = 8;

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
  const { level, auth_protocol: auth, priv_protocol: priv } = credential;
  if (level !== 'noAuthNoPriv' && auth !== undefined && !authenticationPossible(auth)) throw impossible(auth);
  if (level === 'authPriv' && priv !== undefined && !privacyPossible(priv)) throw impossible(priv);
}

function impossible(protocol: string): WeirError {
  return new WeirError('snmp_privacy_unsupported', `This Node cannot do ${protocol}.`, { protocol });
}

/** Octets of the digest in a message (RFC 3414 §6, RFC 7860 §4.1). */
export function digestLength(protocol: AuthProtocol): number {
  return protocols().auth[protocol].codeLength;
}

/** The digest over a message whose digest field is zero. */
export function messageDigest(protocol: AuthProtocol, key: Uint8Array, message: Uint8Array): Uint8Array {
  const { hash, codeLength } = protocols().auth[protocol];
  return createHmac(hash, key).update(message).digest().subarray(0, codeLength);
}

/** Whether the digest in the message is the right one; compared in constant time. The message is left as it was. */
export function digestHolds(
  protocol: AuthProtocol,
  key: Uint8Array,
  message: Uint8Array,
  digestAt: number,
  length: number,
): boolean {
  const { hash, codeLength } = protocols().auth[protocol];
  if (length !== codeLength) return false;
  // As if the digest were zero, without a copy of the message.
  const code = createHmac(hash, key)
    .update(message.subarray(0, digestAt))
    .update(ZEROS.subarray(0, length))
    .update(message.subarray(digestAt + length))
    .digest()
    .subarray(0, length);
  return timingSafeEqual(code, message.subarray(digestAt, digestAt + length));
}

/** The longest digest of all (RFC 7860 §4.1). */
const ZEROS = new Uint8Array(48);

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
  const { cipher } = protocols().priv[protocol];
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
  const { cipher } = protocols().priv[protocol];
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
