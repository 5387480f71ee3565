// The engines whose messages can be authentic: our own, authority for informs, and those of the senders, authorities for their traps; who may speak at each, and what time it is there (RFC 3414 §2.2, §3.2).
import type { CredentialConfiguration } from '../../common/runtime/device-configuration.ts';
import {
  type AuthProtocol,
  digestHolds,
  localizedKey,
  passphraseDigest,
  type PrivProtocol,
  privacyKey,
} from '../snmp/usm.ts';
import type { KnownEngine, TrapSettings } from './exchange.ts';

type UserCredential = Extract<CredentialConfiguration, { version: '3' }>;

/** A user at one engine. Keys are made when the first message asks for them, and only for engines and users we know, so their number is bounded by the configuration. */
export class KeyedUser {
  readonly credential: string;
  readonly set: UserCredential;
  readonly #engineId: Uint8Array;
  readonly #digests: Digests;
  #auth: Uint8Array | null = null;
  #privacy: Uint8Array | null = null;

  constructor(credential: string, set: UserCredential, engineId: Uint8Array, digests: Digests) {
    this.credential = credential;
    this.set = set;
    this.#engineId = engineId;
    this.#digests = digests;
  }

  get authProtocol(): AuthProtocol | null {
    return this.set.level === 'noAuthNoPriv' ? null : (this.set.auth_protocol ?? null);
  }

  get privProtocol(): PrivProtocol | null {
    return this.set.level === 'authPriv' ? (this.set.priv_protocol ?? null) : null;
  }

  /** Throws a BUG error for a user without authentication. */
  authKey(): Uint8Array {
    const protocol = this.authProtocol;
    if (protocol === null) throw new Error('BUG: a key of a user without authentication');
    this.#auth ??= localizedKey(protocol, this.#digests.of(this.credential, 'auth', this.set), this.#engineId);
    return this.#auth;
  }

  privacyKey(): Uint8Array {
    const { authProtocol: auth, privProtocol: privacy } = this;
    if (auth === null || privacy === null) throw new Error('BUG: a key of a user without privacy');
    if (this.#privacy === null) {
      const localized = localizedKey(auth, this.#digests.of(this.credential, 'priv', this.set), this.#engineId);
      this.#privacy = privacyKey(auth, privacy, localized, this.#engineId);
    }
    return this.#privacy;
  }

  /** Whether the message carries this user's digest: one HMAC. */
  signed(message: Uint8Array, digestAt: number, length: number): boolean {
    const protocol = this.authProtocol;
    return protocol !== null && digestHolds(protocol, this.authKey(), message, digestAt, length);
  }
}

/** A megabyte of each passphrase is hashed once (RFC 3414 A.2), for all engines. */
class Digests {
  readonly #known = new Map<string, Uint8Array>();

  of(credential: string, purpose: 'auth' | 'priv', set: UserCredential): Uint8Array {
    const place = `${purpose} ${credential}`;
    let digest = this.#known.get(place);
    if (digest === undefined) {
      const passphrase = purpose === 'auth' ? set.auth_passphrase : set.priv_passphrase;
      digest = passphraseDigest(set.auth_protocol ?? 'SHA', passphrase ?? '');
      this.#known.set(place, digest);
    }
    return digest;
  }
}

const WINDOW_SECONDS = 150;
/** RFC 3414 §2.2.1: an engine whose boots stand here is in nobody's window. */
const LAST_BOOTS = 2 ** 31 - 1;
/** Two readings of one clock differ by this much without anything having happened. */
const SAME_CLOCK_SECONDS = 5;

interface EngineClock {
  readonly boots: number;
  readonly seconds: number;
  readonly atMs: number;
}

/** The engine of a sender. */
export class SenderEngine {
  readonly id: string;
  /** Devices that polling found it at: more than one where engine IDs are cloned. */
  readonly devices: readonly string[];
  readonly #users: ReadonlyMap<string, readonly KeyedUser[]>;
  #clock: EngineClock | null;
  #polled: EngineClock | null;

  constructor(
    id: string,
    devices: readonly string[],
    users: ReadonlyMap<string, readonly KeyedUser[]>,
    before: SenderEngine | undefined,
  ) {
    this.id = id;
    this.devices = devices;
    this.#users = users;
    this.#clock = before === undefined ? null : before.#clock;
    this.#polled = before === undefined ? null : before.#polled;
  }

  usersCalled(name: string): readonly KeyedUser[] {
    return this.#users.get(name) ?? [];
  }

  /** Takes over what polling learnt where it is news: it was told fresh and under a digest, so it counts also where it goes back. */
  polled(boots: number, seconds: number, nowMs: number): void {
    const known = this.#polled;
    this.#polled = { boots, seconds, atMs: nowMs };
    const same =
      known !== null && known.boots === boots && Math.abs(secondsAt(known, nowMs) - seconds) < SAME_CLOCK_SECONDS;
    if (!same) this.#clock = this.#polled;
  }

  /** RFC 3414 §3.2 step 7b, for an authentic message: takes the clock over where it is ahead, then says whether it is in the window. */
  inWindow(boots: number, seconds: number, nowMs: number): boolean {
    const clock = this.#clock;
    if (boots >= LAST_BOOTS) return false;
    // Against the last time received, not against what it should be by now: a slow clock would fall out of the window one day.
    if (clock === null || boots > clock.boots || (boots === clock.boots && seconds > clock.seconds)) {
      this.#clock = { boots, seconds, atMs: nowMs };
      return true;
    }
    return boots === clock.boots && seconds >= secondsAt(clock, nowMs) - WINDOW_SECONDS;
  }
}

/** Our own engine: its users are those of all credential sets. */
export class ReceiverEngine {
  readonly hex: string;
  readonly id: Uint8Array;
  readonly boots: number;
  readonly #secondsAtZero: number;
  #users: ReadonlyMap<string, readonly KeyedUser[]> = new Map();

