// A part that failed, told twice: by a notification that does not say which, and by the name that polls have for it. Pure.
import { STATE_TYPES } from '../told-parts.ts';
import type { Cause, RaisedAlarm } from './causes.ts';
import { byName } from './network-graph.ts';

/** Failed parts by type and device, where it is known which they are. */
export type FailedParts = ReadonlyMap<string, readonly RaisedAlarm[]>;

const TYPES: ReadonlySet<string> = new Set(STATE_TYPES);

export function failedPartsOf(alarms: readonly RaisedAlarm[]): FailedParts {
  const parts = new Map<string, RaisedAlarm[]>();
  for (const alarm of alarms) {
    if (!TYPES.has(alarm.alarmType) || !isExact(alarm)) continue;
    const known = parts.get(nameOf(alarm));
    if (known === undefined) parts.set(nameOf(alarm), [alarm]);
    else known.push(alarm);
  }
  return parts;
}

/** The less exact alarm is folded under the more exact one: of several under the one that came nearest to it. */
export function causeOfPart(parts: FailedParts, alarm: RaisedAlarm): Cause | null {
  if (isExact(alarm)) return null;
  const away = (one: RaisedAlarm): number => Math.abs(one.raisedAtMs - alarm.raisedAtMs);
  const [nearest] = (parts.get(nameOf(alarm)) ?? []).toSorted(
    (one, other) => away(one) - away(other) || byName(one.resource, other.resource),
  );
  return nearest === undefined ? null : { root: nearest.id, reason: `${nearest.resource} says which part it is` };
}

function isExact({ device, resource }: RaisedAlarm): boolean {
  return resource.startsWith(`${device ?? ''}/sensor:`);
}

function nameOf({ device, alarmType }: RaisedAlarm): string {
  return `${alarmType} ${device ?? ''}`;
}
