// Alarm types of devices: whether they answer, and what happened to them.
import type { AlarmType } from './alarm-type.ts';

export const DEVICE_ALARM_TYPES = {
  'device-unreachable': {
    eventType: 'communicationsAlarm',
    probableCause: 'communicationsSubsystemFailure',
    description: 'A device has not answered several polls in a row. Its other alarms stay as they were last seen.',
    proposedRepair: 'Check power and the path to the device, then its SNMP access list and credentials.',
    willClear: true,
    resource: 'a device',
    qualifiers: '',
    ends: 'at its first answer.',
    rule: 'device_unreachable',
  },
  'device-rebooted': {
    eventType: 'equipmentAlarm',
    probableCause: 'equipmentMalfunction',
    description: 'The uptime of a device shows that it has restarted.',
    proposedRepair: 'See the log of the device for the cause; nothing to do where the restart was planned.',
    willClear: true,
    resource: 'a device',
    qualifiers: '',
    ends: 'by itself, `clear_after_ms` later.',
    rule: 'device_rebooted',
  },
} as const satisfies Record<string, AlarmType>;
