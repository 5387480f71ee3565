// Localized keys by passphrases and engine, for all devices of all credential sets: derived once, remembered without the passphrases.
import { createHmac } from 'node:crypto';
import type { EngineKeys, KeyRequest } from './key-derivation.ts';
import type { KeySource } from './usm.ts';

export interface KeyRingDeps {
  derive(request: KeyRequest): Promise<EngineKeys>;
  /** Random octets, the same in every life in which kept keys are to be found again; asked for when the first key is. */
  readonly secret: () => Uint8Array;
}

/** The form in which keys are kept; hexadecimal. */
export interface KeptKeys {
  readonly name: string;
  readonly auth: string;
  readonly privacy: string | null;
}

/** Those not used for longest go first, and are derived again when they are needed. */
const MOST_KEYS = 50_000;

export class KeyRing implements KeySource {
  readonly #deps: KeyRingDeps;
  readonly #known = new Map<string, EngineKeys>();
  readonly #pending = new Map<string, Promise<EngineKeys>>();
  #dirty = false;

  constructor(deps: KeyRingDeps) {
    this.#deps = deps;
  }

  /** Whether there are keys that `kept` has not given yet. */
  get dirty(): boolean {
    return this.#dirty;
  }

  keysFor(request: KeyRequest): EngineKeys | Promise<EngineKeys> {
    const name = this.#nameOf(request);
    const known = this.#known.get(name);
    if (known !== undefined) {
      this.#remember(name, known);
      return known;
    }
    const pending = this.#pending.get(name) ?? this.#derive(name, request);
    this.#pending.set(name, pending);
    return pending;
  }

  kept(): KeptKeys[] {
    this.#dirty = false;
    return [...this.#known].flatMap(([name, { auth, privacy }]) =>
      auth === null ? [] : [{ name, auth: hexOf(auth), privacy: privacy === null ? null : hexOf(privacy) }],
    );
  }

  load(kept: readonly KeptKeys[]): void {
    for (const { name, auth, privacy } of kept.slice(-MOST_KEYS)) {
      if (this.#known.has(name)) continue;
      const keys = { auth: Buffer.from(auth, 'hex'), privacy: privacy === null ? null : Buffer.from(privacy, 'hex') };
      this.#known.set(name, keys);
    }
  }

  async #derive(name: string, request: KeyRequest): Promise<EngineKeys> {
    try {
      const keys = await this.#deps.derive(request);
      this.#remember(name, keys);
      this.#dirty = true;
      return keys;
    } finally {
      this.#pending.delete(name);
    }
  }

  #remember(name: string, keys: EngineKeys): void {
    this.#known.delete(name);
    this.#known.set(name, keys);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST_KEYS) break;
      this.#known.delete(oldest);
    }
  }

  /** Says nothing of the passphrases to whoever lacks the secret. */
  #nameOf({ hash, authPassphrase, privacy, engineId }: KeyRequest): string {
    const privacyParts = privacy === null ? [] : [privacy.passphrase, privacy.keyLength, privacy.extension];
    const parts = JSON.stringify([hash, hexOf(engineId), authPassphrase, ...privacyParts]);
    return createHmac('sha256', this.#deps.secret()).update(parts).digest('base64url');
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
