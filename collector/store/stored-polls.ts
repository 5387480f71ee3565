// Polls put together again out of the rows that the store kept of them: what rules are tried on. What no row keeps is not in them.
import type { Column, Poll, Segment, Table, TableName } from '../../common/model/poll.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { DISCONTINUITY_BIT, SPEED_BIT, UPTIME_BIT, WIDE_SHIFT } from './interface-columns.ts';
import { COUNTER_COLUMNS, type CounterColumnName } from './metrics.ts';

/** Counters that a stored poll has; packets are left out, no rule asks for them. */
export const POLL_COUNTERS = [
  'in_octets',
  'out_octets',
  'in_errors',
  'out_errors',
  'in_discards',
  'out_discards',
] as const satisfies readonly CounterColumnName[];

export interface StoredInterfaceRow {
  readonly key: string;
  readonly atMs: EpochMs;
  readonly flags: number;
  /** In the order of POLL_COUNTERS; anything where the flags say absent. */
  readonly counters: readonly bigint[];
  readonly uptimeTicks: number;
  readonly discontinuityTicks: number;
  readonly process: string;
  readonly monotonicMs: number;
  readonly speedBps: number;
  /** 0 where absent. */
  readonly adminStatus: number;
  readonly operStatus: number;
}

export interface StoredGaugeRow {
  readonly metric: string;
  readonly part: string;
  readonly description: string;
  readonly unit: string;
  readonly atMs: EpochMs;
  readonly value: number;
}

export interface StoredVisit {
  /** When the poll ended. */
  readonly atMs: EpochMs;
  readonly intervalMs: DurationMs;
  readonly reachable: boolean;
  readonly durationMs: DurationMs;
  readonly requests: number;
  readonly retries: number;
}

export interface StoredRows {
  readonly visits: StoredVisit[];
  readonly interfaces: StoredInterfaceRow[];
  readonly gauges: StoredGaugeRow[];
}

/** A row is rounded to a millisecond, and so is the poll it came in. */
const ROUNDED_MS = 2;

/** Objects of the counters by their width: the wide one, and the narrow one. */
const OBJECTS: Readonly<Record<(typeof POLL_COUNTERS)[number], readonly [wide: string, narrow: string]>> = {
  in_octets: ['ifHCInOctets', 'ifInOctets'],
  out_octets: ['ifHCOutOctets', 'ifOutOctets'],
  in_errors: ['ifInErrors', 'ifInErrors'],
  out_errors: ['ifOutErrors', 'ifOutErrors'],
  in_discards: ['ifInDiscards', 'ifInDiscards'],
  out_discards: ['ifOutDiscards', 'ifOutDiscards'],
};

/** Gauges by the table and column they came from; a sensor's class is in the name of its metric. */
const GAUGES: Readonly<Record<string, readonly [TableName, column: string]>> = {
  processor_usage_percent: ['processor', 'usagePercent'],
  memory_used_percent: ['memory', 'usedPercent'],
  memory_used_bytes: ['memory', 'usedBytes'],
  memory_total_bytes: ['memory', 'totalBytes'],
  storage_used_percent: ['storage', 'usedPercent'],
  storage_used_bytes: ['storage', 'usedBytes'],
  storage_total_bytes: ['storage', 'totalBytes'],
  bgp_peer_established: ['bgp-peer', 'established'],
};
const SENSOR = 'sensor_';

/** The polls of one device that ended in [fromMs, toMs), in the order of time; the clock offset is out of their times. */
export function storedPolls(device: string, rows: StoredRows, fromMs: EpochMs, toMs: EpochMs): Poll[] {
  const byTime = (a: { readonly atMs: EpochMs }, b: { readonly atMs: EpochMs }): number => a.atMs - b.atMs;
  const [interfaces, gauges] = [rows.interfaces.toSorted(byTime), rows.gauges.toSorted(byTime)];
  const next = { interface: 0, gauge: 0 };
  const polls: Poll[] = [];
  for (const visit of rows.visits.toSorted(byTime)) {
    const startedAtMs = visit.atMs - visit.durationMs;
    const own = taken(interfaces, next, 'interface', startedAtMs - ROUNDED_MS, visit.atMs + ROUNDED_MS);
    const measured = taken(gauges, next, 'gauge', startedAtMs - ROUNDED_MS, visit.atMs + ROUNDED_MS);
    if (visit.atMs < fromMs || visit.atMs >= toMs) continue;
    polls.push({
      device,
      startedAtMs,
      finishedAtMs: visit.atMs,
      processId: own[0]?.process ?? '',
      intervalMs: visit.intervalMs,
      outcome: visit.reachable ? 'complete' : 'failed',
      failure: visit.reachable ? null : 'no answer was stored',
      requests: visit.requests,
      retries: visit.retries,
      tables: [...(own.length === 0 ? [] : [interfaceTable(own)]), ...gaugeTables(measured)],
    });
  }
  return polls;
}

/** The rows of a span out of a list in the order of time; what lies before it is passed over. */
function taken<Row extends { readonly atMs: EpochMs }>(
  rows: readonly Row[],
  next: Record<'interface' | 'gauge', number>,
  which: 'interface' | 'gauge',
  fromMs: EpochMs,
  toMs: EpochMs,
): Row[] {
  const found: Row[] = [];
  for (let row = rows[next[which]]; row !== undefined && row.atMs <= toMs; row = rows[next[which]]) {
    if (row.atMs >= fromMs) found.push(row);
    next[which] += 1;
  }
  return found;
}

