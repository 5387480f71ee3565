// Which interfaces are members of a LAG: by IEEE8023-LAG-MIB, or by ifStackTable (RFC 2863) where there is none. Asked only of devices that have a LAG.
import type { ColumnRequest, DeviceReader, ReadTable } from '../snmp/table-reader.ts';

/** IANAifType ieee8023adLag. */
const LAG_TYPE = 161;
const AGG_PORT = '1.2.840.10006.300.43.1.2.1.1';
/** A member that is down is attached to nothing, and goes on selecting its LAG. */
const COLUMNS: readonly ColumnRequest[] = [
  { name: 'dot3adAggPortSelectedAggID', oid: `${AGG_PORT}.12`, form: 'number' },
  { name: 'dot3adAggPortAttachedAggID', oid: `${AGG_PORT}.13`, form: 'number' },
];
/** Index: higher, lower. */
const STACK: ColumnRequest = { name: 'ifStackStatus', oid: '1.3.6.1.2.1.31.1.2.1.3', form: 'number' };

/** The ifIndex of the LAG by that of its member. What did not come is absent, and no reason to doubt the names. */
export async function readLags(
  reader: DeviceReader,
  names: ReadTable,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const types = numbersOf(names, 'ifType');
  const lags = new Set(names.index.filter((_, row) => types[row] === LAG_TYPE));
  if (lags.size === 0) return new Map();
  const ports = await reader.readTable({ name: 'lag-members', columns: COLUMNS, signal });
  const [selected, attached] = COLUMNS.map(({ name }) => numbersOf(ports, name));
  const found = new Map<string, string>();
  for (const [row, index] of ports.index.entries()) {
    const lag = String((attached?.[row] ?? 0) > 0 ? attached?.[row] : (selected?.[row] ?? 0));
    if (lags.has(lag) && lag !== index) found.set(index, lag);
  }
  return found.size > 0 ? found : await readStack(reader, lags, signal);
}

async function readStack(
  reader: DeviceReader,
  lags: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const stack = await reader.readTable({ name: 'interface-stack', columns: [STACK], signal });
  const found = new Map<string, string>();
  for (const index of stack.index) {
    const [higher = '', lower = '0'] = index.split('.');
    if (lags.has(higher) && lower !== '0') found.set(lower, higher);
  }
  return found;
}

function numbersOf(read: ReadTable, name: string): Float64Array {
  const column = read.columns.find((one) => one.name === name);
  return column?.kind === 'number' ? column.values : new Float64Array(0);
}
