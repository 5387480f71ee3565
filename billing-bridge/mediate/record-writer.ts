// Gathers what mediation makes of readings and writes it in bulk: first versions, new versions of what stands, and where epochs begin.
import type { Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { addContent, type BucketContent } from './bucket-content.ts';
import type { Bucket } from './grid.ts';
import { deleteHistory, type History, insertHistory, newHistory } from './history-rows.ts';
import type { EpochBegin, MeterSink } from './meter-state.ts';
import { insertRecords, type NewRecord, newestOf } from './record-rows.ts';
import { blockOf, markStale } from './sealed-usage.ts';
import { SPAN_KINDS, type Span, type SpanKind } from './span.ts';

/** Written at once, and kept in memory at most (but for one meter whose span is long). */
const RECORDS_AT_ONCE = 10_000;

export interface SpanTally {
  spans: number;
  octets: bigint;
}

export class RecordWriter implements MeterSink {
  readonly #bucketMs: DurationMs;
  readonly #sealing: number | null;
  readonly #closed: NewRecord[] = [];
  readonly #amended = new Map<number, Map<Bucket, BucketContent>>();
  #amendments = 0;
  #history: History = newHistory();
  /** Of the next record. */
  serial: bigint;
  records = 0;
  corrected = 0;
  leftOut = 0;
  lastBucket: Bucket | null = null;
  readonly tallies: ReadonlyMap<SpanKind, SpanTally> = new Map(
    SPAN_KINDS.map((kind) => [kind, { spans: 0, octets: 0n }]),
  );

  /** `sealing`: the block that is sealed next; those up to it are marked when something is written into them. */
  constructor(serial: bigint, bucketMs: DurationMs, sealing: number | null) {
    this.serial = serial;
    this.#bucketMs = bucketMs;
    this.#sealing = sealing;
  }

  close(meter: number, content: BucketContent): void {
    this.#closed.push({ meter, version: 1, content });
  }

  amend(meter: number, content: BucketContent): void {
    let buckets = this.#amended.get(meter);
    if (buckets === undefined) {
      buckets = new Map();
      this.#amended.set(meter, buckets);
    }
    const before = buckets.get(content.bucket);
    if (before !== undefined) return addContent(before, content);
    buckets.set(content.bucket, content);
    this.#amendments += 1;
  }

  /** A next version whose whole content is known. */
  replace(record: NewRecord): void {
    this.#closed.push(record);
  }

  begin(epoch: EpochBegin): void {
    this.#history.epochs.push(epoch);
  }

  checkpoint(meter: number, at: EpochMs, value: bigint): void {
    this.#history.checkpoints.push({ meter, at, value });
  }

  suspend(meter: number, span: Span): void {
    this.#history.suspended.push({ meter, span });
  }

  /** What is mediated for the first time nobody has looked at yet. */
  released(): boolean {
    return false;
  }

  span(span: Span): void {
    const tally = this.tallies.get(span.kind);
    if (tally === undefined) return;
    tally.spans += 1;
    tally.octets += span.octets;
  }

  leaveOut(): void {
    this.leftOut += 1;
  }

  /** True when there is enough to write. */
  get full(): boolean {
    return this.#closed.length + this.#amendments >= RECORDS_AT_ONCE;
  }

  async flush(connection: Queryable): Promise<void> {
    await insertHistory(connection, this.#history);
    this.#history = newHistory();
    await this.#writeAmended(connection);
    await this.#write(connection, this.#closed.splice(0));
  }

  /** Takes away where epochs, checkpoints and suspended spans of a meter were, after one time and up to another, to write them anew. Call it flushed. */
  forgetHistory(connection: Queryable, meter: number, afterMs: EpochMs, untilMs: EpochMs): Promise<void> {
    return deleteHistory(connection, meter, afterMs, untilMs);
  }

  async #writeAmended(connection: Queryable): Promise<void> {
    if (this.#amendments === 0) return;
    const wanted = [...this.#amended].flatMap(([meter, buckets]) =>
      [...buckets.values()].map((content) => ({ meter, content })),
    );
    this.#amended.clear();
    this.#amendments = 0;
    for (let at = 0; at < wanted.length; at += RECORDS_AT_ONCE) {
      const some = wanted.slice(at, at + RECORDS_AT_ONCE);
      const standing = await newestOf(
        connection,
        some.map((one) => one.meter),
        some.map((one) => one.content.bucket),
      );
      const versions = new Map<string, number>();
      const contents = new Map(some.map((one) => [`${one.meter} ${one.content.bucket}`, one.content]));
      for (const { meter, version, ...before } of standing) {
        const key = `${meter} ${before.bucket}`;
        versions.set(key, version);
        const content = contents.get(key);
        if (content === undefined) continue;
        addContent(before, content);
        contents.set(key, before);
      }
      const records = some.map(({ meter, content }): NewRecord => {
        const key = `${meter} ${content.bucket}`;
        return { meter, version: (versions.get(key) ?? 0) + 1, content: contents.get(key) ?? content };
      });
      await this.#write(connection, records);
    }
  }

  async #markSealed(connection: Queryable, records: readonly NewRecord[]): Promise<void> {
    const sealing = this.#sealing;
    if (sealing === null) return;
    const touched = records.filter(({ content }) => blockOf(content.bucket) <= sealing);
    await markStale(
      connection,
      touched.map(({ meter, content }) => ({ meter, bucket: content.bucket })),
    );
  }

  async #write(connection: Queryable, records: readonly NewRecord[]): Promise<void> {
    for (let at = 0; at < records.length; at += RECORDS_AT_ONCE) {
      const some = records.slice(at, at + RECORDS_AT_ONCE);
      await insertRecords(connection, some, this.serial, this.#bucketMs);
      await this.#markSealed(connection, some);
      this.serial += BigInt(some.length);
      this.records += some.length;
      for (const { version, content } of some) {
        if (version > 1) this.corrected += 1;
        if (this.lastBucket === null || content.bucket > this.lastBucket) this.lastBucket = content.bucket;
      }
    }
  }
}
