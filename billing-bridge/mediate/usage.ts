// What mediation leaves for rating: usage records, and the port that reads them.
import type { MeterClass } from '../../common/model/meter-class.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { UsageColumns, UsageOctets } from '../../common/model/usage-columns.ts';

/** The readings a record came from: those of the meter from the first time to the last, both included, at the collector. */
export interface UsageEvidence {
  /** The epoch of the first of them, named by the time of its own first reading. */
  readonly epoch: bigint;
  readonly firstReadingAtMs: EpochMs;
  readonly lastReadingAtMs: EpochMs;
}

/** What one meter moved in one bucket of the UTC grid; (meter, bucketStartMs, version) is unique for ever. */
export interface UsageRecord {
  /** Grows in commit order. */
  readonly serial: bigint;
  readonly meter: number;
  readonly bucketStartMs: EpochMs;
  readonly bucketMs: DurationMs;
  readonly version: number;
  readonly octets: UsageOctets;
  /** Time of the bucket covered by spans whose octets are rated (suspended ones are not); of it, time inside gap spans; and time of lost spans. */
  readonly coveredMs: DurationMs;
  readonly gapMs: DurationMs;
  readonly lostMs: DurationMs;
  readonly evidence: UsageEvidence;
}

/** Buckets of one meter in one cell of a grid for which there are new records. */
export interface TouchedCell {
  readonly meter: number;
  /** Where the first and the last of them begin. */
  readonly firstMs: EpochMs;
  readonly lastMs: EpochMs;
}

/** Usage of a meter whose buckets begin in [fromMs, toMs). */
export interface UsageSpan {
  readonly meter: number;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

export interface TouchedUsage {
  readonly records: number;
  /** Of the last of the records; null where there are none. */
  readonly lastSerial: bigint | null;
  readonly cells: readonly TouchedCell[];
}

export interface Meter {
  readonly id: number;
  readonly device: string;
  readonly interfaceKey: string;
  /** Of a gauge not a direction: `in` is its integral with the last value held, `out` by trapezoids. */
  readonly direction: 'in' | 'out';
  /** Absent: octets. */
  readonly class?: MeterClass;
}

/** Readings that were mediated at a time: of each journal up to a place, and decisions on suspense up to a number. */
export interface StoredReadings {
  /** [position, ordinal] of the last page of each journal. */
  readonly journals: Readonly<Record<string, readonly [number, number]>>;
  readonly releases: number;
}

export interface UsageReader {
  /** The newest version of each record of the meters with bucketStart in [from, to), ordered by meter and bucket. */
  latest(meters: readonly number[], fromMs: EpochMs, toMs: EpochMs): Promise<UsageRecord[]>;
  /** The same in columns, by meter: one for each meter that has records there, over all buckets that begin in [from, to). */
  columns(
    meters: readonly number[],
    fromMs: EpochMs,
    toMs: EpochMs,
    /** As it was when no later record was stored; absent: as it is. */
    storedUntil?: bigint,
  ): Promise<ReadonlyMap<number, UsageColumns>>;
  /** The serial of the last record that is stored; null where that is not told. */
  storedUntil?(): Promise<bigint | null>;
  /** Which readings it was made from; null where that is not told. */
  storedReadings?(): Promise<StoredReadings | null>;
  /** Where usage of the spans lies, told by cells of `cellMs` on the UTC grid. */
  cellsIn(spans: readonly UsageSpan[], cellMs: DurationMs): Promise<TouchedCell[]>;
  /** Where the first `limit` records with a serial above it lie, told by cells of `cellMs` on the UTC grid. */
  touchedAfter(serial: bigint, limit: number, cellMs: DurationMs): Promise<TouchedUsage>;
  /** Records with a serial above it, in serial order, at most `limit`. */
  changedAfter(serial: bigint, limit: number): Promise<UsageRecord[]>;
  /** Buckets that start before this time are final for the meter; absent where the meter has none. */
  finalUntil(meters: readonly number[]): Promise<ReadonlyMap<number, EpochMs>>;
  /** Time of the last reading of each, at the collector; absent where none is known. */
  lastSeen(meters: readonly number[]): Promise<ReadonlyMap<number, EpochMs>>;
  /** Up to where usage of any meter is final: how far mediation has come; null before its first reading. */
  readUntil(): Promise<EpochMs | null>;
  /** The octet meters of an interface, or null where none was ever read. */
  metersOf(device: string, interfaceKey: string): Promise<{ readonly in: Meter; readonly out: Meter } | null>;
  /** Every meter known, of octets and of everything else. */
  allMeters(): Promise<Meter[]>;
}
