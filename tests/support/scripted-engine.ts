// An SNMPv3 engine on loopback that authenticates like a real one and has the bad habits a test gives it: boots that go back, a cloned or another id.
import { createSocket, type Socket } from 'node:dgram';
import { BerWriter, TAG } from '../../agent/snmp/ber.ts';
import type { EngineKeys } from '../../agent/snmp/key-derivation.ts';
import { decodeMessage, encodeSecuredMessage, type SecuredMessage } from '../../agent/snmp/message.ts';
import { type Oid, oidOf } from '../../agent/snmp/oid.ts';
import { PDU } from '../../agent/snmp/pdu.ts';
import { isAuthentic, scopedPduOf, sealMessage } from '../../agent/snmp/secured-message.ts';
import type { UsmUser } from '../../agent/snmp/usm.ts';

const USM_STATS = '1.3.6.1.6.3.15.1.1';
const EMPTY = new Uint8Array();

export interface EngineHabits {
  engineId: Uint8Array;
  boots: number;
  time: number;
  /** Reports are authenticated where they can be (RFC 3414 §3.2 step 7); some agents do not. */
  plainReports?: boolean;
  /** Reports an unknown user to a discovery, which names none. */
  usersFirst?: boolean;
  /** Says nothing to a message that names another engine. */
  silentToOtherEngines?: boolean;
  /** Says nothing at all. */
  dead?: boolean;
  /** Answers leave from another socket. */
  otherPort?: boolean;
}

export class ScriptedEngine {
  readonly habits: EngineHabits;
  /** What came: discovery, unknownEngineId, notInTimeWindow, refused or answered. */
  readonly seen: string[] = [];
  readonly #user: UsmUser;
  readonly #name: string;
  #socket: Socket | null = null;
  #other: Socket | null = null;

  /** Answers every GET with `name`. The user's keys must be there at once (tests/support/usm-user.ts). */
  constructor(user: UsmUser, name: string, habits: EngineHabits) {
    this.#user = user;
    this.#name = name;
    this.habits = habits;
  }

  async start(): Promise<number> {
    const socket = createSocket('udp4');
    this.#socket = socket;
    this.#other = createSocket('udp4');
    socket.on('message', (bytes, remote) => {
      if (this.habits.dead === true) return;
      const answer = this.#answer(bytes);
      const from = this.habits.otherPort === true ? this.#other : this.#socket;
      if (answer !== null) from?.send(answer, remote.port, remote.address);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return socket.address().port;
  }

  async stop(): Promise<void> {
    const sockets = [this.#socket, this.#other];
    this.#socket = null;
    this.#other = null;
    for (const socket of sockets) await new Promise<void>((resolve) => socket?.close(() => resolve()) ?? resolve());
  }

  #answer(bytes: Uint8Array): Uint8Array | null {
    const message = decodeMessage(bytes);
    if (message.version !== 3) return null;
    const { engineId, boots, time, silentToOtherEngines } = this.habits;
    if (Buffer.compare(message.engineId, engineId) !== 0) {
      const discovery = message.engineId.length === 0;
      this.seen.push(discovery ? 'discovery' : 'unknownEngineId');
      if (!discovery && silentToOtherEngines === true) return null;
      const reason = discovery && this.habits.usersFirst === true ? 3 : 4;
      return this.#report(message, `${USM_STATS}.${reason}.0`, null);
    }
    const keys = this.#user.keysAt(engineId);
    if (keys instanceof Promise) throw new Error('the keys must be there at once');
    if (this.#user.authProtocol !== null && !isAuthentic(this.#user, keys, message)) {
      this.seen.push('refused');
      return this.#report(message, `${USM_STATS}.5.0`, null);
    }
    const late = message.engineBoots !== boots || Math.abs(message.engineTime - time) > 150;
    if (this.#user.authProtocol !== null && late) {
      this.seen.push('notInTimeWindow');
      return this.#report(message, `${USM_STATS}.2.0`, this.habits.plainReports === true ? null : keys);
    }
    this.seen.push('answered');
    const scoped = scopedPduOf(this.#user, keys, message);
    if (scoped === null) return null;
    const oid = scoped.pdu.varbinds.oid(0);
    return this.#seal(message, keys, scopedAnswer(engineId, PDU.response, scoped.pdu.requestId, oid, this.#name));
  }

  #seal(message: SecuredMessage, keys: EngineKeys, scoped: Uint8Array): Uint8Array {
    const { engineId, boots, time } = this.habits;
    const { messageId } = message;
    const header = {
      messageId,
      reportable: false,
      engineId,
      engineBoots: boots,
      engineTime: time,
      salt: Buffer.alloc(8, 1),
    };
    return Uint8Array.from(sealMessage(this.#user, keys, header, scoped));
  }

  #report(message: SecuredMessage, oid: string, keys: EngineKeys | null): Uint8Array {
    const { engineId, boots, time } = this.habits;
    const scoped = scopedAnswer(engineId, PDU.report, 0, oidOf(oid), 1);
    const plain = { name: this.#user.name, authProtocol: this.#user.authProtocol, privProtocol: null };
    if (keys !== null) {
      const { messageId } = message;
      const header = { messageId, reportable: false, engineId, engineBoots: boots, engineTime: time, salt: EMPTY };
      return Uint8Array.from(sealMessage(plain, keys, header, scoped));
    }
    const header = { messageId: message.messageId, flags: 0, engineId, engineBoots: boots, engineTime: time };
    const { bytes } = encodeSecuredMessage({ ...header, user: message.user, digestLength: 0, salt: EMPTY }, scoped);
    return Uint8Array.from(bytes);
  }
}

function scopedAnswer(
  engineId: Uint8Array,
  type: number,
  requestId: number,
  oid: Oid,
  value: string | number,
): Uint8Array {
  const writer = new BerWriter();
  if (typeof value === 'number') writer.octets(Uint8Array.of(value), TAG.counter32);
  else writer.octets(Buffer.from(value));
  writer.oid(oid);
  writer.wrap(TAG.sequence, 0);
  writer.wrap(TAG.sequence, 0);
  writer.integer(0);
  writer.integer(0);
  writer.integer(requestId);
  writer.wrap(type, 0);
  writer.octets(EMPTY);
  writer.octets(engineId);
  writer.wrap(TAG.sequence, 0);
  return writer.finish();
}
