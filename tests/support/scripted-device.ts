// An SNMP device on loopback with a table of objects and the bad habits a test gives it.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { BerWriter, TAG } from '../../agent/snmp/ber.ts';
import { type CommunityMessage, decodeMessage } from '../../agent/snmp/message.ts';
import { compareOids, type Oid, oidOf, oidText } from '../../agent/snmp/oid.ts';
import { PDU } from '../../agent/snmp/pdu.ts';

export interface MibObject {
  readonly oid: string;
  readonly tag: number;
  readonly value: bigint | number | string | Uint8Array | null;
}

export interface Habits {
  /** No answer where a request could bring more varbinds. */
  silentAbove?: number;
  /** Error-status tooBig where the answer would have more varbinds. */
  tooBigAbove?: number;
  /** Answers are cut to this many varbinds. */
  truncateAt?: number;
  /** Answers come from another socket. */
  otherPort?: boolean;
  /** Where that socket is bound, when the device starts; else an ephemeral port of any address. */
  otherAddress?: string;
  duplicates?: boolean;
  /** Whether to drop a datagram, asked for each of both directions. */
  drop?: () => boolean;
  /** No answer where what was found says so. */
  silentWhere?: (found: readonly MibObject[]) => boolean;
  /** Changes what is found before it is sent. */
  rewrite?: (found: MibObject[]) => MibObject[];
  /** Sent instead of any answer. */
  garbage?: Uint8Array;
  dead?: boolean;
  delayMs?: number;
}

export interface SeenRequest {
  readonly type: number;
  readonly oids: readonly string[];
  readonly maxRepetitions: number;
}

export class ScriptedDevice {
  readonly habits: Habits;
  readonly requests: SeenRequest[] = [];
  #mib: readonly { readonly oid: Oid; readonly object: MibObject }[] = [];
  #socket: Socket | null = null;
  #other: Socket | null = null;
  #stopped = false;

  constructor(mib: readonly MibObject[], habits: Habits = {}) {
    this.habits = habits;
    this.setMib(mib);
  }

  setMib(mib: readonly MibObject[]): void {
    this.#mib = mib.map((object) => ({ oid: oidOf(object.oid), object })).toSorted((a, b) => compareOids(a.oid, b.oid));
  }

