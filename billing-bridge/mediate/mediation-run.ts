// One run of mediation: pulls pages of readings until nothing is new; each answer becomes usage in one transaction with the cursor, under the fence.
import type { Database, Queryable } from '../../common/database/database.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { ReadingsAnswer } from '../../common/wire/reading-page.ts';
import { AnswerMediation } from './answer-mediation.ts';
import { DeviceBook } from './device-book.ts';
import { type Bucket, bucketOf } from './grid.ts';
import type { Mediation, MediationSummary, ReadingsSource } from './mediation.ts';
import { MediationMetrics } from './mediation-metrics.ts';
import { MeterBook } from './meter-book.ts';
import { type Place, readPlace } from './place.ts';
import { sealUsage } from './sealed-usage.ts';

export interface MediationConfig {
  /** The UTC grid; never changes once there is usage. */
  readonly bucketMs: DurationMs;
  /** Pages of one transaction. */
  readonly pagesAtOnce?: number;
}

export interface MediationDeps {
  readonly database: Database;
  readonly source: ReadingsSource;
  readonly clock: Clock;
}

type Fence = (connection: Queryable) => Promise<void>;

const PAGES_AT_ONCE = 2000;
/**
 * A bucket that no reading has closed is closed when the watermark has passed its end by this many buckets or intervals, whichever is
 * longer: an outage of a few polls then makes no second versions, and a device that is dead holds no bill for long.
 */
const HOLD_BUCKETS = 2;
const HOLD_INTERVALS = 5;

export class MediationRun implements Mediation {
  readonly #reporter: Reporter;
  readonly #config: MediationConfig;
  readonly #deps: MediationDeps;
  readonly #metrics: MediationMetrics;
  readonly #devices = new DeviceBook();
  readonly #meters = new MeterBook();
  /** Of the transaction after which the copies in memory were good. */
  #number: bigint | null = null;
  /** The collector did not know the cursor: everything is read again, and what a journal gave before is passed over. */
  #recovering = false;

  constructor(reporter: Reporter, config: MediationConfig, deps: MediationDeps) {
    this.#reporter = reporter.child('mediation');
    this.#config = config;
    this.#deps = deps;
    this.#metrics = new MediationMetrics(this.#reporter, deps.clock);
  }

  async run(
    fence: Fence,
    signal?: AbortSignal,
    progress: (pages: number) => void = () => undefined,
  ): Promise<MediationSummary> {
    let summary: MediationSummary = { pages: 0, records: 0, corrected: 0, quarantined: 0 };
    while (signal?.aborted !== true) {
      const place = await readPlace(this.#deps.database, this.#config.bucketMs);
      const answer = await this.#pull(place.cursor, signal);
      summary = { ...summary, quarantined: answer.quarantined };
      const done = await this.#mediate(place, answer, fence);
      // Somebody else has mediated in between, so this answer is not the next any more.
      if (done === null) continue;
      summary = {
        pages: summary.pages + answer.items.length,
        records: summary.records + done.records,
        corrected: summary.corrected + done.corrected,
        quarantined: answer.quarantined,
      };
      this.#metrics.answered(answer);
      progress(summary.pages);
      if (!answer.more || (answer.items.length === 0 && answer.next === place.cursor)) {
        this.#recovering = false;
        break;
      }
    }
    const { database, clock } = this.#deps;
    const finalBefore = this.#devices.nearlyFinalBefore();
    await sealUsage({ database, clock, bucketMs: this.#config.bucketMs, fence, finalBefore }, signal);
    return summary;
  }

  async #pull(cursor: string | null, signal?: AbortSignal): Promise<ReadingsAnswer> {
    const limit = this.#config.pagesAtOnce ?? PAGES_AT_ONCE;
    try {
      return await this.#deps.source.after(cursor, limit, signal);
    } catch (error) {
      if (cursor === null || !(error instanceof WeirError) || error.code !== 'invalid_request') throw error;
      // Its database was restored from a copy, or it is another collector; readings that were mediated change nothing a second time.
      this.#reporter.warn('the collector does not know the cursor: readings are pulled from the beginning', {
        message: error.message,
      });
      this.#metrics.cursorLost();
      this.#recovering = true;
      return await this.#deps.source.after(null, limit, signal);
    }
  }

  /** Null where the place is no longer the one that the answer follows. */
  async #mediate(
    place: Place,
    answer: ReadingsAnswer,
    fence: Fence,
  ): Promise<{ records: number; corrected: number } | null> {
    const { database, clock } = this.#deps;
    if (this.#number !== place.number) this.#forget();
    const boundaries = await this.#boundaries(answer);
    const unchanged = answer.items.length === 0 && boundaries.size === 0 && answer.quarantined === place.quarantined;
    if (unchanged && answer.next === place.cursor) {
      this.#number = place.number;
      return { records: 0, corrected: 0 };
    }
    try {
      const mediated = await database.transaction(async (connection) => {
        const locked = await readPlace(connection, this.#config.bucketMs, 'for update');
        if (locked.number !== place.number) return null;
        const mediation = new AnswerMediation(
          connection,
          { source: this.#deps.source, bucketMs: this.#config.bucketMs, nowMs: clock.now() },
          { devices: this.#devices, meters: this.#meters, place: locked },
        );
        const writer = await mediation.mediate(answer, boundaries, this.#recovering);
        await fence(connection);
        return { writer, mediation };
      });
      if (mediated === null) {
        this.#forget();
        return null;
      }
      this.#number = place.number + 1n;
      this.#devices.trim();
      this.#metrics.committed(answer, mediated.writer, mediated.mediation.counts);
      return mediated.writer;
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  /** Devices whose watermark lets buckets be closed that are not, and up to which. */
  async #boundaries(answer: ReadingsAnswer): Promise<Map<string, Bucket>> {
    const { bucketMs } = this.#config;
    const marks = await this.#devices.marks(this.#deps.database);
    const intervals = new Map(answer.items.map((page) => [page.device, page.intervalMs]));
    const boundaries = new Map<string, Bucket>();
    for (const [device, watermarkMs] of Object.entries(answer.watermarks)) {
      const mark = marks.get(device);
      const intervalMs = Math.max(intervals.get(device) ?? 0, mark?.intervalMs ?? 0);
      // A device that no reading ever came of has no meters to close.
      if (intervalMs === 0) continue;
      const believedMs = Math.min(watermarkMs, this.#deps.clock.now());
      const holdMs = Math.max(HOLD_BUCKETS * bucketMs, HOLD_INTERVALS * intervalMs);
      const boundary = bucketOf(believedMs - holdMs, bucketMs);
      if (boundary > (mark?.closedBefore ?? 0)) boundaries.set(device, boundary);
    }
    return boundaries;
  }

  #forget(): void {
    this.#number = null;
    this.#devices.forget();
    this.#meters.forget();
  }
}
