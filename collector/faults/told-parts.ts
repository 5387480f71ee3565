// Parts that a notification tells of and that polls read too: one alarm, raised by whichever says it first; the state that a later poll reads settles it.
import type { EpochMs } from '../../common/model/time.ts';
import { alarmKeyText } from './alarm-machine.ts';
import { end, heldOf, type PartKey } from './part-level.ts';
import { MAX_REMEMBERED } from './parts-memory.ts';
import { OFF, type Round } from './round.ts';
import type { StatusRound } from './judge-status.ts';
import type { TrapRule } from './trap-rules.ts';

/** Alarms of what a device says of a part in words. */
export const STATE_TYPES = ['fan-failed', 'power-supply-failed', 'sensor-state'] as const;
export type StateType = (typeof STATE_TYPES)[number];

export interface ToldPart {
  readonly resource: string;
  readonly type: StateType;
  readonly rule: TrapRule;
  readonly raises: boolean;
  /** What the notification says, for people. */
  readonly text: string;
}

/** What a notification says of a part, at once. A part has one such alarm: what stands of it keeps its type. */
export function judgeToldPart(round: StatusRound, told: ToldPart): void {
  const { memory, atMs, say, rules } = round;
  const { toldParts } = memory.parts;
  const { resource, rule, raises, text } = told;
  const held = STATE_TYPES.find((one) => heldOf(round, keyOf(resource, one)) !== undefined);
  const type = held ?? told.type;
  const key = keyOf(resource, type);
  if (!raises || !rule.enabled) {
    if (toldParts.delete(resource)) memory.dirty = true;
    return end(round, key, rule.enabled ? text : OFF);
  }
  const known = toldParts.get(resource);
  // What polls have read is theirs to change.
  if (!rules.sensorState.enabled || known?.isRead === true || (held !== undefined && known === undefined)) return;
  if (known === undefined && toldParts.size >= MAX_REMEMBERED) return;
  toldParts.set(resource, { rule: rule.name, type, atMs, isRead: false });
  memory.dirty = true;
  if (held !== undefined) return;
  const cause = rule.probableCause === undefined ? {} : { probableCause: rule.probableCause };
  say({ active: true, ...key, severity: rule.severity, text, threshold: null, atMs, ...cause });
}

/** The type of the alarm that a notification raised of a part, while that stands. */
export function toldTypeOf({ memory }: Round, resource: string): StateType | null {
  return memory.parts.toldParts.get(resource)?.type ?? null;
}

/** Whether a state that was read at that time counts: a notification that came later knows better. From then on polls say how the part is. */
export function settlesTold({ memory }: Round, resource: string, readAtMs: EpochMs): boolean {
  const { toldParts } = memory.parts;
  const told = toldParts.size === 0 ? undefined : toldParts.get(resource);
  if (told === undefined || told.isRead) return true;
  if (readAtMs < told.atMs) return false;
  toldParts.set(resource, { ...told, isRead: true });
  memory.dirty = true;
  return true;
}

/** What no poll has read ends after the time of its rule; what has ended is forgotten. */
export function endTold(round: Round): void {
  const { memory, atMs, rules } = round;
  const { enabled, conditions } = rules.notifications;
  for (const [resource, { rule: name, type, atMs: toldAtMs, isRead }] of memory.parts.toldParts) {
    const key = keyOf(resource, type);
    if (heldOf(round, key) !== undefined) {
      const rule = conditions.find((one) => one.name === name);
      const isOn = enabled && rule?.enabled === true;
      if (isRead || (isOn && atMs - toldAtMs < rule.clearAfterMs)) continue;
      end(round, key, isOn ? 'It was told long enough.' : OFF);
    }
    memory.parts.toldParts.delete(resource);
    memory.dirty = true;
  }
}

/** The last of its kind that polls saw failed is well again: so is what a notification told of one without saying which. */
export function endUnnamed(round: Round, type: StateType): void {
  const { memory } = round;
  const ofType = [...memory.active.values()].filter(({ alarmType }) => alarmType === type);
  if (ofType.some(({ resource }) => isSensor(memory.device, resource))) return;
  for (const { resource, qualifier } of ofType)
    end(round, { resource, alarmType: type, qualifier }, `Polls of ${memory.device} see none of them failed any more.`);
}

function isSensor(device: string, resource: string): boolean {
  return resource.startsWith(`${device}/sensor:`);
}

function keyOf(resource: string, alarmType: StateType): PartKey {
  return { resource, alarmType, qualifier: '' };
}

/** Whether a notification alone stands for the alarm. */
export function isToldAlone({ memory }: Round, key: PartKey): boolean {
  const told = memory.parts.toldParts.get(key.resource);
  return told !== undefined && !told.isRead && alarmKeyText(keyOf(key.resource, told.type)) === alarmKeyText(key);
}
