// Faults of Weir's own chain: an agent whose spool is full, and a collector that is behind its journal.
import type { Batch } from '../../common/model/batch.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { type AgentMemory, agentResource } from './agent-memory.ts';
import { type AlarmChange, alarmKeyText, settle, type Verdict } from './alarm-machine.ts';
import type { FaultRules } from './fault-rules.ts';
import { OFF } from './round.ts';

/** A batch out of which polls were taken, or that tells of sequences given up, was in a spool at its bound. */
export function judgeSpool(
  memory: AgentMemory,
  rules: FaultRules,
  batch: Pick<Batch, 'thinned' | 'gaps'>,
  atMs: EpochMs,
): AlarmChange[] {
  const rule = rules.spoolFilling;
  const { agent, active } = memory;
  const key = { resource: agentResource(agent), alarmType: 'spool-filling', qualifier: '', atMs } as const;
  const held = active.get(alarmKeyText(key));
  const lost = batch.gaps.reduce((sum, gap) => sum + gap.lastSequence - gap.firstSequence + 1, 0);
  const full = batch.thinned || lost > 0;
  memory.wholeBatches = full || held === undefined ? 0 : memory.wholeBatches + 1;
  if (!rule.enabled) return settleOne(memory, { active: false, ...key, text: OFF });
  if (full) {
    const severity = lost > 0 ? rule.lossSeverity : rule.severity;
    // What was lost is told, and not taken back by a batch that was only thinned.
    if (held !== undefined && (held.severity === severity || lost === 0)) return [];
    const what =
      lost > 0
        ? `has given up ${lost} batches: their polls are lost`
        : 'has thinned its polls: resolution is lost, no octets';
    return settleOne(memory, {
      active: true,
      ...key,
      severity,
      text: `The spool of the agent ${agent} is full; it ${what}.`,
      threshold: null,
    });
  }
  if (memory.wholeBatches < rule.clearAfterBatches) return [];
  return settleOne(memory, { active: false, ...key, text: `The spool of the agent ${agent} has room again.` });
}

export interface Lag {
  readonly projection: string;
  /** How long the oldest batch waits that it has not applied; 0 for none. */
  readonly waitingMs: DurationMs;
}

/** Alarms of a collector are on this resource; its journal is what tells it from others. */
export function collectorName(journal: string): string {
  return `collector:${journal}`;
}

export function judgeLag(memory: AgentMemory, rules: FaultRules, lags: readonly Lag[], nowMs: EpochMs): AlarmChange[] {
  const rule = rules.journalLag;
  return lags.flatMap(({ projection, waitingMs }) => {
    const key = { resource: memory.agent, alarmType: 'journal-lag', qualifier: projection, atMs: nowMs } as const;
    if (!rule.enabled) return settleOne(memory, { active: false, ...key, text: OFF });
    if (waitingMs < rule.clearMs)
      return settleOne(memory, { active: false, ...key, text: `The projection ${projection} has caught up.` });
    if (waitingMs < rule.raiseMs || memory.active.has(alarmKeyText(key))) return [];
    const text = `The projection ${projection} is behind its journal by ${Math.round(waitingMs / 1000)} s.`;
    const levels = { raiseAt: rule.raiseMs, clearBelow: rule.clearMs };
    const threshold = { indicator: 'journal_lag', unit: 'ms', observed: waitingMs, ...levels };
    return settleOne(memory, { active: true, ...key, severity: rule.severity, text, threshold });
  });
}

/** Whether a look at the memory can change anything. */
export function isLagging(rules: FaultRules, lags: readonly Lag[]): boolean {
  return rules.journalLag.enabled && lags.some(({ waitingMs }) => waitingMs >= rules.journalLag.raiseMs);
}

function settleOne(memory: AgentMemory, verdict: Verdict): AlarmChange[] {
  const change = settle(memory.active, verdict);
  return change === null ? [] : [change];
}
