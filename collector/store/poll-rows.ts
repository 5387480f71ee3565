// A batch as rows of the metric tables: raw values and their clocks, nothing computed but percentages of memory.
import { observedAt, type Poll, type Table } from '../../common/model/poll.ts';
import { numbersOf, textsOf } from '../../common/model/table-columns.ts';
import { type EpochMs, TIME_TICKS_MODULUS } from '../../common/model/time.ts';
import { sensorMetric } from './metrics.ts';

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

/** Rows of the tables `processor`, `memory` and `sensor`; absent values are left out. */
export function gaugeRows(table: Table, clockOffsetMs: number): GaugeRow[] {
  const first = table.segments[0];
  if (first === undefined) return [];
  const descriptions = textsOf(table, 'description');
  const base = (row: number): Pick<GaugeRow, 'part' | 'description' | 'atMs'> => ({
    part: `${table.name}:${table.index[row] ?? ''}`,
    description: descriptions?.[row] ?? '',
    atMs: observedAt(segmentAt(table, row) ?? first, clockOffsetMs),
  });
  const rows: GaugeRow[] = [];
  const add = (row: number, metric: string, unit: string, value: number | undefined): void => {
    if (value !== undefined && Number.isFinite(value)) rows.push({ ...base(row), metric, unit, value });
  };
  const usages = numbersOf(table, 'usagePercent');
  const totals = numbersOf(table, 'totalBytes');
  const used = numbersOf(table, 'usedBytes');
  const shares = numbersOf(table, 'usedPercent');
  const values = numbersOf(table, 'value');
  const classes = textsOf(table, 'class');
  const units = textsOf(table, 'unit');
  for (const row of table.index.keys()) {
    if (table.name === 'processor') add(row, 'processor_usage_percent', '%', usages?.[row]);
    if (table.name === 'sensor') add(row, sensorMetric(classes?.[row] ?? ''), units?.[row] ?? '', values?.[row]);
    if (table.name !== 'memory') continue;
    const [total, taken] = [totals?.[row], used?.[row]];
    add(row, 'memory_total_bytes', 'octet', total);
    add(row, 'memory_used_bytes', 'octet', taken);
    // Some devices say only how full it is.
    const share = shares?.[row];
    if (share !== undefined && Number.isFinite(share)) add(row, 'memory_used_percent', '%', share);
    else if (total !== undefined && taken !== undefined && total > 0)
      add(row, 'memory_used_percent', '%', (taken * 100) / total);
  }
  return rows;
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
