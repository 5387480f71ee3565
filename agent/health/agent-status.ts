// The page /status: the agent as a whole, for whoever asks how it is without reading its figures.
import type { Clock } from '../../common/runtime/clock.ts';
import type { HealthState, Reporter } from '../../common/runtime/reporter.ts';
import { isoTime } from '../../common/model/time.ts';
import type { LineReport } from '../line/line-book.ts';
import type { SchedulerSummary } from '../poll/explanation.ts';

export interface AgentStatus {
  readonly agent: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly memoryBytes: number;
  readonly ready: boolean;
  /** What /readyz says: poll, ship and, where they are configured, traps and configuration. */
  readonly parts: Readonly<Record<string, HealthState>>;
  readonly devices: SchedulerSummary;
  readonly spool: {
    readonly firstSequence: number;
    readonly lastSequence: number;
    /** Up to this one the collector has applied everything. */
    readonly appliedSequence: number;
    /** Of the oldest batch that is kept; null where none is. */
    readonly oldestAt: string | null;
  };
  readonly collectors: readonly string[];
  /** SNMPv3 engines that are known. */
  readonly engines: number;
  /** Whether the system's ping can be used. */
  readonly ping: boolean;
  /** Thin lines, and what went over them since the start. */
  readonly lines: readonly LineReport[];
}

/** What it is put together from, as far as it is used. */
export interface StatusSources {
  readonly reporter: Pick<Reporter, 'healthStates'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly scheduler: { summary(): SchedulerSummary };
  readonly spool: {
    readonly firstSequence: number;
    readonly lastSequence: number;
    readonly appliedSequence: number;
    oldestCreatedAtMs(): number | null;
  };
  readonly ping: { readonly available: boolean };
  readonly access: { engines(): readonly unknown[] };
  readonly lines: { reports(): readonly LineReport[] };
}

export function agentStatus(
  config: { readonly name: string; readonly collectorUrls: readonly string[] },
  sources: StatusSources,
  startedAtMs: number,
): AgentStatus {
  const { reporter, scheduler, spool, ping, access, lines } = sources;
  const parts = reporter.healthStates();
  const { firstSequence, lastSequence, appliedSequence } = spool;
  const oldestAtMs = spool.oldestCreatedAtMs();
  return {
    agent: config.name,
    startedAt: isoTime(startedAtMs),
    memoryBytes: process.memoryUsage.rss(),
    ready: Object.values(parts).every((part) => part.healthy),
    parts,
    devices: scheduler.summary(),
    spool: {
      firstSequence,
      lastSequence,
      appliedSequence,
      oldestAt: oldestAtMs === null ? null : isoTime(oldestAtMs),
    },
    collectors: config.collectorUrls,
    engines: access.engines().length,
    ping: ping.available,
    lines: lines.reports(),
  };
}
