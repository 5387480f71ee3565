// Polls that do not come though their agent sends: how far an agent has come by its own time, and which devices it leaves out. Pure.
import type { Batch } from '../../common/model/batch.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { type AgentMemory, agentResource } from './agent-memory.ts';
import { type AlarmChange, alarmKeyText, settle, type Verdict } from './alarm-machine.ts';
import type { DeviceMemory } from './device-memory.ts';
import type { FaultRules } from './fault-rules.ts';
import { OFF } from './round.ts';

/** A longer pause between two batches is a hole: the agent was not there, or was just starting. */
const HOLE_MS: DurationMs = 120_000;
const HOLE_INTERVALS = 2;
/** An agent that leaves out so many devices, and half of all it has, is told instead of each of them. */
const LEAST_STUCK = 3;

/** How far an agent has come, both in event time: a collector that was away, or is behind, sees the same. */
export interface AgentStream {
  readonly sentAtMs: EpochMs;
  readonly steadySinceMs: EpochMs;
}

/** A batch has come. Thinned ones, and those that tell of others given up, say nothing of what was polled before. */
export function followStream(
  memory: AgentMemory,
  batch: Pick<Batch, 'createdAtMs' | 'polls' | 'thinned' | 'gaps'>,
  clockOffsetMs: DurationMs,
  receivedAtMs: EpochMs,
): void {
  const atMs = Math.min(Math.round(batch.createdAtMs - clockOffsetMs), receivedAtMs);
  if (atMs <= memory.sentAtMs) return;
  const shortestMs = Math.min(...batch.polls.map((poll) => poll.intervalMs));
  const known = Number.isFinite(shortestMs);
  const holeMs = Math.max(HOLE_MS, HOLE_INTERVALS * (memory.shortestMs || (known ? shortestMs : 0)));
  const hole = atMs - memory.sentAtMs > holeMs;
  if (hole || batch.thinned || batch.gaps.length > 0) memory.steadySinceMs = atMs;
  // The device that set the pace may be gone.
  if (known) memory.shortestMs = hole || memory.shortestMs === 0 ? shortestMs : Math.min(memory.shortestMs, shortestMs);
  memory.sentAtMs = atMs;
}

/** So many polls in a row that were due did not come. A device that does not answer is asked less often: its silence is told already. */
export function missesPolls(
  { lastAtMs, intervalMs, failures }: Pick<DeviceMemory, 'lastAtMs' | 'intervalMs' | 'failures'>,
  { sentAtMs, steadySinceMs }: AgentStream,
  { missedPolls, missedLeastMs }: Pick<FaultRules['noData'], 'missedPolls' | 'missedLeastMs'>,
): boolean {
  if (intervalMs <= 0 || failures > 0) return false;
  return sentAtMs - Math.max(lastAtMs, steadySinceMs) >= Math.max(missedPolls * intervalMs, missedLeastMs);
}

export function judgeMissedPolls(memory: DeviceMemory, rules: FaultRules, stream: AgentStream): AlarmChange[] {
  const { device, agent, active } = memory;
  const rule = rules.noData;
  const key = keyOf(device, Math.max(stream.sentAtMs, memory.lastAtMs));
  const say = (verdict: Verdict): AlarmChange[] => {
    const changes = settled(memory, verdict);
    if (changes.length > 0) memory.dirty = true;
    return changes;
  };
  if (!rule.enabled) return say({ active: false, ...key, text: OFF });
  if (active.has(alarmKeyText(key)) || !missesPolls(memory, stream, rule)) return [];
  const last = new Date(memory.lastAtMs).toISOString();
  const text = `${device} has not been polled since ${last}, though its agent ${agent} goes on sending.`;
  return say({ active: true, ...key, severity: rule.severity, text, threshold: null });
}

/** `left` of `all` devices of the agent are not polled. */
export function judgeStuckAgent(
  memory: AgentMemory,
  rules: FaultRules,
  { left, all }: { readonly left: number; readonly all: number },
): AlarmChange[] {
  const rule = rules.noData;
  const key = keyOf(agentResource(memory.agent), memory.sentAtMs);
  const held = memory.active.has(alarmKeyText(key));
  if (!rule.enabled) return settled(memory, { active: false, ...key, text: OFF });
  if (!isStuck(left, all))
    return settled(memory, { active: false, ...key, text: `The agent ${memory.agent} polls its devices again.` });
  if (held) return [];
  const text = `The agent ${memory.agent} sends, but does not poll ${left} of its ${all} devices.`;
  return settled(memory, { active: true, ...key, severity: rule.severity, text, threshold: null });
}

export function isStuck(left: number, all: number): boolean {
  return left >= LEAST_STUCK && left * 2 >= all;
}

/** Of a poll that has come. */
export function polledAgain(device: string, atMs: EpochMs): Verdict {
  return { active: false, ...keyOf(device, atMs), text: `${device} is polled again.` };
}

function keyOf(resource: string, atMs: EpochMs) {
  return { resource, alarmType: 'no-data', qualifier: 'polls', atMs } as const;
}

function settled({ active }: Pick<DeviceMemory, 'active'>, verdict: Verdict): AlarmChange[] {
  const change = settle(active, verdict);
  return change === null ? [] : [change];
}
