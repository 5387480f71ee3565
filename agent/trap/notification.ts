// What a trap or inform says, in names and texts. A trap of version 1 becomes what it would be in version 2 (RFC 3584 §3.1). Pure.
import { type EventDetail, EVENT_LIMITS } from '../../common/model/event.ts';
import { TAG } from '../snmp/ber.ts';
import { oidText } from '../snmp/oid.ts';
import type { Pdu, TrapV1Header } from '../snmp/pdu.ts';
import { addressText, hexText } from '../snmp/value.ts';
import type { Varbinds } from '../snmp/varbinds.ts';
import type { NameBook, OctetForm } from './names.ts';

const SYS_UP_TIME = '1.3.6.1.2.1.1.3.0';
const TRAP_OID = '1.3.6.1.6.3.1.1.4.1.0';
/** RFC 3584 §3.1: what a proxy adds. The community is a secret and stays out of everything. */
const TRAP_ADDRESS = '1.3.6.1.6.3.18.1.3.0';
const TRAP_COMMUNITY = '1.3.6.1.6.3.18.1.4.0';
const GENERIC_TRAPS = '1.3.6.1.6.3.1.1.5';
const ENTERPRISE_SPECIFIC = 6;
/** Columns whose only index is the ifIndex: ifTable and ifXTable. */
const INTERFACE_COLUMN = /^1\.3\.6\.1\.2\.1\.(?:2\.2\.1|31\.1\.1\.1)\.\d+\.(\d+)$/;
const IF_INDEX_COLUMN = /^1\.3\.6\.1\.2\.1\.2\.2\.1\.1\.\d+$/;
const MOST_IF_INDEX = 2 ** 31 - 1;

export interface Said {
  readonly name: string;
  readonly uptimeTicks: number | null;
  /** The one interface it names; null for none or several. */
  readonly ifIndex: number | null;
  /** Whom a proxy speaks for: snmpTrapAddress, or the agent-addr of version 1. */
  readonly proxied: string | null;
  readonly details: readonly EventDetail[];
}

export function notificationOf(pdu: Pdu, names: NameBook): Said {
  const { varbinds, trapV1 } = pdu;
  const found = lookThrough(varbinds);
  const trapOid = trapV1 === undefined ? found.trapOid : trapOidOf(trapV1);
  const known = trapOid === null ? null : names.notification(trapOid);
  const details: EventDetail[] = [];
  if (trapOid !== null) details.push({ name: 'snmpTrapOID', value: trapOid });
  if (known?.severity != null) details.push({ name: 'severity', value: known.severity });
  if (trapV1 !== undefined) details.push({ name: 'snmpTrapEnterprise', value: oidText(trapV1.enterprise) });
  const agent = trapV1 === undefined ? null : addressOrNull(trapV1.agentAddress);
  if (agent !== null && found.address === null) details.push({ name: 'snmpTrapAddress', value: agent });
  addVarbinds(details, varbinds, names);
  return {
    name: known?.name ?? 'notification',
    uptimeTicks: trapV1?.uptimeTicks ?? found.uptimeTicks,
    ifIndex: found.ifIndex,
    proxied: found.address ?? agent,
    details,
  };
}

/** RFC 3584 §3.1 (2) and (3). */
function trapOidOf(trap: TrapV1Header): string {
  if (trap.genericTrap >= 0 && trap.genericTrap < ENTERPRISE_SPECIFIC)
    return `${GENERIC_TRAPS}.${trap.genericTrap + 1}`;
  return `${oidText(trap.enterprise)}.0.${trap.specificTrap >>> 0}`;
}

function addressOrNull(octets: Uint8Array): string | null {
  return octets.every((octet) => octet === 0) ? null : addressText(octets);
}

interface Found {
  trapOid: string | null;
  uptimeTicks: number | null;
  address: string | null;
  ifIndex: number | null;
}

function lookThrough(varbinds: Varbinds): Found {
  const found: Found = { trapOid: null, uptimeTicks: null, address: null, ifIndex: null };
  const interfaces = new Set<number>();
  for (let i = 0; i < varbinds.count; i += 1) {
    const oid = varbinds.oidText(i);
    if (oid === TRAP_OID) found.trapOid ??= varbinds.oidValue(i);
    else if (oid === SYS_UP_TIME) found.uptimeTicks ??= ticksOrNull(varbinds.number(i));
    else if (oid === TRAP_ADDRESS) found.address ??= addressOrNull(varbinds.octets(i) ?? new Uint8Array());
    else {
      const index = interfaceOf(varbinds, i, oid);
      if (index !== null) interfaces.add(index);
    }
  }
  const [only = null] = interfaces;
  found.ifIndex = interfaces.size === 1 ? only : null;
  return found;
}

