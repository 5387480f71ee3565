// What the scheduler counts.
import type { Poll } from '../../common/model/poll.ts';
import type { CounterMetric, GaugeMetric, HistogramMetric, Reporter } from '../../common/runtime/reporter.ts';

export interface PollMetrics {
  readonly devices: GaugeMetric;
  readonly running: GaugeMetric;
  readonly silent: GaugeMetric;
  readonly lateness: HistogramMetric;
  readonly skipped: CounterMetric;
  readonly lost: CounterMetric;
  count(poll: Poll): void;
}

export function pollMetrics(reporter: Reporter): PollMetrics {
  const polls = reporter.counter('agent_polls_total', 'Polls of devices by outcome and failure code.', [
    'outcome',
    'failure',
  ]);
  const requests = reporter.counter('agent_requests_total', 'SNMP requests of polls.');
  const retries = reporter.counter('agent_retries_total', 'SNMP requests sent again.');
  const duration = reporter.histogram('agent_poll_seconds', 'How long polls take.', [0.01, 0.05, 0.2, 1, 5, 20, 60]);
  return {
    devices: reporter.gauge('agent_devices', 'Devices this agent polls.'),
    running: reporter.gauge('agent_polls_running', 'Polls under way.'),
    silent: reporter.gauge('agent_devices_silent', 'Devices that do not answer and are only probed.'),
    lateness: reporter.histogram('agent_poll_lateness_seconds', 'How late polls begin.', [0.01, 0.1, 1, 10, 60]),
    skipped: reporter.counter(
      'agent_polls_skipped_total',
      'Polls left out because the last one of the device took too long.',
    ),
    lost: reporter.counter('agent_polls_lost_total', 'Polls that could not be handed to the spool.', ['code']),
    count: (poll) => {
      polls.add(1, { outcome: poll.outcome, failure: poll.failure ?? '' });
      requests.add(poll.requests);
      retries.add(poll.retries);
      duration.observe((poll.finishedAtMs - poll.startedAtMs) / 1000);
    },
  };
}
