// Reads what the interfaces of a device are called and what they are, and gives each its identity.
import { interfaceKeys } from '../../common/model/interface-identity.ts';
import { readLags } from './lag-members.ts';
import type { NumberColumn, Table, TextColumn } from '../../common/model/poll.ts';
import type { ErrorCode } from '../../common/runtime/error-table.ts';
import type { ColumnRequest, DeviceReader, ReadTable, Resumption } from '../snmp/table-reader.ts';
import { type CheckColumn, KnownNames, type NamedInterface } from './known-names.ts';
import { restartedDuring } from './uptime.ts';

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

/** EtherLike-MIB (RFC 3635): 1 unknown, 2 half, 3 full. A table of its own: some devices have rows in it for which there is no interface. */
const DUPLEX: ColumnRequest = { name: 'dot3StatsDuplexStatus', oid: '1.3.6.1.2.1.10.7.2.1.19', form: 'number' };

/** The columns that tell in each poll whether an index still means the same interface. */
export const CHECK_COLUMNS: Readonly<Record<CheckColumn, ColumnRequest>> = {
  ifName: { name: 'ifName', oid: `${IF_X_ENTRY}.1`, form: 'text' },
  ifDescr: { name: 'ifDescr', oid: `${IF_ENTRY}.2`, form: 'text' },
};

export interface InventoryRead {
  readonly failure: ErrorCode | null;
  readonly table: Table;
  /** Null where the walk was cut short in a way that leaves open whether a name is unique, or the device changed under a reading of several visits. */
  readonly names: KnownNames | null;
  /** Nothing came in this visit. */
  readonly nothing: boolean;
  /** The next visit goes on with it. */
  readonly inHand: boolean;
  /** ifTableLastChange changed between the visits. */
  readonly changedMeanwhile: boolean;
}

/** Cut short for good by the device's own fault: reading again would bring the same rows. */
const LASTING_FAILURES: readonly (ErrorCode | null)[] = [
  null,
  'snmp_oid_not_increasing',
  'snmp_refused',
  'snmp_walk_limit',
];

/** Reads the names; what a deadline cuts short stays with the reader, and the next call goes on after it. */
export async function readInventory(
  reader: DeviceReader,
  monotonicMs: number,
  resume: Omit<Resumption, 'how'>,
  signal: AbortSignal,
): Promise<InventoryRead> {
  const read = await reader.readTable({
    name: 'interface-inventory',
    columns: COLUMNS,
    beside: [IF_TABLE_LAST_CHANGE],
    signal,
    resume: { how: 'whole', ...resume },
  });
  const rows = describeRows(read);
  const { rowsBefore, toEnd, besideChanged } = read.part ?? { rowsBefore: 0, toEnd: true, besideChanged: false };
  // Within one visit the counters that follow tell of a change; what was read minutes ago needs a look of its own.
  const several = rowsBefore > 0;
  const sound = !(several && restartedDuring(null, read.segments)) && LASTING_FAILURES.includes(read.failure);
  const lags = toEnd ? await readLags(reader, read, signal) : new Map<string, string>();
  const duplex = toEnd && rows.length > 0 ? await readDuplex(reader, signal) : new Map<string, number>();
  return {
    failure: read.failure,
    table: tableOf(read, rows, { duplex, lags }),
    names: sound ? new KnownNames(rows, monotonicMs, read.beside[0] ?? Number.NaN) : null,
    nothing: read.index.length === rowsBefore,
    inHand: !toEnd,
    changedMeanwhile: several && besideChanged,
  };
}

/** By ifIndex; what did not come is absent, and no reason to doubt the names. */
async function readDuplex(reader: DeviceReader, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const read = await reader.readTable({ name: 'interface-duplex', columns: [DUPLEX], signal });
  const values = numbersOf(read, DUPLEX.name);
  return new Map(read.index.map((index, row) => [index, values[row] ?? Number.NaN]));
}

function describeRows(read: ReadTable): NamedInterface[] {
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

function tableOf(
  read: ReadTable,
  rows: readonly NamedInterface[],
  { duplex, lags }: { readonly duplex: ReadonlyMap<string, number>; readonly lags: ReadonlyMap<string, string> },
): Table {
  const keys = new Map(rows.map(({ ifIndex, key }) => [ifIndex, key]));
  const text = (name: string, of: (row: NamedInterface) => string | null): TextColumn => ({
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
      {
        kind: 'number',
        name: 'ifDuplex',
        values: Float64Array.from(rows, (row) => duplex.get(row.ifIndex) ?? Number.NaN),
      },
      ...(lags.size === 0 ? [] : [text('lagInterface', (row) => keys.get(lags.get(row.ifIndex) ?? '') ?? null)]),
    ],
  };
}
