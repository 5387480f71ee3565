// Alarm types of interfaces and links.
import type { AlarmType } from './alarm-type.ts';

export const INTERFACE_ALARM_TYPES = {
  'interface-down': {
    eventType: 'communicationsAlarm',
    probableCause: 'lossOfSignal',
    description: 'An interface that has been up and is wanted up is down (docs/decisions/wanted-interfaces.md).',
    proposedRepair:
      'Check cable, optics and the far end; shut the interface down if it is not meant to carry anything.',
    willClear: true,
    resource: 'an interface: `device/interface`',
    qualifiers: '',
    ends: 'when the interface is up again, was shut down by intent, or is gone.',
    rule: 'interface_down',
  },
  'interface-flapping': {
    eventType: 'communicationsAlarm',
    probableCause: 'transmissionError',
    description:
      'An interface goes down and up again and again. Meanwhile nothing else is told of its status; once it is quiet, the settled state is.',
    proposedRepair:
      'Clean and check cable and optics, and the far end; shut it down until it is repaired, so that routing settles.',
    willClear: true,
    resource: 'an interface',
    qualifiers: '',
    ends: 'after `settle_ms` without a change, when it was shut down by intent, or is gone.',
    rule: 'interface_flapping',
  },
  'lag-degraded': {
    eventType: 'communicationsAlarm',
    probableCause: 'degradedSignal',
    description:
      'Some members of a LAG are down, and not all of them: it carries on with less. The alarms of its members are folded under it.',
    proposedRepair: 'Check cable, optics and the far end of the members that are named.',
    willClear: true,
    resource: 'the LAG: `device/interface`',
    qualifiers: '',
    ends: 'when all of its members are up, or none is (then the LAG is down), or it has none any more.',
    rule: 'lag_degraded',
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
  'interface-discards': {
    eventType: 'qualityOfServiceAlarm',
    probableCause: 'queueSizeExceeded',
    description: 'An interface drops packets that had no error: its queues are full, or a filter drops them.',
    proposedRepair:
      'See whether it is congested at peaks, whether a policer or shaper fits what was bought, and who sends the bursts.',
    willClear: true,
    resource: 'an interface',
    qualifiers: 'in, out',
    ends: 'below `clear_per_second` for several polls.',
    rule: 'interface_discards',
  },
  'half-duplex': {
    eventType: 'communicationsAlarm',
    probableCause: 'configurationOrCustomizationError',
    description: 'An Ethernet port that is up runs with half duplex: mostly one end negotiates and the other does not.',
    proposedRepair: 'Set both ends to negotiate, or both to the same speed and full duplex.',
    willClear: true,
    resource: 'an interface',
    qualifiers: '',
    ends: 'when it runs with full duplex.',
    rule: 'half_duplex',
  },
  'link-mismatch': {
    eventType: 'communicationsAlarm',
    probableCause: 'configurationOrCustomizationError',
    description:
      'The two ends of a link (LLDP, CDP) are up with different speeds, duplex or VLANs of frames without a tag, or with frame sizes that differ by more than headers.',
    proposedRepair:
      'Set both ends to the same. Different frame sizes lose large packets in one direction only; different duplex means collisions under load; different VLANs join two networks that are meant to be apart.',
    willClear: true,
    resource: 'the interface at one end, whichever sorts first',
    qualifiers: 'speed, mtu, duplex or vlan, and the interface at the other end',
    ends: 'when both are the same, or nobody tells of the link any more.',
    rule: 'link_mismatch',
  },
} as const satisfies Record<string, AlarmType>;
