// Opens sessions: one transport, one address book, one engine table and one set of keys for all devices.
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { DeviceEvent } from '../../common/model/event.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { type Component, startAll, stopAll } from '../../common/runtime/component.ts';
import type { CredentialConfiguration } from '../../common/runtime/device-configuration.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import { resolveSecret } from '../../common/runtime/secrets.ts';
import { AddressBook, type HostPort, type Lookup } from './address.ts';
import { DeviceNotices } from './device-notices.ts';
import { EngineStore } from './engine-store.ts';
import { type EngineDirectory, type EngineMemory, EngineTable, type KnownEngine } from './engine-table.ts';
import type { EngineKeys, KeyRequest } from './key-derivation.ts';
import { KeyRing } from './key-ring.ts';
import { KeyWorker } from './key-worker.ts';
import { VERSION } from './message.ts';
import { placeText, ReplyAddress } from './reply-address.ts';
import { RoundTrip } from './round-trip.ts';
import { SealedFile } from './sealed-file.ts';
import { CommunitySecurity, type MessageSecurity } from './security.ts';
import { DeviceSession, type SessionConfig } from './session.ts';
import type { Pace, SessionLine } from './session-line.ts';
import { SessionReader } from './session-reader.ts';
import { OidCache, type RememberingReader } from './table-reader.ts';
import { DEFAULT_TRANSPORT, Transport } from './transport.ts';
import { UserSecurity } from './user-security.ts';
import { SHORTEST_PASSPHRASE, type UserCredential, UsmUser } from './usm.ts';

export interface SnmpAccessConfig extends SessionConfig {
  /** Where engines and keys are kept, sealed; absent: they live as long as the process. */
  readonly stateFolder?: string;
}

export interface SnmpAccessDeps {
  readonly clock: Clock;
  readonly lookup: Lookup;
  readonly random: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Hears what is noticed of devices: engine_restarted, engine_replaced, engine_shared, reply_address_learnt. Must not throw. */
  readonly onEvent?: (event: DeviceEvent) => void;
  /** Every packet of every session waits for it. */
  readonly pace?: Pace;
}

/** Whose session it is; without it nothing is remembered and no events are raised. */
export interface SessionOwner {
  readonly device: string;
  /** Default `learn`. */
  readonly replyAddress?: 'learn' | 'strict';
}

const ENGINES_FILE = 'snmp-engines';
const SECRET_BYTES = 32;

export class SnmpAccess implements Component, EngineDirectory {
  readonly #reporter: Reporter;
  readonly #config: SnmpAccessConfig;
  readonly #deps: SnmpAccessDeps;
  readonly #transport: Transport;
  readonly #addresses: AddressBook;
  readonly #notices: DeviceNotices;
  readonly #engines: EngineTable;
  readonly #worker: KeyWorker;
  readonly #oids = new OidCache();
  /** A set that is configured no more takes its user with it. */
  readonly #users = new WeakMap<UserCredential, UsmUser>();
  readonly #ring: KeyRing;
  readonly #parts: readonly Component[];

