// How far the roll-ups are behind what is due, for /metrics.
import { bucketStart, type EpochMs } from '../../common/model/time.ts';
import type { GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { Mark } from './duckdb-roll-up.ts';
import { DAY_MS, HOUR_MS } from './roll-up.ts';

export class RollUpLag {
  readonly #seconds: GaugeMetric;
  /** Whole hours and whole days that are rolled up; at first what was before the start counts as done, until the file says more. */
  #hoursMs: EpochMs;
  #daysMs: EpochMs;

  constructor(reporter: Reporter, startedAtMs: EpochMs) {
    this.#seconds = reporter.gauge(
      'store_rollup_lag_seconds',
      'Length of what is due to be rolled up to a tier and is not',
      ['tier'],
    );
    this.#hoursMs = startedAtMs;
    this.#daysMs = startedAtMs;
  }

  /** As the file has it; where it has no mark there was nothing before that time, if that is known. */
  rolled(marks: ReadonlyMap<Mark, EpochMs>, nothingBeforeMs: EpochMs | null): void {
    this.#hoursMs = marks.get('5m') ?? nothingBeforeMs ?? this.#hoursMs;
    this.#daysMs = marks.get('1h') ?? nothingBeforeMs ?? this.#daysMs;
  }

  /** Hours are due that were whole by then, and the days that these make whole. */
  tell(dueMs: EpochMs): void {
    const hourMs = bucketStart(dueMs, HOUR_MS);
    const seconds = (dueFromMs: EpochMs, doneMs: EpochMs): number => Math.max(0, (dueFromMs - doneMs) / 1000);
    this.#seconds.set(seconds(hourMs, this.#hoursMs), { tier: '5m' });
    for (const tier of ['1h', '1d']) this.#seconds.set(seconds(bucketStart(hourMs, DAY_MS), this.#daysMs), { tier });
  }
}
