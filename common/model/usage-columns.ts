// Usage of meters in columns, as rating adds and ranks it, and how columns are filled: from single records, or from whole blocks.
import type { DurationMs, EpochMs } from './time.ts';

/** Octets of one bucket by how they are known; exact. Suspended octets are not rated until released. */
export interface UsageOctets {
  readonly good: bigint;
  readonly wrapped: bigint;
  /** Exact octets whose shape inside a longer span is unknown: billed by volume, left to the contract's gap rule by percentile. */
  readonly gap: bigint;
  readonly suspended: bigint;
}

/** Usage of many meters, column by column: a month of a port is 8,928 records, and rating only adds and ranks. Each meter has its stretch of every column. */
export interface UsageTable {
  readonly bucketMs: DurationMs;
  /** 0 where a bucket has no record. */
  readonly versions: Int32Array;
  /** Octets, exact: NaN where a double cannot hold those of a record, which are in `large` then. */
  readonly good: Float64Array;
  readonly wrapped: Float64Array;
  readonly gap: Float64Array;
  readonly suspended: Float64Array;
  readonly coveredMs: Int32Array;
  readonly gapMs: Int32Array;
  readonly lostMs: Int32Array;
  /** By place in the columns. */
  readonly large: ReadonlyMap<number, UsageOctets>;
}

/** The newest records of one meter over a run of buckets: places [offset, offset + count) of a table. */
export interface UsageColumns {
  readonly meter: number;
  readonly table: UsageTable;
  readonly offset: number;
  readonly count: number;
  /** Where the first bucket begins. */
  readonly firstMs: EpochMs;
  /** The highest serial among them; 0 where there is none. */
  readonly lastSerial: bigint;
}

/** What columns are filled with. */
export interface RecordedUsage {
  readonly serial: bigint;
  readonly meter: number;
  readonly bucketStartMs: EpochMs;
  readonly version: number;
  readonly octets: UsageOctets;
  readonly coveredMs: DurationMs;
  readonly gapMs: DurationMs;
  readonly lostMs: DurationMs;
}

const OCTETS = ['good', 'wrapped', 'gap', 'suspended'] as const;
const MOST_EXACT = 2n ** 53n;

/** What the columns say of one bucket, with octets that a double holds exactly. */
export interface ColumnEntry {
  readonly version: number;
  readonly good: number;
  readonly wrapped: number;
  readonly gap: number;
  readonly suspended: number;
  readonly coveredMs: DurationMs;
  readonly gapMs: DurationMs;
  readonly lostMs: DurationMs;
}

interface MeterColumns extends UsageColumns {
  lastSerial: bigint;
}

/** What columns of these many places share while nothing but whole, good buckets is in them: most usage needs two fifths of the memory then. Nobody writes there. */
const SHARED_PLACES = 300_000;
const NO_OCTETS = new Float64Array(SHARED_PLACES);
const NO_TIME = new Int32Array(SHARED_PLACES);

/** One span of buckets for as many meters as were asked for: one array a column, however many meters there are. */
export class ColumnBuilder implements UsageTable {
  readonly bucketMs: DurationMs;
  readonly versions: Int32Array;
  readonly good: Float64Array;
  wrapped: Float64Array;
  gap: Float64Array;
  suspended: Float64Array;
  readonly coveredMs: Int32Array;
  gapMs: Int32Array;
  lostMs: Int32Array;
  readonly large = new Map<number, UsageOctets>();
  readonly columns = new Map<number, MeterColumns>();
  readonly #firstMs: EpochMs;
  readonly #count: number;
  /** Are all columns its own? */
  #whole = false;

  /** `meters`: at most; those without records take no part. */
  constructor(meters: number, firstMs: EpochMs, bucketMs: DurationMs, count: number) {
    const places = meters * count;
    this.#firstMs = firstMs;
    this.#count = count;
    this.bucketMs = bucketMs;
    this.versions = new Int32Array(places);
    this.good = new Float64Array(places);
    this.coveredMs = new Int32Array(places);
    this.wrapped = NO_OCTETS;
    this.gap = NO_OCTETS;
    this.suspended = NO_OCTETS;
    this.gapMs = NO_TIME;
    this.lostMs = NO_TIME;
    if (places > SHARED_PLACES) this.#makeWhole();
  }

  #makeWhole(): void {
    const places = this.good.length;
    this.wrapped = new Float64Array(places);
    this.gap = new Float64Array(places);
    this.suspended = new Float64Array(places);
    this.gapMs = new Int32Array(places);
    this.lostMs = new Int32Array(places);
    this.#whole = true;
  }

  ofMeter(meter: number): UsageColumns {
    const known = this.columns.get(meter);
    if (known !== undefined) return known;
    const [count, firstMs] = [this.#count, this.#firstMs];
    const made = { meter, table: this, offset: this.columns.size * count, count, firstMs, lastSerial: 0n };
    this.columns.set(meter, made);
    return made;
  }

  /** A whole, good bucket that was never corrected, as nearly all are. */
  putPlain(place: number, good: number): void {
    this.versions[place] = 1;
    this.good[place] = good;
    this.coveredMs[place] = this.bucketMs;
  }

  /** The same for places [first, past) whose octets are there already. */
  plainFrom(first: number, past: number): void {
    this.versions.fill(1, first, past);
    this.coveredMs.fill(this.bucketMs, first, past);
  }

  put(place: number, entry: ColumnEntry): void {
    if (!this.#whole) this.#makeWhole();
    this.versions[place] = entry.version;
    this.good[place] = entry.good;
    this.wrapped[place] = entry.wrapped;
    this.gap[place] = entry.gap;
    this.suspended[place] = entry.suspended;
    this.coveredMs[place] = entry.coveredMs;
    this.gapMs[place] = entry.gapMs;
    this.lostMs[place] = entry.lostMs;
  }

  /** Of several versions of a bucket, in any order, the newest stays. */
  putRecord(record: RecordedUsage): void {
    const { octets, meter } = record;
    const place = this.ofMeter(meter).offset + (record.bucketStartMs - this.#firstMs) / this.bucketMs;
    if (record.version < (this.versions[place] ?? 0)) return;
    const tooLarge = OCTETS.some((name) => octets[name] > MOST_EXACT);
    if (tooLarge) this.large.set(place, octets);
    else this.large.delete(place);
    const of = (name: (typeof OCTETS)[number]): number => (tooLarge ? Number.NaN : Number(octets[name]));
    const { version, coveredMs, gapMs, lostMs } = record;
    const doubles = { good: of('good'), wrapped: of('wrapped'), gap: of('gap'), suspended: of('suspended') };
    this.put(place, { version, coveredMs, gapMs, lostMs, ...doubles });
    this.sawSerial(meter, record.serial);
  }

  sawSerial(meter: number, serial: bigint): void {
    const own = this.columns.get(meter);
    if (own !== undefined && serial > own.lastSerial) own.lastSerial = serial;
  }
}

/** Columns of records as they are: newest versions, in any order. */
export function columnsOf(
  records: readonly RecordedUsage[],
  fromMs: EpochMs,
  toMs: EpochMs,
  bucketMs: DurationMs,
): ReadonlyMap<number, UsageColumns> {
  const firstMs = Math.ceil(fromMs / bucketMs) * bucketMs;
  const count = Math.max(0, Math.ceil((toMs - firstMs) / bucketMs));
  const meters = new Set(records.map((record) => record.meter)).size;
  const builder = new ColumnBuilder(meters, firstMs, bucketMs, count);
  for (const record of records) builder.putRecord(record);
  return builder.columns;
}
