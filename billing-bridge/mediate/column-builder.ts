// Usage columns while they are being filled: from single records, and from sealed blocks.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { UsageColumns, UsageOctets, UsageRecord } from './usage.ts';

const OCTETS = ['good', 'wrapped', 'gap', 'suspended'] as const;
const MOST_EXACT = 2n ** 53n;

/** What a column says of one bucket, with octets that a double holds exactly. */
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

export class ColumnBuilder implements UsageColumns {
  readonly meter: number;
  readonly firstMs: EpochMs;
  readonly bucketMs: DurationMs;
  readonly versions: Int32Array;
  readonly good: Float64Array;
  readonly wrapped: Float64Array;
  readonly gap: Float64Array;
  readonly suspended: Float64Array;
  readonly coveredMs: Int32Array;
  readonly gapMs: Int32Array;
  readonly lostMs: Int32Array;
  readonly large = new Map<number, UsageOctets>();
  lastSerial = 0n;

  constructor(meter: number, firstMs: EpochMs, bucketMs: DurationMs, count: number) {
    this.meter = meter;
    this.firstMs = firstMs;
    this.bucketMs = bucketMs;
    this.versions = new Int32Array(count);
    this.good = new Float64Array(count);
    this.wrapped = new Float64Array(count);
    this.gap = new Float64Array(count);
    this.suspended = new Float64Array(count);
    this.coveredMs = new Int32Array(count);
    this.gapMs = new Int32Array(count);
    this.lostMs = new Int32Array(count);
  }

  /** A whole, good bucket that was never corrected, as nearly all are. */
  putPlain(place: number, good: number): void {
    this.versions[place] = 1;
    this.good[place] = good;
    this.coveredMs[place] = this.bucketMs;
  }

  put(place: number, entry: ColumnEntry): void {
    this.versions[place] = entry.version;
    for (const name of OCTETS) this[name][place] = entry[name];
    this.coveredMs[place] = entry.coveredMs;
    this.gapMs[place] = entry.gapMs;
    this.lostMs[place] = entry.lostMs;
  }

  putRecord(record: Omit<UsageRecord, 'evidence' | 'bucketMs' | 'meter'>): void {
    const place = (record.bucketStartMs - this.firstMs) / this.bucketMs;
    const { octets } = record;
    const tooLarge = OCTETS.some((name) => octets[name] > MOST_EXACT);
    if (tooLarge) this.large.set(place, octets);
    const of = (name: (typeof OCTETS)[number]): number => (tooLarge ? Number.NaN : Number(octets[name]));
    this.put(place, {
      ...record,
      good: of('good'),
      wrapped: of('wrapped'),
      gap: of('gap'),
      suspended: of('suspended'),
    });
    this.sawSerial(record.serial);
  }

  sawSerial(serial: bigint): void {
    if (serial > this.lastSerial) this.lastSerial = serial;
  }
}

/** Columns of records as they are: newest versions, in any order. */
export function columnsOf(
  records: readonly UsageRecord[],
  fromMs: EpochMs,
  toMs: EpochMs,
  bucketMs: DurationMs,
): Map<number, ColumnBuilder> {
  const firstMs = Math.ceil(fromMs / bucketMs) * bucketMs;
  const count = Math.max(0, Math.ceil((toMs - firstMs) / bucketMs));
  const columns = new Map<number, ColumnBuilder>();
  for (const record of records) {
    let own = columns.get(record.meter);
    if (own === undefined) {
      own = new ColumnBuilder(record.meter, firstMs, bucketMs, count);
      columns.set(record.meter, own);
    }
    own.putRecord(record);
  }
  return columns;
}
