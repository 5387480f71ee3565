// How far a projection is behind, for how long it has been at one chunk, and what was gone from the journal before it came to it.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { BatchJournal } from '../journal/batch-journal.ts';
import type { Projection } from './projection.ts';

/** From here on a chunk that is still being applied counts as stuck. */
const STUCK_MS: DurationMs = 60_000;
/** Health speaks of what was missed for so long; the log and the counter have it for good. */
const TELL_MISSED_MS: DurationMs = 3_600_000;

interface Missed {
  readonly from: number;
  readonly to: number;
  readonly atMs: number;
}

export class ProjectionLag {
  readonly #reporter: Reporter;
  readonly #clock: Clock;
  readonly #journal: Pick<BatchJournal, 'lastPosition'>;
  readonly #projection: Projection['name'];
  readonly #entries: GaugeMetric;
  readonly #seconds: GaugeMetric;
  readonly #missedTotal: CounterMetric;
  #oldestReceivedAtMs: EpochMs | null = null;
  #chunkSinceMs: number | null = null;
  #missed: Missed | null = null;

  constructor(
    reporter: Reporter,
    deps: { readonly clock: Clock; readonly journal: Pick<BatchJournal, 'lastPosition'> },
    projection: Projection['name'],
  ) {
    this.#reporter = reporter;
    this.#clock = deps.clock;
    this.#journal = deps.journal;
    this.#projection = projection;
    const labels = ['projection'];
    this.#entries = reporter.gauge('projection_lag_entries', 'Entries of the journal not applied yet', labels);
    this.#seconds = reporter.gauge('projection_lag_seconds', 'Age of the oldest entry not applied yet', labels);
    this.#missedTotal = reporter.counter(
      'projection_missed_total',
      'Entries gone from the journal before they were applied',
      labels,
    );
  }

  /** `oldestReceivedAtMs`: of the oldest entry not applied; null where there is none. */
  tell(position: number, oldestReceivedAtMs: EpochMs | null): void {
    this.#oldestReceivedAtMs = oldestReceivedAtMs;
    this.tellAgain(position);
  }

  /** While a chunk is in hand the journal and the clock go on. */
  tellAgain(position: number): void {
    const labels = { projection: this.#projection };
    this.#entries.set(Math.max(0, this.#journal.lastPosition() - position), labels);
    const waitedMs = this.#oldestReceivedAtMs === null ? 0 : this.#clock.now() - this.#oldestReceivedAtMs;
    this.#seconds.set(Math.max(0, waitedMs / 1000), labels);
  }

  begins(): void {
    this.#chunkSinceMs = this.#clock.monotonicMs();
  }

  ends(): void {
    this.#chunkSinceMs = null;
  }

  /** Entries `from` to `to` are in the journal no more. */
  miss(from: number, to: number): void {
    this.#missed = { from, to, atMs: this.#clock.monotonicMs() };
    this.#missedTotal.add(to - from + 1, { projection: this.#projection });
    this.#reporter.error('entries were gone from the journal before they were applied', {
      code: 'entries_missed',
      projection: this.#projection,
      from,
      to,
      missed: to - from + 1,
    });
  }

  /** What health is to say against the projection; null where nothing. */
  complaint(): string | null {
    const nowMs = this.#clock.monotonicMs();
    const chunkMs = this.#chunkSinceMs === null ? 0 : nowMs - this.#chunkSinceMs;
    if (chunkMs >= STUCK_MS) return `has been at one chunk for ${Math.floor(chunkMs / 1000)} s`;
    if (this.#missed === null || nowMs - this.#missed.atMs > TELL_MISSED_MS) return null;
    const { from, to } = this.#missed;
    return `entries_missed: positions ${from} to ${to} were gone from the journal before they were applied`;
  }
}