  constructor(reporter: Reporter, config: SnmpAccessConfig, deps: SnmpAccessDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
    this.#transport = new Transport(reporter, DEFAULT_TRANSPORT, deps);
    this.#addresses = new AddressBook(reporter, deps);
    this.#notices = new DeviceNotices(reporter, { clock: deps.clock, onEvent: deps.onEvent ?? (() => undefined) });
    this.#engines = new EngineTable(reporter, { clock: deps.clock, notices: this.#notices });
    this.#worker = new KeyWorker(deps);
    const worker = { start: () => Promise.resolve(), stop: () => this.#worker.stop() };
    const { stateFolder } = config;
    const derive = (request: KeyRequest): Promise<EngineKeys> => this.#worker.derive(request);
    if (stateFolder === undefined) {
      const secret = randomBytes(SECRET_BYTES);
      this.#ring = new KeyRing({ derive, secret: () => secret });
      this.#parts = [this.#transport, worker];
    } else {
      const file = new SealedFile(reporter, path.join(stateFolder, ENGINES_FILE));
      const ring = new KeyRing({ derive, secret: () => file.key() });
      const store = new EngineStore(reporter, { clock: deps.clock, table: this.#engines, ring, file });
      this.#ring = ring;
      this.#parts = [this.#transport, store, worker];
    }
  }

  start(): Promise<void> {
    return startAll(this.#parts);
  }

  stop(): Promise<void> {
    return stopAll(this.#parts);
  }

  /** Resolves the secrets of the credential: secret_unresolved, credential_incomplete, snmp_privacy_unsupported. Sends nothing yet. */
  openSession(
    address: HostPort,
    credential: CredentialConfiguration,
    owner?: SessionOwner,
    line?: SessionLine,
  ): DeviceSession {
    const pace = line?.pace ?? this.#deps.pace;
    return new DeviceSession(this.#config, {
      transport: this.#transport,
      security: this.#securityFor(credential, owner),
      resolve: () => this.#addresses.resolve(address),
      random: this.#deps.random,
      roundTrip: new RoundTrip(this.#config.timeoutMs, line?.timeoutMs),
      replies: this.#repliesOf(owner),
      ...(pace === undefined ? {} : { pace }),
      ...(line === undefined ? {} : { line }),
    });
  }

  openReader(
    address: HostPort,
    credential: CredentialConfiguration,
    owner?: SessionOwner,
    line?: SessionLine,
  ): RememberingReader {
    const session = this.openSession(address, credential, owner, line);
    return new SessionReader(session, this.#oids, () => this.#deps.clock.monotonicMs(), line?.answerBytes);
  }

  /** The device is polled no more under this name. */
  close(device: string): void {
    this.#engines.close(device);
  }

  engines(): readonly KnownEngine[] {
    return this.#engines.engines();
  }

  #securityFor(credential: CredentialConfiguration, owner: SessionOwner | undefined): MessageSecurity {
    const { environment, clock } = this.#deps;
    if (credential.version !== '3') {
      if (owner !== undefined) this.#engines.close(owner.device);
      return new CommunitySecurity(VERSION[credential.version], resolveSecret(credential.community, environment));
    }
    const memory = owner === undefined ? NO_MEMORY : this.#engines.memoryOf(owner.device);
    const deps = { monotonicMs: () => clock.monotonicMs(), memory };
    return new UserSecurity(this.#userOf(credential), credential.context, deps);
  }

  #userOf(credential: UserCredential): UsmUser {
    const known = this.#users.get(credential);
    if (known !== undefined) return known;
    const user = new UsmUser(credential, {
      resolve: (reference) => resolveSecret(reference, this.#deps.environment),
      keys: this.#ring,
    });
    this.#tellShort(credential.user, user);
    this.#users.set(credential, user);
    return user;
  }

  #repliesOf(owner: SessionOwner | undefined): ReplyAddress {
    return new ReplyAddress(owner?.replyAddress ?? 'learn', (asked, learnt) => {
      if (owner === undefined) return;
      const details = [
        { name: 'asked', value: placeText(asked) },
        { name: 'answered_from', value: placeText(learnt) },
      ];
      this.#notices.raise(owner.device, 'reply_address_learnt', details, learnt.address);
    });
  }

  #tellShort(name: string, user: UsmUser): void {
    const { auth, priv } = user.passphrases();
    const short = [user.authProtocol === null ? '' : auth, user.privProtocol === null ? '' : priv].some(
      (passphrase) => passphrase !== '' && passphrase.length < SHORTEST_PASSPHRASE,
    );
    if (short) this.#reporter.warn('a passphrase is shorter than the 8 characters of RFC 3414', { user: name });
  }
}

const NO_MEMORY: EngineMemory = { recall: () => null, confirm: () => undefined };
