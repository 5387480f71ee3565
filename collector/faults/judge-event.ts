// One notification of a device held against the rules: a link or a BGP peer that goes down or up, and conditions that it tells of.
import type { DeviceEvent } from '../../common/model/event.ts';
import { cleanKey, cleanText } from '../../common/model/table-columns.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { type AlarmChange, alarmKeyText, settle } from './alarm-machine.ts';
import { type DeviceMemory, remember } from './device-memory.ts';
import type { FaultRules } from './fault-rules.ts';
import { judgeLags } from './judge-lags.ts';
import { judgeToldPeer } from './judge-peers.ts';
import { judgeStatus, type StatusRound } from './judge-status.ts';
import { MAX_REMEMBERED } from './parts-memory.ts';
import { NO_SURROUNDINGS, type Surroundings } from './surroundings.ts';
import { judgeToldPart, STATE_TYPES } from './told-parts.ts';
import type { TrapRule } from './trap-rules.ts';

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
  for (const { rule, raises } of conditionsOf(rules, event)) judgeCondition(round, event, rule, raises);
  return changes;
}

function judgeLink(round: StatusRound, event: DeviceEvent, oper: number): void {
  // An interface that no poll has seen yet has no state that could change.
  const found = event.interfaceKey === null ? undefined : round.memory.interfaces.get(cleanKey(event.interfaceKey));
  if (found === undefined) return;
  const said = Number(event.details.find(({ name }) => /^ifAdminStatus(\.|$)/.test(name))?.value ?? UP);
  remember(round.memory, found, { toldAtMs: round.atMs });
  judgeStatus(round, found, said === DOWN ? DOWN : UP, oper);
  judgeLags(round);
}

function linkOf({ notifications }: FaultRules, event: DeviceEvent): number | null {
  const called = namesOf(event);
  if (notifications.linkDown.some((name) => called.includes(name))) return DOWN;
  return notifications.linkUp.some((name) => called.includes(name)) ? UP : null;
}

interface Meant {
  readonly rule: TrapRule;
  readonly raises: boolean;
}

function conditionsOf({ notifications }: FaultRules, event: DeviceEvent): Meant[] {
  const called = namesOf(event);
  return notifications.conditions.flatMap((rule): Meant[] => {
    if (rule.raisedBy.some((name) => called.includes(name)) && fits(event, rule.raisesWhen))
      return [{ rule, raises: true }];
    const clears = rule.clearedBy.some((name) => called.includes(name)) && fits(event, rule.clearsWhen);
    return clears ? [{ rule, raises: false }] : [];
  });
}

/** Every object that is named is there, with one of the values. */
function fits(event: DeviceEvent, wanted: TrapRule['raisesWhen']): boolean {
  return Object.entries(wanted).every(([object, values]) => {
    const value = detailOf(event, object)?.value;
    return value !== undefined && values.includes(value);
  });
}

/** Its name, and its OID. */
function namesOf(event: DeviceEvent): readonly string[] {
  const oid = event.details.find(({ name }) => name === 'snmpTrapOID')?.value;
  return oid === undefined ? [event.name] : [event.name, oid];
}

function judgeCondition(round: StatusRound, event: DeviceEvent, rule: TrapRule, raises: boolean): void {
  const { memory, atMs, say } = round;
  const { device, parts } = memory;
  if (rule.resource === 'bgp-peer') return judgeToldPeer(round, indexOf(event, rule.indexOf), { rule, raises });
  const apart = cleanText(detailOf(event, rule.toldApartBy)?.value ?? '', 100).trim();
  const over = `${device} has told that it is over (${cleanText(event.name, 100)}).`;
  const type = STATE_TYPES.find((one) => one === rule.alarmType);
  const index = rule.resource === 'sensor' ? cleanKey(indexOf(event, rule.indexOf)) : '';
  if (index !== '' && type !== undefined) {
    const resource = `${device}/sensor:${rule.sensor ?? ''}.${index}`;
    const text = raises ? `${device} ${rule.text}: ${apart === '' ? `${rule.sensor ?? ''} ${index}` : apart}.` : over;
    return judgeToldPart(round, { resource, type, rule, raises, text });
  }
  const of = partOf(event, rule);
  const qualifier = apart === '' ? rule.name : `${rule.name} ${apart}`;
  const key = { resource: `${device}${of}`, alarmType: rule.alarmType, qualifier };
  const name = alarmKeyText(key);
  if (!raises || !rule.enabled) {
    if (parts.passing.delete(name)) memory.dirty = true;
    return say({ active: false, ...key, atMs, text: over });
  }
  if (!parts.passing.has(name) && parts.passing.size >= MAX_REMEMBERED) return;
  // Told again it stands for longer, and is not told again.
  parts.passing.set(name, atMs);
  memory.dirty = true;
  const text = `${device}${of} ${rule.text}${apart === '' ? '' : `: ${apart}`}.`;
  const cause = rule.probableCause === undefined ? {} : { probableCause: rule.probableCause };
  say({ active: true, ...key, severity: rule.severity, text, threshold: null, atMs, ...cause });
}

/** What it is about within the device; the device itself where the notification does not say. */
function partOf(event: DeviceEvent, rule: TrapRule): string {
  if (rule.resource === 'interface') return event.interfaceKey === null ? '' : `/${cleanKey(event.interfaceKey)}`;
  const index = rule.resource === 'module' ? indexOf(event, rule.indexOf) : '';
  return index === '' ? '' : `/module:${cleanKey(index)}`;
}

/** The varbind of an object, with whatever index. */
function detailOf(event: DeviceEvent, object: string | undefined): DeviceEvent['details'][number] | undefined {
  if (object === undefined) return undefined;
  return event.details.find(({ name }) => name === object || name.startsWith(`${object}.`));
}

/** The index of the object; its value where it has none; '' where the notification does not have it. */
function indexOf(event: DeviceEvent, object: string | undefined): string {
  const found = detailOf(event, object);
  if (found === undefined || object === undefined) return '';
  return cleanText(found.name === object ? found.value : found.name.slice(object.length + 1), 200).trim();
}
