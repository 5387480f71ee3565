// The table of interfaces of a poll as columns of the metric table: raw words and their clocks, copied whole where every row is there.
import { endianness } from 'node:os';
import { type CounterColumn, observedAt, type Table } from '../../common/model/poll.ts';
import { cleanKey, countersOf, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { ticksOrNull } from './poll-rows.ts';

/** Bits of `flags` beyond those of the counters (metrics.ts). */
export const WIDE_SHIFT = 8;
export const UPTIME_BIT = 1 << 16;
export const DISCONTINUITY_BIT = 1 << 17;
export const SPEED_BIT = 1 << 18;

/** One entry a row of the table; a row whose key is '' is left out, for nothing says which interface it is. */
export interface InterfaceColumns {
  readonly keys: readonly string[];
  readonly atMs: Float64Array;
  readonly flags: Uint32Array;
  /** In the order of COUNTER_COLUMNS; 0 where absent. They may be the poll's own arrays. */
  readonly counters: readonly BigUint64Array[];
  readonly uptimeTicks: Uint32Array;
  readonly discontinuityTicks: Uint32Array;
  readonly monotonicMs: Float64Array;
  /** Whole numbers up to 2^53. */
  readonly speedBps: Float64Array;
  readonly adminStatus: Uint8Array;
  readonly operStatus: Uint8Array;
}

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

const TWO_TO_32 = 2 ** 32;
/** Which of the two words of a counter holds its lower half. */
const LOW = endianness() === 'LE' ? 0 : 1;

export function interfaceColumns(table: Table, clockOffsetMs: number): InterfaceColumns {
  const rows = table.index.length;
  const names = textsOf(table, 'interfaceKey');
  const found = emptyColumns(rows);
  // As the inventory has it, or nobody would find the series.
  const keys = table.index.map((_, row) => (table.segments.length === 0 ? '' : cleanKey(names?.[row] ?? '').trim()));
  fillClocks(found, table, clockOffsetMs);
  const discontinuities = numbersOf(table, 'ifCounterDiscontinuityTime');
  const speeds = numbersOf(table, 'ifSpeedBps');
  const admin = numbersOf(table, 'ifAdminStatus');
  const oper = numbersOf(table, 'ifOperStatus');
  for (let row = 0; row < rows; row += 1) {
    const ticks = ticksOrNull(discontinuities?.[row]);
    const speed = speeds?.[row] ?? 0;
    if (ticks !== null) {
      found.flags[row] = (found.flags[row] ?? 0) | DISCONTINUITY_BIT;
      found.discontinuityTicks[row] = ticks;
    }
    if (speed > 0 && speed <= Number.MAX_SAFE_INTEGER) {
      found.flags[row] = (found.flags[row] ?? 0) | SPEED_BIT;
      found.speedBps[row] = Math.round(speed);
    }
    found.adminStatus[row] = statusOf(admin?.[row]);
    found.operStatus[row] = statusOf(oper?.[row]);
  }
  const counters = OBJECTS.map(([wide, narrow], bit) =>
    counterOf(countersOf(table, wide), narrow === null ? undefined : countersOf(table, narrow), bit, found.flags),
  );
  return { ...found, keys, counters };
}

/** The same, row by row. */
export function* interfaceRows(table: Table, clockOffsetMs: number): Generator<InterfaceRow> {
  const columns = interfaceColumns(table, clockOffsetMs);
  for (const [row, interfaceKey] of columns.keys.entries()) {
    if (interfaceKey === '') continue;
    yield {
      interfaceKey,
      atMs: columns.atMs[row] ?? 0,
      flags: columns.flags[row] ?? 0,
      counters: columns.counters.map((values) => values[row] ?? 0n),
      uptimeTicks: columns.uptimeTicks[row] ?? 0,
      discontinuityTicks: columns.discontinuityTicks[row] ?? 0,
      monotonicMs: columns.monotonicMs[row] ?? 0,
      speedBps: BigInt(columns.speedBps[row] ?? 0),
      adminStatus: columns.adminStatus[row] ?? 0,
      operStatus: columns.operStatus[row] ?? 0,
    };
  }
}

/** Writes a whole number of up to 2^53, negative ones too, as the two words of an integer of 64 bits. */
export function writeWords(words: Uint32Array, place: number, value: number): void {
  const high = Math.floor(value / TWO_TO_32);
  words[place * 2 + LOW] = value - high * TWO_TO_32;
  words[place * 2 + 1 - LOW] = high;
}

/** In one piece of memory: there is one for each table of each poll. */
function emptyColumns(rows: number): Omit<InterfaceColumns, 'keys' | 'counters'> {
  const memory = new ArrayBuffer(rows * (3 * 8 + 3 * 4 + 2));
  const [numbers, words] = [rows * 8, rows * 4];
  const wordsFrom = 3 * numbers;
  const octetsFrom = wordsFrom + 3 * words;
  return {
    atMs: new Float64Array(memory, 0, rows),
    monotonicMs: new Float64Array(memory, numbers, rows),
    speedBps: new Float64Array(memory, 2 * numbers, rows),
    flags: new Uint32Array(memory, wordsFrom, rows),
    uptimeTicks: new Uint32Array(memory, wordsFrom + words, rows),
    discontinuityTicks: new Uint32Array(memory, wordsFrom + 2 * words, rows),
    adminStatus: new Uint8Array(memory, octetsFrom, rows),
    operStatus: new Uint8Array(memory, octetsFrom + rows, rows),
  };
}

/** Rows that came in one answer have its clocks. */
function fillClocks(found: Omit<InterfaceColumns, 'keys' | 'counters'>, table: Table, clockOffsetMs: number): void {
  for (const [at, segment] of table.segments.entries()) {
    const to = table.segments[at + 1]?.firstRow ?? table.index.length;
    found.atMs.fill(observedAt(segment, clockOffsetMs), segment.firstRow, to);
    found.monotonicMs.fill(segment.monotonicMs, segment.firstRow, to);
    const ticks = ticksOrNull(segment.uptimeTicks);
    if (ticks === null) continue;
    found.uptimeTicks.fill(ticks, segment.firstRow, to);
    found.flags.fill(UPTIME_BIT, segment.firstRow, to);
  }
}

/** Sets the bits of what is there; the column itself where all of it is. */
function counterOf(
  wide: CounterColumn | undefined,
  narrow: CounterColumn | undefined,
  bit: number,
  flags: Uint32Array,
): BigUint64Array {
  const rows = flags.length;
  const whole = wide ?? narrow;
  if (whole !== undefined && !whole.present.includes(0)) {
    const bits = bitsOf(bit, whole.width);
    for (let row = 0; row < rows; row += 1) flags[row] = (flags[row] ?? 0) | bits;
    return whole.values;
  }
  const values = new BigUint64Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const column = wide?.present[row] === 1 ? wide : narrow?.present[row] === 1 ? narrow : undefined;
    if (column === undefined) continue;
    values[row] = column.values[row] ?? 0n;
    flags[row] = (flags[row] ?? 0) | bitsOf(bit, column.width);
  }
  return values;
}

function bitsOf(bit: number, width: 32 | 64): number {
  return (1 << bit) | (width === 64 ? 1 << (WIDE_SHIFT + bit) : 0);
}

/** Values of ifAdminStatus and ifOperStatus begin at 1; 0 is absent. */
function statusOf(value: number | undefined): number {
  return value !== undefined && Number.isInteger(value) && value > 0 && value < 256 ? value : 0;
}
