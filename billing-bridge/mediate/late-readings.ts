// Readings that come after later ones: the meter is mediated again from its readings, from the last place they cannot have changed to the first where nothing differs.
import type { Queryable } from '../../common/database/database.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { type BucketContent, emptyContent, sameContent } from './bucket-content.ts';
import { GatheringSink } from './gathering-sink.ts';
import { type Bucket, bucketOf } from './grid.ts';
import type { ReadingsSource } from './mediation.ts';
import { firstState, mediateReading, type MeterState, startAt } from './meter-state.ts';
import { isBelievable, readingOf } from './page-readings.ts';
import { inOrder, type Reading } from './reading.ts';
import { newestBetween, type StandingContent } from './record-rows.ts';
import type { RecordWriter } from './record-writer.ts';
import { type Release, releasesOf } from './releases.ts';

export interface LateDeps {
  readonly source: ReadingsSource;
  readonly bucketMs: DurationMs;
  /** Readings observed later are not believed. */
  readonly notAfterMs: EpochMs;
}

const READINGS_AT_ONCE = 10_000;
/** Buckets beyond the last late reading that are looked at first; more where they differ. */
const FIRST_BUCKETS = 2;

/** Where something changed: the readings before and behind stand as they did. */
export interface Changed {
  readonly lowMs: EpochMs;
  readonly highMs: EpochMs;
}

function changedBy(late: readonly Reading[]): Changed {
  const times = late.map((reading) => reading.observedAtMs);
  return { lowMs: Math.min(...times), highMs: Math.max(...times) };
}

/** Where mediating again begins: a reading that counted before and still does. */
interface Restart {
  readonly atMs: EpochMs | null;
  /** Everything from this bucket on is complete in what is mediated again. */
  readonly from: Bucket;
}

/** What mediating one meter again gave. */
export interface MediatedLate {
  /** Writes what differs and leaves the state as mediating in order would have. */
  write(deviceClosed: Bucket, writer: RecordWriter): Promise<void>;
}

/** Mediates one meter again; nothing of it may be waiting to be written. Null where the source no longer has what it takes: then the late readings count for nothing, which costs resolution, no octets. */
export async function mediateLate(
  connection: Queryable,
  deps: LateDeps,
  state: MeterState,
  late: readonly Reading[],
  changed: Changed = changedBy(late),
): Promise<MediatedLate | null> {
  const { lowMs } = changed;
  const restart = await findRestart(connection, state, lowMs, deps.bucketMs);
  const again = new MediatedAgain(connection, deps, state, restart, late, changed);
  again.obey(await releasesOf(connection, state.meter));
  return (await again.run()) ? again : null;
}

/** What is before `lowMs` stays as it is, so the last reading that counted before it is found by the evidence of the records, and from it the one that covers its bucket. */
async function findRestart(
  connection: Queryable,
  state: MeterState,
  lowMs: EpochMs,
  bucketMs: DurationMs,
): Promise<Restart> {
  const { last, open } = state;
  let keptMs: EpochMs | null = null;
  if (last.observedAtMs < lowMs) keptMs = last.observedAtMs;
  else if (open !== null && open.firstMs < lowMs) keptMs = open.firstMs;
  else {
    const { rows } = await connection.query<{ first_ms: bigint }>(
      `select first_ms from (
         select distinct on (bucket) bucket, first_ms, last_ms from usage.record
          where meter = $1 and bucket <= $2 order by bucket desc, version desc) newest
        where first_ms < $3 and first_ms < last_ms order by bucket desc limit 1`,
      [state.meter, bucketOf(lowMs, bucketMs), lowMs],
    );
    keptMs = rows[0] === undefined ? null : Number(rows[0].first_ms);
  }
  if (keptMs === null) return { atMs: null, from: bucketOf(lowMs, bucketMs) };
  const from = bucketOf(keptMs, bucketMs);
  if (open?.bucket === from) return { atMs: Math.min(keptMs, open.firstMs), from };
  const covering = (await newestBetween(connection, state.meter, from, from + 1)).get(from);
  const covers = covering !== undefined && covering.firstMs < covering.lastMs;
  return { atMs: covers ? Math.min(keptMs, covering.firstMs) : keptMs, from };
}

class MediatedAgain implements MediatedLate {
  readonly #connection: Queryable;
  readonly #deps: LateDeps;
  readonly #state: MeterState;
  readonly #restart: Restart;
  readonly #changed: Changed;
  #sink = new GatheringSink();
  readonly #standing = new Map<Bucket, BucketContent & { readonly version?: number }>();
  #late: readonly Reading[];
  #again: MeterState | null = null;
  /** The reading, and the bucket, from which on nothing differs; null where everything to the end was mediated again. */
  #same: { readonly atMs: EpochMs; readonly bucket: Bucket } | null = null;

  constructor(
    connection: Queryable,
    deps: LateDeps,
    state: MeterState,
    restart: Restart,
    late: readonly Reading[],
    changed: Changed,
  ) {
    this.#connection = connection;
    this.#deps = deps;
    this.#state = state;
    this.#restart = restart;
    this.#late = late;
    this.#changed = changed;
    if (state.open !== null) this.#standing.set(state.open.bucket, state.open);
  }

  /** What people released stays so, whatever comes late. */
  obey(releases: readonly Release[]): void {
    this.#sink = new GatheringSink(releases);
  }

