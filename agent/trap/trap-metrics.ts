// The figures of the trap receiver.
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { EventOrigin } from '../../common/model/event.ts';
import type { Tally } from './exchange.ts';

export interface TrapMetrics {
  count(tally: readonly Tally[]): void;
  event(origin: EventOrigin): void;
  refused(code: string): void;
  restarted(): void;
}

export function trapMetrics(reporter: Reporter): TrapMetrics {
  const received = reporter.counter('trap_datagrams_total', 'Datagrams that reached the trap receiver');
  const dropped = reporter.counter('trap_dropped_total', 'Datagrams that came to nothing, by reason and source', [
    'reason',
    'source',
  ]);
  const reports = reporter.counter('trap_reports_total', 'Reports of SNMPv3 sent to senders, by reason', ['reason']);
  const acknowledged = reporter.counter('trap_acknowledged_total', 'Informs answered');
  const unsent = reporter.counter('trap_answers_unsent_total', 'Answers the system refused to send, by its code', [
    'code',
  ]);
  const forgotten = reporter.counter(
    'trap_remembered_dropped_total',
    'Notifications that a repetition can no longer be told from, because too many came',
  );
  const events = reporter.counter('trap_events_total', 'Events made of notifications, by origin', ['origin']);
  const refusals = reporter.counter('trap_refused_total', 'Notifications the spool could not keep, by code', ['code']);
  const restarts = reporter.counter('trap_thread_restarts_total', 'Times the thread ended without being asked');
  const one = ({ what, reason, source, count }: Tally): void => {
    switch (what) {
      case 'received':
        return received.add(count);
      case 'dropped':
        return dropped.add(count, { reason, source });
      case 'reported':
        return reports.add(count, { reason });
      case 'acknowledged':
        return acknowledged.add(count);
      case 'unsent':
        return unsent.add(count, { code: reason });
      case 'forgotten':
        return forgotten.add(count);
    }
  };
  return {
    count: (tally) => {
      for (const entry of tally) one(entry);
    },
    event: (origin) => events.add(1, { origin }),
    refused: (code) => refusals.add(1, { code }),
    restarted: () => restarts.add(),
  };
}
