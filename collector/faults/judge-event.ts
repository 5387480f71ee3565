// One notification of a device held against the rules: a link that goes down or up, and conditions that it tells of.
import type { DeviceEvent } from '../../common/model/event.ts';
import { cleanKey, cleanText } from '../../common/model/table-columns.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { type AlarmChange, alarmKeyText, settle } from './alarm-machine.ts';
import { type DeviceMemory, remember } from './device-memory.ts';
import type { FaultRules } from './fault-rules.ts';
import { judgeStatus, type StatusRound } from './judge-status.ts';
import { MAX_REMEMBERED } from './parts-memory.ts';
import { NO_SURROUNDINGS, type Surroundings } from './surroundings.ts';

type Condition = FaultRules['notifications']['conditions'][number];

const UP = 1;
const DOWN = 2;

/** Whether any rule is about it: of others no memory is asked for. */
export function isHeeded(rules: FaultRules, event: DeviceEvent): boolean {
  const { notifications } = rules;
  if (event.device === null || !notifications.enabled || (event.origin !== 'trap' && event.origin !== 'inform'))
    return false;
  return linkOf(rules, event) !== null || conditionsOf(rules, event).length > 0;
}

/** A notification from before the last poll is history: the poll knows better. */
export function judgeEvent(
  memory: DeviceMemory,
  rules: FaultRules,
  event: DeviceEvent,
  clockOffsetMs: number,
  receivedAtMs: EpochMs,
  around: Surroundings = NO_SURROUNDINGS,
): AlarmChange[] {
  const atMs = Math.min(Math.round(event.observedAtMs - clockOffsetMs), receivedAtMs);
  if (atMs < memory.lastAtMs) return [];
  const changes: AlarmChange[] = [];
  const say: StatusRound['say'] = (verdict) => {
    const change = settle(memory.active, verdict);
    if (change === null) return;
    memory.dirty = true;
    changes.push(change);
  };
  const round: StatusRound = { memory, rules, atMs, say, around };
  const link = linkOf(rules, event);
  if (link !== null) judgeLink(round, event, link);
  for (const { condition, raises } of conditionsOf(rules, event)) judgeCondition(round, event, condition, raises);
  return changes;
}

function judgeLink(round: StatusRound, event: DeviceEvent, oper: number): void {
  // An interface that no poll has seen yet has no state that could change.
  const found = event.interfaceKey === null ? undefined : round.memory.interfaces.get(cleanKey(event.interfaceKey));
  if (found === undefined) return;
  const said = Number(event.details.find(({ name }) => /^ifAdminStatus(\.|$)/.test(name))?.value ?? UP);
  remember(round.memory, found, { toldAtMs: round.atMs });
  judgeStatus(round, found, said === DOWN ? DOWN : UP, oper);
}

function linkOf({ notifications }: FaultRules, event: DeviceEvent): number | null {
  const called = namesOf(event);
  if (notifications.linkDown.some((name) => called.includes(name))) return DOWN;
  return notifications.linkUp.some((name) => called.includes(name)) ? UP : null;
}

function conditionsOf({ notifications }: FaultRules, event: DeviceEvent): { condition: Condition; raises: boolean }[] {
  const called = namesOf(event);
  return notifications.conditions.flatMap((condition) => {
    const raises = condition.raisedBy.some((name) => called.includes(name));
    return raises || condition.clearedBy.some((name) => called.includes(name)) ? [{ condition, raises }] : [];
  });
}

/** Its name, and its OID. */
function namesOf(event: DeviceEvent): readonly string[] {
  const oid = event.details.find(({ name }) => name === 'snmpTrapOID')?.value;
  return oid === undefined ? [event.name] : [event.name, oid];
}

function judgeCondition(round: StatusRound, event: DeviceEvent, condition: Condition, raises: boolean): void {
  const { memory, atMs, say } = round;
  const { device, parts } = memory;
  const of =
    condition.resource === 'interface' && event.interfaceKey !== null ? `/${cleanKey(event.interfaceKey)}` : '';
  const apart = partOf(event, condition.toldApartBy);
  const qualifier = apart === '' ? condition.name : `${condition.name} ${apart}`;
  const key = { resource: `${device}${of}`, alarmType: 'notified-condition', qualifier };
  const name = alarmKeyText(key);
  if (!raises || !condition.enabled) {
    if (parts.passing.delete(name)) memory.dirty = true;
    return say({
      active: false,
      ...key,
      atMs,
      text: `${device} has told that it is over (${cleanText(event.name, 100)}).`,
    });
  }
  if (!parts.passing.has(name) && parts.passing.size >= MAX_REMEMBERED) return;
  // Told again it stands for longer, and is not told again.
  parts.passing.set(name, atMs);
  memory.dirty = true;
  const text = `${device}${of} ${condition.text}${apart === '' ? '' : `: ${apart}`}.`;
  say({ active: true, ...key, severity: condition.severity, text, threshold: null, atMs });
}

function partOf(event: DeviceEvent, object: string | undefined): string {
  if (object === undefined) return '';
  const detail = event.details.find(({ name }) => name === object || name.startsWith(`${object}.`));
  return cleanText(detail?.value ?? '', 100).trim();
}
