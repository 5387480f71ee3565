// How the messages of one SNMPv3 user with one device are made and opened: the engine's identity, keys and clock (RFC 3414 §3, §4).
import { randomBytes } from 'node:crypto';
import { WeirError } from '../../common/runtime/errors.ts';
import { malformed } from './ber.ts';
import { type EngineBefore, type EngineMemory, type EngineRecord, engineTimeAt } from './engine-table.ts';
import type { EngineKeys } from './key-derivation.ts';
import { encodeScopedPdu, encodeSecuredMessage, FLAG, type SecuredMessage, type SnmpMessage } from './message.ts';
import { compareOids } from './oid.ts';
import { PDU, type Pdu, type PduRequest } from './pdu.ts';
import { isAuthentic, scopedPduOf, sealMessage, USM_REPORTS } from './secured-message.ts';
import type { MessageSecurity } from './security.ts';
import type { UsmUser } from './usm.ts';

const EMPTY = new Uint8Array();
/** RFC 3414 §2.2.3. */
const TIME_WINDOW_SECONDS = 150;
/** Another identity may be met this often in a row, then once per interval: each costs a discovery and keys. */
const MOST_MEETINGS = 10;
const MEETING_EVERY_MS = 6000;

interface Engine {
  readonly record: EngineRecord;
  readonly keys: EngineKeys;
}

/**
 * The engine of one device as a state machine.
 *
 *   unknown ──kept from another life, or discovery──► known
 *   known ──unknownEngineID report, an unauthenticated notInTimeWindow, a wrong digest──► unknown
 *   known ──silence──► doubted ──discovery of the same──► known
 *   known ──authenticated answer or notInTimeWindow report──► known, clock taken over
 *
 * The clock is taken over also when it went back (an agent that does not keep engineBoots, a swapped unit): the answer is
 * fresh, because it carries the random id of our own outstanding request under a valid digest.
 * An engine is believed, and what was believed before replaced, once an answer came under it.
 */
export class UserSecurity implements MessageSecurity {
  readonly version = 3;
  readonly proves: boolean;
  readonly #user: UsmUser;
  readonly #contextName: Uint8Array;
  readonly #deps: { readonly monotonicMs: () => number; readonly memory: EngineMemory };
  /** The one to speak to now; null while it is unknown. */
  #engine: Engine | null = null;
  /** The last one under which an answer was believed. */
  #believed: EngineRecord | null = null;
  /** Nothing came back under `#engine`: the next request asks for it again. */
  #doubted = false;
  #preparing: Promise<void> | null = null;
  #recalled = false;
  /** The clock of `#believed` was refused: the one told at discovery is taken instead. */
  #clockRefused = false;
  #reported: SecuredMessage | null = null;
  #reportedIsAuthentic = false;
  readonly #salt = randomBytes(8);
  #meetings = 0;
  #meetingsSinceMs = 0;
  /** Whether the device told its engine in this life, and whether an answer of this user was ever opened. */
  #met = false;
  #understood = false;

  constructor(
    user: UsmUser,
    contextName: string,
    deps: { readonly monotonicMs: () => number; readonly memory: EngineMemory },
  ) {
    this.#user = user;
    // A copy of its own, as with a community.
    this.#contextName = Uint8Array.from(Buffer.from(contextName, 'utf8'));
    this.#deps = deps;
    this.proves = user.authProtocol !== null;
  }