  /** The port it listens on. */
  async start(address = '127.0.0.1'): Promise<number> {
    const family = isIPv6(address) ? 'udp6' : 'udp4';
    const socket = createSocket(family);
    this.#socket = socket;
    this.#other = createSocket(family);
    socket.on('message', (bytes, remote) => this.#receive(bytes, remote));
    await new Promise<void>((resolve) => socket.bind(0, address, resolve));
    const other = this.#other;
    const { otherAddress } = this.habits;
    if (otherAddress !== undefined) await new Promise<void>((resolve) => other.bind(0, otherAddress, resolve));
    return socket.address().port;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const socket of [this.#socket, this.#other])
      await new Promise<void>((resolve) => socket?.close(() => resolve()));
  }

  #receive(bytes: Buffer, remote: RemoteInfo): void {
    const { habits } = this;
    if (habits.dead === true || habits.drop?.() === true) return;
    const message = decodeMessage(bytes);
    if (message.version === 3) return;
    const answer = habits.garbage ?? this.#answer(message);
    if (answer === null || habits.drop?.() === true) return;
    const socket = habits.otherPort === true ? this.#other : this.#socket;
    const send = (): void => {
      if (this.#stopped) return;
      socket?.send(answer, remote.port, remote.address);
      if (habits.duplicates === true) socket?.send(answer, remote.port, remote.address);
    };
    if (habits.delayMs === undefined) send();
    else setTimeout(send, habits.delayMs);
  }

  #answer(message: CommunityMessage): Uint8Array | null {
    const { pdu } = message;
    const asked = Array.from({ length: pdu.varbinds.count }, (_, at) => pdu.varbinds.oid(at));
    this.requests.push({ type: pdu.type, oids: asked.map((oid) => oidText(oid)), maxRepetitions: pdu.errorIndex });
    const { silentAbove, tooBigAbove, truncateAt, rewrite } = this.habits;
    let errorStatus = 0;
    let errorIndex = 0;
    let found: MibObject[] = [];
    if (pdu.type === PDU.getBulk) {
      found = this.#bulk(asked, pdu.errorStatus, pdu.errorIndex);
    } else {
      found = asked.map((oid) => (pdu.type === PDU.get ? this.#exact(oid) : this.#next(oid)));
      const missing = found.findIndex((object) => object.tag >= TAG.noSuchObject);
      if (message.version === 0 && missing !== -1) {
        errorStatus = 2;
        errorIndex = missing + 1;
        found = asked.map((oid) => ({ oid: oidText(oid), tag: TAG.null, value: null }));
      }
    }
    if (rewrite !== undefined) found = rewrite(found);
    if (silentAbove !== undefined && found.length > silentAbove) return null;
    if (this.habits.silentWhere?.(found) === true) return null;
    if (tooBigAbove !== undefined && found.length > tooBigAbove) {
      errorStatus = 1;
      found = [];
    }
    if (truncateAt !== undefined) found = found.slice(0, truncateAt);
    return encodeAnswer(message, found, errorStatus, errorIndex);
  }

  #exact(oid: Oid): MibObject {
    const hit = this.#mib[this.#firstAt((found) => compareOids(found, oid) >= 0)];
    if (hit !== undefined && compareOids(hit.oid, oid) === 0) return hit.object;
    return { oid: oidText(oid), tag: TAG.noSuchObject, value: null };
  }

  #next(oid: Oid): MibObject {
    const hit = this.#mib[this.#firstAt((found) => compareOids(found, oid) > 0)];
    return hit?.object ?? { oid: oidText(oid), tag: TAG.endOfMibView, value: null };
  }

  /** The place of the first object that passes; all behind it do. */
  #firstAt(passes: (oid: Oid) => boolean): number {
    let [low, high] = [0, this.#mib.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const entry = this.#mib[middle];
      if (entry !== undefined && passes(entry.oid)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #bulk(asked: readonly Oid[], nonRepeaters: number, maxRepetitions: number): MibObject[] {
    const found = asked.slice(0, nonRepeaters).map((oid) => this.#next(oid));
    let cursors = asked.slice(nonRepeaters);
    for (let repetition = 0; repetition < maxRepetitions; repetition += 1) {
      const row = cursors.map((oid) => this.#next(oid));
      found.push(...row);
      cursors = row.map((object) => oidOf(object.oid));
    }
    return found;
  }
}

export function encodeAnswer(
  request: CommunityMessage,
  found: readonly MibObject[],
  errorStatus: number,
  errorIndex: number,
): Uint8Array {
  const writer = new BerWriter();
  for (const object of found.toReversed()) {
    const mark = writer.size;
    writeValue(writer, object);
    writer.oid(oidOf(object.oid));
    writer.wrap(TAG.sequence, mark);
  }
  writer.wrap(TAG.sequence, 0);
  writer.integer(errorIndex);
  writer.integer(errorStatus);
  writer.integer(request.pdu.requestId);
  writer.wrap(PDU.response, 0);
  writer.octets(request.community);
  writer.integer(request.version);
  writer.wrap(TAG.sequence, 0);
  return Uint8Array.from(writer.finish());
}

function writeValue(writer: BerWriter, { tag, value }: MibObject): void {
  if (value === null) return writer.octets(new Uint8Array(), tag);
  if (tag === TAG.oid) return writer.oid(oidOf(String(value)));
  if (typeof value === 'string') return writer.octets(Buffer.from(value), tag);
  if (value instanceof Uint8Array) return writer.octets(value, tag);
  if (tag === TAG.integer) return writer.integer(Number(value));
  writer.octets(unsignedOctets(BigInt(value)), tag);
}

/** The shortest two's complement form of a value that is never negative. */
function unsignedOctets(value: bigint): Uint8Array {
  const octets: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 8n) octets.unshift(Number(rest & 0xffn));
  if (octets.length === 0 || (octets[0] ?? 0) >= 0x80) octets.unshift(0);
  return Uint8Array.from(octets);
}
