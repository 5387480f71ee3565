// From passphrases to the keys of one engine (RFC 3414 A.2, the two key extensions of the drafts). Self-contained: its text also runs in a worker thread.
import type { createHash as CreateHash } from 'node:crypto';

/** One user at one engine. */
export interface KeyRequest {
  /** Node's name of the authentication protocol's hash. */
  readonly hash: string;
  readonly authPassphrase: string;
  /** Null without privacy. */
  readonly privacy: {
    readonly passphrase: string;
    /** Octets. */
    readonly keyLength: number;
    readonly extension: KeyExtension;
  } | null;
  readonly engineId: Uint8Array;
}

/** How a key grows where the hash is shorter: draft-blumenthal-aes-usm-04 §3.1.2.1, draft-reeder-snmpv3-usm-3desede-00 §2.1. */
export type KeyExtension = 'blumenthal' | 'reeder';

/** The keys of one user at one engine, ready for every message. */
export interface EngineKeys {
  readonly auth: Uint8Array | null;
  readonly privacy: Uint8Array | null;
}

export interface KeyDerivation {
  /** Ku of RFC 3414 A.2: a megabyte of the passphrase, hashed. One to two milliseconds; independent of the device. */
  passphraseDigest(hash: string, passphrase: string | Uint8Array): Uint8Array;
  /** Kul of RFC 3414 A.2: the key of one user at one engine. */
  localized(hash: string, digest: Uint8Array, engineId: Uint8Array): Uint8Array;
  /** The localized key brought to a length. Reeder's way hashes another megabyte for each engine. */
  extended(
    hash: string,
    extension: KeyExtension,
    localized: Uint8Array,
    engineId: Uint8Array,
    length: number,
  ): Uint8Array;
  /** All keys of a request. Digests of the last passphrases are remembered, under a hash of the passphrase. */
  derive(request: KeyRequest): EngineKeys;
}

/** Nothing outside this function may be used in it but globals: key-worker.ts hands its text to a thread. */
export function keyDerivation(createHash: typeof CreateHash): KeyDerivation {
  const stretchedOctets = 1_048_576;
  const mostDigests = 64;
  const digests = new Map<string, Uint8Array>();

  function passphraseDigest(hash: string, passphrase: string | Uint8Array): Uint8Array {
    return createHash(hash).update(Buffer.alloc(stretchedOctets, passphrase)).digest();
  }

  function localized(hash: string, digest: Uint8Array, engineId: Uint8Array): Uint8Array {
    return createHash(hash).update(digest).update(engineId).update(digest).digest();
  }

  function extended(
    hash: string,
    extension: KeyExtension,
    start: Uint8Array,
    engineId: Uint8Array,
    length: number,
  ): Uint8Array {
    let key = start;
    let last = start;
    while (key.length < length) {
      last =
        extension === 'reeder'
          ? localized(hash, passphraseDigest(hash, last), engineId)
          : createHash(hash).update(key).digest();
      key = Buffer.concat([key, last]);
    }
    return key.subarray(0, length);
  }

  function rememberedDigest(hash: string, passphrase: string): Uint8Array {
    const name = `${hash} ${createHash('sha256').update(passphrase).digest('hex')}`;
    const known = digests.get(name);
    if (known !== undefined) return known;
    if (digests.size >= mostDigests) digests.clear();
    const digest = passphraseDigest(hash, passphrase);
    digests.set(name, digest);
    return digest;
  }

  function derive({ hash, authPassphrase, privacy, engineId }: KeyRequest): EngineKeys {
    const auth = localized(hash, rememberedDigest(hash, authPassphrase), engineId);
    if (privacy === null) return { auth, privacy: null };
    const start = localized(hash, rememberedDigest(hash, privacy.passphrase), engineId);
    return { auth, privacy: extended(hash, privacy.extension, start, engineId, privacy.keyLength) };
  }

  return { passphraseDigest, localized, extended, derive };
}
