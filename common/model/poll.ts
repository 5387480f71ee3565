// One visit to one device: what the agent saw, exactly as the device said it, and when. Nothing here is a rate or a delta.
import type { DurationMs, EpochMs } from './time.ts';

/**
 * complete: every table was read to its end. partial: at least one table was cut short or one row did not come.
 * failed: nothing could be read; `failure` says why.
 */
export type PollOutcome = 'complete' | 'partial' | 'failed';

/** The tables a poll may carry; each is keyed by `index` (for interfaces the ifIndex in decimal). */
export type TableName =
  | 'system' // one row, index '0': sysName, sysDescr, sysObjectID, sysLocation, sysContact, vendor, model, os, version, serial, profile
  | 'interface' // counters and status, every poll
  | 'interface-inventory' // names, types, speeds: after a (re)start, a reboot, a change of ifTableLastChange, hourly
  | 'processor'
  | 'memory'
  | 'sensor'
  | 'neighbour'
  | 'entity' // physical components (RFC 6933): class, description, name, model, serial, hardware, firmware, software, containedIn
  | 'storage' // file systems: description, totalBytes, usedBytes
  | 'bgp-peer' // index = remote address: remoteAddress, localAddress, remoteAs, localAs, state, adminStatus, establishedSeconds
  | 'outlet'; // of a power distribution unit: description, state, currentAmperes, voltageVolts, powerWatts, energyWattHours

/** A column of unsigned counters (RFC 2578 §7.1.6, §7.1.10). `present[i]` is 1 where the device gave row i a value. */
export interface CounterColumn {
  readonly kind: 'counter';
  readonly name: string;
  readonly width: 32 | 64;
  readonly values: BigUint64Array;
  readonly present: Uint8Array;
}

/** A column of signed or unsigned 32-bit integers, TimeTicks, or scaled sensor values. Absent is NaN. */
export interface NumberColumn {
  readonly kind: 'number';
  readonly name: string;
  readonly values: Float64Array;
}

/** A column of text. Bytes that are not UTF-8 arrive decoded as Latin-1; MAC addresses as lower-case hex with colons. Absent is null. */
export interface TextColumn {
  readonly kind: 'text';
  readonly name: string;
  readonly values: readonly (string | null)[];
}

export type Column = CounterColumn | NumberColumn | TextColumn;

/**
 * Rows that came in one response: the clocks below were read in the same request as the counters of its rows.
 * A row belongs to the last segment whose `firstRow` is not above it.
 */
export interface Segment {
  readonly firstRow: number;
  /** The agent's wall clock when the request left and when its answer came. */
  readonly sentAtMs: EpochMs;
  readonly receivedAtMs: EpochMs;
  /** The agent's monotonic clock in the middle of the two; only comparable under one `processId`. */
  readonly monotonicMs: number;
  /** sysUpTime of the device in the same response, hundredths of a second; null where it did not come. */
  readonly uptimeTicks: number | null;
}

export interface Table {
  readonly name: TableName;
  readonly complete: boolean;
  readonly index: readonly string[];
  readonly segments: readonly Segment[];
  readonly columns: readonly Column[];
}

export interface Poll {
  /** The configured name of the device: its identity in all of Weir. */
  readonly device: string;
  readonly startedAtMs: EpochMs;
  readonly finishedAtMs: EpochMs;
  /** Random id of the agent's process: the domain of `monotonicMs`. */
  readonly processId: string;
  /** The interval at which this device is meant to be polled. */
  readonly intervalMs: DurationMs;
  readonly outcome: PollOutcome;
  /** Code of the first error of a failed or partial poll. */
  readonly failure: string | null;
  readonly requests: number;
  readonly retries: number;
  readonly tables: readonly Table[];
}

/** Interface counters of the base profile, by MIB object name (RFC 2863). The 32-bit twin is sent only where the 64-bit one does not exist. */
export const OCTET_COUNTERS = {
  in: { wide: 'ifHCInOctets', narrow: 'ifInOctets' },
  out: { wide: 'ifHCOutOctets', narrow: 'ifOutOctets' },
} as const;

export type Direction = keyof typeof OCTET_COUNTERS;

/** UTC of a row: the middle of sending and receiving, less the agent's measured clock offset (DESIGN: time). */
export function observedAt(segment: Segment, clockOffsetMs: number): EpochMs {
  return Math.round((segment.sentAtMs + segment.receivedAtMs) / 2 - clockOffsetMs);
}

/** The column of that name, or undefined. */
export function columnOf(table: Table, name: string): Column | undefined {
  return table.columns.find((column) => column.name === name);
}

/** The counter in a row, or null where the device gave none. */
export function counterAt(column: CounterColumn, row: number): bigint | null {
  return column.present[row] === 1 ? (column.values[row] ?? null) : null;
}

/** The segment a row came in; a table with rows has at least one segment, the first at row 0. */
export function segmentOf(table: Table, row: number): Segment {
  let found = table.segments[0];
  for (const segment of table.segments) if (segment.firstRow <= row) found = segment;
  if (found === undefined) throw new Error('BUG: a table with rows has no segment');
  return found;
}
