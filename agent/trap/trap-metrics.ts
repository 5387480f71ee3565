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

/** What the operator of a device or of this agent can mend, in words; told once for each source that the figures name. */
const MENDABLE: Readonly<Record<string, string>> = {
  wrong_community: 'a community that is neither that of the device nor in agent.traps.credentials',
  unknown_user: 'an SNMPv3 user that is neither that of the device nor in agent.traps.credentials',
  unsupported_level: 'another security level than that of the credential set',
  wrong_digest: 'a digest that does not hold: another auth_passphrase or auth_protocol',
  decryption_failed: 'what cannot be decrypted: another priv_passphrase or priv_protocol',
  not_in_time_window: 'an SNMPv3 clock that went back',
  unknown_device: 'an address and credentials that several devices share, or that are no device',
  source_rate: 'more than agent.traps.receive_per_second_per_source',
};

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
  const told = new Set<string>();
  const tell = (reason: string, source: string): void => {
    const why = MENDABLE[reason];
    // As many as the figures have names for sources; the nameless are told as one.
    if (why === undefined || told.has(`${reason} ${source}`)) return;
    told.add(`${reason} ${source}`);
    reporter.warn('traps are dropped', { source, reason, why });
  };
  const one = ({ what, reason, source, count }: Tally): void => {
    switch (what) {
      case 'received':
        return received.add(count);
      case 'dropped':
        tell(reason, source);
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
