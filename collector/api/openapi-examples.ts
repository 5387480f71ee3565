// Answers as they look, for the document of the API; a test holds each against the schema of its route.
import type { OpenApiExamples } from '../../common/http/openapi.ts';

const ALARM = {
  id: '3',
  resource: 'dist2/Ethernet5',
  alarmType: 'interface-down',
  qualifier: '',
  device: 'dist2',
  severity: 'major',
  isCleared: false,
  text: 'Ethernet5 of dist2 is down, though it is meant to be up.',
  eventType: 'communicationsAlarm',
  probableCause: 'lossOfSignal',
  proposedRepair: 'Check cable and transceiver, and the other end.',
  threshold: null,
  createdAt: '2026-11-25T23:50:21.551Z',
  raisedAt: '2026-11-25T23:50:21.551Z',
  changedAt: '2026-11-25T23:50:21.551Z',
  clearedAt: null,
  operatorState: 'none',
  operator: null,
  operatorChangedAt: null,
  shelvedUntil: null,
  shelvedBy: null,
  shelfReason: null,
  assignedTo: 'night shift',
  ticket: 'INC-2041',
  ticketUrl: 'https://tickets.example.net/INC-2041',
  escalationLevel: 1,
  escalationReason: 'no answer from the site',
  sourceSystemId: null,
  externalAlarmId: null,
  updatedAt: '2026-11-26T00:03:12.480Z',
};

export const OPENAPI_EXAMPLES: OpenApiExamples = {
  'GET /healthz': { healthy: true },
  'GET /readyz': { ready: true, parts: { 'metric store': { healthy: true, message: 'open' } } },
  'GET /api/v1/alarms': { items: [{ ...ALARM, rootAlarm: null, symptoms: 0 }], next: null },
  'GET /api/v1/series': {
    metric: 'in_bps',
    resource: 'core1/xe-0/0/0',
    function: 'rate',
    unit: 'bit/s',
    from: '2026-11-25T23:58:00.000Z',
    to: '2026-11-25T23:58:10.000Z',
    stepMs: 5000,
    points: [
      { at: '2026-11-25T23:58:00.000Z', value: 3_053_004_211.2, coverage: 1 },
      { at: '2026-11-25T23:58:05.000Z', value: null, coverage: 0 },
    ],
  },
  'GET /api/v1/series/top': { items: [{ resource: 'core1/xe-0/0/0', value: 3_053_004_211.2 }], next: null },
  'GET /api/v1/series/latest': {
    items: [{ resource: 'core1/xe-0/0/0', at: '2026-11-25T23:58:05.000Z', value: 3_053_004_211.2 }],
    next: null,
  },
  'GET /api/v1/batches/receipt': { received: 233, applied: 231 },
  'POST /api/v1/batches': { received: 233, applied: 231 },
  'GET /prometheus/api/v1/query': {
    status: 'success',
    data: {
      resultType: 'vector',
      result: [
        {
          metric: { __name__: 'weir_device_reachable', device: 'core1' },
          value: [1_795_651_200, '1'],
        },
      ],
    },
  },
};
