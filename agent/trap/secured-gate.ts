// What of version 3 may be believed (RFC 3414 §3.2): the digest before the ciphertext, one HMAC for a forged message, reports to those who may have them.
import { WeirError } from '../../common/runtime/errors.ts';
import { BerReader, TAG } from '../snmp/ber.ts';
import { decodeScopedPdu, FLAG, type ScopedPdu, type SecuredMessage } from '../snmp/message.ts';
import { PDU } from '../snmp/pdu.ts';
import { decrypt } from '../snmp/usm.ts';
import { type AnswerDeps, report, type ReportReason, securedResponse } from './answers.ts';
import {
  type Authentic,
  type DropReason,
  dropped,
  type Dropped,
  keyOf,
  type Reported,
  type Sender,
} from './arrival.ts';
import type { CredentialBook } from './credentials.ts';
import type { EngineBook, KeyedUser, SenderEngine } from './engines.ts';
import { latin1 } from './header.ts';
import { SourceBuckets, TokenBucket } from './token-bucket.ts';

export interface SecuredGateDeps {
  readonly engines: EngineBook;
  /** Those of now. */
  readonly credentials: () => CredentialBook;
  /** 8 octets that never repeat. */
  readonly salt: () => Uint8Array;
  /** The bucket that is empty; asked once engine and user are known, before any key is used. */
  readonly tooMuch: (sender: Sender) => DropReason | null;
}

const REPORTS_PER_SECOND = 200;
const REPORTS_PER_SECOND_PER_SOURCE = 5;

const LEVEL_FLAGS = { noAuthNoPriv: 0, authNoPriv: FLAG.authenticated, authPriv: FLAG.authenticated | FLAG.encrypted };
const LEVEL_MASK = FLAG.authenticated | FLAG.encrypted;

type Outcome = Authentic | Dropped | Reported;

export class SecuredGate {
  readonly #deps: SecuredGateDeps;
  readonly #reportsPerSource: SourceBuckets;
  readonly #reports: TokenBucket;
  readonly #reportCounts = new Map<ReportReason, number>();

  constructor(deps: SecuredGateDeps, monotonicMs: number) {
    this.#deps = deps;
    this.#reportsPerSource = new SourceBuckets(REPORTS_PER_SECOND_PER_SOURCE, monotonicMs);
    this.#reports = new TokenBucket(REPORTS_PER_SECOND, monotonicMs);
  }

  /** Sources whose reports are counted now. */
  get sources(): number {
    return this.#reportsPerSource.size;
  }

  /** Throws snmp_malformed and nothing else. */
  open(sender: Sender, message: SecuredMessage): Outcome {
    // RFC 3412 §7.2 (2): privacy without authentication is invalid.
    if ((message.flags & LEVEL_MASK) === FLAG.encrypted) return dropped('malformed');
    const { engines } = this.#deps;
    const hex = Buffer.from(message.engineId).toString('hex');
    if (hex === engines.own.hex) return this.#inform(sender, message);
    const engine = engines.find(hex);
    return engine === undefined
      ? this.#report(sender, message, 'unknown_engine', null)
      : this.#trap(sender, message, engine);
  }

  /** We are the authority, and tell the sender what is wrong. */
  #inform(sender: Sender, message: SecuredMessage): Outcome {
    const { engines } = this.#deps;
    const { arrival } = sender;
    const { own } = engines;
    const user = this.#userOf(sender, own.usersCalled(latin1(message.user)));
    if (user === null) return this.#report(sender, message, 'unknown_user', null);
    if (!atLevel(message, user)) return this.#report(sender, message, 'unsupported_level', null);
    const full = this.#deps.tooMuch(sender);
    if (full !== null) return dropped(full);
    if (user.authProtocol !== null) {
      if (!user.signed(message.bytes, message.digestAt, message.digest.length))
        return this.#report(sender, message, 'wrong_digest', null);
      if (!own.inWindow(message.engineBoots, message.engineTime, arrival.monotonicMs))
        return this.#report(sender, message, 'not_in_time_window', user);
    }
    const opened = openScoped(message, user);
    if (opened === null) return this.#report(sender, message, 'decryption_failed', null);
    const { scoped, plain } = opened;
    const { pdu, contextEngineId, contextName } = scoped;
    if (pdu.type !== PDU.inform) return dropped('not_a_notification');
    const { requestId, varbinds } = pdu;
    const { messageId, user: userName } = message;
    const inform = { requestId, varbinds, messageId, user, userName, contextEngineId, contextName };
    return {
      kind: 'authentic',
      pdu,
      origin: 'inform',
      key: keyOf(arrival.source, plain),
      copyKey: user.authProtocol === null ? null : keyOf('', message.bytes),
      answer: (monotonicMs) => securedResponse(inform, this.#answerDeps(monotonicMs)),
      // Many senders name their own engine here.
      devices: engines.find(Buffer.from(contextEngineId).toString('hex'))?.devices ?? [],
      speaksFor: (device) => this.#deps.credentials().isSetOf(device, user.credential),
    };
  }

