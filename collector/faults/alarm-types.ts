// The inventory of alarm types (RFC 8632 §4.1): what each means, what it is by ITU-T X.733, when it ends, and what to do about it.
import type { AlarmType, NamedAlarmType } from './alarm-type.ts';
import { DEVICE_ALARM_TYPES } from './device-alarm-types.ts';
import { INTERFACE_ALARM_TYPES } from './interface-alarm-types.ts';
import { OWN_ALARM_TYPES } from './own-alarm-types.ts';
import { PART_ALARM_TYPES } from './part-alarm-types.ts';

export const ALARM_TYPES = {
  ...INTERFACE_ALARM_TYPES,
  ...DEVICE_ALARM_TYPES,
  ...PART_ALARM_TYPES,
  ...OWN_ALARM_TYPES,
};

/** By name. */
export const NAMED_ALARM_TYPES: readonly NamedAlarmType[] = Object.entries<AlarmType>(ALARM_TYPES)
  .map(([alarmType, type]) => ({ alarmType, ...type }))
  .toSorted((a, b) => a.alarmType.localeCompare(b.alarmType));

export type AlarmTypeName = keyof typeof ALARM_TYPES;

/** The type of alarms that other systems enter: what they are, they say themselves. */
export const EXTERNAL_ALARM: AlarmTypeName = 'external';

/** The type of an alarm as stored; one that this version does not know is told as such. */
export function alarmTypeOf(name: string): AlarmType {
  if (Object.hasOwn(ALARM_TYPES, name)) return ALARM_TYPES[name as AlarmTypeName];
  return {
    eventType: 'communicationsAlarm',
    probableCause: 'indeterminate',
    description: `${name}: a type of another version of Weir.`,
    proposedRepair: '',
    willClear: false,
    resource: '',
    qualifiers: '',
    ends: '',
    rule: null,
  };
}
