// Reads what a device knows of its neighbours and where they can be asked: LLDP-MIB (IEEE 802.1AB-2005), LLDP-V2-MIB (802.1AB-2009) and CISCO-CDP-MIB.
import type { DeviceReader, ReadTable } from '../snmp/table-reader.ts';
import { canonicalHost } from './targets.ts';

export interface Neighbour {
  readonly protocol: 'lldp' | 'cdp';
  /** System name or device id; null where it tells none. */
  readonly name: string | null;
  /** Lower-case hex with colons; null where it tells another kind of chassis. */
  readonly chassisMac: string | null;
  /** Where it says it is managed; may be none. */
  readonly addresses: readonly string[];
}

type Cell = string | number | null;

interface LldpTables {
  readonly name: string;
  readonly remote: string;
  readonly columns: Readonly<Record<'subtype' | 'chassis' | 'name', number>>;
  readonly addresses: string;
  /** Numbers in the index of a neighbour: time mark, local port, in version 2 the destination's address, neighbour. */
  readonly indexLength: number;
}

const LLDP: LldpTables = {
  name: 'lldp',
  remote: '1.0.8802.1.1.2.1.4.1.1',
  columns: { subtype: 4, chassis: 5, name: 9 },
  addresses: '1.0.8802.1.1.2.1.4.2.1',
  indexLength: 3,
};
/** Asked where the first has nothing. */
const LLDP_V2: LldpTables = {
  name: 'lldp v2',
  remote: '1.3.111.2.802.1.1.13.1.4.1.1',
  columns: { subtype: 5, chassis: 6, name: 10 },
  addresses: '1.3.111.2.802.1.1.13.1.4.2.1',
  indexLength: 4,
};
const CDP_CACHE = '1.3.6.1.4.1.9.9.23.1.2.1.1';
const CHASSIS_MAC = 4;
const CHASSIS_NETWORK_ADDRESS = 5;
/** IANA address family numbers, as LLDP uses them. */
const FAMILY_OCTETS: Readonly<Record<number, number>> = { 1: 4, 2: 16 };
/** CiscoNetworkProtocol: ip and ipv6. */
const CDP_PROTOCOLS: readonly Cell[] = [1, 20];
/** As `00:11:22:33:44:55`. */
const MAC_TEXT_LENGTH = 17;
/** Neighbours of one device and one protocol. */
const MOST_NEIGHBOURS = 4096;

/** Never rejects on account of the device: what cannot be read is no neighbour. `complete` is false where a table was cut short. */
export async function readNeighbours(
  reader: DeviceReader,
  signal: AbortSignal,
): Promise<{ readonly neighbours: readonly Neighbour[]; readonly complete: boolean }> {
  const first = await readLldp(reader, LLDP, signal);
  const lldp = first.neighbours.length > 0 ? first : await readLldp(reader, LLDP_V2, signal);
  const cdp = await read(reader, 'cdp', CDP_CACHE, { protocol: 3, address: 4, id: 6 }, ['address'], signal);
  return {
    neighbours: [...lldp.neighbours, ...cdpNeighbours(cdp)],
    complete: first.complete && lldp.complete && cdp.complete,
  };
}

async function readLldp(
  reader: DeviceReader,
  tables: LldpTables,
  signal: AbortSignal,
): Promise<{ readonly neighbours: readonly Neighbour[]; readonly complete: boolean }> {
  const { name, columns, addresses, indexLength } = tables;
  const remote = await read(reader, name, tables.remote, columns, ['chassis'], signal);
  if (remote.index.length === 0) return { neighbours: [], complete: remote.complete };
  const places = await read(reader, `${name} addresses`, addresses, { kind: 3 }, [], signal);
  const told = places.index.flatMap((index) => managementAddress(index, indexLength) ?? []);
  return { neighbours: lldpNeighbours(remote, told), complete: remote.complete && places.complete };
}

function read(
  reader: DeviceReader,
  name: string,
  entry: string,
  columns: Readonly<Record<string, number>>,
  octets: readonly string[],
  signal: AbortSignal,
): Promise<ReadTable> {
  return reader.readTable({
    name: `discover ${name}`,
    columns: Object.entries(columns).map(([column, number]) => ({
      name: column,
      oid: `${entry}.${number}`,
      form: octets.includes(column) ? 'hex' : 'value',
    })),
    mostRows: MOST_NEIGHBOURS,
    signal,
  });
}

