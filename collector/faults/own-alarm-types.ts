// Alarm types of Weir itself: agents and collectors.
import type { AlarmType } from './alarm-type.ts';

export const OWN_ALARM_TYPES = {
  'agent-silent': {
    eventType: 'communicationsAlarm',
    probableCause: 'communicationsProtocolError',
    description: 'An agent has sent nothing for several intervals: of its devices nothing is known meanwhile.',
    proposedRepair: 'Check that the agent runs and reaches the collector; what it polls meanwhile is in its spool.',
    willClear: true,
    resource: 'an agent: `agent:NAME`',
    qualifiers: '',
    ends: 'with its next batch, or when no device is assigned to it.',
    rule: 'agent_silent',
  },
  'agent-clock-offset': {
    eventType: 'timeDomainViolation',
    probableCause: 'clockSynchronisationProblem',
    description: 'The clock of an agent is off; its readings are marked, and the bill run asks about them.',
    proposedRepair: "Synchronise the clock of the agent's machine, with NTP for instance.",
    willClear: true,
    resource: 'an agent',
    qualifiers: '',
    ends: 'below `clear_ms`.',
    rule: 'agent_clock',
  },
  'site-unreachable': {
    eventType: 'communicationsAlarm',
    probableCause: 'powerProblem',
    description: 'No device of a site answers, and nothing outside it explains that.',
    proposedRepair: 'Check the power of the site, then its uplinks and the devices they end at.',
    willClear: true,
    resource: 'a site: `site:NAME`',
    qualifiers: '',
    ends: 'when a device of the site answers again.',
    rule: null,
  },
  external: {
    eventType: 'communicationsAlarm',
    probableCause: 'indeterminate',
    description: 'An alarm that another system has entered, and ends.',
    proposedRepair: '',
    willClear: false,
    resource: 'what the other system says',
    qualifiers: 'the other system and its id of the alarm',
    ends: 'when the other system clears it.',
    rule: null,
  },
  'spool-filling': {
    eventType: 'processingErrorAlarm',
    probableCause: 'storageCapacityProblem',
    description:
      'The spool of an agent has reached its bound: polls were thinned out (resolution is lost, no octets), or, worse, batches were given up.',
    proposedRepair:
      'Bring the collector back, or the path to it; give the spool more room (agent.spool) where outages may last longer.',
    willClear: true,
    resource: 'an agent: `agent:NAME`',
    qualifiers: '',
    ends: 'after `clear_after_batches` batches in a row that came whole.',
    rule: 'spool_filling',
  },
  'journal-lag': {
    eventType: 'processingErrorAlarm',
    probableCause: 'queueSizeExceeded',
    description:
      'A projection of a collector is behind its journal: what it writes (alarms, readings or metrics) is late, and not lost.',
    proposedRepair: 'See its failures at GET /api/v1/projections, and whether PostgreSQL or the metric store is slow.',
    willClear: true,
    resource: 'a collector: `collector:JOURNAL`',
    qualifiers: 'readings, faults, store',
    ends: 'below `clear_ms`.',
    rule: 'journal_lag',
  },
  'receiver-failing': {
    eventType: 'communicationsAlarm',
    probableCause: 'communicationsProtocolError',
    description:
      'Somebody who should be told is not: a channel of people, a listener of alarms or of bills, a mail server or webhook of the billing bridge.',
    proposedRepair:
      'See why: `GET /api/v1/messages?state=dead`, `GET /api/v1/alarm-listeners`, `GET /billing/v1/messages?state=dead`. Bring the receiver back, then retry what was given up, or have the listener registered anew.',
    willClear: true,
    resource: 'who is told: `channel:NAME`, `listener:ID`, `billing-channel:NAME`',
    qualifiers: '',
    ends: 'when it is told again, is registered anew, or nothing waits for it.',
    rule: 'receiver_failing',
  },
} as const satisfies Record<string, AlarmType>;
