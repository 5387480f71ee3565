// Reads what the interfaces of a device are called and what they are, and gives each its identity.
import { interfaceKeys } from '../../common/model/interface-identity.ts';
import type { NumberColumn, Table, TextColumn } from '../../common/model/poll.ts';
import type { ErrorCode } from '../../common/runtime/error-table.ts';
import type { ColumnRequest, DeviceReader, ReadTable } from '../snmp/table-reader.ts';
import type { KnownInterface, KnownNames } from './device-state.ts';

const IF_ENTRY = '1.3.6.1.2.1.2.2.1';
const IF_X_ENTRY = '1.3.6.1.2.1.31.1.1.1';
export const IF_TABLE_LAST_CHANGE = '1.3.6.1.2.1.31.1.5';

/** RFC 2863. */
const COLUMNS: readonly ColumnRequest[] = [
  { name: 'ifDescr', oid: `${IF_ENTRY}.2`, form: 'text' },
  { name: 'ifName', oid: `${IF_X_ENTRY}.1`, form: 'text' },
  { name: 'ifAlias', oid: `${IF_X_ENTRY}.18`, form: 'text' },
  { name: 'ifPhysAddress', oid: `${IF_ENTRY}.6`, form: 'hex' },
  { name: 'ifType', oid: `${IF_ENTRY}.3`, form: 'number' },
  { name: 'ifMtu', oid: `${IF_ENTRY}.4`, form: 'number' },
  { name: 'ifSpeed', oid: `${IF_ENTRY}.5`, form: 'number' },
  { name: 'ifHighSpeed', oid: `${IF_X_ENTRY}.15`, form: 'number' },
  { name: 'ifLastChange', oid: `${IF_ENTRY}.9`, form: 'number' },
];

/** The columns that tell in each poll whether an index still means the same interface. */
export const CHECK_COLUMNS: Readonly<Record<KnownNames['checkedBy'], ColumnRequest>> = {
  ifName: { name: 'ifName', oid: `${IF_X_ENTRY}.1`, form: 'text' },
  ifDescr: { name: 'ifDescr', oid: `${IF_ENTRY}.2`, form: 'text' },
};

export interface InventoryRead {
  readonly failure: ErrorCode | null;
  readonly table: Table;
  /** Null where the walk was cut short in a way that leaves open whether a name is unique. */
  readonly names: KnownNames | null;
}

/** Cut short for good by the device's own fault: reading again would bring the same rows. */
const LASTING_FAILURES: readonly (ErrorCode | null)[] = [
  null,
  'snmp_oid_not_increasing',
  'snmp_refused',
  'snmp_walk_limit',
];

export async function readInventory(
  reader: DeviceReader,
  monotonicMs: number,
  signal: AbortSignal,
): Promise<InventoryRead> {
  const read = await reader.readTable({
    name: 'interface-inventory',
    columns: COLUMNS,
    beside: [IF_TABLE_LAST_CHANGE],
    signal,
  });
  const rows = describeRows(read);
  const lasting = LASTING_FAILURES.includes(read.failure);
  return {
    failure: read.failure,
    table: tableOf(read, rows),
    names: lasting ? namesOf(rows, monotonicMs, read.beside[0] ?? Number.NaN) : null,
  };
}

interface InterfaceRow {
  readonly ifIndex: string;
  readonly key: string;
  readonly ifName: string | null;
  readonly ifDescr: string | null;
  readonly ifAlias: string | null;
  readonly ifPhysAddress: string | null;
  readonly speedBps: number;
}