function lldpNeighbours(remote: ReadTable, told: readonly ManagementAddress[]): Neighbour[] {
  const { byRow, strays } = addressesByRow(remote.index, told);
  const neighbours = remote.index.map((row, at): Neighbour => {
    const subtype = cell(remote, 'subtype', at);
    const chassis = octetsOf(cell(remote, 'chassis', at));
    const asAddress = subtype === CHASSIS_NETWORK_ADDRESS ? addressText(chassis.slice(1)) : null;
    return {
      protocol: 'lldp',
      name: nameOf(cell(remote, 'name', at)),
      chassisMac: subtype === CHASSIS_MAC ? macText(chassis) : null,
      addresses: unique([...(byRow.get(row) ?? []), ...(asAddress === null ? [] : [asAddress])]),
    };
  });
  const unnamed = unique(strays).map(
    (address): Neighbour => ({ protocol: 'lldp', name: null, chassisMac: null, addresses: [address] }),
  );
  return [...neighbours, ...unnamed];
}

/**
 * Which neighbour an address is of. The two tables share their index by the standard; some devices have other time marks in one of them, some
 * count the addresses where the number of the neighbour should stand. What fits nowhere is the address of somebody all the same.
 */
function addressesByRow(
  rows: readonly string[],
  told: readonly ManagementAddress[],
): { readonly byRow: ReadonlyMap<string, readonly string[]>; readonly strays: readonly string[] } {
  const known = new Set(rows);
  const byPart = new Map<string, Set<string>>();
  for (const row of rows) {
    for (const part of partsOf(row)) byPart.set(part, (byPart.get(part) ?? new Set()).add(row));
  }
  const byRow = new Map<string, string[]>();
  const strays: string[] = [];
  for (const found of told) {
    const candidates = partsOf(found.row).map((part) => byPart.get(part));
    const [sole] = candidates.find((one) => one?.size === 1) ?? [];
    const row = known.has(found.row) ? found.row : sole;
    if (row === undefined) strays.push(found.address);
    else byRow.set(row, [...(byRow.get(row) ?? []), found.address]);
  }
  return { byRow, strays };
}

/** What still tells a row from others: all but its time mark; the port alone. */
function partsOf(row: string): string[] {
  const [, port, ...neighbour] = row.split('.');
  return [`${port}.${neighbour.join('.')}`, `port ${port}`];
}

export interface ManagementAddress {
  /** Index of the neighbour. */
  readonly row: string;
  readonly address: string;
}

/**
 * The address stands in the index of lldpRemManAddrTable: that of the neighbour, address family, length, octets. Some devices leave the
 * length out.
 */
export function managementAddress(index: string, rowLength: number): ManagementAddress | null {
  const numbers = index.split('.').map(Number);
  const [family = 0, ...rest] = numbers.slice(rowLength);
  const wanted = FAMILY_OCTETS[family];
  if (wanted === undefined) return null;
  const octets = rest[0] === wanted && rest.length === 1 + wanted ? rest.slice(1) : rest;
  const address = octets.length === wanted ? addressText(octets) : null;
  return address === null ? null : { row: numbers.slice(0, rowLength).join('.'), address };
}

function cdpNeighbours(cdp: ReadTable): Neighbour[] {
  return cdp.index.map((_, at) => {
    const known = CDP_PROTOCOLS.includes(cell(cdp, 'protocol', at));
    const address = known ? addressText(octetsOf(cell(cdp, 'address', at))) : null;
    return {
      protocol: 'cdp',
      // Some switches put their serial number behind the name, in parentheses.
      name: nameOf(cell(cdp, 'id', at))?.replace(/\([^()]*\)$/, '') ?? null,
      chassisMac: null,
      addresses: address === null ? [] : [address],
    };
  });
}

function cell(table: ReadTable, name: string, at: number): Cell {
  const column = table.columns.find((one) => one.name === name);
  return column?.kind === 'value' ? (column.values[at] ?? null) : null;
}

function octetsOf(value: Cell): number[] {
  if (typeof value !== 'string' || value === '') return [];
  return value.split(':').map((octet) => Number.parseInt(octet, 16));
}

function addressText(octets: readonly number[]): string | null {
  if (octets.some((octet) => !(octet >= 0 && octet <= 255))) return null;
  if (octets.length === 4) return octets.join('.');
  if (octets.length !== 16) return null;
  const groups = Array.from({ length: 8 }, (_, at) => (octets[at * 2] ?? 0) * 256 + (octets[at * 2 + 1] ?? 0));
  return canonicalHost(groups.map((group) => group.toString(16)).join(':'));
}

/** Null where these octets are no MAC address; some devices give the text of one. */
export function macText(octets: readonly number[]): string | null {
  const text = octets.length === MAC_TEXT_LENGTH ? String.fromCharCode(...octets).toLowerCase() : '';
  if (/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/.test(text)) return macText(octetsOf(text.replaceAll('-', ':')));
  if (octets.length !== 6 || octets.every((octet) => octet === 0)) return null;
  return octets.map((octet) => octet.toString(16).padStart(2, '0')).join(':');
}

function nameOf(value: Cell): string | null {
  const text = value === null ? '' : String(value).trim();
  return text === '' ? null : text;
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