  constructor(settings: TrapSettings['engine'], nowMs: number) {
    this.hex = settings.id;
    this.id = Buffer.from(settings.id, 'hex');
    this.boots = settings.boots;
    this.#secondsAtZero = settings.seconds - nowMs / 1000;
  }

  setUsers(users: ReadonlyMap<string, readonly KeyedUser[]>): void {
    this.#users = users;
  }

  usersCalled(name: string): readonly KeyedUser[] {
    return this.#users.get(name) ?? [];
  }

  seconds(nowMs: number): number {
    return Math.min(LAST_BOOTS, Math.floor(this.#secondsAtZero + nowMs / 1000));
  }

  /** RFC 3414 §3.2 step 7a. */
  inWindow(boots: number, seconds: number, nowMs: number): boolean {
    return boots === this.boots && boots < LAST_BOOTS && Math.abs(seconds - this.seconds(nowMs)) <= WINDOW_SECONDS;
  }
}

function secondsAt(clock: EngineClock, nowMs: number): number {
  return clock.seconds + Math.floor((nowMs - clock.atMs) / 1000);
}

interface EngineEntry {
  readonly devices: string[];
  readonly credentials: Set<string>;
  last: KnownEngine | null;
}

export class EngineBook {
  readonly own: ReceiverEngine;
  readonly #settings: Pick<TrapSettings, 'shared' | 'users'>;
  #sets: ReadonlyMap<string, UserCredential> = new Map();
  #credentialOf: ReadonlyMap<string, string> = new Map();
  #digests = new Digests();
  #known: readonly KnownEngine[] = [];
  #engines = new Map<string, SenderEngine>();
  /** By engine and credential set: keys outlive a new list of engines. */
  #keyed = new Map<string, KeyedUser>();

  constructor(settings: TrapSettings, nowMs: number) {
    this.#settings = settings;
    this.own = new ReceiverEngine(settings.engine, nowMs);
    this.configure(settings);
  }

  get size(): number {
    return this.#engines.size;
  }

  find(hex: string): SenderEngine | undefined {
    return this.#engines.get(hex);
  }

  /** Other devices or credential sets; the clocks of the engines stay. */
  configure({ devices, credentials }: Pick<TrapSettings, 'devices' | 'credentials'>): void {
    this.#sets = new Map(
      credentials.flatMap(({ name, set }): [string, UserCredential][] => (set.version === '3' ? [[name, set]] : [])),
    );
    this.#credentialOf = new Map(devices.map((device) => [device.name, device.credential]));
    this.#digests = new Digests();
    this.#keyed.clear();
    this.own.setUsers(this.#usersAt(this.own.hex, [...this.#sets.keys()], new Map()));
    this.#build(() => undefined);
  }

  /** All that polling knows now; engines that are neither known nor configured any more are forgotten. */
  learn(known: readonly KnownEngine[], nowMs: number): void {
    this.#known = known;
    this.#build((engine, { last }) => {
      if (last !== null) engine.polled(last.boots, last.timeSeconds, nowMs);
    });
  }

  #build(each: (engine: SenderEngine, entry: EngineEntry) => void): void {
    const before = this.#keyed;
    this.#keyed = new Map();
    const engines = new Map<string, SenderEngine>();
    for (const [hex, entry] of this.#entries()) {
      if (hex === this.own.hex) continue;
      const users = this.#usersAt(hex, [...entry.credentials], before);
      const engine = new SenderEngine(hex, entry.devices, users, this.find(hex));
      each(engine, entry);
      engines.set(hex, engine);
    }
    this.#engines = engines;
  }

  #entries(): Map<string, EngineEntry> {
    const entries = new Map<string, EngineEntry>();
    const entryOf = (hex: string): EngineEntry => {
      const entry = entries.get(hex) ?? { devices: [], credentials: new Set<string>(), last: null };
      entries.set(hex, entry);
      return entry;
    };
    // What the configuration says of an engine counts first.
    for (const { engineId, credential } of this.#settings.users) entryOf(engineId).credentials.add(credential);
    for (const engine of this.#known) {
      const entry = entryOf(engine.engineId.toLowerCase());
      entry.devices.push(engine.device);
      entry.credentials.add(this.#credentialOf.get(engine.device) ?? '');
      entry.last = engine;
    }
    for (const { credentials } of entries.values()) for (const name of this.#settings.shared) credentials.add(name);
    return entries;
  }

  #usersAt(
    hex: string,
    credentials: readonly string[],
    before: ReadonlyMap<string, KeyedUser>,
  ): Map<string, KeyedUser[]> {
    const users = new Map<string, KeyedUser[]>();
    const engineId = Buffer.from(hex, 'hex');
    for (const credential of credentials) {
      const set = this.#sets.get(credential);
      if (set === undefined) continue;
      const place = `${hex} ${credential}`;
      const user = before.get(place) ?? new KeyedUser(credential, set, engineId, this.#digests);
      this.#keyed.set(place, user);
      // As it stands in a message, octet by octet.
      const name = Buffer.from(set.user, 'utf8').toString('latin1');
      users.set(name, [...(users.get(name) ?? []), user]);
    }
    return users;
  }
}
