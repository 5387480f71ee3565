// Which alarms are diagnosed now, which wait for a place, and which are passed over: pure, so that a storm is bounded by a table and not by luck.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { RepairLimits } from './repair-config.ts';
import type { Runbook } from './runbook.ts';
import { misfit, type Subject } from './selector.ts';

export interface Candidate extends Subject {
  readonly alarm: string;
  readonly raisedAtMs: EpochMs;
  /** Of an alarm without a device its resource. */
  readonly device: string;
  /** Its device is configured, or it has none. */
  readonly known: boolean;
}

export interface RunsNow {
  readonly running: number;
  /** Started in the last hour, in all and by device. */
  readonly lately: number;
  readonly latelyOf: ReadonlyMap<string, number>;
}

export type PassedOverReason = 'no_runbook' | 'device_unknown' | 'device_limit' | 'hour_limit' | 'too_late';

export interface RunsDue {
  readonly start: readonly { readonly candidate: Candidate; readonly runbook: Runbook }[];
  readonly passedOver: readonly {
    readonly candidate: Candidate;
    readonly runbook: Runbook | null;
    readonly reason: PassedOverReason;
  }[];
}

/** An alarm that has found no place for so long is told as passed over: what a diagnosis would find then is of another time. */
export const PATIENCE_MS: DurationMs = 600_000;

/** The last that fits: those of an operator's folder go before those that come along. */
export function runbookFor(runbooks: Iterable<Runbook>, subject: Subject): Runbook | null {
  return [...runbooks].toReversed().find(({ selector }) => misfit(selector, subject) === null) ?? null;
}

/** `candidates`: the worst first; none of them silent, none that was diagnosed or passed over since it was raised. */
export function runsDue(
  candidates: readonly Candidate[],
  runbooks: Iterable<Runbook>,
  { now, limits, nowMs }: { readonly now: RunsNow; readonly limits: RepairLimits; readonly nowMs: EpochMs },
): RunsDue {
  const all = [...runbooks];
  const start: { candidate: Candidate; runbook: Runbook }[] = [];
  const passedOver: { candidate: Candidate; runbook: Runbook | null; reason: PassedOverReason }[] = [];
  const startedOf = new Map<string, number>();
  for (const candidate of candidates) {
    const runbook = runbookFor(all, candidate);
    if (runbook === null) {
      passedOver.push({ candidate, runbook, reason: 'no_runbook' });
      continue;
    }
    const stoodMs = nowMs - candidate.raisedAtMs - runbook.holdMs;
    if (stoodMs < 0) continue;
    const { device } = candidate;
    const ofDevice = (now.latelyOf.get(device) ?? 0) + (startedOf.get(device) ?? 0);
    const reason = refusalOf(candidate, { ofDevice, inAll: now.lately + start.length, limits });
    if (reason !== null) passedOver.push({ candidate, runbook, reason });
    else if (now.running + start.length < limits.runsAtOnce) {
      start.push({ candidate, runbook });
      startedOf.set(device, (startedOf.get(device) ?? 0) + 1);
    } else if (stoodMs > PATIENCE_MS) passedOver.push({ candidate, runbook, reason: 'too_late' });
  }
  return { start, passedOver };
}

function refusalOf(
  { known }: Candidate,
  { ofDevice, inAll, limits }: { readonly ofDevice: number; readonly inAll: number; readonly limits: RepairLimits },
): PassedOverReason | null {
  if (!known) return 'device_unknown';
  if (inAll >= limits.runsPerHour) return 'hour_limit';
  return ofDevice >= limits.runsPerDevicePerHour ? 'device_limit' : null;
}
