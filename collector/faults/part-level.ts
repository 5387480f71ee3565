// One part of a device held against its level: how many tables in a row until its alarm is raised, changed or cleared.
import type { Severity, ThresholdInformation } from './alarm.ts';
import { type ActiveAlarm, alarmKeyText } from './alarm-machine.ts';
import type { AlarmTypeName } from './alarm-types.ts';
import type { Streak } from './parts-memory.ts';
import { OFF, type Round } from './round.ts';

/** Alarms of parts that may be on their way at once; of one more beyond it nothing is raised. */
const MAX_STREAKS = 20_000;
/** Complete tables without a part until it counts as gone: right after a start a device may not have found all of them. */
const MISSING_TABLES = 2;

/** What it takes to say something of a part. */
type Saying = Pick<Round, 'memory' | 'atMs' | 'say'>;

export interface PartKey {
  readonly resource: string;
  readonly alarmType: AlarmTypeName;
  readonly qualifier: string;
}

export interface PartRule {
  readonly enabled: boolean;
  readonly raiseAfterPolls: number;
  readonly clearAfterPolls: number;
}

/** `severity`: what the part deserves now; null where it is well, undefined between the levels, or where nothing can be said. */
export interface PartState {
  readonly severity: Severity | null | undefined;
  readonly text: string;
  readonly threshold: ThresholdInformation | null;
}

/** The alarm that stands, or undefined. */
export function heldOf({ memory }: Saying, key: PartKey): ActiveAlarm | undefined {
  return memory.active.size === 0 ? undefined : memory.active.get(alarmKeyText(key));
}

/** True where nothing is on its way and nothing stands: then a part that is well needs no second look. */
export function isQuiet({ memory }: Round): boolean {
  return memory.active.size === 0 && memory.parts.streaks.size === 0;
}

export function judgePart(round: Saying, key: PartKey, rule: PartRule, state: PartState): void {
  const held = heldOf(round, key);
  const { severity, text } = state;
  if (!rule.enabled) return end(round, key, OFF);
  const name = alarmKeyText(key);
  if (severity === undefined || severity === held?.severity) return forgetStreak(round, name);
  if (severity === null) {
    if (held === undefined) return forgetStreak(round, name);
    if (count(round, name, 'clear') >= rule.clearAfterPolls) end(round, key, text);
    return;
  }
  if (count(round, name, 'raise') < rule.raiseAfterPolls) return;
  forgetStreak(round, name);
  round.say({ active: true, ...key, severity, text, threshold: state.threshold, atMs: round.atMs });
}

/** Ends an alarm at once; nothing where it does not stand. */
export function end(round: Saying, key: PartKey, text: string): void {
  forgetStreak(round, alarmKeyText(key));
  if (heldOf(round, key) !== undefined) round.say({ active: false, ...key, atMs: round.atMs, text });
}

/** Parts that a complete table no longer has: their alarms end with them. `present` are the resources that it has. */
export function endOfGone(round: Round, prefix: string, present: ReadonlySet<string>): void {
  const { memory, atMs, say } = round;
  if (isQuiet(round)) return;
  const gone = new Set<string>();
  // What only a notification knows of was never there.
  for (const { resource } of memory.active.values())
    if (resource.startsWith(prefix) && !present.has(resource) && memory.parts.toldParts.get(resource)?.isRead !== false)
      gone.add(resource);
  for (const name of memory.parts.streaks.keys()) {
    const resource = name.slice(name.lastIndexOf(prefix));
    if (!resource.startsWith(prefix) || name === missingName(resource)) continue;
    if (present.has(resource)) {
      if (name === goneName(resource)) forgetStreak(round, name);
    } else if (!gone.has(resource)) forgetStreak(round, name);
  }
  for (const resource of gone) {
    if (count(round, goneName(resource), 'raise') < MISSING_TABLES) continue;
    for (const name of memory.parts.streaks.keys()) if (name.endsWith(` ${resource}`)) forgetStreak(round, name);
    const text = `${resource.slice(memory.device.length + 1)} is gone from ${memory.device}.`;
    for (const alarm of memory.active.values())
      if (alarm.resource === resource) say({ ...alarm, active: false, atMs, text });
  }
}

/** True once two complete tables in a row have not had it. */
export function missing(round: Round, resource: string, present: ReadonlySet<string>): boolean {
  const name = missingName(resource);
  if (present.has(resource)) {
    forgetStreak(round, name);
    return false;
  }
  if (count(round, name, 'raise') < MISSING_TABLES) return false;
  forgetStreak(round, name);
  return true;
}

function missingName(resource: string): string {
  return `missing ${resource}`;
}

function goneName(resource: string): string {
  return `gone ${resource}`;
}

/** One more table in a row; counts of the other way begin anew. */
export function count({ memory }: Saying, name: string, way: keyof Streak): number {
  const streak = memory.parts.streaks.get(name);
  if (streak === undefined && memory.parts.streaks.size >= MAX_STREAKS) return 0;
  const times = Math.min((streak?.[way] ?? 0) + 1, 1000);
  memory.parts.streaks.set(name, { raise: 0, clear: 0, [way]: times });
  memory.dirty = true;
  return times;
}

export function forgetStreak({ memory }: Saying, name: string): void {
  if (memory.parts.streaks.size > 0 && memory.parts.streaks.delete(name)) memory.dirty = true;
}
