// Why a device's last poll looked as it did and what comes next, in the words that /devices and `weir poll --explain` show.
import type { EventDetail } from '../../common/model/event.ts';
import type { Poll } from '../../common/model/poll.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { HealthState } from '../../common/runtime/reporter.ts';
import type { SessionHealth, SessionTraffic } from '../snmp/session.ts';
import type { RememberingReader, WalkReport } from '../snmp/table-reader.ts';
import type { DeviceState } from './device-state.ts';
import type { PingResult } from './ping.ts';

/** One line for each device. */
export interface DeviceReport {
  readonly device: string;
  /** The thin line that it stands behind. */
  readonly line: string | null;
  /** As it is polled now; more than `configuredIntervalMs` where its counters refresh slowly. */
  readonly intervalMs: DurationMs;
  readonly configuredIntervalMs: DurationMs;
  readonly profile: string | null;
  readonly lastPollAtMs: EpochMs | null;
  readonly lastOutcome: Poll['outcome'] | null;
  readonly failure: string | null;
  readonly requests: number;
  readonly retries: number;
  readonly durationMs: number;
  /** Tables of the last poll that were cut short. */
  readonly partialTables: readonly string[];
  readonly breakerOpen: boolean;
  /** While the breaker is open. */
  readonly probePauseMs: DurationMs | null;
  readonly nextDueInMs: number;
  readonly interfaces: number;
  /** Repetitions are bounded by this after silence or tooBig; the walk of the interface table. */
  readonly repetitionCeiling: number | null;
  readonly bytesPerRow: number | null;
  /** What ping said when it was last asked; null: it was not. */
  readonly ping: PingResult | null;
}

/** How one table was read in the last poll, and how it will be asked for next. */
export interface TableExplanation extends WalkReport {
  readonly repetitions: number;
  /** What decides the repetitions: frame (1,400 bytes), line (the size that its thin line takes), rows (no more are expected), silence or too_big (a limit that the device taught us). */
  readonly reason: string;
  readonly bytesPerRow: number;
  readonly expectedRows: number;
  /** Null: none. */
  readonly ceiling: number | null;
  /** Columns in one request; null: all. */
  readonly columnsPerRequest: number | null;
}

export interface VisitExplanation {
  readonly startedAtMs: EpochMs;
  readonly outcome: Poll['outcome'];
  readonly failure: string | null;
  readonly durationMs: number;
  readonly requests: number;
  readonly retries: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** How long its requests waited for their turns on a thin line, all together. */
  readonly pacedMs: DurationMs;
  readonly partialTables: readonly string[];
  readonly tables: readonly TableExplanation[];
  readonly profile: ProfileChoice | null;
  readonly session: SessionHealth | null;
  /** The device's clock less ours, and when it was asked; null where it does not tell a time with its zone. */
  readonly clockSkewMs: number | null;
  readonly clockSeenAtMs: EpochMs | null;
  readonly trustsTableLastChange: boolean;
}

export interface ProfileChoice {
  readonly name: string;
  readonly sysObjectId: string | null;
  readonly why: string;
}

export interface DeviceExplanation extends DeviceReport {
  /** Null before the first poll. */
  readonly lastPoll: VisitExplanation | null;
}

/** Of all devices at this moment. */
export interface SchedulerSummary {
  readonly devices: number;
  readonly silent: number;
  readonly polling: number;
  /** Asked for and not begun yet. */
  readonly asked: number;
  /** Silent ones that wait for their share of the concurrency. */
  readonly waiting: number;
  /** Due, and waiting for a place on their thin line. */
  readonly waitingForLine: number;
  readonly longestLateMs: number;
}

/** Something the scheduler noticed of a device: counters_refresh_slowly with interval_ms and configured_interval_ms. */
export interface DeviceNotice {
  readonly device: string;
  readonly name: 'counters_refresh_slowly';
  readonly observedAtMs: EpochMs;
  readonly uptimeTicks: null;
  readonly details: readonly EventDetail[];
}

