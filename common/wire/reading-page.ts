// What the bridge pulls from the collector: the raw counters of one table of one device poll, packed, with their clocks and their source.
// JSON on the wire; `values` is base64 of little-endian uint64, column after column, `present` base64 of one byte a value.
import type { Integration, MeterClass } from '../model/meter-class.ts';
import type { EpochMs } from '../model/time.ts';

/** The columns of a page, in this order; a value of meter (row, direction) stands at column * rows + row. */
export const PAGE_COLUMNS = ['in', 'out', 'discontinuity'] as const;

/** One interface, or another thing that is metered, of a layout: row i of every page that names the layout. */
export interface LayoutRow {
  /** Negative for what is no interface's octets. */
  readonly interfaceId: number;
  /** Identity inside the device (common/model/interface-identity.ts): what contracts bind. */
  readonly interfaceKey: string;
  readonly ifIndex: string;
  readonly ifName: string;
  readonly ifAlias: string;
  /** bit/s as the device stated it, in decimal; null where it said none. */
  readonly speedBps: string | null;
  /**
   * The meters of this row: permanent ids of (interface, class, direction). Of a gauge `in` is its integral with the last value held,
   * `out` by trapezoids (common/model/meter-class.ts); of a counter without a direction `out` is 0: there is none.
   */
  readonly meters: { readonly in: number; readonly out: number };
  /** Width of both octet counters in this layout. A change of width is a new layout. */
  readonly width: 32 | 64;
  /** What the meters measure; absent: octets. `speedBps` of another counter is eight times the most base units in a second that are believed. */
  readonly class?: MeterClass;
}

/** Which rows a device's pages have; immutable, a change makes a new one. */
export interface Layout {
  readonly id: number;
  readonly device: string;
  readonly rows: readonly LayoutRow[];
}

/** [firstRow, observedAtMs, monotonicMs, uptimeTicks]: see Segment in common/model/poll.ts; observedAtMs is offset-corrected UTC. */
export type PageSegment = readonly [number, EpochMs, number, number | null];

export interface ReadingPage {
  readonly journal: string;
  readonly position: number;
  /** Place inside the batch. */
  readonly ordinal: number;
  readonly agent: string;
  readonly incarnation: string;
  readonly sequence: number;
  /** SHA-256 of the batch as it arrived, hexadecimal: evidence. */
  readonly batchSha256: string;
  readonly device: string;
  readonly layout: number;
  readonly processId: string;
  readonly intervalMs: number;
  /** False where the agent's clock was more than 2 s off: a gate of the bill run. */
  readonly clockSound: boolean;
  readonly segments: readonly PageSegment[];
  readonly values: string;
  readonly present: string;
}

/** GET /api/v1/readings?after=CURSOR */
export interface ReadingsAnswer {
  readonly items: readonly ReadingPage[];
  /** Every layout that `items` names. */
  readonly layouts: readonly Layout[];
  /** Opaque; equal to the cursor sent when there was nothing new. */
  readonly next: string;
  /** True when more can be read at once. */
  readonly more: boolean;
  /** Device name → time up to which its polls are complete or reported as gaps, as of the cursor `next`; empty while there is `more`. */
  readonly watermarks: Readonly<Record<string, EpochMs>>;
  /** Batches kept but unreadable: a gate of the bill run. */
  readonly quarantined: number;
}

/** One reading of one meter with everything that `difference` needs and the batch it came in: evidence. */
export interface MeterReading {
  readonly meter: number;
  /** ISO 8601 UTC, offset-corrected. */
  readonly observedAt: string;
  /** The raw counter, decimal. */
  readonly value: string;
  readonly width: 32 | 64;
  /** Of a gauge: which integral this meter is. */
  readonly integration?: Integration;
  readonly uptimeTicks: number | null;
  readonly discontinuityTicks: number | null;
  readonly monotonicMs: number;
  readonly processId: string;
  readonly intervalMs: number;
  /** As the device stated it then, decimal; null where it said none. */
  readonly speedBps: string | null;
  readonly clockSound: boolean;
  readonly agent: string;
  readonly incarnation: string;
  readonly sequence: number;
  readonly batchSha256: string;
  readonly journal: string;
  readonly position: number;
  readonly ordinal: number;
}

/** GET /api/v1/readings?meter=&from=&to=: ordered by time; `next` null at the end. */
export interface MeterReadingsAnswer {
  readonly items: readonly MeterReading[];
  readonly next: string | null;
}

/** Packs values for a page; null is absent. */
export function packValues(values: readonly (bigint | null)[]): { values: string; present: string } {
  const words = Buffer.alloc(values.length * 8);
  const present = Buffer.alloc(values.length);
  values.forEach((value, at) => {
    if (value === null) return;
    words.writeBigUInt64LE(value, at * 8);
    present[at] = 1;
  });
  return { values: words.toString('base64'), present: present.toString('base64') };
}

/** The inverse; throws RangeError where the two lengths do not fit `count`. */
export function unpackValues(values: string, present: string, count: number): (bigint | null)[] {
  const words = Buffer.from(values, 'base64');
  const flags = Buffer.from(present, 'base64');
  if (words.length !== count * 8 || flags.length !== count)
    throw new RangeError('page does not hold what its layout says');
  return Array.from({ length: count }, (_, at) => (flags[at] === 1 ? words.readBigUInt64LE(at * 8) : null));
}
