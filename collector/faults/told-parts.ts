// Parts that a notification tells of and that polls read too: one alarm, raised by whichever says it first; the state that a later poll reads settles it.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { alarmKeyText } from './alarm-machine.ts';
import { end, heldOf, type PartKey } from './part-level.ts';
import { MAX_REMEMBERED } from './parts-memory.ts';
import { OFF, type Round } from './round.ts';
import type { StatusRound } from './judge-status.ts';
import type { TrapRule } from './trap-rules.ts';

/** Alarms of what a device says of a part in words. */
export const STATE_TYPES = ['fan-failed', 'power-supply-failed', 'sensor-state'] as const;
export type StateType = (typeof STATE_TYPES)[number];

/** So long it is remembered that a notification told the end: a table that was read before knows less. */
const OVER_MS: DurationMs = 600_000;

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
  const known = toldParts.get(resource);
  // What such a rule raised ends with the next poll.
  if (!rule.enabled) return;
  if (!raises) {
    // A table that is just being read may still say the old state.
    if (held !== undefined) toldParts.set(resource, { rule: rule.name, type, atMs, isRead: false });
    else toldParts.delete(resource);
    memory.dirty = true;
    return end(round, key, text);
  }
  // What stands by what polls have read is theirs to change.
  if (!rules.sensorState.enabled || (held !== undefined && known?.isRead !== false)) return;
  if (known === undefined && toldParts.size >= MAX_REMEMBERED) return;
  toldParts.set(resource, { rule: rule.name, type, atMs, isRead: false });
  memory.dirty = true;
  if (held !== undefined) return;
  const cause = rule.probableCause === undefined ? {} : { probableCause: rule.probableCause };
  say({ active: true, ...key, severity: rule.severity, text, threshold: null, atMs, ...cause });
}

/** The type of the alarm that a notification raised of a part, while that stands. */
export function toldTypeOf(round: Round, resource: string): StateType | null {
  const type = round.memory.parts.toldParts.get(resource)?.type;
  return type !== undefined && heldOf(round, keyOf(resource, type)) !== undefined ? type : null;
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
    } else if (!isRead && atMs - toldAtMs < OVER_MS) continue;
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
