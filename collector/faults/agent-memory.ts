// What is remembered of an agent, and the two faults it can have: a clock that is off, and silence.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { type ActiveAlarm, type ActiveAlarms, type AlarmChange, settle, type Verdict } from './alarm-machine.ts';
import { activeOf } from './device-memory.ts';
import type { FaultRules } from './fault-rules.ts';
import { OFF } from './round.ts';

export interface AgentMemory {
  readonly agent: string;
  lastReceivedAtMs: EpochMs;
  /** UTC of its last batch, by its own clock less the offset: how far it has come. */
  sentAtMs: EpochMs;
  /** Since when it has sent without a hole, and nothing was taken out of what it sent. */
  steadySinceMs: EpochMs;
  /** Of the device that it polls most often. */
  shortestMs: DurationMs;
  /** Batches in a row with a clock that was off. */
  offBatches: number;
  /** Batches in a row that came whole while its spool was full. */
  wholeBatches: number;
  readonly active: ActiveAlarms;
  version: number;
}

export interface StoredAgent {
  readonly offBatches: number;
  readonly wholeBatches?: number;
  readonly sentAtMs?: EpochMs;
  readonly steadySinceMs?: EpochMs;
  readonly shortestMs?: DurationMs;
  readonly active: readonly ActiveAlarm[];
}

export interface AgentRow {
  readonly agent: string;
  readonly last_received_at_ms: bigint;
  readonly version: bigint;
  readonly state: StoredAgent;
}

export function agentMemoryOf(row: AgentRow): AgentMemory {
  return {
    agent: row.agent,
    lastReceivedAtMs: Number(row.last_received_at_ms),
    sentAtMs: row.state.sentAtMs ?? 0,
    steadySinceMs: row.state.steadySinceMs ?? 0,
    shortestMs: row.state.shortestMs ?? 0,
    offBatches: row.state.offBatches,
    wholeBatches: row.state.wholeBatches ?? 0,
    active: activeOf(row.state.active),
    version: Number(row.version),
  };
}

export function newAgentMemory(agent: string): AgentMemory {
  const stream = { sentAtMs: 0, steadySinceMs: 0, shortestMs: 0 };
  return { agent, lastReceivedAtMs: 0, ...stream, offBatches: 0, wholeBatches: 0, active: new Map(), version: 0 };
}

export function storedAgentOf(memory: AgentMemory): StoredAgent {
  const { offBatches, wholeBatches, sentAtMs, steadySinceMs, shortestMs } = memory;
  return { offBatches, wholeBatches, sentAtMs, steadySinceMs, shortestMs, active: [...memory.active.values()] };
}

/** Alarms of an agent are on this resource; no device has a colon in its name. */
export function agentResource(agent: string): string {
  return `agent:${agent}`;
}

/** A batch has come. One received before the last is history. */
export function judgeBatch(
  memory: AgentMemory,
  rules: FaultRules,
  receivedAtMs: EpochMs,
  clockOffsetMs: DurationMs,
): AlarmChange[] {
  if (receivedAtMs < memory.lastReceivedAtMs) return [];
  memory.lastReceivedAtMs = receivedAtMs;
  const rule = rules.agentClock;
  const off = Math.abs(clockOffsetMs);
  memory.offBatches = off > rule.raiseMs ? Math.min(memory.offBatches + 1, rule.raiseAfterBatches) : 0;
  const { agent } = memory;
  const base = { resource: agentResource(agent), qualifier: '', atMs: receivedAtMs } as const;
  const verdicts: Verdict[] = [
    { active: false, ...base, alarmType: 'agent-silent', text: `The agent ${agent} sends again.` },
  ];
  const clock = { ...base, alarmType: 'agent-clock-offset' } as const;
  if (!rule.enabled) verdicts.push({ active: false, ...clock, text: OFF });
  else if (off < rule.clearMs)
    verdicts.push({ active: false, ...clock, text: `The clock of ${agent} is right again.` });
  else if (memory.offBatches >= rule.raiseAfterBatches && !isRaised(memory, clock.alarmType))
    verdicts.push({
      active: true,
      ...clock,
      severity: rule.severity,
      text: `The clock of the agent ${agent} is ${(clockOffsetMs / 1000).toFixed(1)} s off.`,
      threshold: {
        indicator: 'clock_offset',
        unit: 'ms',
        observed: clockOffsetMs,
        raiseAt: rule.raiseMs,
        clearBelow: rule.clearMs,
      },
    });
  return settleAll(memory, verdicts);
}

/**
 * Has an agent said nothing for too long? `intervalMs` is that of the device it polls most often, null where no device is assigned to it and
 * nothing is awaited; time before `watchingSinceMs` does not count, because nobody could have heard it.
 */
export function judgeSilence(
  memory: AgentMemory,
  rules: FaultRules,
  intervalMs: DurationMs | null,
  watchingSinceMs: EpochMs,
  nowMs: EpochMs,
): AlarmChange[] {
  const rule = rules.agentSilent;
  const base = {
    resource: agentResource(memory.agent),
    alarmType: 'agent-silent',
    qualifier: '',
    atMs: nowMs,
  } as const;
  if (!rule.enabled) return settleAll(memory, [{ active: false, ...base, text: OFF }]);
  if (intervalMs === null)
    return settleAll(memory, [{ active: false, ...base, text: `No device is assigned to the agent ${memory.agent}.` }]);
  if (isRaised(memory, base.alarmType)) return [];
  const silentMs = nowMs - Math.max(memory.lastReceivedAtMs, watchingSinceMs);
  if (silentMs < Math.max(rule.leastMs, rule.intervals * intervalMs)) return [];
  const last = new Date(memory.lastReceivedAtMs).toISOString();
  const text = `The agent ${memory.agent} has sent nothing since ${last}.`;
  return settleAll(memory, [{ active: true, ...base, severity: rule.severity, text, threshold: null }]);
}

function isRaised(memory: AgentMemory, alarmType: string): boolean {
  return [...memory.active.values()].some((one) => one.alarmType === alarmType);
}

function settleAll(memory: AgentMemory, verdicts: readonly Verdict[]): AlarmChange[] {
  return verdicts.flatMap((verdict) => settle(memory.active, verdict) ?? []);
}
