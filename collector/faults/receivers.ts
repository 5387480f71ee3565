// Who should be told and is not: channels of people, listeners of alarms, ways of the billing bridge. What each source says of its own, and what that means as alarms.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { AgentMemory } from './agent-memory.ts';
import { type AlarmChange, alarmKeyText, settle, type Verdict } from './alarm-machine.ts';
import type { FaultRules } from './fault-rules.ts';
import { OFF } from './round.ts';

export interface FailingReceiver {
  /** `channel:NAME`, `listener:ID`, `billing-channel:NAME`: what the alarm is of. */
  readonly resource: string;
  /** For people. */
  readonly name: string;
  /** failing: it is tried again; given_up: something is not, until somebody asks. */
  readonly state: 'failing' | 'given_up';
  readonly sinceMs: EpochMs;
  readonly why: string;
}

/** One source, with the beginning of its resources; null: nothing can be said of them now. */
export interface ReceiversSaid {
  readonly prefix: string;
  readonly failing: readonly FailingReceiver[] | null;
}

/** Of one source; the first ones count. */
export const MOST_RECEIVERS = 200;

/** What stands keeps its words: the reason of each try may be another, and is in the list that the alarm names. */
export function judgeReceivers(
  memory: AgentMemory,
  rules: Pick<FaultRules, 'receiverFailing'>,
  said: readonly ReceiversSaid[],
  nowMs: EpochMs,
): AlarmChange[] {
  const rule = rules.receiverFailing;
  const changes: AlarmChange[] = [];
  const say = (verdict: Verdict): void => {
    const change = settle(memory.active, verdict);
    if (change !== null) changes.push(change);
  };
  const known = new Set<string>();
  for (const { failing } of rule.enabled ? said : [])
    for (const receiver of (failing ?? []).slice(0, MOST_RECEIVERS)) {
      const key = keyOf(receiver.resource, nowMs);
      known.add(receiver.resource);
      const held = memory.active.get(alarmKeyText(key));
      const severity = receiver.state === 'given_up' ? rule.severity : rule.failingSeverity;
      if (held?.severity === severity || !isDue(receiver, rule.raiseAfterMs, nowMs)) continue;
      say({ active: true, ...key, severity, text: textOf(receiver), threshold: null, sinceMs: receiver.sinceMs });
    }
  for (const { resource } of memory.active.values()) {
    const source = said.find(({ prefix }) => resource.startsWith(prefix));
    if (known.has(resource) || (rule.enabled && (source === undefined || source.failing === null))) continue;
    say({
      active: false,
      ...keyOf(resource, nowMs),
      text: rule.enabled ? 'It is told again, or nothing waits for it.' : OFF,
    });
  }
  return changes;
}

function isDue({ state, sinceMs }: FailingReceiver, afterMs: DurationMs, nowMs: EpochMs): boolean {
  return state === 'given_up' || nowMs - sinceMs >= afterMs;
}

function textOf({ name, state, why }: FailingReceiver): string {
  const what = state === 'given_up' ? 'was given up: it is not tried again by itself' : 'is not told what it should be';
  return `${name} ${what} (${why === '' ? 'nobody knows why' : why}).`;
}

function keyOf(resource: string, atMs: EpochMs) {
  return { resource, alarmType: 'receiver-failing', qualifier: '', atMs } as const;
}
