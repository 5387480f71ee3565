// Notices a device that renews its counters only every few seconds: polled faster, it shows nothing, nothing, and then three times too much.
import type { DurationMs } from '../../common/model/time.ts';
import type { ReadTable } from '../snmp/table-reader.ts';

/** The octet counters of all interfaces in one poll, folded: two polls with the same `hash` had the same counters. */
export interface CounterPrint {
  readonly hash: number;
  /** The sum of the low 32 bits, so that a difference is what moved, modulo 2^32. */
  readonly lowSum: number;
  readonly rows: number;
  readonly uptimeTicks: number | null;
  readonly monotonicMs: number;
}

export interface RefreshState {
  readonly last: CounterPrint | null;
  /** Polls since the counters last moved; null before they did. */
  readonly stillPolls: number | null;
  /** Of the last moves: after how many polls each came. */
  readonly gaps: readonly number[];
  /** The interval is so many times the configured one. */
  readonly multiple: number;
  /** When it was widened. */
  readonly sinceMs: number;
}

export const UNOBSERVED: RefreshState = { last: null, stillPolls: null, gaps: [], multiple: 1, sinceMs: 0 };

/** No interval is widened beyond it: a percentile contract wants a poll a minute. */
export const WIDEST_MS = 60_000;
/** Moves after equal waits that it takes to be sure. */
const MOVES_TO_BE_SURE = 8;
/**
 * What must move at once: below is the small talk of an idle device (LLDP, spanning tree, our own polls), which has a period too. A device that
 * carries so much in a few seconds carries something in each of them, so that standing still is the counters' doing.
 */
const LEAST_OCTETS = 65_536;
/** After this time at the wider interval the device is looked at anew, with the configured one. */
const LOOK_AGAIN_MS = 3_600_000;

/** Whether watching can lead to anything: at a minute or more there is nothing to widen. */
export function worthWatching(intervalMs: DurationMs): boolean {
  return intervalMs * 2 <= WIDEST_MS;
}

/**
 * After a complete poll at its regular turn. A poll in which nothing moved counts as standing still only where sysUpTime moved on; where counters
 * never move there is no period, so an idle device keeps its interval; a restart, other rows and irregular moves begin anew.
 */
export function observeRefresh(state: RefreshState, seen: CounterPrint, intervalMs: DurationMs): RefreshState {
  if (state.multiple > 1) {
    return seen.monotonicMs - state.sinceMs < LOOK_AGAIN_MS ? state : { ...UNOBSERVED, last: seen };
  }
  const { last } = state;
  const anew: RefreshState = { ...UNOBSERVED, last: seen };
  if (last === null || last.rows !== seen.rows || seen.rows === 0) return anew;
  if (seen.uptimeTicks === null || last.uptimeTicks === null || seen.uptimeTicks <= last.uptimeTicks) return anew;
  const elapsedMs = seen.monotonicMs - last.monotonicMs;
  if (elapsedMs < intervalMs / 2 || elapsedMs > intervalMs * 1.5) return anew;
  if (seen.hash === last.hash) {
    return { ...state, last: seen, stillPolls: state.stillPolls === null ? null : state.stillPolls + 1 };
  }
  if ((seen.lowSum - last.lowSum) >>> 0 < LEAST_OCTETS) return anew;
  if (state.stillPolls === null) return { ...state, last: seen, stillPolls: 0 };
  const gaps = [...state.gaps, state.stillPolls + 1].slice(-MOVES_TO_BE_SURE);
  const multiple = multipleOf(gaps, intervalMs);
  if (multiple === 1) return { ...state, last: seen, stillPolls: 0, gaps };
  return { last: seen, stillPolls: null, gaps: [], multiple, sinceMs: seen.monotonicMs };
}

/** Equal waits but for one poll, each with at least one poll in which nothing moved. */
function multipleOf(gaps: readonly number[], intervalMs: DurationMs): number {
  if (gaps.length < MOVES_TO_BE_SURE) return 1;
  const [least, most] = [Math.min(...gaps), Math.max(...gaps)];
  if (least < 2 || most - least > 1) return 1;
  return most * intervalMs <= WIDEST_MS ? most : 1;
}

const OCTETS = /^if(HC)?(In|Out)Octets$/;
const FNV_PRIME = 0x01000193;
const FNV_BASIS = 0x811c9dc5;

/** Of a table that was read whole; null where it was not. */
export function printOf(read: ReadTable): CounterPrint | null {
  const segment = read.segments.at(-1);
  if (!read.complete || segment === undefined) return null;
  let hash = FNV_BASIS;
  let lowSum = 0;
  for (const column of read.columns) {
    if (column.kind !== 'counter' || !OCTETS.test(column.name)) continue;
    const halves = new Uint32Array(column.values.buffer, column.values.byteOffset, column.values.length * 2);
    for (let at = 0; at < halves.length; at += 1) {
      const half = halves[at] ?? 0;
      hash = Math.imul(hash ^ half, FNV_PRIME) >>> 0;
      if (at % 2 === 0) lowSum = (lowSum + half) >>> 0;
    }
  }
  const { uptimeTicks, monotonicMs } = segment;
  return { hash, lowSum, rows: read.index.length, uptimeTicks, monotonicMs };
}