  prepare(): Promise<void> | null {
    if (this.#recalled) return this.#preparing;
    this.#recalled = true;
    const record = this.#deps.memory.recall();
    if (record === null) return null;
    this.#believed = record;
    const keys = this.#user.keysAt(record.id);
    if (!(keys instanceof Promise)) {
      this.#engine = { record, keys };
      return null;
    }
    this.#preparing = this.#speakTo(record, keys).finally(() => (this.#preparing = null));
    return this.#preparing;
  }

  discovery(): Omit<PduRequest, 'requestId'> | null {
    return this.#engine === null || this.#doubted ? { type: PDU.get, oids: [] } : null;
  }

  encode(request: PduRequest, discovering: boolean): Uint8Array {
    const engine = this.#engine;
    if (discovering || engine === null) return discoveryMessage(request);
    const { record, keys } = engine;
    const header = {
      messageId: request.requestId,
      reportable: true,
      engineId: record.id,
      engineBoots: record.boots,
      engineTime: engineTimeAt(record, this.#deps.monotonicMs()),
      salt: this.#user.privProtocol === null ? EMPTY : this.#nextSalt(),
    };
    return sealMessage(this.#user, keys, header, encodeScopedPdu(record.id, this.#contextName, request));
  }

  open(message: SnmpMessage, id: number): Pdu | null {
    if (message.version !== 3 || message.messageId !== id) return null;
    const engine = this.#engine;
    const authentic = engine !== null && isAuthentic(this.#user, engine.keys, message);
    // RFC 3412 §7.2: only a report may come below the security level that was asked for.
    const lowered = this.#user.authProtocol !== null && engine !== null && !authentic;
    const encrypted = (message.flags & FLAG.encrypted) !== 0;
    if (lowered && ((message.flags & FLAG.authenticated) !== 0 || encrypted)) return null;
    const pdu = scopedPduOf(this.#user, engine?.keys ?? { auth: null, privacy: null }, message)?.pdu;
    if (pdu === undefined) return null;
    if (pdu.type === PDU.report) {
      this.#reported = message;
      this.#reportedIsAuthentic = authentic;
      return pdu;
    }
    if (pdu.type !== PDU.response || engine === null || lowered || pdu.requestId !== id) return null;
    if (Buffer.compare(message.engineId, engine.record.id) !== 0) return null;
    if (this.#user.privProtocol !== null && !encrypted) return null;
    this.#believe(engine.record, message, authentic);
    this.#understood = true;
    return pdu;
  }

  /**
   * Agents drop what they cannot decrypt without a word; that they told their engine just before gives it away. Some also drop what
   * names an engine they no longer have: so it is doubted.
   */
  silence(): 'snmp_timeout' | 'snmp_silent_after_discovery' {
    const waited = this.#engine !== null && !this.#doubted;
    this.#doubted = true;
    return waited && this.#met && !this.#understood ? 'snmp_silent_after_discovery' : 'snmp_timeout';
  }

  learnFromReport(pdu: Pdu): void | Promise<void> {
    const message = this.#reported;
    this.#reported = null;
    if (message === null || pdu.varbinds.count === 0) throw malformed('a report without a reason', 0);
    // RFC 3414 §4 wants unknownEngineID here; some agents look for the user first. Any report names the engine.
    if (this.#engine === null || this.#doubted) return this.#meet(message);
    const reason = pdu.varbinds.oid(0);
    const is = (report: Uint8Array): boolean => compareOids(reason, report) === 0;
    const user = Buffer.from(this.#user.name).toString();
    if (is(USM_REPORTS.unknownEngineId)) return this.#meet(message);
    if (is(USM_REPORTS.notInTimeWindow)) return this.#correctClock(message);
    if (is(USM_REPORTS.wrongDigest)) {
      // A secret may have been renewed on both sides: its keys are made again.
      this.#engine = null;
      throw new WeirError('snmp_authentication_failed', `The device refuses the digest of the user ${user}.`, { user });
    }
    if (is(USM_REPORTS.unknownUserName)) {
      throw new WeirError('snmp_unknown_user', `The device does not know the user ${user}.`, { user });
    }
    if (is(USM_REPORTS.decryptionError)) {
      this.#engine = null;
      throw new WeirError('snmp_decryption_failed', `The device cannot decrypt what the user ${user} sends.`, { user });
    }
    if (is(USM_REPORTS.unsupportedSecurityLevel)) {
      const text = `The device does not allow the user ${user} this level.`;
      throw new WeirError('snmp_security_level_unsupported', text, { user });
    }
    const report = pdu.varbinds.oidText(0);
    throw new WeirError('snmp_refused', `The device answers with the report ${report}.`, { report });
  }

  /** Takes over an engine's identity; its clock as told is only a first guess, corrected by an authenticated report. */
  #meet(message: SecuredMessage): void | Promise<void> {
    if (message.engineId.length < 5) {
      throw new WeirError('snmp_engine_unknown', 'The device does not tell a valid engine id.');
    }
    this.#met = true;
    this.#doubted = false;
    const current = this.#engine;
    if (current !== null) {
      // Once more from the start, so that a forged report alone cannot change the engine we speak to. Two requests may have asked at once.
      if (Buffer.compare(current.record.id, message.engineId) !== 0) this.#engine = null;
      return;
    }
    const believed = this.#believed;
    const same = believed !== null && Buffer.compare(believed.id, message.engineId) === 0;
    if (believed !== null && !same) this.#countMeeting();
    const { engineBoots: boots, engineTime: time } = message;
    const told = {
      id: Uint8Array.from(message.engineId),
      boots,
      time,
      learntAtMs: this.#deps.monotonicMs(),
      keptTime: null,
    };
    const record = same && !this.#clockRefused ? believed : told;
    this.#clockRefused = false;
    const keys = this.#user.keysAt(record.id);
    if (keys instanceof Promise) return this.#speakTo(record, keys);
    this.#engine = { record, keys };
  }

  async #speakTo(record: EngineRecord, keys: Promise<EngineKeys>): Promise<void> {
    this.#engine = { record, keys: await keys };
  }

  #correctClock(message: SecuredMessage): void {
    const engine = this.#engine;
    if (engine !== null && this.#reportedIsAuthentic) return this.#believe(engine.record, message, true);
    this.#engine = null;
    this.#clockRefused = true;
  }

  /** An answer came under this engine; the clock of an authentic one is right, whatever ours was. */
  #believe(record: EngineRecord, message: SecuredMessage, authentic: boolean): void {
    const believed = this.#believed;
    const nowMs = this.#deps.monotonicMs();
    const { engineBoots: boots, engineTime: time } = message;
    const steady = record === believed;
    // More than the window behind what we expect: it restarted without counting. Over a restart of ours only the wall clock went on, which may step.
    const expected = record.keptTime ?? engineTimeAt(record, nowMs);
    const jumped = authentic && (boots !== record.boots || time < expected - TIME_WINDOW_SECONDS);
    if (steady && !jumped) {
      if (authentic) takeClock(record, boots, time, nowMs);
      return;
    }
    const before: EngineBefore | null =
      believed === null ? null : { id: believed.id, boots: believed.boots, time: engineTimeAt(believed, nowMs) };
    if (authentic) takeClock(record, boots, time, nowMs);
    this.#believed = record;
    this.#deps.memory.confirm(record, before);
  }

  #countMeeting(): void {
    const now = this.#deps.monotonicMs();
    const passed = Math.floor((now - this.#meetingsSinceMs) / MEETING_EVERY_MS);
    this.#meetings = Math.max(0, this.#meetings - passed) + 1;
    this.#meetingsSinceMs += passed * MEETING_EVERY_MS;
    if (this.#meetings <= MOST_MEETINGS) return;
    this.#meetings = MOST_MEETINGS;
    throw new WeirError('snmp_engine_unsteady', 'The device tells another SNMPv3 engine id again and again.');
  }

  #nextSalt(): Uint8Array {
    const salt = this.#salt;
    for (let at = salt.length - 1; at >= 0; at -= 1) {
      const octet = ((salt[at] ?? 0) + 1) & 0xff;
      salt[at] = octet;
      if (octet !== 0) break;
    }
    return salt;
  }
}

function takeClock(record: EngineRecord, boots: number, time: number, nowMs: number): void {
  record.boots = boots;
  record.time = time;
  record.learntAtMs = nowMs;
  record.keptTime = null;
}

/** RFC 3414 §4: neither engine nor user are named. */
function discoveryMessage(request: PduRequest): Uint8Array {
  const header = {
    messageId: request.requestId,
    flags: FLAG.reportable,
    engineId: EMPTY,
    engineBoots: 0,
    engineTime: 0,
  };
  const scoped = encodeScopedPdu(EMPTY, EMPTY, request);
  return encodeSecuredMessage({ ...header, user: EMPTY, digestLength: 0, salt: EMPTY }, scoped).bytes;
}
