// How the messages of one device are made and opened: by community, or by USM with the engine's identity and clock (RFC 3414 §3, §4).
import { randomBytes } from 'node:crypto';
import { WeirError } from '../../common/runtime/errors.ts';
import { malformed } from './ber.ts';
import {
  decodeScopedPdu,
  encodeCommunityMessage,
  encodeScopedPdu,
  encodeSecuredMessage,
  FLAG,
  type SecuredMessage,
  type SnmpMessage,
} from './message.ts';
import { compareOids, oidOf } from './oid.ts';
import { PDU, type Pdu, type PduRequest } from './pdu.ts';
import { decrypt, digestHolds, digestLength, encrypt, messageDigest, type EngineKeys, type UsmUser } from './usm.ts';

export interface MessageSecurity {
  /** As on the wire: 0, 1 or 3. */
  readonly version: 0 | 1 | 3;
  /** The request that must go out before any other, or null. */
  discovery(): Omit<PduRequest, 'requestId'> | null;
  encode(request: PduRequest, discovering: boolean): Uint8Array;
  /** The PDU of an answer to the request of that id, or null where it must not be believed. */
  open(message: SnmpMessage, id: number): Pdu | null;
  /** Takes in what a report says, so that sending again can work; throws the coded error where it cannot. */
  learnFromReport(pdu: Pdu): void;
  /** What silence after all retries means. */
  silence(): 'snmp_timeout' | 'snmp_silent_after_discovery';
}

export class CommunitySecurity implements MessageSecurity {
  readonly version: 0 | 1;
  readonly #community: Uint8Array;

  constructor(version: 0 | 1, community: string) {
    this.version = version;
    this.#community = Buffer.from(community, 'utf8');
  }

  discovery(): null {
    return null;
  }

  encode(request: PduRequest): Uint8Array {
    return encodeCommunityMessage(this.version, this.#community, request);
  }

  /** The community of the answer is not compared: some agents answer with another one, and it proves nothing. */
  open(message: SnmpMessage): Pdu | null {
    if (message.version !== this.version || message.pdu.type !== PDU.response) return null;
    return message.pdu;
  }

  learnFromReport(): never {
    throw new Error('BUG: a report in a community message');
  }

  silence(): 'snmp_timeout' {
    return 'snmp_timeout';
  }
}

interface Engine {
  readonly id: Uint8Array;
  readonly keys: EngineKeys;
  readonly boots: number;
  readonly time: number;
  /** Our monotonic clock when `time` was learnt. */
  readonly learntAtMs: number;
}

const USM_STATS = '1.3.6.1.6.3.15.1.1';
const REPORTS = {
  unsupportedSecurityLevel: oidOf(`${USM_STATS}.1.0`),
  notInTimeWindow: oidOf(`${USM_STATS}.2.0`),
  unknownUserName: oidOf(`${USM_STATS}.3.0`),
  unknownEngineId: oidOf(`${USM_STATS}.4.0`),
  wrongDigest: oidOf(`${USM_STATS}.5.0`),
  decryptionError: oidOf(`${USM_STATS}.6.0`),
} as const;

const EMPTY = new Uint8Array();

/**
 * The engine of one device as a state machine.
 *
 *   unknown ──discovery──► known ──unknownEngineID report, or an unauthenticated notInTimeWindow──► unknown
 *                          known ──authenticated answer or notInTimeWindow report──► known, clock taken over
 *
 * The clock is taken over also when it went back (an agent that does not keep engineBoots, a swapped unit): the answer is
 * fresh, because it carries the random id of our own outstanding request under a valid digest.
 */
export class UserSecurity implements MessageSecurity {
  readonly version = 3;
  readonly #user: UsmUser;
  readonly #contextName: Uint8Array;
  readonly #monotonicMs: () => number;
  #engine: Engine | null = null;
  #reported: SecuredMessage | null = null;
  #reportedIsAuthentic = false;
  #saltCounter = randomBytes(8).readBigUInt64BE();
  #resynchronisations = 0;
  /** Whether an answer of this user was ever opened. */
  #understood = false;

  constructor(user: UsmUser, contextName: string, monotonicMs: () => number) {
    this.#user = user;
    this.#contextName = Buffer.from(contextName, 'utf8');
    this.#monotonicMs = monotonicMs;
  }

  /** How often an authenticated clock went back or the engine was another: restarts and swaps. */
  get resynchronisations(): number {
    return this.#resynchronisations;
  }

  discovery(): Omit<PduRequest, 'requestId'> | null {
    return this.#engine === null ? { type: PDU.get, oids: [] } : null;
  }

