// Devices of other systems: LibreNMS (GET /api/v0/devices, or a table of its columns) and NetBox (GET /api/dcim/devices/, or its CSV export).
// Field names: LibreNMS doc/API/Devices.md and its devices table; NetBox dcim/tables/devices.py and its REST API.
import { isIP } from 'node:net';
import { addressOf } from '../../agent/discover/discovery.ts';
import { validName } from '../../agent/discover/naming.ts';
import { parseAddress } from '../../agent/snmp/address.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { deviceSchema } from '../../common/runtime/device-configuration.ts';
import { FoundSets } from './found-sets.ts';
import type { Imported, ImportedDevice, ImportOptions, Skipped } from './imported.ts';
import { isTrue, type PlacedRecord, readRecords, type TextRecord } from './records.ts';

const MOST_SITE_LENGTH = 100;
const MOST_NAME_LENGTH = 63;

interface Draft {
  /** What the other system calls it. */
  readonly name: string;
  readonly address: string | undefined;
  readonly site: string | undefined;
  /** Not by SNMP. */
  readonly pingOnly: boolean;
  /** Why it is left out; null: it is not. */
  readonly reason: string | null;
}

export function librenmsDevices(text: string, file: string, options: ImportOptions): Imported {
  const { records } = readRecords(text, file, ['devices']);
  const found = new FoundSets('librenms');
  const taken = gathered(records, librenmsDraft, options, (record) =>
    options.credential === null ? found.nameFor(record) : { name: options.credential },
  );
  return { ...taken, sets: found.sets, named: false, notes: [] };
}

/** NetBox keeps no credentials of SNMP: throws misused without a set for all. */
export function netboxDevices(text: string, file: string, options: ImportOptions): Imported {
  const { credential } = options;
  if (credential === null) {
    throw new WeirError(
      'misused',
      'NetBox does not know how devices are reached: name a credential set with --credential.',
    );
  }
  const { records, continues } = readRecords(text, file, ['results']);
  const taken = gathered(records, netboxDraft, options, () => ({ name: credential }));
  const notes = continues ? ['the export has further pages (next): ask NetBox for limit=0, or import each page'] : [];
  return { ...taken, sets: new Map(), named: true, notes };
}

function librenmsDraft(record: TextRecord): Draft {
  const host = record.get('hostname') ?? '';
  const place = record.get('overwrite_ip') ?? host;
  const port = record.get('port') ?? '161';
  const sysName = record.get('sysname') ?? '';
  return {
    name: isIP(host) === 0 || sysName === '' ? host : sysName,
    address: place === '' ? undefined : withPort(place, port),
    site: record.get('location'),
    pingOnly: isTrue(record.get('snmp_disable')),
    reason: librenmsReason(record),
  };
}

function librenmsReason(record: TextRecord): string | null {
  if (isTrue(record.get('disabled'))) return 'it is disabled in LibreNMS';
  const transport = record.get('transport') ?? 'udp';
  return transport.startsWith('udp') ? null : `it is asked over ${transport}, and Weir speaks SNMP over UDP only`;
}

function netboxDraft(record: TextRecord): Draft {
  const address = ['primary_ip', 'ip_address', 'primary_ip4', 'ipv4_address', 'primary_ip6', 'ipv6_address']
    .map((key) => record.get(key))
    .find((one) => one !== undefined);
  const status = record.get('status')?.toLowerCase() ?? 'active';
  return {
    name: record.get('name') ?? '',
    // It comes with the length of its network: 192.0.2.1/24.
    address: address?.replace(/\/\d+$/, ''),
    site: record.get('site'),
    pingOnly: false,
    reason: status === 'active' ? (address === undefined ? 'it has no primary IP' : null) : `its status is ${status}`,
  };
}

function withPort(host: string, port: string): string {
  return addressOf({ host, port: /^\d+$/.test(port) ? Number(port) : 161 });
}

type SetOf = (record: TextRecord) => { readonly name: string } | { readonly reason: string };

/** Names are made valid and kept apart; what cannot be a device is left out with its reason. */
function gathered(
  records: readonly PlacedRecord[],
  draftOf: (record: TextRecord) => Draft,
  options: ImportOptions,
  setOf: SetOf,
): Pick<Imported, 'devices' | 'skipped'> {
  const devices: ImportedDevice[] = [];
  const skipped: Skipped[] = [];
  const names = new Set<string>();
  for (const { place, record } of records) {
    const draft = draftOf(record);
    const reach = reachOf(draft, record, setOf);
    if ('reason' in reach) {
      skipped.push({ place, name: draft.name, reason: reach.reason });
      continue;
    }
    const name = freeName(draft.name, reach.address, names);
    names.add(name);
    devices.push({ place, keys: keysOf(name, reach.address, reach.set, draft.site, options.agent) });
  }
  return { devices, skipped };
}

/** Where a device is asked and with which set (null: by ping alone), or why it is left out. */
function reachOf(
  { reason, address, pingOnly }: Draft,
  record: TextRecord,
  setOf: SetOf,
): { readonly address: string; readonly set: string | null } | { readonly reason: string } {
  if (reason !== null) return { reason };
  if (address === undefined || !isAddress(address)) return { reason: 'it has no address that can be asked' };
  if (pingOnly) return { address, set: null };
  const set = setOf(record);
  return 'reason' in set ? set : { address, set: set.name };
}

function keysOf(
  name: string,
  address: string,
  credential: string | null,
  site: string | undefined,
  agent: string | null,
): ImportedDevice['keys'] {
  return {
    name,
    address,
    ...(credential === null ? { snmp: false } : { credential }),
    ...(agent === null ? {} : { agent }),
    ...(site === undefined ? {} : { site: site.slice(0, MOST_SITE_LENGTH) }),
  };
}

function isAddress(address: string): boolean {
  try {
    parseAddress(address);
    return deviceSchema.shape.address.safeParse(address).success;
  } catch {
    return false;
  }
}

/** The second of a name has its address behind it. */
function freeName(wanted: string, address: string, taken: ReadonlySet<string>): string {
  const plain = validName(wanted);
  if (plain !== '' && !taken.has(plain)) return plain;
  const end = validName(address).slice(0, 40);
  const base = `${(plain === '' ? 'device' : plain).slice(0, MOST_NAME_LENGTH - end.length - 1)}-${end}`;
  let name = base;
  for (let number = 2; taken.has(name); number += 1) name = `${base.slice(0, MOST_NAME_LENGTH - 6)}-${number}`;
  return name;
}
