// A batch as rows of the metric tables: raw values and their clocks, nothing computed but how full memory and file systems are.
import { observedAt, type Poll, type Table } from '../../common/model/poll.ts';
import { numbersOf, textsOf } from '../../common/model/table-columns.ts';
import { type EpochMs, TIME_TICKS_MODULUS } from '../../common/model/time.ts';
import { sensorMetric } from '../../common/model/sensor-metric.ts';

export interface DeviceRow {
  readonly atMs: EpochMs;
  readonly reachable: boolean;
  readonly durationMs: number;
  readonly requests: number;
  readonly retries: number;
  readonly uptimeTicks: number | null;
}

export interface GaugeRow {
  readonly metric: string;
  /** `processor:INDEX`, unique in the device. */
  readonly part: string;
  readonly description: string;
  readonly unit: string;
  readonly atMs: EpochMs;
  readonly value: number;
}

export function deviceRow(poll: Poll, clockOffsetMs: number): DeviceRow {
  const clocks = poll.tables.flatMap((table) => table.segments);
  return {
    atMs: Math.round(poll.finishedAtMs - clockOffsetMs),
    reachable: poll.outcome !== 'failed',
    durationMs: Math.max(0, Math.round(poll.finishedAtMs - poll.startedAtMs)),
    requests: poll.requests,
    retries: poll.retries,
    uptimeTicks: ticksOrNull(clocks.findLast((one) => one.uptimeTicks !== null)?.uptimeTicks),
  };
}

type Add = (metric: string, unit: string, value: number | undefined) => void;

/** Adds what a row of a table measures, of which `add` leaves out what is absent. */
type RowReader = (row: number, add: Add) => void;

const READERS: Readonly<Partial<Record<Table['name'], (table: Table) => RowReader>>> = {
  processor: (table) => numbersReader(table, [['usagePercent', 'processor_usage_percent', '%']]),
  memory: (table) => sizeReader(table, 'memory'),
  storage: (table) => sizeReader(table, 'storage'),
  outlet: (table) =>
    numbersReader(table, [
      ['currentAmperes', 'outlet_current_amperes', 'A'],
      ['voltageVolts', 'outlet_voltage_volts', 'V'],
      ['powerWatts', 'outlet_power_watts', 'W'],
      ['energyWattHours', 'outlet_energy_watt_hours', 'Wh'],
    ]),
  'bgp-peer': bgpReader,
  sensor: sensorReader,
};

/** Rows of the tables of what is measured beside interfaces; absent values are left out. */
export function gaugeRows(table: Table, clockOffsetMs: number): GaugeRow[] {
  const first = table.segments[0];
  const reader = READERS[table.name]?.(table);
  if (first === undefined || reader === undefined) return [];
  const descriptions = textsOf(table, table.name === 'bgp-peer' ? 'remoteAddress' : 'description');
  const rows: GaugeRow[] = [];
  for (const [row, index] of table.index.entries()) {
    const part = `${table.name}:${index}`;
    const description = descriptions?.[row] ?? '';
    const atMs = observedAt(segmentAt(table, row) ?? first, clockOffsetMs);
    reader(row, (metric, unit, value) => {
      if (value !== undefined && Number.isFinite(value)) rows.push({ part, description, atMs, metric, unit, value });
    });
  }
  return rows;
}

function numbersReader(table: Table, columns: readonly (readonly [string, string, string])[]): RowReader {
  const read = columns.map(([column, metric, unit]) => ({ values: numbersOf(table, column), metric, unit }));
  return (row, add) => {
    for (const { values, metric, unit } of read) add(metric, unit, values?.[row]);
  };
}

/** Of memory and file systems. */
function sizeReader(table: Table, kind: 'memory' | 'storage'): RowReader {
  const totals = numbersOf(table, 'totalBytes');
  const used = numbersOf(table, 'usedBytes');
  const shares = numbersOf(table, 'usedPercent');
  return (row, add) => {
    const [total, taken] = [totals?.[row], used?.[row]];
    add(`${kind}_total_bytes`, 'octet', total);
    add(`${kind}_used_bytes`, 'octet', taken);
    // Some devices say only how full it is.
    const share = shares?.[row];
    if (share !== undefined && Number.isFinite(share)) add(`${kind}_used_percent`, '%', share);
    else if (total !== undefined && taken !== undefined && total > 0)
      add(`${kind}_used_percent`, '%', (taken * 100) / total);
  };
}

function sensorReader(table: Table): RowReader {
  const values = numbersOf(table, 'value');
  const classes = textsOf(table, 'class');
  const units = textsOf(table, 'unit');
  return (row, add) => add(sensorMetric(classes?.[row] ?? ''), units?.[row] ?? '', values?.[row]);
}

/** The state as a number too, so that its average over a day is the share of the day that the peer was there. */
function bgpReader(table: Table): RowReader {
  const states = textsOf(table, 'state');
  const seconds = numbersOf(table, 'establishedSeconds');
  return (row, add) => {
    const state = states?.[row] ?? null;
    if (state !== null) add('bgp_peer_established', '1', state === 'established' ? 1 : 0);
    add('bgp_peer_established_seconds', 's', seconds?.[row]);
  };
}

function segmentAt(table: Table, row: number): Table['segments'][number] | undefined {
  return table.segments.findLast((segment) => segment.firstRow <= row);
}

/** TimeTicks as they may stand in a message; null for anything else. */
export function ticksOrNull(value: number | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  return Number.isInteger(value) && value >= 0 && value < TIME_TICKS_MODULUS ? value : null;
}

/** FNV-1a: the store only has to tell one process of an agent from the next. */
export function processHash(processId: string): number {
  let hash = 0x81_1c_9d_c5;
  for (let at = 0; at < processId.length; at += 1)
    hash = Math.imul(hash ^ processId.charCodeAt(at), 0x01_00_01_93) >>> 0;
  return hash;
}
