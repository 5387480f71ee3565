// BER as a small SNMP agent needs it (RFC 1157, RFC 3416 over X.690): reads requests. Not the agent's codec, on purpose: two implementations keep each other honest.

export const TAG = {
  integer: 0x02,
  octets: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
  counter32: 0x41,
  gauge32: 0x42,
  timeTicks: 0x43,
  counter64: 0x46,
  noSuchObject: 0x80,
  noSuchInstance: 0x81,
  endOfMibView: 0x82,
} as const;

export const PDU = { get: 0xa0, getNext: 0xa1, response: 0xa2, set: 0xa3, getBulk: 0xa5 } as const;

export type Oid = readonly number[];

export interface Request {
  /** 0 is SNMPv1, 1 is SNMPv2c. */
  readonly version: 0 | 1;
  readonly community: string;
  readonly type: number;
  readonly requestId: number;
  /** Of a GETBULK; 0 otherwise. */
  readonly nonRepeaters: number;
  readonly maxRepetitions: number;
  readonly oids: readonly Oid[];
  /** The varbinds as they came, for answers that repeat them. */
  readonly varbinds: Uint8Array;
}

/** More names in one request than this is no request of this world. */
const MAX_VARBINDS = 2_000;
/** RFC 2578 §3.5. */
const MAX_SUB_IDENTIFIERS = 128;

class Cursor {
  readonly #bytes: Buffer;
  readonly end: number;
  at: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Steps over the next element, which must have that tag, and returns where its contents begin. */
  #element(tag: number): number {
    const found = this.#bytes[this.at];
    let length = this.#bytes[this.at + 1];
    if (found !== tag || length === undefined) throw new RangeError('unexpected element');
    let from = this.at + 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 3) throw new RangeError('unexpected length');
      length = this.#bytes.readUIntBE(from, count);
      from += count;
    }
    if (from + length > this.end) throw new RangeError('cut short');
    this.at = from + length;
    return from;
  }

  integer(): number {
    const from = this.#element(TAG.integer);
    const length = this.at - from;
    if (length < 1 || length > 5) throw new RangeError('unexpected integer');
    return this.#bytes.readIntBE(from, length);
  }

  oid(): Oid {
    const from = this.#element(TAG.oid);
    const parts: number[] = [];
    let part = 0;
    for (let at = from; at < this.at; at += 1) {
      const byte = this.#bytes[at] ?? 0;
      part = part * 128 + (byte & 0x7f);
      if (part > 0xffffffff) throw new RangeError('unexpected sub-identifier');
      if (byte >= 0x80) continue;
      if (parts.length === 0) {
        const top = Math.min(2, Math.floor(part / 40));
        parts.push(top, part - top * 40);
      } else parts.push(part);
      part = 0;
    }
    if (parts.length < 2 || parts.length > MAX_SUB_IDENTIFIERS) throw new RangeError('unexpected OID');
    return parts;
  }

  text(): string {
    const from = this.#element(TAG.octets);
    return this.#bytes.toString('latin1', from, this.at);
  }

  /** The contents of the next element. */
  inside(tag: number): Cursor {
    const from = this.#element(tag);
    return new Cursor(this.#bytes, from, this.at);
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.at, this.end);
  }
}

/** Null for anything that is no request of v1 or v2c: a real agent drops it without a word. */
export function readRequest(bytes: Buffer): Request | null {
  try {
    const message = new Cursor(bytes, 0, bytes.length).inside(TAG.sequence);
    const version = message.integer();
    if (version !== 0 && version !== 1) return null;
    const community = message.text();
    const type = bytes[message.at] ?? 0;
    const pdu = message.inside(type);
    const [requestId, second, third] = [pdu.integer(), pdu.integer(), pdu.integer()];
    const list = pdu.inside(TAG.sequence);
    const varbinds = list.rest();
    const oids: Oid[] = [];
    while (list.at < list.end) {
      if (oids.length === MAX_VARBINDS) return null;
      oids.push(list.inside(TAG.sequence).oid());
    }
    const [nonRepeaters, maxRepetitions] = type === PDU.getBulk ? [Math.max(0, second), Math.max(0, third)] : [0, 0];
    return { version, community, type, requestId, nonRepeaters, maxRepetitions, oids, varbinds };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Names and INTEGERs of the varbinds of a SET; null for a value of another type. */
export function readSettings(varbinds: Uint8Array): { readonly oid: Oid; readonly value: number | null }[] {
  const bytes = Buffer.from(varbinds);
  const list = new Cursor(bytes, 0, bytes.length);
  const found: { oid: Oid; value: number | null }[] = [];
  while (list.at < list.end) {
    const varbind = list.inside(TAG.sequence);
    const oid = varbind.oid();
    found.push({ oid, value: bytes[varbind.at] === TAG.integer ? varbind.integer() : null });
  }
  return found;
}

/** Contents of an OID, without tag and length. */
export function oidContents(oid: Oid): Uint8Array {
  return Uint8Array.from([
    ...subIdentifier((oid[0] ?? 0) * 40 + (oid[1] ?? 0)),
    ...oid.slice(2).flatMap((part) => subIdentifier(part)),
  ]);
}

/** The end of an OID, as it stands behind the contents of its beginning. */
export function oidSuffix(parts: Oid): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => subIdentifier(part)));
}

function subIdentifier(part: number): number[] {
  const groups = [part % 128];
  for (let rest = Math.floor(part / 128); rest > 0; rest = Math.floor(rest / 128)) groups.unshift((rest % 128) | 0x80);
  return groups;
}

/** OIDs in the order of a walk. */
export function compareOids(left: Oid, right: Oid): number {
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

export function oidOf(text: string): Oid {
  return text.split('.').map(Number);
}