  /** The sender is the authority; nobody is told anything. */
  #trap(sender: Sender, message: SecuredMessage, engine: SenderEngine): Outcome {
    const { arrival } = sender;
    const user = this.#userOf(sender, engine.usersCalled(latin1(message.user)));
    if (user === null) return dropped('unknown_user');
    if (!atLevel(message, user)) return dropped('unsupported_level');
    const full = this.#deps.tooMuch(sender);
    if (full !== null) return dropped(full);
    if (user.authProtocol !== null) {
      if (!user.signed(message.bytes, message.digestAt, message.digest.length)) return dropped('wrong_digest');
      if (!engine.inWindow(message.engineBoots, message.engineTime, arrival.monotonicMs))
        return dropped('not_in_time_window');
    }
    const opened = openScoped(message, user);
    if (opened === null) return dropped('decryption_failed');
    if (opened.scoped.pdu.type !== PDU.trap) return dropped('not_a_notification');
    return {
      kind: 'authentic',
      pdu: opened.scoped.pdu,
      origin: 'trap',
      key: keyOf(`${arrival.source} ${engine.id} ${message.engineBoots}`, opened.plain),
      copyKey: user.authProtocol === null ? null : keyOf('', message.bytes),
      answer: null,
      devices: engine.devices,
      speaksFor: (device) => this.#deps.credentials().isSetOf(device, user.credential),
    };
  }

  /** One user, so that a forged message costs one HMAC: that of the device at the address where several sets have a user of the name. */
  #userOf(sender: Sender, users: readonly KeyedUser[]): KeyedUser | null {
    const [first = null] = users;
    if (users.length < 2) return first;
    const credentials = this.#deps.credentials();
    return users.find((user) => sender.devices.some((name) => credentials.isSetOf(name, user.credential))) ?? first;
  }

  #report(sender: Sender, message: SecuredMessage, reason: ReportReason, user: KeyedUser | null): Dropped | Reported {
    const count = (this.#reportCounts.get(reason) ?? 0) + 1;
    this.#reportCounts.set(reason, count);
    if ((message.flags & FLAG.reportable) === 0) return dropped(reason);
    const { source, monotonicMs } = sender.arrival;
    if (!this.#reportsPerSource.take(source, monotonicMs) || !this.#reports.take(monotonicMs))
      return dropped('report_rate');
    const target = { messageId: message.messageId, requestId: requestIdOf(message), userName: message.user };
    return {
      kind: 'reported',
      reason,
      bytes: report(reason, count, target, user, this.#answerDeps(monotonicMs)),
    };
  }

  #answerDeps(monotonicMs: number): AnswerDeps {
    return { engine: this.#deps.engines.own, monotonicMs, salt: this.#deps.salt };
  }
}

function atLevel(message: SecuredMessage, user: KeyedUser): boolean {
  return (message.flags & LEVEL_MASK) === LEVEL_FLAGS[user.set.level];
}

/** The scoped PDU and its octets without padding; null where it cannot be decrypted. */
function openScoped(message: SecuredMessage, user: KeyedUser): { scoped: ScopedPdu; plain: Uint8Array } | null {
  const { privProtocol } = user;
  if (privProtocol === null) return { scoped: decodeScopedPdu(message.scoped), plain: message.scoped };
  try {
    const padded = decrypt(privProtocol, user.privacyKey(), message, message.salt, message.scoped);
    const reader = new BerReader(padded);
    reader.expect(TAG.sequence);
    const plain = padded.subarray(0, reader.at + reader.length);
    return { scoped: decodeScopedPdu(plain), plain };
  } catch (error) {
    if (error instanceof WeirError) return null;
    throw error;
  }
}

/** For a report: 0 where it is encrypted or cannot be read (RFC 3412 §7.1 (3)). */
function requestIdOf(message: SecuredMessage): number {
  if ((message.flags & FLAG.encrypted) !== 0) return 0;
  try {
    return decodeScopedPdu(message.scoped).pdu.requestId;
  } catch (error) {
    if (error instanceof WeirError) return 0;
    throw error;
  }
}
