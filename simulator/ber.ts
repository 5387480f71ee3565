// BER as a small SNMP agent needs it (RFC 1157, RFC 3416 over X.690): requests read, responses written. Not the agent's codec, on purpose.

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

export interface Value {
  readonly tag: number;
  readonly bytes: Buffer;
}

export interface Request {
  readonly version: 0 | 1;
  readonly community: string;
  readonly type: number;
  readonly requestId: number;
  /** Non-repeaters and max-repetitions of a GETBULK; 0 and 0 otherwise. */
  readonly first: number;
  readonly second: number;
  readonly oids: readonly Oid[];
}

class Cursor {
  readonly #bytes: Buffer;
  at: number;
  readonly end: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** The contents of the next element, which must have that tag (0 takes any). */
  element(tag: number): { tag: number; from: number; to: number } {
    const found = this.#bytes[this.at];
    let length = this.#bytes[this.at + 1];
    if (found === undefined || length === undefined || (tag !== 0 && found !== tag))
      throw new RangeError('unexpected element');
    let from = this.at + 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 3) throw new RangeError('unexpected length');
      length = this.#bytes.readUIntBE(from, count);
      from += count;
    }
    if (from + length > this.end) throw new RangeError('cut short');
    this.at = from + length;
    return { tag: found, from, to: this.at };
  }

  integer(): number {
    const { from, to } = this.element(TAG.integer);
    if (to - from < 1 || to - from > 5) throw new RangeError('unexpected integer');
    return this.#bytes.readIntBE(from, to - from);
  }

  oid(): Oid {
    const { from, to } = this.element(TAG.oid);
    const parts: number[] = [];
    let part = 0;
    for (let at = from; at < to; at += 1) {
      const byte = this.#bytes[at] ?? 0;
      part = part * 128 + (byte & 0x7f);
      if (part > 0xffffffff) throw new RangeError('unexpected sub-identifier');
      if (byte < 0x80) {
        parts.push(part);
        part = 0;
      }
    }
    const head = parts.shift() ?? 0;
    const top = Math.min(2, Math.floor(head / 40));
    return [top, head - top * 40, ...parts];
  }

  inside(tag: number): Cursor {
    const { from, to } = this.element(tag);
    return new Cursor(this.#bytes, from, to);
  }

  text(): string {
    const { from, to } = this.element(TAG.octets);
    return this.#bytes.toString('latin1', from, to);
  }
}

/** Null for anything that is not a v1 or v2c request: a real agent drops it without a word. */
export function readRequest(bytes: Buffer): Request | null {
  try {
    const message = new Cursor(bytes, 0, bytes.length).inside(TAG.sequence);
    const version = message.integer();
    if (version !== 0 && version !== 1) return null;
    const community = message.text();
    const type = bytes[message.at] ?? 0;
    const pdu = message.inside(type);
    const [requestId, first, second] = [pdu.integer(), pdu.integer(), pdu.integer()];
    const list = pdu.inside(TAG.sequence);
    const oids: Oid[] = [];
    while (list.at < list.end) oids.push(list.inside(TAG.sequence).oid());
    return { version, community, type, requestId, first: Math.max(0, first), second: Math.max(0, second), oids };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  return [0x82, length >> 8, length & 0xff];
}

export function wrap(tag: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(length)]), ...parts]);
}

export function encodeOid(oid: Oid): Buffer {
  const bytes: number[] = [];
  for (const part of [(oid[0] ?? 0) * 40 + (oid[1] ?? 0), ...oid.slice(2)]) {
    const groups = [part & 0x7f];
    for (let rest = Math.floor(part / 128); rest > 0; rest = Math.floor(rest / 128))
      groups.unshift((rest & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return wrap(TAG.oid, Buffer.from(bytes));
}

/** Two's complement in as few bytes as it takes. */
export function integerBytes(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.unshift(Number(rest & 0xffn));
    rest >>= 8n;
  } while (!((rest === 0n && (bytes[0] ?? 0) < 0x80) || (rest === -1n && (bytes[0] ?? 0) >= 0x80)));
  return Buffer.from(bytes);
}

export const integer = (value: number): Value => ({ tag: TAG.integer, bytes: integerBytes(BigInt(value)) });
export const unsigned = (tag: number, value: bigint | number): Value => ({ tag, bytes: integerBytes(BigInt(value)) });
export const octets = (value: string | Buffer): Value => ({
  tag: TAG.octets,
  bytes: typeof value === 'string' ? Buffer.from(value, 'utf8') : value,
});
export const oidValue = (oid: Oid): Value => ({ tag: TAG.oid, bytes: encodeOid(oid).subarray(2) });
export const exception = (tag: number): Value => ({ tag, bytes: Buffer.alloc(0) });

export function encodeVarbind(oid: Buffer, value: Value): Buffer {
  return wrap(TAG.sequence, oid, wrap(value.tag, value.bytes));
}

const number = (value: number): Buffer => wrap(TAG.integer, integerBytes(BigInt(value)));

export function encodeResponse(
  request: Request,
  errorStatus: number,
  errorIndex: number,
  varbinds: readonly Buffer[],
): Buffer {
  const list = wrap(TAG.sequence, ...varbinds);
  const pdu = wrap(PDU.response, number(request.requestId), number(errorStatus), number(errorIndex), list);
  return wrap(TAG.sequence, number(request.version), wrap(TAG.octets, Buffer.from(request.community, 'latin1')), pdu);
}
