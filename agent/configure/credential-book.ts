// Credential sets by name, the same object as long as set and secrets are the same: a reload makes new sessions only where something changed.
import { createHmac } from 'node:crypto';
import type { CredentialConfiguration } from '../../common/runtime/device-configuration.ts';
import { resolveSecret } from '../../common/runtime/secrets.ts';

export interface CredentialBookDeps {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Random, of this process: what is remembered of a secret is of no use to anybody else. */
  readonly key: Uint8Array;
}

export type CredentialSets = Readonly<Record<string, CredentialConfiguration>>;

export interface CredentialDraft {
  readonly sets: CredentialSets;
  readonly keep: () => void;
}

interface Known {
  readonly set: CredentialConfiguration;
  readonly fingerprint: string;
}

export class CredentialBook {
  readonly #deps: CredentialBookDeps;
  #known: ReadonlyMap<string, Known> = new Map();

  constructor(deps: CredentialBookDeps) {
    this.#deps = deps;
  }

  /** The sets as they will be, once `keep` is called. A file behind a reference is read again: another secret in it makes another set. */
  draft(sets: CredentialSets): CredentialDraft {
    const known = new Map<string, Known>();
    for (const [name, set] of Object.entries(sets)) {
      const fingerprint = this.#fingerprintOf(set);
      const before = this.#known.get(name);
      known.set(name, before?.fingerprint === fingerprint ? before : { set, fingerprint });
    }
    return {
      sets: Object.fromEntries([...known].map(([name, { set }]) => [name, set])),
      keep: () => {
        this.#known = known;
      },
    };
  }

  #fingerprintOf(set: CredentialConfiguration): string {
    const secrets = set.version === '3' ? [set.auth_passphrase ?? '', set.priv_passphrase ?? ''] : [set.community];
    const hmac = createHmac('sha256', this.#deps.key);
    hmac.update(JSON.stringify(set));
    for (const reference of secrets) hmac.update(`\0${this.#resolved(reference)}`);
    return hmac.digest('hex');
  }

  /** What cannot be had now is told by the session that needs it. */
  #resolved(reference: string): string {
    try {
      return resolveSecret(reference, this.#deps.environment);
    } catch {
      return '';
    }
  }
}