  encode(request: PduRequest, discovering: boolean): Uint8Array {
    const engine = this.#engine;
    if (discovering || engine === null) {
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
    const { authProtocol, privProtocol, name } = this.#user;
    const clock = { engineBoots: engine.boots, engineTime: this.#engineTime(engine) };
    let scoped = encodeScopedPdu(engine.id, this.#contextName, request);
    let flags: number = FLAG.reportable;
    let salt: Uint8Array = EMPTY;
    if (privProtocol !== null && engine.keys.privacy !== null) {
      flags |= FLAG.encrypted;
      salt = this.#nextSalt();
      scoped = encrypt(privProtocol, engine.keys.privacy, clock, salt, scoped);
    }
    if (authProtocol !== null) flags |= FLAG.authenticated;
    const length = authProtocol === null ? 0 : digestLength(authProtocol);
    const header = { messageId: request.requestId, flags, engineId: engine.id, ...clock, user: name, salt };
    const { bytes, digestAt } = encodeSecuredMessage({ ...header, digestLength: length }, scoped);
    if (authProtocol !== null && engine.keys.auth !== null) {
      bytes.set(messageDigest(authProtocol, engine.keys.auth, bytes), digestAt);
    }
    return bytes;
  }

  open(message: SnmpMessage, id: number): Pdu | null {
    if (message.version !== 3 || message.messageId !== id) return null;
    const engine = this.#engine;
    const authentic = engine !== null && this.#authentic(message, engine);
    // RFC 3412 §7.2: only a report may come below the security level that was asked for.
    const lowered = this.#user.authProtocol !== null && engine !== null && !authentic;
    const encrypted = (message.flags & FLAG.encrypted) !== 0;
    if (lowered && ((message.flags & FLAG.authenticated) !== 0 || encrypted)) return null;
    const pdu = this.#plainPdu(message, engine);
    if (pdu === null) return null;
    if (pdu.type === PDU.report) {
      this.#reported = message;
      this.#reportedIsAuthentic = authentic;
      return pdu;
    }
    if (pdu.type !== PDU.response || engine === null || lowered || pdu.requestId !== id) return null;
    if (!Buffer.from(message.engineId).equals(engine.id)) return null;
    if (this.#user.privProtocol !== null && !encrypted) return null;
    if (authentic) this.#takeClock(engine, message);
    this.#understood = true;
    return pdu;
  }

  /** Agents drop what they cannot decrypt without a word; that they told their engine just before gives it away. */
  silence(): 'snmp_timeout' | 'snmp_silent_after_discovery' {
    return this.#engine !== null && !this.#understood ? 'snmp_silent_after_discovery' : 'snmp_timeout';
  }

  learnFromReport(pdu: Pdu): void {
    const message = this.#reported;
    this.#reported = null;
    if (message === null || pdu.varbinds.count === 0) throw malformed('a report without a reason', 0);
    const reason = pdu.varbinds.oid(0);
    const is = (report: Uint8Array): boolean => compareOids(reason, report) === 0;
    const user = Buffer.from(this.#user.name).toString();
    if (is(REPORTS.unknownEngineId)) return this.#meet(message);
    if (is(REPORTS.notInTimeWindow)) {
      if (this.#engine !== null && this.#reportedIsAuthentic) this.#takeClock(this.#engine, message);
      else this.#engine = null;
      return;
    }
    if (is(REPORTS.wrongDigest)) {
      throw new WeirError('snmp_authentication_failed', `The device refuses the digest of the user ${user}.`, { user });
    }
    if (is(REPORTS.unknownUserName)) {
      throw new WeirError('snmp_unknown_user', `The device does not know the user ${user}.`, { user });
    }
    if (is(REPORTS.decryptionError)) {
      throw new WeirError('snmp_decryption_failed', `The device cannot decrypt what the user ${user} sends.`, { user });
    }
    if (is(REPORTS.unsupportedSecurityLevel)) {
      throw new WeirError('snmp_security_level_unsupported', `The device does not allow the user ${user} this level.`, {
        user,
      });
    }
    throw new WeirError('snmp_refused', `The device answers with the report ${pdu.varbinds.oidText(0)}.`, {
      report: pdu.varbinds.oidText(0),
    });
  }

  /** Takes over an engine's identity; its clock as told is only a first guess, corrected by an authenticated report. */
  #meet(message: SecuredMessage): void {
    if (message.engineId.length < 5) {
      throw new WeirError('snmp_engine_unknown', 'The device does not tell a valid engine id.');
    }
    const known = this.#engine;
    if (known !== null) {
      this.#resynchronisations += 1;
      // Once more from the start, so that a forged report alone cannot change the engine we speak to.
      this.#engine = null;
      return;
    }
    const id = Uint8Array.from(message.engineId);
    this.#engine = {
      id,
      keys: this.#user.keysAt(id),
      boots: message.engineBoots,
      time: message.engineTime,
      learntAtMs: this.#monotonicMs(),
    };
  }

  #authentic(message: SecuredMessage, engine: Engine): boolean {
    const { authProtocol } = this.#user;
    if (authProtocol === null || engine.keys.auth === null || (message.flags & FLAG.authenticated) === 0) return false;
    return digestHolds(authProtocol, engine.keys.auth, message.bytes, message.digestAt, message.digest.length);
  }

  #plainPdu(message: SecuredMessage, engine: Engine | null): Pdu | null {
    try {
      if ((message.flags & FLAG.encrypted) === 0) return decodeScopedPdu(message.scoped).pdu;
      const { privProtocol } = this.#user;
      if (engine === null || privProtocol === null || engine.keys.privacy === null) return null;
      return decodeScopedPdu(decrypt(privProtocol, engine.keys.privacy, message, message.salt, message.scoped)).pdu;
    } catch (error) {
      if (error instanceof WeirError) return null;
      throw error;
    }
  }

  #takeClock(engine: Engine, message: SecuredMessage): void {
    const { engineBoots: boots, engineTime: time } = message;
    // More than the 150 s of RFC 3414 §2.2.3 behind what we expect: it restarted without counting.
    if (boots < engine.boots || (boots === engine.boots && time < this.#engineTime(engine) - 150)) {
      this.#resynchronisations += 1;
    }
    this.#engine = { ...engine, boots, time, learntAtMs: this.#monotonicMs() };
  }

  #engineTime(engine: Engine): number {
    return Math.min(0x7fffffff, engine.time + Math.floor((this.#monotonicMs() - engine.learntAtMs) / 1000));
  }

  #nextSalt(): Uint8Array {
    this.#saltCounter = BigInt.asUintN(64, this.#saltCounter + 1n);
    const salt = Buffer.alloc(8);
    salt.writeBigUInt64BE(this.#saltCounter);
    return salt;
  }
}