  /** Reads window after window until nothing differs any more. */
  async run(): Promise<boolean> {
    const { bucketMs } = this.#deps;
    const { seenMs } = this.#state;
    let beginMs = this.#restart.atMs ?? this.#changed.lowMs;
    let bucket = this.#restart.from;
    let end = bucketOf(this.#changed.highMs, bucketMs) + FIRST_BUCKETS;
    for (;;) {
      const endMs = Math.min(end * bucketMs, seenMs + 1);
      for (const [at, content] of await newestBetween(this.#connection, this.#state.meter, bucket, end))
        this.#standing.set(at, content);
      const readings = await this.#read(beginMs, endMs);
      if (this.#again === null && this.#restart.atMs !== null && readings[0]?.observedAtMs !== this.#restart.atMs)
        return false;
      for (const reading of readings) if (this.#take(reading)) return true;
      if (endMs > seenMs) return this.#again !== null;
      beginMs = endMs;
      bucket = end;
      end += end - this.#restart.from;
    }
  }

  async write(deviceClosed: Bucket, writer: RecordWriter): Promise<void> {
    const again = this.#again;
    if (again === null) throw new Error('BUG: nothing was mediated again');
    if (again.open !== null) this.#sink.contents.set(again.open.bucket, again.open);
    await this.#writeHistory(writer);
    const state = this.#state;
    const until = this.#same?.bucket ?? Number.MAX_SAFE_INTEGER;
    const own = this.#same === null ? Math.max(state.closedBefore, again.closedBefore) : state.closedBefore;
    const closedBefore = Math.max(own, deviceClosed);
    if (this.#same === null) {
      state.last = again.last;
      state.closedBefore = own;
      state.open = null;
    }
    for (const bucket of this.#buckets(until)) {
      const content = this.#sink.contents.get(bucket);
      if (bucket >= closedBefore) state.open = content ?? null;
      else this.#correct(bucket, content ?? emptyContent(bucket, this.#deps.bucketMs), writer);
    }
  }

  #buckets(until: Bucket): Bucket[] {
    const all = new Set([...this.#sink.contents.keys(), ...this.#standing.keys()]);
    return [...all].filter((bucket) => bucket >= this.#restart.from && bucket < until).toSorted((a, b) => a - b);
  }

  #correct(bucket: Bucket, content: BucketContent, writer: RecordWriter): void {
    const standing: (BucketContent & Partial<Pick<StandingContent, 'version'>>) | undefined =
      this.#standing.get(bucket);
    const version = standing?.version;
    if (standing !== undefined && version !== undefined) {
      if (!sameContent(standing, content)) writer.replace({ meter: this.#state.meter, version: version + 1, content });
      return;
    }
    // What was open until now was never written.
    if (content.firstMs < content.lastMs) writer.replace({ meter: this.#state.meter, version: 1, content });
  }

  async #writeHistory(writer: RecordWriter): Promise<void> {
    const { meter } = this.#state;
    const afterMs = this.#restart.atMs ?? -1;
    const untilMs = this.#same?.atMs ?? Number.MAX_SAFE_INTEGER;
    await writer.forgetHistory(this.#connection, meter, afterMs, untilMs);
    const { epochs, checkpoints, suspended } = this.#sink.history;
    for (const epoch of epochs) if (epoch.first.observedAtMs <= untilMs) writer.begin(epoch);
    for (const { at, value } of checkpoints) if (at <= untilMs) writer.checkpoint(meter, at, value);
    for (const { span } of suspended) if (span.toMs <= untilMs) writer.suspend(meter, span);
  }

  /** True where the readings from the last one on give what stands already. */
  #take(reading: Reading): boolean {
    const { bucketMs } = this.#deps;
    const { meter } = this.#state;
    if (this.#again === null) {
      this.#again =
        this.#restart.atMs === null
          ? firstState(meter, reading, bucketMs, this.#sink)
          : startAt(meter, reading, bucketMs);
      return false;
    }
    const before = this.#again.last.observedAtMs;
    mediateReading(this.#again, reading, 0, bucketMs, this.#sink);
    if (before <= this.#changed.highMs || this.#again.last.observedAtMs === before) return false;
    const bucket = Math.ceil(before / bucketMs);
    const standing = this.#standing.get(bucket);
    if (standing === undefined || standing.firstMs !== before || standing.firstMs === standing.lastMs) return false;
    this.#same = { atMs: before, bucket };
    return true;
  }

  /** Readings of [from, to) in order, the late ones among them whether the source has them or not; none that was not seen yet. */
  async #read(fromMs: EpochMs, toMs: EpochMs): Promise<Reading[]> {
    const found = this.#late.filter((reading) => reading.observedAtMs >= fromMs && reading.observedAtMs < toMs);
    let cursor: string | null = null;
    do {
      const query = { meter: this.#state.meter, fromMs, toMs, withNeighbours: false, cursor, limit: READINGS_AT_ONCE };
      const answer = await this.#deps.source.ofMeter(query);
      for (const one of answer.items) {
        const reading = readingOf(one);
        if (isBelievable(reading.observedAtMs, this.#deps.notAfterMs)) found.push(reading);
      }
      cursor = answer.next;
    } while (cursor !== null);
    return inOrder(found);
  }
}