function describeRows(read: ReadTable): InterfaceRow[] {
  const text = (name: string): readonly (string | number | null)[] => {
    const column = read.columns.find((one) => one.name === name);
    return column?.kind === 'text' || column?.kind === 'value' ? column.values : [];
  };
  const textIn = (values: readonly (string | number | null)[], row: number): string | null => {
    const value = values[row] ?? null;
    return value === null ? null : String(value);
  };
  const [names, descriptions, aliases, addresses] = ['ifName', 'ifDescr', 'ifAlias', 'ifPhysAddress'].map(text);
  const ifSpeed = numbersOf(read, 'ifSpeed');
  const ifHighSpeed = numbersOf(read, 'ifHighSpeed');
  const named = read.index.map((ifIndex, row) => ({
    ifIndex,
    ifName: textIn(names ?? [], row),
    ifDescr: textIn(descriptions ?? [], row),
  }));
  const keys = interfaceKeys(named);
  return named.map((one, row) => ({
    ...one,
    key: keys.get(one.ifIndex) ?? `if#${one.ifIndex}`,
    ifAlias: textIn(aliases ?? [], row),
    ifPhysAddress: textIn(addresses ?? [], row),
    speedBps: speedOf(ifSpeed[row] ?? Number.NaN, ifHighSpeed[row] ?? Number.NaN),
  }));
}

/** RFC 2863 §3.1.7: ifHighSpeed counts in 10^6 bit/s; ifSpeed is stuck at its maximum above 4.3 Gbit/s. */
function speedOf(ifSpeed: number, ifHighSpeed: number): number {
  return ifHighSpeed > 0 ? ifHighSpeed * 1_000_000 : ifSpeed;
}

function numbersOf(read: ReadTable, name: string): Float64Array {
  const column = read.columns.find((one) => one.name === name);
  return column?.kind === 'number' ? column.values : new Float64Array(0);
}

function tableOf(read: ReadTable, rows: readonly InterfaceRow[]): Table {
  const text = (name: string, of: (row: InterfaceRow) => string | null): TextColumn => ({
    kind: 'text',
    name,
    values: rows.map(of),
  });
  const number = (name: string): NumberColumn => ({ kind: 'number', name, values: numbersOf(read, name) });
  return {
    name: 'interface-inventory',
    complete: read.complete,
    index: read.index,
    segments: read.segments,
    columns: [
      text('interfaceKey', (row) => row.key),
      text('ifName', (row) => row.ifName),
      text('ifDescr', (row) => row.ifDescr),
      text('ifAlias', (row) => row.ifAlias),
      text('ifPhysAddress', (row) => (row.ifPhysAddress === '' ? null : row.ifPhysAddress)),
      number('ifType'),
      number('ifMtu'),
      { kind: 'number', name: 'ifSpeedBps', values: Float64Array.from(rows, (row) => row.speedBps) },
      number('ifLastChange'),
    ],
  };
}

function namesOf(rows: readonly InterfaceRow[], readAtMonotonicMs: number, tableLastChange: number): KnownNames {
  const checkedBy = rows.some((row) => row.ifName !== null && row.ifName !== '') ? 'ifName' : 'ifDescr';
  const byIndex = new Map<string, KnownInterface>();
  for (const row of rows) {
    byIndex.set(row.ifIndex, { key: row.key, checkName: row[checkedBy], speedBps: row.speedBps });
  }
  return { byIndex, keyOf: keysByText(rows), checkedBy, readAtMonotonicMs, tableLastChange };
}

/** A text counts where exactly one interface bears it; a name before a description, that before an address, an alias last. */
function keysByText(rows: readonly InterfaceRow[]): Map<string, string> {
  const keys = new Map<string, string>();
  const fields = ['key', 'ifName', 'ifDescr', 'ifPhysAddress', 'ifAlias'] as const;
  for (const field of fields) {
    const bearers = new Map<string, string | null>();
    for (const row of rows) {
      const text = row[field];
      if (text !== null && text !== '') bearers.set(text, bearers.has(text) ? null : row.key);
    }
    for (const [text, key] of bearers) if (key !== null && !keys.has(text)) keys.set(text, key);
  }
  for (const row of rows) keys.set(`#${row.ifIndex}`, row.key);
  return keys;
}
