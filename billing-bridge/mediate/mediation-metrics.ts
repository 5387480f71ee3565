// What mediation tells about itself: pages, records, spans by how they are known, what came late, and how far behind it is.
import type { EpochMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import type { CounterMetric, GaugeMetric, Reporter } from '../../common/runtime/reporter.ts';
import type { ReadingsAnswer } from '../../common/wire/reading-page.ts';
import type { AnswerCounts } from './answer-mediation.ts';
import { pageTime } from './page-readings.ts';
import type { RecordWriter } from './record-writer.ts';

export class MediationMetrics {
  readonly #clock: Clock;
  readonly #pages: CounterMetric;
  readonly #readings: CounterMetric;
  readonly #records: CounterMetric;
  readonly #spans: CounterMetric;
  readonly #octets: CounterMetric;
  readonly #cursorLost: CounterMetric;
  readonly #lag: GaugeMetric;
  readonly #quarantined: GaugeMetric;

  constructor(reporter: Reporter, clock: Clock) {
    this.#clock = clock;
    this.#pages = reporter.counter('mediation_pages_total', 'Pages of readings, by what became of them', ['outcome']);
    this.#readings = reporter.counter(
      'mediation_readings_total',
      'Readings of meters: counted, late (mediated again around them), unresolved (late, and the collector no longer has what is around them), left_out (older than the one before), unbelievable (a time that cannot be)',
      ['outcome'],
    );
    this.#records = reporter.counter(
      'usage_records_total',
      'Usage records written: first versions, and corrected ones',
      ['version'],
    );
    this.#spans = reporter.counter('usage_spans_total', 'Spans between two readings, by how their octets are known', [
      'kind',
    ]);
    this.#octets = reporter.counter('usage_octets_total', 'Octets of spans between two readings', ['kind']);
    this.#cursorLost = reporter.counter('mediation_cursor_lost_total', 'Times the collector did not know the cursor');
    this.#lag = reporter.gauge(
      'mediation_lag_seconds',
      'Age of the newest reading mediated while more wait; 0 where none waits',
    );
    this.#quarantined = reporter.gauge(
      'mediation_quarantined_batches',
      'Batches that the collector keeps aside unread',
    );
  }

  answered(answer: ReadingsAnswer): void {
    const newest = answer.items.reduce<EpochMs>((latest, page) => Math.max(latest, pageTime(page)), 0);
    this.#lag.set(answer.more && newest > 0 ? Math.max(0, this.#clock.now() - newest) / 1000 : 0);
    this.#quarantined.set(answer.quarantined);
  }

  cursorLost(): void {
    this.#cursorLost.add();
  }

  committed(answer: ReadingsAnswer, writer: RecordWriter, counts: AnswerCounts): void {
    const add = (metric: CounterMetric, amount: number, labels: Readonly<Record<string, string>>): void => {
      if (amount > 0) metric.add(amount, labels);
    };
    add(this.#pages, answer.items.length - counts.passedOver, { outcome: 'mediated' });
    add(this.#pages, counts.passedOver, { outcome: 'passed_over' });
    add(this.#readings, counts.readings - counts.late - writer.leftOut, { outcome: 'counted' });
    add(this.#readings, counts.late - counts.unresolved, { outcome: 'late' });
    add(this.#readings, counts.unresolved, { outcome: 'unresolved' });
    add(this.#readings, writer.leftOut, { outcome: 'left_out' });
    add(this.#readings, counts.unbelievable, { outcome: 'unbelievable' });
    add(this.#records, writer.records - writer.corrected, { version: 'first' });
    add(this.#records, writer.corrected, { version: 'corrected' });
    for (const [kind, tally] of writer.tallies) {
      add(this.#spans, tally.spans, { kind });
      add(this.#octets, Number(tally.octets), { kind });
    }
  }
}
