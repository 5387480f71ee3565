// The inventory of alarm types (RFC 8632 §4.1): what each means, what it is by ITU-T X.733, and what to do about it.

export interface AlarmType {
  /** ITU-T X.733 / X.736 event type, as TMF642 spells it. */
  readonly eventType: 'communicationsAlarm' | 'equipmentAlarm' | 'qualityOfServiceAlarm' | 'timeDomainViolation';
  /** ITU-T X.733 probable cause, as TMF642 spells it. */
  readonly probableCause: string;
  readonly description: string;
  readonly proposedRepair: string;
  /** Whether the resource itself can end it. */
  readonly willClear: boolean;
}

export const ALARM_TYPES = {
  'interface-down': {
    eventType: 'communicationsAlarm',
    probableCause: 'lossOfSignal',
    description: 'An interface that has been up and is meant to be up is down.',
    proposedRepair:
      'Check cable, optics and the far end; shut the interface down if it is not meant to carry anything.',
    willClear: true,
  },
  'device-unreachable': {
    eventType: 'communicationsAlarm',
    probableCause: 'communicationsSubsystemFailure',
    description: 'A device has not answered several polls in a row. Its other alarms stay as they were last seen.',
    proposedRepair: 'Check power and the path to the device, then its SNMP access list and credentials.',
    willClear: true,
  },
  'device-rebooted': {
    eventType: 'equipmentAlarm',
    probableCause: 'equipmentMalfunction',
    description: 'The uptime of a device shows that it has restarted.',
    proposedRepair: 'See the log of the device for the cause; nothing to do where the restart was planned.',
    willClear: true,
  },
  'high-utilisation': {
    eventType: 'qualityOfServiceAlarm',
    probableCause: 'bandwidthReduced',
    description: 'An interface carries nearly as much as its speed allows.',
    proposedRepair: 'See what carries the traffic; move it or make the link larger.',
    willClear: true,
  },
  'interface-errors': {
    eventType: 'communicationsAlarm',
    probableCause: 'transmissionError',
    description: 'An interface counts packets with errors.',
    proposedRepair: 'Check cable, optics, and speed and duplex on both ends.',
    willClear: true,
  },
  'agent-silent': {
    eventType: 'communicationsAlarm',
    probableCause: 'communicationsProtocolError',
    description: 'An agent has sent nothing for several intervals: of its devices nothing is known meanwhile.',
    proposedRepair: 'Check that the agent runs and reaches the collector; what it polls meanwhile is in its spool.',
    willClear: true,
  },
  'agent-clock-offset': {
    eventType: 'timeDomainViolation',
    probableCause: 'clockSynchronisationProblem',
    description: 'The clock of an agent is off; its readings are marked, and the bill run asks about them.',
    proposedRepair: "Synchronise the clock of the agent's machine, with NTP for instance.",
    willClear: true,
  },
} as const satisfies Record<string, AlarmType>;

export type AlarmTypeName = keyof typeof ALARM_TYPES;

/** The type of alarms that other systems enter: what they are, they say themselves. */
export const EXTERNAL_ALARM = 'external';

const EXTERNAL: AlarmType = {
  eventType: 'communicationsAlarm',
  probableCause: 'indeterminate',
  description: 'An alarm that another system has entered, and ends.',
  proposedRepair: '',
  willClear: false,
};

/** The type of an alarm as stored; one that this version does not know is told as such. */
export function alarmTypeOf(name: string): AlarmType {
  if (Object.hasOwn(ALARM_TYPES, name)) return ALARM_TYPES[name as AlarmTypeName];
  if (name === EXTERNAL_ALARM) return EXTERNAL;
  return {
    eventType: 'communicationsAlarm',
    probableCause: 'indeterminate',
    description: `${name}: a type of another version of Weir.`,
    proposedRepair: '',
    willClear: false,
  };
}
