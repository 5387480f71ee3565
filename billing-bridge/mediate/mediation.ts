// The ports of mediation: the run that turns readings into usage, the book of usage that others read, and the proof that both agree.
import type { Queryable } from '../../common/database/database.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { MeterReading, MeterReadingsAnswer, ReadingsAnswer } from '../../common/wire/reading-page.ts';
import type { Meter, UsageReader, UsageRecord } from './usage.ts';

/** Where readings are pulled from. */
export interface ReadingsSource {
  /** Throws collector_unreachable, or the collector's own refusal. */
  after(cursor: string | null, limit: number, signal?: AbortSignal): Promise<ReadingsAnswer>;
  ofMeter(query: {
    readonly meter: number;
    readonly fromMs: EpochMs;
    readonly toMs: EpochMs;
    readonly withNeighbours: boolean;
    readonly cursor: string | null;
    readonly limit: number;
  }): Promise<MeterReadingsAnswer>;
}

export interface MediationSummary {
  readonly pages: number;
  /** Records written, new versions included. */
  readonly records: number;
  readonly corrected: number;
  /** Kept aside by the collector, as of the last answer. */
  readonly quarantined: number;
}

export interface Mediation {
  /** Pulls and mediates until nothing is new; every effect is one transaction with the cursor, under the fence (throws lease_lost). Again, twice, or after a crash anywhere: the same records. */
  run(
    fence: (connection: Queryable) => Promise<void>,
    signal?: AbortSignal,
    progress?: (pages: number) => void,
  ): Promise<MediationSummary>;
}

/** A port for as long as somebody holds it; toMs null: still. */
export interface HeldPort {
  readonly device: string;
  readonly interfaceKey: string;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs | null;
}

export interface UsageQuery {
  /** Only buckets that begin while one of these ports was held; null: all. */
  readonly held: readonly HeldPort[] | null;
  readonly meter: number | null;
  readonly device: string | null;
  readonly interfaceKey: string | null;
  /** Of bucketStartMs, half-open. */
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** All versions, or only the newest of each bucket. */
  readonly versions: 'latest' | 'all';
  readonly cursor: string | null;
  readonly limit: number;
}

export interface UsagePage {
  readonly items: readonly UsageRecord[];
  readonly next: string | null;
}

/** What is held back: octets above line rate with why, and lost spans, which have no quantity. */
export interface SuspenseItem {
  readonly meter: Meter;
  readonly reason: 'implausible' | 'lost';
  /** Why an epoch ended, for lost. */
  readonly end: string | null;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** Decimal; null for lost. */
  readonly octets: string | null;
}

/** What somebody asks to believe: the span that is held back of a meter, by its end. */
export interface SuspenseRelease {
  readonly meter: number;
  readonly toMs: EpochMs;
  readonly reason: string;
  readonly by: { readonly name: string; readonly role: string };
}

export interface ReleasedSuspense {
  readonly number: bigint;
  readonly meter: Meter;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly octets: string;
  readonly reason: string;
  readonly by: string;
  readonly atMs: EpochMs;
}

export interface SuspenseDecisions {
  /** Mediates the span again without the bound of line rate. Throws not_found, suspense_not_releasable, readings_gone or collector_unreachable. */
  release(request: SuspenseRelease): Promise<ReleasedSuspense>;
  /** The newest first. */
  released(query: { readonly beforeNumber: bigint | null; readonly limit: number }): Promise<ReleasedSuspense[]>;
}

export interface UsageCounts {
  readonly records: bigint;
  readonly meters: number;
  readonly lastBucketStartMs: EpochMs | null;
}

/** What mediation knows about how far usage can be trusted (the gates of a bill run ask it). */
export interface UsageBook extends UsageReader {
  page(query: UsageQuery): Promise<UsagePage>;
  counts(): Promise<UsageCounts>;
  /** Where the first bucket that there is begins; null where there is none. */
  begin(): Promise<EpochMs | null>;
  suspense(query: { readonly cursor: string | null; readonly limit: number }): Promise<{
    readonly items: readonly SuspenseItem[];
    readonly next: string | null;
  }>;
  /** Octets of every meter in the span, newest versions, largest first. */
  totals(fromMs: EpochMs, toMs: EpochMs): Promise<readonly { readonly meter: Meter; readonly octets: bigint }[]>;
  conservation(
    meters: readonly number[],
    fromMs: EpochMs,
    toMs: EpochMs,
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
  quarantined(): Promise<number>;
  unsoundClocks(
    meters: readonly number[],
    fromMs: EpochMs,
    toMs: EpochMs,
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface UsageDifference {
  /** conservation: an epoch whose records do not add up; record: mediating the readings again gives another record; missing: a record that should be there; sealed: a block from which bills are made says something else than its records. */
  readonly kind: 'conservation' | 'record' | 'missing' | 'sealed';
  readonly meter: number;
  readonly device: string;
  readonly interfaceKey: string;
  readonly direction: 'in' | 'out';
  readonly atMs: EpochMs;
  readonly expected: string;
  readonly found: string;
}

export interface UsageReconciliation {
  readonly meters: number;
  readonly readings: number;
  readonly records: number;
  readonly octets: {
    readonly good: string;
    readonly wrapped: string;
    readonly gap: string;
    readonly suspended: string;
  };
  readonly lostSpans: number;
  readonly differences: readonly UsageDifference[];
}

export interface UsageProof {
  /** Reads the raw readings again, mediates them anew, and holds the outcome against every record with bucketStart in [fromMs, toMs) that is final. Writes nothing. */
  reconcile(fromMs: EpochMs, toMs: EpochMs): Promise<UsageReconciliation>;
}

export type { MeterReading };
