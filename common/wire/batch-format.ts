// The form of a batch on the wire and on the disk, version 2 (version 1, without events, is still read): columnar, with one table of texts a batch, compressed.
//
//   "WEIR" | version u8 | flags u8 (bit 0: gzip) | length of the body u32 LE | body
//
//   body    texts: count, {length, UTF-8}*              every other text is a place in it
//           agent, incarnation, sequence, created, flags (bit 0: thinned)
//           gaps: count, {first, last, reason}*
//           watermarks: count, {device, signed ms from created}*
//           polls: count, poll*
//           events: count, event*                                     (not in version 1)
//   poll    device, processId, started, finished (signed ms from created), intervalMs, outcome u8, failure (0 none, else place+1),
//           requests, retries, tables: count, table*
//   table   name u8, complete u8, rows, index text*, segments: count, {firstRow, sent, received (signed ms from created),
//           monotonic float64, uptime (0 none, else ticks+1)}*, columns: count, column*
//   event   id, device (0 none, else place+1), source (likewise), origin u8, name, observed (signed ms from created),
//           uptime (0 none, else ticks+1), interfaceKey (0 none, else place+1), details: count, {name, value}*
//   column  kind u8, name, then
//           counter: width u8 (4 or 8), presence (1 all | 0 and one byte a row), rows × width bytes LE
//           number:  form u8 (0 int32 LE with -2^31 as absent | 1 float64 LE), rows × values
//           text:    rows × (0 absent, else place+1)
//
// Integers are varints. Counters stand as plain little-endian words: they are read as fast as memory, and gzip finds what repeats.
import type { Poll, Segment, TableName } from '../model/poll.ts';
import type { ListBound } from './bytes.ts';

export const MAGIC = Buffer.from('WEIR', 'latin1');
export const VERSION = 2;
export const OLDEST_VERSION = 1;
export const HEADER_BYTES = 10;
export const FLAG_GZIP = 1;
/**
 * What a reader believes at most, and so what a writer may write. An agent gathers 100 polls or about 2 MiB; what may be larger is one
 * device: 100,000 interfaces with their names are 50 MB, and 107 MB once they are read (measured).
 */
export const BATCH_LIMITS = { bodyBytes: 64 * 1024 * 1024, memoryBytes: 128 * 1024 * 1024 } as const;
export const GAPS: ListBound = { least: 3, most: 10_000, memory: 64 };
export const WATERMARKS: ListBound = { least: 2, most: 10_000, memory: 64 };
export const POLLS: ListBound = { least: 10, most: 1000, memory: 200 };
export const TABLE_LIST: ListBound = { least: 5, most: 64, memory: 200 };
export const ROWS: ListBound = { least: 1, most: 1_000_000, memory: 8 };
export const SEGMENTS: ListBound = { least: 12, most: 1_000_000, memory: 100 };
export const EVENTS: ListBound = { least: 9, most: 10_000, memory: 300 };
export const COLUMNS: ListBound = { least: 2, most: 256, memory: 400 };

export const TABLES: readonly TableName[] = [
  'system',
  'interface',
  'interface-inventory',
  'processor',
  'memory',
  'sensor',
  'neighbour',
  'entity',
  'storage',
  'bgp-peer',
  'outlet',
];
export const OUTCOMES: readonly Poll['outcome'][] = ['complete', 'partial', 'failed'];

/** What is wrong with the segments of a table; null where nothing is. */
export function segmentsProblem(segments: readonly Segment[], rows: number): string | null {
  if (rows > 0 && segments[0]?.firstRow !== 0) return 'its first row has no segment';
  let next = 0;
  for (const { firstRow, monotonicMs, uptimeTicks } of segments) {
    if (firstRow < next || firstRow >= Math.max(1, rows)) return 'its segments are out of order';
    if (!Number.isFinite(monotonicMs) || (uptimeTicks ?? 0) >= 2 ** 32) return 'a clock is out of range';
    next = firstRow + 1;
  }
  return null;
}
