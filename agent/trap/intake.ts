// What becomes of a datagram: cheap checks first, keys and decoding only for what passes them, an answer only for what is durable.
import { WeirError } from '../../common/runtime/errors.ts';
import { decodeMessage } from '../snmp/message.ts';
import { PDU } from '../snmp/pdu.ts';
import { communityResponse } from './answers.ts';
import {
  type Answer,
  type Arrival,
  type Authentic,
  type DropReason,
  dropped,
  type Dropped,
  keyOf,
  type Reported,
  type Sender,
  type Verdict,
} from './arrival.ts';
import { CredentialBook } from './credentials.ts';
import { DuplicateFilter, type Remembered } from './duplicate-filter.ts';
import { EngineBook } from './engines.ts';
import type { KnownEngine, TrapSettings } from './exchange.ts';
import { type CommunityHeader, headerOf } from './header.ts';
import { NameBook } from './names.ts';
import { notificationOf } from './notification.ts';
import { SecuredGate } from './secured-gate.ts';
import { SourceBook } from './sources.ts';
import { SourceBuckets, TokenBucket } from './token-bucket.ts';

interface Pending {
  readonly keys: readonly string[];
  /** For the latest of the repetitions: a sender may wait for that one only. */
  answer: Answer;
}

/** Waiting to become durable at once; beyond it the sender has to try again. */
const MOST_PENDING = 1000;
/** Of all that is taken in, what sources that are no device may take. */
const STRANGERS_SHARE = 0.5;

export class Intake {
  readonly #settings: TrapSettings;
  readonly #sources: SourceBook;
  #credentials: CredentialBook;
  readonly #engines: EngineBook;
  readonly #gate: SecuredGate;
  readonly #names: NameBook;
  readonly #duplicates = new DuplicateFilter();
  readonly #pending = new Map<number, Pending>();
  readonly #perSource: SourceBuckets;
  readonly #total: TokenBucket;
  readonly #strangers: TokenBucket;
  #lastToken = 0;

  /** `salt`: 8 octets that never repeat. */
  constructor(settings: TrapSettings, monotonicMs: number, salt: () => Uint8Array) {
    this.#settings = settings;
    this.#sources = new SourceBook(settings.networks);
    this.#credentials = new CredentialBook(settings);
    this.#engines = new EngineBook(settings, monotonicMs);
    const tooMuch = (sender: Sender): DropReason | null => this.#tooMuch(sender);
    const credentials = (): CredentialBook => this.#credentials;
    this.#gate = new SecuredGate({ engines: this.#engines, credentials, salt, tooMuch }, monotonicMs);
    this.#names = new NameBook(settings.names);
    this.#perSource = new SourceBuckets(settings.perSecondPerSource, monotonicMs);
    this.#total = new TokenBucket(settings.perSecond, monotonicMs);
    this.#strangers = new TokenBucket(settings.perSecond * STRANGERS_SHARE, monotonicMs);
  }

  setAddresses(addresses: readonly { readonly device: string; readonly address: string }[]): void {
    this.#sources.setAddresses(addresses);
  }

  /** Other devices or credential sets. */
  configure({ devices, credentials }: Pick<TrapSettings, 'devices' | 'credentials'>): void {
    this.#credentials = new CredentialBook({ devices, credentials, shared: this.#settings.shared });
    this.#engines.configure({ devices, credentials });
  }

  learnEngines(engines: readonly KnownEngine[], monotonicMs: number): void {
    this.#engines.learn(engines, monotonicMs);
  }

  /** What is held in memory; each has its bound. */
  get held(): {
    readonly pending: number;
    readonly remembered: number;
    readonly engines: number;
    readonly sources: number;
  } {
    return {
      pending: this.#pending.size,
      remembered: this.#duplicates.size,
      engines: this.#engines.size,
      sources: this.#perSource.size + this.#gate.sources,
    };
  }

  /** Whether the address is one of a device. */
  knows(source: string): boolean {
    return this.#sources.devicesAt(source).length > 0;
  }

  /** Never throws for what is in the datagram. */
  receive(arrival: Arrival): Verdict {
    const devices = this.#sources.devicesAt(arrival.source);
    const named = this.#sources.inNetworks(arrival.source);
    if (devices.length === 0 && !named && !this.#settings.acceptUnknown) return dropped('unknown_source');
    const sender = { arrival, devices, named };
    try {
      const opened = this.#open(sender);
      return opened.kind === 'authentic' ? this.#take(sender, opened) : opened;
    } catch (error) {
      if (error instanceof WeirError && error.code === 'snmp_malformed') return dropped('malformed');
      throw error;
    }
  }

  /** The notification is durable: the answer to send, null for a trap. */
  kept(token: number, monotonicMs: number): Uint8Array | null {
    const pending = this.#pending.get(token);
    if (pending === undefined) return null;
    this.#pending.delete(token);
    for (const key of pending.keys) this.#duplicates.kept(key);
    return pending.answer === null ? null : pending.answer(monotonicMs);
  }

  /** The notification could not be kept: the sender gets no answer and tries again. */
  refused(token: number): void {
    const pending = this.#pending.get(token);
    this.#pending.delete(token);
    for (const key of pending?.keys ?? []) this.#duplicates.forget(key);
  }

  #open(sender: Sender): Authentic | Dropped | Reported {
    const header = headerOf(sender.arrival.bytes);
    if (header.version !== 3) return this.#community(sender, header);
    const message = decodeMessage(sender.arrival.bytes);
    if (message.version !== 3) throw new Error('BUG: a header of version 3 before another message');
    return this.#gate.open(sender, message);
  }

