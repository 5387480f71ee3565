// Makes traps and informs of every version as a device would, or as a forger would.
import { BerWriter, TAG } from '../../agent/snmp/ber.ts';
import { encodeSecuredMessage, FLAG } from '../../agent/snmp/message.ts';
import { oidOf } from '../../agent/snmp/oid.ts';
import { PDU } from '../../agent/snmp/pdu.ts';
import {
  type AuthProtocol,
  digestLength,
  encrypt,
  localizedKey,
  messageDigest,
  passphraseDigest,
  type PrivProtocol,
  privacyKey,
} from '../../agent/snmp/usm.ts';

export const OWN_ENGINE = '8000000005aabbccddeeff001122334455';
export const SENDER_ENGINE = '80001f8880e9630000d61ff449';

export const USER = { name: 'watcher', auth: 'SHA', authPassphrase: 'authentication-phrase' } as const;
export const PRIVATE_USER = {
  name: 'secretive',
  auth: 'SHA256',
  authPassphrase: 'authentication-phrase',
  priv: 'AES',
  privPassphrase: 'privacy-phrase',
} as const;

export interface TestVarbind {
  readonly oid: string;
  readonly tag: number;
  readonly value: number | string | Uint8Array | null;
}

export const SYS_UP_TIME = '1.3.6.1.2.1.1.3.0';
export const SNMP_TRAP_OID = '1.3.6.1.6.3.1.1.4.1.0';
export const LINK_DOWN = '1.3.6.1.6.3.1.1.5.3';
export const COLD_START = '1.3.6.1.6.3.1.1.5.1';

export function text(oid: string, value: string): TestVarbind {
  return { oid, tag: TAG.octets, value };
}

export function integer(oid: string, value: number): TestVarbind {
  return { oid, tag: TAG.integer, value };
}

export interface NotificationSpec {
  readonly type?: 'trap' | 'inform';
  readonly requestId?: number;
  readonly trapOid?: string;
  readonly uptimeTicks?: number;
  readonly varbinds?: readonly TestVarbind[];
  /** Without sysUpTime and snmpTrapOID. */
  readonly bare?: boolean;
}

function writeVarbinds(writer: BerWriter, varbinds: readonly TestVarbind[]): void {
  const mark = writer.size;
  for (const { oid, tag, value } of varbinds.toReversed()) {
    const varbind = writer.size;
    if (value === null) writer.octets(new Uint8Array(), tag);
    else if (tag === TAG.oid) writer.oid(oidOf(String(value)));
    else if (typeof value === 'number') writer.integer(value, tag);
    else writer.octets(typeof value === 'string' ? Buffer.from(value) : value, tag);
    writer.oid(oidOf(oid));
    writer.wrap(TAG.sequence, varbind);
  }
  writer.wrap(TAG.sequence, mark);
}

function writeNotification(writer: BerWriter, spec: NotificationSpec): void {
  const head = [
    { oid: SYS_UP_TIME, tag: TAG.timeTicks, value: spec.uptimeTicks ?? 12_345 },
    { oid: SNMP_TRAP_OID, tag: TAG.oid, value: spec.trapOid ?? LINK_DOWN },
  ];
  writeVarbinds(writer, [...(spec.bare === true ? [] : head), ...(spec.varbinds ?? [])]);
  writer.integer(0);
  writer.integer(0);
  writer.integer(spec.requestId ?? 1);
  writer.wrap(spec.type === 'inform' ? PDU.inform : PDU.trap, 0);
}

export function messageV2c(community: string, spec: NotificationSpec = {}): Uint8Array {
  const writer = new BerWriter(1024);
  writeNotification(writer, spec);
  writer.octets(Buffer.from(community));
  writer.integer(1);
  writer.wrap(TAG.sequence, 0);
  return Uint8Array.from(writer.finish());
}

export interface TrapV1Spec {
  readonly enterprise: string;
  readonly agentAddress?: readonly number[];
  readonly generic: number;
  readonly specific?: number;
  readonly uptimeTicks?: number;
  readonly varbinds?: readonly TestVarbind[];
}

export function messageV1(community: string, spec: TrapV1Spec): Uint8Array {
  const writer = new BerWriter(1024);
  writeVarbinds(writer, spec.varbinds ?? []);
  writer.integer(spec.uptimeTicks ?? 12_345, TAG.timeTicks);
  writer.integer(spec.specific ?? 0);
  writer.integer(spec.generic);
  writer.octets(Uint8Array.from(spec.agentAddress ?? [0, 0, 0, 0]), TAG.ipAddress);
  writer.oid(oidOf(spec.enterprise));
  writer.wrap(PDU.trapV1, 0);
  writer.octets(Buffer.from(community));
  writer.integer(0);
  writer.wrap(TAG.sequence, 0);
  return Uint8Array.from(writer.finish());
}

export interface TestUser {
  readonly name: string;
  readonly auth?: AuthProtocol;
  readonly authPassphrase?: string;
  readonly priv?: PrivProtocol;
  readonly privPassphrase?: string;
}

export interface SecuredSpec extends NotificationSpec {
  readonly user: TestUser;
  /** Hex. */
  readonly engineId: string;
  readonly boots?: number;
  readonly seconds?: number;
  readonly messageId?: number;
  readonly flags?: number;
  readonly reportable?: boolean;
  /** Hex; default the engine's. */
  readonly contextEngineId?: string;
}

const digests = new Map<string, Uint8Array>();

function digestOf(protocol: AuthProtocol, passphrase: string): Uint8Array {
  const place = `${protocol} ${passphrase}`;
  const digest = digests.get(place) ?? passphraseDigest(protocol, passphrase);
  digests.set(place, digest);
  return digest;
}

export function messageV3(spec: SecuredSpec): Uint8Array {
  const { user } = spec;
  const engineId = Buffer.from(spec.engineId, 'hex');
  const clock = { engineBoots: spec.boots ?? 1, engineTime: spec.seconds ?? 1000 };
  const writer = new BerWriter(1024);
  writeNotification(writer, spec);
  writer.octets(new Uint8Array());
  writer.octets(spec.contextEngineId === undefined ? engineId : Buffer.from(spec.contextEngineId, 'hex'));
  writer.wrap(TAG.sequence, 0);
  let scoped = writer.finish();
  let flags = (spec.reportable ?? spec.type === 'inform') ? FLAG.reportable : 0;
  let salt: Uint8Array = new Uint8Array();
  const authKey =
    user.auth === undefined ? null : localizedKey(user.auth, digestOf(user.auth, user.authPassphrase ?? ''), engineId);
  if (user.auth !== undefined && user.priv !== undefined) {
    const localized = localizedKey(user.auth, digestOf(user.auth, user.privPassphrase ?? ''), engineId);
    salt = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, spec.messageId ?? 1);
    scoped = encrypt(user.priv, privacyKey(user.auth, user.priv, localized, engineId), clock, salt, scoped);
    flags |= FLAG.encrypted;
  }
  if (user.auth !== undefined) flags |= FLAG.authenticated;
  const length = user.auth === undefined ? 0 : digestLength(user.auth);
  const header = {
    messageId: spec.messageId ?? 1,
    flags: spec.flags ?? flags,
    engineId,
    ...clock,
    user: Buffer.from(user.name),
    digestLength: length,
    salt,
  };
  const { bytes, digestAt } = encodeSecuredMessage(header, scoped);
  if (user.auth !== undefined && authKey !== null) bytes.set(messageDigest(user.auth, authKey, bytes), digestAt);
  return Uint8Array.from(bytes);
}
