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
  'device-upgraded': {
    eventType: 'equipmentAlarm',
    probableCause: 'versionMismatch',
    description: 'A device tells another version of its software than before.',
    proposedRepair: 'Nothing where the change was planned; else find out who made it.',
    willClear: true,
    resource: 'a device',
    qualifiers: '',
    ends: 'by itself, `clear_after_ms` later.',
    rule: 'device_upgraded',
  },
  'unit-replaced': {
    eventType: 'equipmentAlarm',
    probableCause: 'replaceableUnitProblem',
    description: 'A device, or a module in one of its slots, has another serial number than before.',
    proposedRepair:
      'Nothing where the change was planned; update the books: what the old unit carried is carried by the new one.',
    willClear: true,
    resource: 'a device, or a module: `device/module:INDEX`',
    qualifiers: '',
    ends: 'by itself, `clear_after_ms` later.',
    rule: 'unit_replaced',
  },
  'poll-partial': {
    eventType: 'communicationsAlarm',
    probableCause: 'communicationsProtocolError',
    description: 'Several polls in a row were cut short: part of what the device could tell is not known.',
    proposedRepair:
      'See the last poll of the device (requests, retries, failure); mostly it is slow, or the interval is too short for its tables.',
    willClear: true,
    resource: 'a device',
    qualifiers: '',
    ends: 'after `clear_after_polls` whole polls.',
    rule: 'poll_partial',
  },
  'no-data': {
    eventType: 'communicationsAlarm',
    probableCause: 'communicationsProtocolError',
    description:
      'Of a device nothing is read any more: it answers, but no longer tells of its interfaces, or its polls do not come although its agent goes on sending. Its other alarms stay as they were last seen.',
    proposedRepair:
      'interface: check the SNMP view of the credential on the device, and its SNMP process. polls: see whether the agent that is assigned has the device (GET /api/v1/agents/NAME), and how late its polls are.',
    willClear: true,
    resource: 'a device; the agent where half of its devices or more are not polled',
    qualifiers: 'interface, polls',
    ends: 'when it tells of its interfaces again; when a poll comes.',
    rule: 'no_data',
  },
  'notified-condition': {
    eventType: 'equipmentAlarm',
    probableCause: 'indeterminate',
    description: 'A device has told of a condition by itself, with a trap or an inform; the qualifier says which.',
    proposedRepair:
      'See the event of the device for what it said with it; which notification means what is in config/traps and in the configuration.',
    willClear: true,
    resource: 'a device, or the interface or module that the notification names',
    qualifiers:
      'the rule (`on-battery`, `battery-low`, `entity-disabled`, `error-disabled`, … of config/traps), and what tells it apart from others',
    ends: 'when the device tells that it is over, or by itself, `clear_after_ms` after it was last told.',
    rule: 'notifications',
  },
} as const satisfies Record<string, AlarmType>;