function interfaceOf(varbinds: Varbinds, i: number, oid: string): number | null {
  const index = IF_INDEX_COLUMN.test(oid) ? varbinds.number(i) : Number(INTERFACE_COLUMN.exec(oid)?.[1] ?? Number.NaN);
  return Number.isInteger(index) && index > 0 && index <= MOST_IF_INDEX ? index : null;
}

/** Some agents send another type than TimeTicks; what could be none is none. */
function ticksOrNull(number: number): number | null {
  return Number.isInteger(number) && number >= 0 && number < 2 ** 32 ? number : null;
}

const OWN_PLACE: ReadonlySet<string> = new Set([SYS_UP_TIME, TRAP_OID, TRAP_COMMUNITY]);

/** Every varbind as NAME or NAME.INDEX, or by its OID where nothing names it. What does not fit is counted in `varbinds_left_out`. */
function addVarbinds(details: EventDetail[], varbinds: Varbinds, names: NameBook): void {
  let leftOut = 0;
  for (let i = 0; i < varbinds.count; i += 1) {
    const oid = varbinds.oidText(i);
    if (OWN_PLACE.has(oid)) continue;
    if (details.length >= EVENT_LIMITS.details - 1) {
      leftOut += 1;
      continue;
    }
    const known = names.object(oid);
    const name = known === null ? oid : `${known.object.name}${known.index}`;
    details.push({ name: cut(name), value: cut(valueText(varbinds, i, known?.object.form ?? 'text')) });
  }
  if (leftOut > 0) details.push({ name: 'varbinds_left_out', value: String(leftOut) });
}

function cut(text: string): string {
  const most = EVENT_LIMITS.textCharacters;
  if (text.length <= most) return text;
  // Not between the halves of a character.
  const end = /[\uD800-\uDBFF]/.test(text[most - 2] ?? '') ? most - 2 : most - 1;
  return `${text.slice(0, end)}…`;
}

/** A value as it came: numbers in digits, OIDs with dots, octets by their form, exceptions by their name. */
export function valueText(varbinds: Varbinds, i: number, form: OctetForm): string {
  switch (varbinds.tag(i)) {
    case TAG.null:
      return '';
    case TAG.noSuchObject:
      return 'noSuchObject';
    case TAG.noSuchInstance:
      return 'noSuchInstance';
    case TAG.endOfMibView:
      return 'endOfMibView';
    case TAG.oid:
      return varbinds.oidValue(i) ?? '';
    case TAG.ipAddress:
      return addressText(varbinds.octets(i) ?? new Uint8Array());
    case TAG.octets:
      return octetsText(varbinds.octets(i) ?? new Uint8Array(), form);
    case TAG.opaque: {
      const number = varbinds.number(i);
      return Number.isNaN(number) ? hexText(varbinds.octets(i) ?? new Uint8Array()) : String(number);
    }
    default:
      return String(varbinds.counter(i) ?? varbinds.number(i));
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** Control characters but tab and the ends of lines, those of Latin-1 too. */
function isUnprintable(code: number): boolean {
  return (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) || (code >= 0x7f && code < 0xa0);
}

function isText(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (isUnprintable(text.charCodeAt(at))) return false;
  return true;
}

/** UTF-8 where it is, else Latin-1 where that can be printed, else hex; NULs at the end, as fixed-width fields leave them, are cut. */
function octetsText(octets: Uint8Array, form: OctetForm): string {
  if (form === 'hex') return hexText(octets);
  if (form === 'address') return addressText(octets);
  let end = octets.length;
  while (end > 0 && octets[end - 1] === 0) end -= 1;
  if (end === 0 && octets.length > 1) return hexText(octets);
  const view = octets.subarray(0, end);
  const text = decoded(view);
  return isText(text) ? text : hexText(octets);
}

function decoded(octets: Uint8Array): string {
  try {
    return utf8.decode(octets);
  } catch {
    return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1');
  }
}
