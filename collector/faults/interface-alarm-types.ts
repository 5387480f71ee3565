// Alarm types of interfaces and links.
import type { AlarmType } from './alarm-type.ts';

export const INTERFACE_ALARM_TYPES = {
  'interface-down': {
    eventType: 'communicationsAlarm',
    probableCause: 'lossOfSignal',
    description: 'An interface that has been up and is meant to be up is down.',
    proposedRepair:
      'Check cable, optics and the far end; shut the interface down if it is not meant to carry anything.',
    willClear: true,
    resource: 'an interface: `device/interface`',
    qualifiers: '',
    ends: 'when the interface is up again, was shut down by intent, or is gone.',
    rule: 'interface_down',
  },
  'high-utilisation': {
    eventType: 'qualityOfServiceAlarm',
    probableCause: 'bandwidthReduced',
    description: 'An interface carries nearly as much as its speed allows.',
    proposedRepair: 'See what carries the traffic; move it or make the link larger.',
    willClear: true,
    resource: 'an interface',
    qualifiers: 'in, out',
    ends: 'below `clear_percent` for several polls.',
    rule: 'high_utilisation',
  },
  'interface-errors': {
    eventType: 'communicationsAlarm',
    probableCause: 'transmissionError',
    description: 'An interface counts packets with errors.',
    proposedRepair: 'Check cable, optics, and speed and duplex on both ends.',
    willClear: true,
    resource: 'an interface',
    qualifiers: 'in, out',
    ends: 'below `clear_per_second` for several polls.',
    rule: 'interface_errors',
  },
} as const satisfies Record<string, AlarmType>;
