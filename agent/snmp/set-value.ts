// Values as a SET writes them (RFC 3416 §3), made from plain ones.
import { WeirError } from '../../common/runtime/errors.ts';
import { BerWriter, TAG } from './ber.ts';
import { isOidText, type Oid, oidOf } from './oid.ts';

export type SetValueType =
  | 'integer'
  | 'octets'
  | 'oid'
  | 'ipAddress'
  | 'counter32'
  | 'gauge32'
  | 'timeTicks'
  | 'counter64'
  | 'null';

export interface SetVarbind {
  readonly oid: Oid;
  readonly type: SetValueType;
  /** Numbers in decimal, an OID with dots, an IPv4 address with dots; octets as bytes or as text (UTF-8). */
  readonly value: string | Uint8Array;
}

/** The value as type, length and contents; snmp_value_invalid where it does not fit the type. */
export function encodeSetValue({ type, value }: Pick<SetVarbind, 'type' | 'value'>): Uint8Array {
  const writer = new BerWriter(64);
  if (type === 'null') writer.octets(new Uint8Array(), TAG.null);
  else if (type === 'octets') writer.octets(typeof value === 'string' ? Buffer.from(value, 'utf8') : value);
  else if (typeof value !== 'string') throw invalid(type);
  else if (type === 'oid') writer.oid(plainOid(value));
  else if (type === 'ipAddress') writer.octets(ipv4(value), TAG.ipAddress);
  else if (type === 'integer') writer.integer(Number(whole(type, value, -(2n ** 31n), 2n ** 31n - 1n)));
  else
    writer.octets(unsigned(whole(type, value, 0n, type === 'counter64' ? 2n ** 64n - 1n : 2n ** 32n - 1n)), TAG[type]);
  return writer.finish();
}

/** The error names no value: it may be a secret under a wrong type. */
function plainOid(value: string): Oid {
  if (!isOidText(value)) throw invalid('oid');
  return oidOf(value);
}

function whole(type: SetValueType, text: string, least: bigint, most: bigint): bigint {
  if (!/^-?\d{1,20}$/.test(text)) throw invalid(type);
  const value = BigInt(text);
  if (value < least || value > most) throw invalid(type);
  return value;
}

/** The shortest two's complement form of a value that is never negative. */
function unsigned(value: bigint): Uint8Array {
  const digits = value.toString(16);
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  return Buffer.from(even.charAt(0) >= '8' ? `00${even}` : even, 'hex');
}

function ipv4(text: string): Uint8Array {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number) ?? [];
  if (parts.length !== 4 || parts.some((part) => part > 255)) throw invalid('ipAddress');
  return Uint8Array.from(parts);
}

function invalid(type: SetValueType): WeirError {
  return new WeirError('snmp_value_invalid', `A value to be written is no ${type}.`, { type });
}
