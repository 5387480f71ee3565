// Reads counters and status of all interfaces and puts them under the interfaces' own keys, with the clocks of their answer.
import type { CounterColumn, Segment, Table } from '../../common/model/poll.ts';
import type { InterfaceColumns } from '../profile/profile.ts';
import type { ColumnRequest, DeviceReader, ReadTable, Resumption } from '../snmp/table-reader.ts';
import type { DeviceState } from './device-state.ts';
import { CHECK_COLUMNS, IF_TABLE_LAST_CHANGE } from './interface-inventory.ts';
import type { KnownNames } from './known-names.ts';

/** The walk of this poll, over the columns that this device is known to have. Where a deadline cut the last one short, this one goes on after it: every row has the clocks of its own answer. */
export function readCounters(
  reader: DeviceReader,
  columns: InterfaceColumns,
  state: DeviceState,
  resume: Omit<Resumption, 'how'>,
  signal: AbortSignal,
): Promise<ReadTable> {
  const wanted = wantedColumns(columns, state, reader.wide);
  return reader.readTable({
    name: 'interface',
    columns: wanted,
    beside: [IF_TABLE_LAST_CHANGE],
    signal,
    resume: { how: 'rest', ...resume },
  });
}

/** Proves or breaks the continuity of the counters, so it comes in their answer also where a device cannot fit a whole row into one. */
const DISCONTINUITY = 'ifCounterDiscontinuityTime';

function wantedColumns(columns: InterfaceColumns, state: DeviceState, wide: boolean): ColumnRequest[] {
  const status = columns.status.map(({ name, oid }) => ({ name, oid, form: 'number' as const }));
  const wanted: ColumnRequest[] = status.filter((column) => column.name === DISCONTINUITY);
  for (const { name, oid, width, narrow } of columns.counters) {
    if (width === 32) wanted.push({ name, oid, form: 'counter32' });
    else if (wide) wanted.push({ name, oid, form: 'counter64' });
    if (narrow !== undefined) wanted.push({ name: narrow.name, oid: narrow.oid, form: 'counter32' });
  }
  wanted.push(...status.filter((column) => column.name !== DISCONTINUITY));
  const known = state.interfaceColumns;
  const useful = known === null ? wanted : wanted.filter((column) => known.has(column.name));
  const { names } = state;
  // A device that keeps ifTableLastChange tells of a change by itself; from any other the name comes along with the counters.
  const tells = names !== null && names.tableLastChange > 0 && state.trustsTableLastChange;
  if (names !== null && !tells) useful.push(CHECK_COLUMNS[names.checkedBy]);
  return useful;
}

/** The columns that brought anything; a narrow counter only where some row has it and lacks the wide one. */
export function usefulColumns(read: ReadTable, columns: InterfaceColumns): ReadonlySet<string> {
  const useful = new Set<string>();
  for (const column of read.columns) {
    if (column.kind === 'counter' && column.present.includes(1)) useful.add(column.name);
    if (column.kind === 'number' && column.values.some((value) => !Number.isNaN(value))) useful.add(column.name);
  }
  for (const { name, narrow } of columns.counters) {
    if (narrow === undefined || !useful.has(name)) continue;
    const wide = counterNamed(read, name);
    const twin = counterNamed(read, narrow.name);
    const lacking = twin?.present.some((present, row) => present === 1 && wide?.present[row] !== 1) === true;
    if (!lacking) useful.delete(narrow.name);
  }
  return useful;
}

/** Whether an index has no name or, where names came along, another than the one known. */
export function namesDiffer(read: ReadTable, names: KnownNames): boolean {
  const check = read.columns.find((column) => column.name === names.checkedBy);
  const rows = names.rowsOf(read.index);
  if (rows?.includes(-1) === true) return true;
  if (check?.kind !== 'text') return false;
  return check.values.some((name, row) => {
    const known = names.checkNames[rows === null ? row : (rows[row] ?? -1)];
    // What a walk that was cut short did not bring says nothing.
    return (name !== null || read.complete) && (name ?? '') !== (known ?? '');
  });
}

