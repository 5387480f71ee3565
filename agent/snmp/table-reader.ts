// The port through which the rest of the agent asks a device: tables and single values in plain terms, without OIDs as bytes, packets or retries.
import type { CounterColumn, NumberColumn, Segment, TextColumn } from '../../common/model/poll.ts';
import type { ErrorCode } from '../../common/runtime/error-table.ts';
import { oidOf, type Oid } from './oid.ts';
import type { SessionHealth, SessionTraffic } from './session.ts';
import type { ValueForm } from './value.ts';
import type { ChosenSize, TableMemory } from './walk-sizing.ts';

/** How a column is wanted: counters exact, numbers as doubles, the rest as text or number by its form. */
export type ColumnForm = 'counter32' | 'counter64' | 'number' | 'text' | ValueForm;

export interface ColumnRequest {
  readonly name: string;
  /** Dotted, without the index. */
  readonly oid: string;
  readonly form: ColumnForm;
}

/** A column of whatever type the device gives; null is absent. */
export interface ValueColumn {
  readonly kind: 'value';
  readonly name: string;
  readonly values: readonly (string | number | null)[];
}

export type ReadColumn = CounterColumn | NumberColumn | TextColumn | ValueColumn;

export interface TableRequest {
  /** Names the memory of sizes. */
  readonly name: string;
  readonly columns: readonly ColumnRequest[];
  /** Scalar objects (dotted, without `.0`) read beside sysUpTime in every request. */
  readonly beside?: readonly string[];
  readonly mostRows?: number;
  readonly signal?: AbortSignal;
  /** For a table that may take several visits; without it each reading begins anew. */
  readonly resume?: Resumption;
}

/**
 * What becomes of a reading that a deadline or silence cut short. whole: its rows stay, and the next reading of the table goes on after them.
 * rest: the next reading goes on too, but brings only what it reads itself. Not where it was begun more than `withinMs` ago.
 */
export interface Resumption {
  readonly how: 'whole' | 'rest';
  readonly withinMs: number;
  /** Begins anew whatever an earlier visit read; what this one leaves may be resumed. */
  readonly anew?: boolean;
}

/** What a reading with `resume` was. */
export interface TablePart {
  /** Whether it began with the first row, or went on. */
  readonly fromStart: boolean;
  /** Whether the last row was reached. */
  readonly toEnd: boolean;
  /** Rows that came in earlier visits. */
  readonly rowsBefore: number;
  /** A scalar beside changed while the table was read. */
  readonly besideChanged: boolean;
}

export interface ReadTable {
  readonly complete: boolean;
  readonly failure: ErrorCode | null;
  readonly index: readonly string[];
  readonly segments: readonly Segment[];
  readonly columns: readonly ReadColumn[];
  /** The scalars asked for beside, from the last answer; NaN where one did not come. */
  readonly beside: readonly number[];
  /** With `resume`. */
  readonly part?: TablePart;
}

export interface ScalarRequest {
  /** Dotted, with its instance. */
  readonly oid: string;
  readonly form: ValueForm;
}

export interface ScalarsRead {
  /** In the order asked for; null where the device has none. */
  readonly values: readonly (string | number | null)[];
  /** Times of the first request; `uptimeTicks` is null: ask for sysUpTime where it matters. */
  readonly segment: Segment | null;
}

/** One device as the poll sees it. What the device does wrong comes back in the results, never as a rejection; readScalars rejects when it is silent. */
export interface DeviceReader {
  /** Whether 64-bit counters can be had (not in version 1). */
  readonly wide: boolean;
  readonly traffic: SessionTraffic;
  readTable(request: TableRequest): Promise<ReadTable>;
  /** Rejects with the coded error of the session. */
  readScalars(requests: readonly ScalarRequest[], signal?: AbortSignal): Promise<ScalarsRead>;
  /** Asks for sysUpTime.0 once, without retries; rejects like readScalars. */
  probe(signal?: AbortSignal): Promise<void>;
  /** What was learnt of the sizes of a table, for whoever asks why. */
  memoryOf(table: string): TableMemory;
}

/** How one table was read, for whoever asks why a poll looked as it did. */
export interface WalkReport {
  readonly table: string;
  readonly columns: number;
  readonly rows: number;
  readonly requests: number;
  readonly durationMs: number;
  readonly complete: boolean;
  readonly failure: ErrorCode | null;
}

/** What the poll asks of a reader beyond what profiles do: it remembers and explains. */
export interface RememberingReader extends DeviceReader {
  readonly health: SessionHealth;
  /** The readings since this was last asked; those beyond a bound are left out. */
  takeWalks(): readonly WalkReport[];
  /** What the next reading of a table of so many columns begins with, and why. */
  sizeOf(table: string, columns: number): ChosenSize;
  /** What silence and tooBig have taught of tables: for the next life. */
  limits(): ReadonlyMap<string, TableMemory>;
  /** Takes over what another life learnt; before the first reading. */
  recall(limits: ReadonlyMap<string, TableMemory>): void;
}

/** Encoded OIDs by their text, shared by all devices: profiles name a few thousand at most. */
export class OidCache {
  static readonly mostOids = 20_000;
  readonly #known = new Map<string, Oid>();
  readonly #names = new Map<string, string>();

  /** The same text, once for all devices: names of tables are put together anew at each reading. */
  nameOf(text: string): string {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    if (this.#names.size < OidCache.mostOids) this.#names.set(text, text);
    return text;
  }

  of(text: string): Oid {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const oid = oidOf(text);
    if (this.#known.size < OidCache.mostOids) this.#known.set(text, oid);
    return oid;
  }
}
