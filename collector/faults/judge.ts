// One poll held against the rules: pure but for the memory it brings up to date. Polls older than the last are history and change nothing.
import { rebooted } from '../../common/model/counter.ts';
import type { Poll, Table } from '../../common/model/poll.ts';
import { cleanText } from '../../common/model/table-columns.ts';
import { type EpochMs, isoTime, MS_PER_TICK } from '../../common/model/time.ts';
import { type AlarmChange, settle, type Verdict } from './alarm-machine.ts';
import { processHashOf } from './counter-rows.ts';
import { type DeviceMemory, remember } from './device-memory.ts';
import type { FaultRules } from './fault-rules.ts';
import { learnAliases } from './judge-inventory.ts';
import { judgeLags, learnLags } from './judge-lags.ts';
import { judgeInterfaces } from './judge-interfaces.ts';
import { judgeParts } from './judge-parts.ts';
import { polledAgain } from './missed-polls.ts';
import { isActive, OFF, type Round } from './round.ts';
import { NO_SURROUNDINGS, type Surroundings } from './surroundings.ts';

export interface Judged {
  /** False where the poll was history. */
  readonly counted: boolean;
  readonly changes: readonly AlarmChange[];
}

/** Judges a poll of the device of the memory. `receivedAtMs` is when its batch arrived: no poll is later than that, or a wrong clock would make all later polls history. */
export function judgePoll(
  memory: DeviceMemory,
  rules: FaultRules,
  poll: Poll,
  clockOffsetMs: number,
  receivedAtMs: EpochMs,
  around: Surroundings = NO_SURROUNDINGS,
): Judged {
  const atMs = Math.min(Math.round(poll.finishedAtMs - clockOffsetMs), receivedAtMs);
  if (atMs < memory.lastAtMs) return { counted: false, changes: [] };
  const changes: AlarmChange[] = [];
  const say = (verdict: Verdict): void => {
    const change = settle(memory.active, verdict);
    if (change === null) return;
    memory.dirty = true;
    changes.push(change);
  };
  const processHash = processHashOf(poll.processId);
  const round: Round = { memory, rules, poll, atMs, clockOffsetMs, processHash, around, say };
  memory.lastAtMs = atMs;
  judgeReachability(round);
  if (memory.active.size > 0) say(polledAgain(memory.device, atMs));
  if (poll.outcome !== 'failed') {
    judgeReboot(round);
    for (const table of poll.tables)
      if (table.name === 'interface-inventory') {
        learnAliases(round, table);
        learnLags(round, table);
      }
    for (const table of poll.tables)
      if (table.name === 'interface') {
        judgeInterfaces(round, table);
        judgeLags(round);
      }
    judgeParts(round);
  }
  return { counted: true, changes };
}

function judgeReachability({ memory, rules, poll, atMs, say }: Round): void {
  const rule = rules.deviceUnreachable;
  const failed = poll.outcome === 'failed';
  remember(memory, memory, {
    failures: failed ? Math.min(memory.failures + 1, rule.raiseAfterPolls) : 0,
    failingSinceMs: failed ? (memory.failingSinceMs ?? atMs) : null,
  });
  const key = { resource: memory.device, alarmType: 'device-unreachable', qualifier: '' } as const;
  if (!failed) return say({ active: false, ...key, atMs, text: `${memory.device} answers again.` });
  if (!rule.enabled) return say({ active: false, ...key, atMs, text: OFF });
  if (memory.failures < rule.raiseAfterPolls || isActive(memory, memory.device, key.alarmType)) return;
  const text = `${memory.device} has not answered ${rule.raiseAfterPolls} polls in a row (${cleanText(poll.failure ?? 'unknown')}).`;
  const sinceMs = memory.failingSinceMs;
  // A box that answers a ping forwards what it has to: only its SNMP is silent.
  const losesService = poll.failure !== 'snmp_silent_but_reachable';
  say({ active: true, ...key, severity: rule.severity, text, threshold: null, atMs, sinceMs, losesService });
}

function judgeReboot(round: Round): void {
  const { memory, rules, poll, atMs, processHash, say } = round;
  const rule = rules.deviceRebooted;
  const clock = clockOf(poll.tables);
  const key = { resource: memory.device, alarmType: 'device-rebooted', qualifier: '' } as const;
  if (clock !== null) {
    const { monotonicMs, uptimeTicks } = clock;
    const observedAtMs = Math.min(Math.round(clock.receivedAtMs - round.clockOffsetMs), atMs);
    const before = memory.rows.clock(0);
    memory.rows.write(0, { observedAtMs, monotonicMs, uptimeTicks, processHash }, null);
    const bootedAtMs = observedAtMs - uptimeTicks * MS_PER_TICK;
    if (before !== null && before.uptimeTicks !== null) {
      const elapsedMs =
        before.processHash === processHash ? monotonicMs - before.monotonicMs : observedAtMs - before.observedAtMs;
      if (rebooted(before.uptimeTicks, uptimeTicks, Math.max(0, elapsedMs))) {
        remember(memory, memory, { bootedAtMs, rebootSeenAtMs: rule.enabled ? atMs : null });
        const text = `${memory.device} restarted at about ${isoTime(Math.round(bootedAtMs / 1000) * 1000)}.`;
        if (rule.enabled) say({ active: true, ...key, severity: rule.severity, text, threshold: null, atMs });
      }
    }
  }
  if (memory.rebootSeenAtMs === null || !(rule.enabled && atMs - memory.rebootSeenAtMs < rule.clearAfterMs)) {
    remember(memory, memory, { rebootSeenAtMs: null });
    say({ active: false, ...key, atMs, text: `${memory.device} has run since.` });
  }
}

/** The first clock of the device that came with the poll. */
function clockOf(
  tables: readonly Table[],
): { readonly receivedAtMs: EpochMs; readonly monotonicMs: number; readonly uptimeTicks: number } | null {
  for (const table of tables)
    for (const { receivedAtMs, monotonicMs, uptimeTicks } of table.segments)
      if (uptimeTicks !== null) return { receivedAtMs, monotonicMs, uptimeTicks };
  return null;
}
