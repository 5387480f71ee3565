// A batch as rows of the metric tables: raw values and their clocks, nothing computed but percentages of memory.
import { type CounterColumn, counterAt, observedAt, type Poll, type Table } from '../../common/model/poll.ts';
import { cleanKey, countersOf, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import { type EpochMs, TIME_TICKS_MODULUS } from '../../common/model/time.ts';
import { sensorMetric } from './metrics.ts';

/** Bits of `flags` beyond those of the counters (metrics.ts). */
export const WIDE_SHIFT = 8;
export const UPTIME_BIT = 1 << 16;
export const DISCONTINUITY_BIT = 1 << 17;
export const SPEED_BIT = 1 << 18;

export interface InterfaceRow {
  readonly interfaceKey: string;
  readonly atMs: EpochMs;
  readonly flags: number;
  /** In the order of COUNTER_COLUMNS; 0 where absent. */
  readonly counters: readonly bigint[];
  readonly uptimeTicks: number;
  readonly discontinuityTicks: number;
  readonly monotonicMs: number;
  readonly speedBps: bigint;
  readonly adminStatus: number;
  readonly operStatus: number;
}

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

/** Of each counter the wide object and the narrow one that stands in for it (RFC 2863 §3.1.6). */
const OBJECTS: readonly (readonly [string, string | null])[] = [
  ['ifHCInOctets', 'ifInOctets'],
  ['ifHCOutOctets', 'ifOutOctets'],
  ['ifHCInUcastPkts', 'ifInUcastPkts'],
  ['ifHCOutUcastPkts', 'ifOutUcastPkts'],
  ['ifInErrors', null],
  ['ifOutErrors', null],
  ['ifInDiscards', null],
  ['ifOutDiscards', null],
];

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

/** Rows of the table `interface`; those without a key are left out, for nothing says which interface they are. */
export function* interfaceRows(table: Table, clockOffsetMs: number): Generator<InterfaceRow> {
  const keys = textsOf(table, 'interfaceKey');
  const columns = OBJECTS.map(
    ([wide, narrow]) => [countersOf(table, wide), narrow === null ? undefined : countersOf(table, narrow)] as const,
  );
  const admin = numbersOf(table, 'ifAdminStatus');
  const oper = numbersOf(table, 'ifOperStatus');
  const discontinuities = numbersOf(table, 'ifCounterDiscontinuityTime');
  const speeds = numbersOf(table, 'ifSpeedBps');
  let at = 0;
  for (let row = 0; row < table.index.length; row += 1) {
    while ((table.segments[at + 1]?.firstRow ?? Number.POSITIVE_INFINITY) <= row) at += 1;
    const segment = table.segments[at];
    // As the inventory has it, or nobody would find the series.
    const interfaceKey = cleanKey(keys?.[row] ?? '').trim();
    if (segment === undefined || interfaceKey === '') continue;
    const counters: bigint[] = [];
    let flags = 0;
    columns.forEach(([wide, narrow], bit) => {
      const cell = cellOf(wide, row) ?? cellOf(narrow, row);
      counters.push(cell?.value ?? 0n);
      if (cell !== null) flags |= (1 << bit) | (cell.width === 64 ? 1 << (WIDE_SHIFT + bit) : 0);
    });
    const uptimeTicks = ticksOrNull(segment.uptimeTicks);
    const discontinuityTicks = ticksOrNull(discontinuities?.[row]);
    const speedBps = wholeOf(speeds?.[row]);
    if (uptimeTicks !== null) flags |= UPTIME_BIT;
    if (discontinuityTicks !== null) flags |= DISCONTINUITY_BIT;
    if (speedBps !== null) flags |= SPEED_BIT;
    yield {
      interfaceKey,
      atMs: observedAt(segment, clockOffsetMs),
      flags,
      counters,
      uptimeTicks: uptimeTicks ?? 0,
      discontinuityTicks: discontinuityTicks ?? 0,
      monotonicMs: segment.monotonicMs,
      speedBps: speedBps ?? 0n,
      adminStatus: statusOf(admin?.[row]),
      operStatus: statusOf(oper?.[row]),
    };
  }
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

function cellOf(column: CounterColumn | undefined, row: number): { value: bigint; width: 32 | 64 } | null {
  const value = column === undefined ? null : counterAt(column, row);
  return value === null || column === undefined ? null : { value, width: column.width };
}

function segmentAt(table: Table, row: number): Table['segments'][number] | undefined {
  return table.segments.findLast((segment) => segment.firstRow <= row);
}

function ticksOrNull(value: number | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  return Number.isInteger(value) && value >= 0 && value < TIME_TICKS_MODULUS ? value : null;
}

function wholeOf(value: number | undefined): bigint | null {
  return value !== undefined && value > 0 && value <= Number.MAX_SAFE_INTEGER ? BigInt(Math.round(value)) : null;
}

/** Values of ifAdminStatus and ifOperStatus begin at 1; 0 is absent. */
function statusOf(value: number | undefined): number {
  return value !== undefined && Number.isInteger(value) && value > 0 && value < 256 ? value : 0;
}
