// What projections count, by their name.
import type { CounterMetric, HistogramMetric, Reporter } from '../../common/runtime/reporter.ts';

export interface ProjectionMetrics {
  readonly applied: CounterMetric;
  readonly failures: CounterMetric;
  readonly setAside: CounterMetric;
  readonly seconds: HistogramMetric;
}

const SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

export function projectionMetrics(reporter: Reporter): ProjectionMetrics {
  const labels = ['projection'];
  return {
    applied: reporter.counter('projection_applied_total', 'Journal entries applied', labels),
    failures: reporter.counter('projection_failures_total', 'Failed tries to apply entries', labels),
    setAside: reporter.counter(
      'projection_set_aside_total',
      'Entries a projection failed on, now in quarantine',
      labels,
    ),
    seconds: reporter.histogram('projection_apply_seconds', 'Time to apply a chunk of entries', SECONDS, labels),
  };
}