  #community(sender: Sender, { pduType, version, community }: CommunityHeader): Authentic | Dropped {
    const { bytes, source } = sender.arrival;
    const inform = pduType === PDU.inform && version === 1;
    const trap = pduType === (version === 0 ? PDU.trapV1 : PDU.trap);
    if (!inform && !trap) return dropped('not_a_notification');
    if (!this.#credentials.mayUse(sender, community)) return dropped('wrong_community');
    const full = this.#tooMuch(sender);
    if (full !== null) return dropped(full);
    const message = decodeMessage(bytes);
    if (message.version === 3) throw new Error('BUG: a header of version 1 or 2c before a message of version 3');
    const { pdu } = message;
    return {
      kind: 'authentic',
      pdu,
      origin: inform ? 'inform' : 'trap',
      key: keyOf(source, bytes),
      copyKey: null,
      answer: inform ? () => communityResponse(version, message.community, pdu) : null,
      devices: [],
      speaksFor: (device) => this.#credentials.isCommunityOf(device, community),
    };
  }

  #take(sender: Sender, authentic: Authentic): Verdict {
    const { monotonicMs, nowMs, source } = sender.arrival;
    const before = this.#duplicates.find(authentic.key, monotonicMs);
    if (before !== null) return this.#again(before, authentic.answer, monotonicMs);
    const { copyKey } = authentic;
    if (copyKey !== null && this.#duplicates.find(copyKey, monotonicMs) !== null) return dropped('replayed');
    const said = notificationOf(authentic.pdu, this.#names);
    const device = this.#deviceOf(sender, authentic, said.proxied);
    if (device === null && !this.#settings.acceptUnknown) return dropped('unknown_device');
    if (this.#pending.size >= MOST_PENDING) return dropped('backlog');
    this.#lastToken += 1;
    const token = this.#lastToken;
    const keys = copyKey === null ? [authentic.key] : [authentic.key, copyKey];
    const forgotten = keys.reduce((sum, key) => sum + this.#duplicates.add(key, token, monotonicMs), 0);
    this.#pending.set(token, { keys, answer: authentic.answer });
    const { name, uptimeTicks, ifIndex, details } = said;
    const what = { name, uptimeTicks, ifIndex, details, origin: authentic.origin };
    return { kind: 'taken', token, notification: { device, source, observedAtMs: nowMs, ...what }, forgotten };
  }

  #again(before: { token: number; state: Remembered }, answer: Answer, monotonicMs: number): Verdict {
    if (answer === null) return dropped('duplicate');
    if (before.state === 'kept') return { kind: 'acknowledged', bytes: answer(monotonicMs) };
    const pending = this.#pending.get(before.token);
    if (pending !== undefined) pending.answer = answer;
    return dropped('duplicate');
  }

  /** By engine ID, by whom a proxy speaks for, by address; null where that is nobody or could be several. */
  #deviceOf(sender: Sender, authentic: Authentic, proxied: string | null): string | null {
    const { devices, named } = sender;
    if (authentic.devices.length > 0) {
      const both = authentic.devices.filter((device) => devices.includes(device));
      return only(authentic.devices) ?? only(both);
    }
    // A device speaks for itself; for others only who is named in `networks`, or nobody's.
    if (proxied !== null && proxied !== sender.arrival.source && (devices.length === 0 || named)) {
      const behind = this.#sources.devicesAt(proxied).filter((device) => authentic.speaksFor(device));
      if (behind.length > 0) return only(behind);
    }
    return only(devices) ?? only(devices.filter((device) => authentic.speaksFor(device)));
  }

  /** The bucket that is empty; the source's own first, so that one that floods takes nothing from the others. */
  #tooMuch({ arrival, devices }: Sender): DropReason | null {
    const { source, monotonicMs } = arrival;
    if (!this.#perSource.take(source, monotonicMs)) return 'source_rate';
    if (devices.length === 0 && !this.#strangers.take(monotonicMs)) return 'total_rate';
    return this.#total.take(monotonicMs) ? null : 'total_rate';
  }
}

function only(devices: readonly string[]): string | null {
  return devices.length === 1 ? (devices[0] ?? null) : null;
}