/** The table of the model. Rows without a key are left out: a counter that cannot be attributed must not be billed. */
export function interfaceTable(
  read: ReadTable,
  names: KnownNames,
  columns: InterfaceColumns,
): { table: Table; unnamed: number } {
  const places = names.rowsOf(read.index);
  const all = places?.includes(-1) !== true;
  const kept = all ? read : selectRows(read, knownRows(places));
  const known = places?.filter((row) => row !== -1) ?? null;
  const table: Table = {
    name: 'interface',
    complete: read.complete && all,
    index: kept.index,
    segments: kept.segments,
    columns: [
      // As in nearly every poll the rows are those of the names: then the columns are theirs too.
      { kind: 'text', name: 'interfaceKey', values: known === null ? names.keys : pick(names.keys, known) },
      ...countersOf(kept, columns),
      ...kept.columns.filter((column) => column.kind === 'number'),
      { kind: 'number', name: 'ifSpeedBps', values: known === null ? names.speedsBps : speedsOf(names, known) },
    ],
  };
  return { table, unnamed: read.index.length - kept.index.length };
}

function knownRows(places: Int32Array | null): number[] {
  return [...(places?.entries() ?? [])].flatMap(([row, place]) => (place === -1 ? [] : [row]));
}

function pick(keys: readonly string[], rows: Int32Array): (string | null)[] {
  return Array.from(rows, (row) => keys[row] ?? null);
}

function speedsOf({ speedsBps }: KnownNames, rows: Int32Array): Float64Array {
  return Float64Array.from(rows, (row) => speedsBps[row] ?? Number.NaN);
}

/** The counters that have any value; the 32-bit twin is blanked in rows that have the wide one. */
function countersOf(read: Pick<ReadTable, 'columns'>, columns: InterfaceColumns): CounterColumn[] {
  const wideOf = new Map(
    columns.counters.flatMap(({ name, narrow }) => (narrow === undefined ? [] : [[narrow.name, name]])),
  );
  return read.columns.flatMap((column): CounterColumn[] => {
    if (column.kind !== 'counter') return [];
    const wide = counterNamed(read, wideOf.get(column.name) ?? '');
    const present =
      wide === null ? column.present : column.present.map((is, row) => (wide.present[row] === 1 ? 0 : is));
    return present.includes(1) ? [{ ...column, present }] : [];
  });
}

function counterNamed(read: Pick<ReadTable, 'columns'>, name: string): CounterColumn | null {
  const column = read.columns.find((one) => one.name === name);
  return column?.kind === 'counter' ? column : null;
}

function selectRows(read: ReadTable, rows: readonly number[]): Pick<ReadTable, 'index' | 'segments' | 'columns'> {
  const columns = read.columns.map((column) => {
    switch (column.kind) {
      case 'counter':
        return {
          ...column,
          values: BigUint64Array.from(rows, (row) => column.values[row] ?? 0n),
          present: Uint8Array.from(rows, (row) => column.present[row] ?? 0),
        };
      case 'number':
        return { ...column, values: Float64Array.from(rows, (row) => column.values[row] ?? Number.NaN) };
      case 'text':
        return { ...column, values: rows.map((row) => column.values[row] ?? null) };
      case 'value':
        return { ...column, values: rows.map((row) => column.values[row] ?? null) };
    }
  });
  return { index: rows.map((row) => read.index[row] ?? ''), segments: selectSegments(read.segments, rows), columns };
}

function selectSegments(segments: readonly Segment[], rows: readonly number[]): Segment[] {
  return segments.flatMap((segment, at) => {
    const end = segments[at + 1]?.firstRow ?? Number.POSITIVE_INFINITY;
    const firstRow = rows.findIndex((row) => row >= segment.firstRow && row < end);
    return firstRow === -1 ? [] : [{ ...segment, firstRow }];
  });
}