function interfaceTable(rows: readonly StoredInterfaceRow[]): Table {
  const flag = (bit: number, pick: (row: StoredInterfaceRow) => number): Float64Array =>
    Float64Array.from(rows, (row) => ((row.flags & bit) === 0 ? Number.NaN : pick(row)));
  const status = (pick: (row: StoredInterfaceRow) => number): Float64Array =>
    Float64Array.from(rows, (row) => pick(row) || Number.NaN);
  return {
    name: 'interface',
    complete: true,
    index: rows.map((_, at) => String(at + 1)),
    segments: segmentsOf(rows),
    columns: [
      { kind: 'text', name: 'interfaceKey', values: rows.map(({ key }) => key) },
      ...POLL_COUNTERS.flatMap((name, at) => counterColumns(rows, name, at)),
      { kind: 'number', name: 'ifAdminStatus', values: status((row) => row.adminStatus) },
      { kind: 'number', name: 'ifOperStatus', values: status((row) => row.operStatus) },
      { kind: 'number', name: 'ifSpeedBps', values: flag(SPEED_BIT, (row) => row.speedBps) },
      {
        kind: 'number',
        name: 'ifCounterDiscontinuityTime',
        values: flag(DISCONTINUITY_BIT, (row) => row.discontinuityTicks),
      },
    ],
  };
}

function segmentsOf(rows: readonly StoredInterfaceRow[]): Segment[] {
  const segments: Segment[] = [];
  for (const [firstRow, { atMs, monotonicMs, flags, uptimeTicks: ticks }] of rows.entries()) {
    const uptimeTicks = (flags & UPTIME_BIT) === 0 ? null : ticks;
    const last = segments.at(-1);
    if (last?.sentAtMs === atMs && last.monotonicMs === monotonicMs && last.uptimeTicks === uptimeTicks) continue;
    segments.push({ firstRow, sentAtMs: atMs, receivedAtMs: atMs, monotonicMs, uptimeTicks });
  }
  return segments;
}

function counterColumns(
  rows: readonly StoredInterfaceRow[],
  name: (typeof POLL_COUNTERS)[number],
  at: number,
): Column[] {
  const bit = COUNTER_COLUMNS.indexOf(name);
  const [present, wide] = [1 << bit, 1 << (WIDE_SHIFT + bit)];
  const column = (object: string, width: 32 | 64): Column[] => {
    const has = (row: StoredInterfaceRow): boolean =>
      (row.flags & present) !== 0 && ((row.flags & wide) !== 0) === (width === 64);
    if (!rows.some(has)) return [];
    return [
      {
        kind: 'counter',
        name: object,
        width,
        values: BigUint64Array.from(rows, (row) => (has(row) ? (row.counters[at] ?? 0n) : 0n)),
        present: Uint8Array.from(rows, (row) => (has(row) ? 1 : 0)),
      },
    ];
  };
  const [wideObject, narrowObject] = OBJECTS[name];
  const found = column(wideObject, 64);
  // Counters of errors have one object; it is as wide as the device has it.
  return found.length > 0 && wideObject === narrowObject ? found : [...found, ...column(narrowObject, 32)];
}

interface GaugeTable {
  readonly rows: Map<string, Map<string, number | string>>;
  atMs: EpochMs;
}

function gaugeTables(rows: readonly StoredGaugeRow[]): Table[] {
  const tables = new Map<TableName, GaugeTable>();
  for (const { metric, part, description, unit, atMs, value } of rows) {
    const sensor = metric.startsWith(SENSOR);
    const place = sensor ? (['sensor', 'value'] as const) : GAUGES[metric];
    if (place === undefined || !part.startsWith(`${place[0]}:`)) continue;
    const [name, column] = place;
    const index = part.slice(name.length + 1);
    const table: GaugeTable = tables.get(name) ?? { rows: new Map(), atMs };
    tables.set(name, table);
    const row = table.rows.get(index) ?? new Map<string, number | string>([['description', description]]);
    table.rows.set(index, row);
    table.atMs = atMs;
    if (column === 'established') row.set('state', value === 1 ? 'established' : 'not established');
    else row.set(column, value);
    if (sensor) row.set('class', metric.slice(SENSOR.length)).set('unit', unit);
  }
  return [...tables].map(([name, table]) => tableOf(name, table));
}

function tableOf(name: TableName, { rows, atMs }: GaugeTable): Table {
  const names = [...new Set([...rows.values()].flatMap((row) => [...row.keys()]))];
  const columns = names.map((column): Column => {
    const values = [...rows.values()].map((row) => row.get(column) ?? null);
    if (values.some((value) => typeof value === 'string'))
      return { kind: 'text', name: column, values: values.map((value) => (value === null ? null : String(value))) };
    return { kind: 'number', name: column, values: Float64Array.from(values, (value) => Number(value ?? Number.NaN)) };
  });
  const segment = { firstRow: 0, sentAtMs: atMs, receivedAtMs: atMs, monotonicMs: 0, uptimeTicks: null };
  return { name, complete: true, index: [...rows.keys()], segments: [segment], columns };
}
