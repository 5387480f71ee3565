// Opens sessions: one transport, one address book and one set of keys per credential for all devices.
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import type { CredentialConfiguration } from '../../common/runtime/device-configuration.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import { resolveSecret } from '../../common/runtime/secrets.ts';
import { AddressBook, type HostPort, type Lookup } from './address.ts';
import { VERSION } from './message.ts';
import { CommunitySecurity, type MessageSecurity, UserSecurity } from './security.ts';
import { DeviceSession, type SessionConfig, type SnmpSession } from './session.ts';
import { type DeviceReader, OidCache, SessionReader } from './table-reader.ts';
import { DEFAULT_TRANSPORT, Transport } from './transport.ts';
import { UsmUser } from './usm.ts';

export interface SnmpAccessDeps {
  readonly clock: Clock;
  readonly lookup: Lookup;
  readonly random: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export class SnmpAccess implements Component {
  readonly #config: SessionConfig;
  readonly #deps: SnmpAccessDeps;
  readonly #transport: Transport;
  readonly #addresses: AddressBook;
  readonly #oids = new OidCache();
  readonly #users = new Map<CredentialConfiguration, UsmUser>();

  constructor(reporter: Reporter, config: SessionConfig, deps: SnmpAccessDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#transport = new Transport(reporter, DEFAULT_TRANSPORT, deps);
    this.#addresses = new AddressBook(deps);
  }

  start(): Promise<void> {
    return this.#transport.start();
  }

  stop(): Promise<void> {
    return this.#transport.stop();
  }

  /** Resolves the secrets of the credential: secret_unresolved, credential_incomplete, snmp_privacy_unsupported. Sends nothing yet. */
  openSession(address: HostPort, credential: CredentialConfiguration): SnmpSession {
    return new DeviceSession(this.#config, {
      transport: this.#transport,
      security: this.#securityFor(credential),
      resolve: () => this.#addresses.resolve(address),
      random: this.#deps.random,
    });
  }

  openReader(address: HostPort, credential: CredentialConfiguration): DeviceReader {
    return new SessionReader(this.openSession(address, credential), this.#oids);
  }

  #securityFor(credential: CredentialConfiguration): MessageSecurity {
    const { environment, clock } = this.#deps;
    if (credential.version !== '3') {
      return new CommunitySecurity(VERSION[credential.version], resolveSecret(credential.community, environment));
    }
    let user = this.#users.get(credential);
    if (user === undefined) {
      const { auth_passphrase: auth, priv_passphrase: priv } = credential;
      user = new UsmUser({
        ...credential,
        ...(auth === undefined ? {} : { auth_passphrase: resolveSecret(auth, environment) }),
        ...(priv === undefined ? {} : { priv_passphrase: resolveSecret(priv, environment) }),
      });
      this.#users.set(credential, user);
    }
    return new UserSecurity(user, credential.context, () => clock.monotonicMs());
  }
}
