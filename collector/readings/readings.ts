// The port of the raw counters: what the bridge pulls, and what a bill line leads back to. Written by the readings projection only.
import type { EpochMs } from '../../common/model/time.ts';
import type { MeterReadingsAnswer, ReadingsAnswer } from '../../common/wire/reading-page.ts';

export interface MeterReadingsQuery {
  readonly meter: number;
  /** Half-open [fromMs, toMs) of observedAtMs. */
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** Also the last reading before `fromMs` and the first at or after `toMs`: the two that a span over the edges needs. */
  readonly withNeighbours: boolean;
  readonly cursor: string | null;
  /** At most MAX_METER_READINGS. */
  readonly limit: number;
}

export interface ReadingsSummary {
  readonly pages: bigint;
  readonly lastObservedAtMs: EpochMs | null;
  readonly quarantined: number;
}

export const MAX_READING_PAGES = 2000;
export const MAX_METER_READINGS = 10_000;

export interface Readings {
  /**
   * Pages that were committed after the cursor (null: from the beginning), at most `limit` (MAX_READING_PAGES) and a bound of bytes, in
   * whole batches: one that is larger comes alone. Each journal in its order, of several the batch that was received first. The cursor
   * is a vector {journal id: position}, opaque outside: a page that commits late is never skipped. Watermarks are told only where
   * nothing more is to be read, all of them: they are those of exactly the pages given. Throws invalid_request for a cursor that was
   * never given, or of a later state of the database than this.
   */
  after(cursor: string | null, limit: number): Promise<ReadingsAnswer>;
  /** Throws not_found where there is no such meter. */
  ofMeter(query: MeterReadingsQuery): Promise<MeterReadingsAnswer>;
  summary(): Promise<ReadingsSummary>;
}