/** What is kept of a visit to explain it later. */
export interface VisitRecord {
  readonly poll: Omit<Poll, 'tables'>;
  readonly partialTables: readonly string[];
  readonly walks: readonly WalkReport[];
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly pacedMs: DurationMs;
}

export function recordVisit(poll: Poll, reader: RememberingReader | null, before: SessionTraffic | null): VisitRecord {
  const { tables, ...rest } = poll;
  const after = reader?.traffic;
  return {
    poll: rest,
    partialTables: tables.filter((table) => !table.complete).map((table) => table.name),
    walks: reader?.takeWalks() ?? [],
    sentBytes: (after?.sentBytes ?? 0) - (before?.sentBytes ?? 0),
    receivedBytes: (after?.receivedBytes ?? 0) - (before?.receivedBytes ?? 0),
    pacedMs: (after?.pacedMs ?? 0) - (before?.pacedMs ?? 0),
  };
}

export function explainVisit(
  record: VisitRecord,
  state: DeviceState,
  reader: RememberingReader | null,
): VisitExplanation {
  const { poll, partialTables, walks, sentBytes, receivedBytes, pacedMs } = record;
  return {
    startedAtMs: poll.startedAtMs,
    outcome: poll.outcome,
    failure: poll.failure,
    durationMs: poll.finishedAtMs - poll.startedAtMs,
    requests: poll.requests,
    retries: poll.retries,
    sentBytes,
    receivedBytes,
    pacedMs: Math.round(pacedMs * 10) / 10,
    partialTables,
    tables: reader === null ? [] : walks.map((walk) => explainTable(walk, reader)),
    profile: profileChoice(state),
    session: reader?.health ?? null,
    clockSkewMs: state.clock?.skewMs ?? null,
    clockSeenAtMs: state.clock?.atMs ?? null,
    trustsTableLastChange: state.trustsTableLastChange,
  };
}

function explainTable(walk: WalkReport, reader: RememberingReader): TableExplanation {
  const memory = reader.memoryOf(walk.table);
  const { repetitions, reason } = reader.sizeOf(walk.table, walk.columns);
  const limited = reason === 'silence' || reason === 'too_big';
  return {
    ...walk,
    durationMs: Math.round(walk.durationMs * 10) / 10,
    repetitions,
    reason,
    bytesPerRow: Math.round(memory.bytesPerRow),
    expectedRows: memory.rows,
    ceiling: limited ? memory.ceiling : null,
    columnsPerRequest: Number.isFinite(memory.columnsPerRequest) ? memory.columnsPerRequest : null,
  };
}

function profileChoice({ profile, sysObjectId }: DeviceState): ProfileChoice | null {
  if (profile === null) return null;
  const { name } = profile;
  const told = sysObjectId === null ? 'the device tells no sysObjectID' : `sysObjectID ${sysObjectId}`;
  const why = name === 'base' ? `no profile is for it: ${told}` : `the best match for ${told}`;
  return { name, sysObjectId, why };
}

export function refreshNotice(
  device: string,
  intervalMs: DurationMs,
  configuredMs: DurationMs,
  observedAtMs: EpochMs,
): DeviceNotice {
  const details = [
    { name: 'interval_ms', value: String(intervalMs) },
    { name: 'configured_interval_ms', value: String(configuredMs) },
  ];
  return { device, name: 'counters_refresh_slowly', observedAtMs, uptimeTicks: null, details };
}

/** Silent devices are no fault of the agent; polls that nobody keeps are. */
export function pollHealth(summary: SchedulerSummary, polling: boolean, lossCode: string | null): HealthState {
  const devices = `${summary.devices} devices, ${summary.silent} of them silent`;
  if (!polling) return { healthy: false, message: 'not polling' };
  if (lossCode !== null) return { healthy: false, message: `polls are not kept: ${lossCode}; ${devices}` };
  return { healthy: true, message: devices };
}
