// What the API answers, as schemas: the OpenAPI document, the tests and the types of the page are made from them.
import { z } from 'zod';

/** ISO 8601 UTC. */
const time = z.iso.datetime();
const count = z.number().int().nonnegative();
/** An integer that may pass 2^53, in decimal. */
const bigText = z.string().regex(/^\d+$/);

export const listOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next: z.string().nullable().describe('cursor of the next page; null at the end') });

export const deviceAnswer = z.object({
  name: z.string(),
  configured: z.boolean().describe('false for a device that was seen and is no longer in the configuration'),
  managed: z
    .enum(['file', 'api'])
    .nullable()
    .describe('where its definition is; null for one that is configured no more'),
  definitionVersion: z.number().int().nullable().describe('of a device managed by API: what a change of it must name'),
  criticality: z.enum(['low', 'normal', 'high', 'critical']),
  tags: z.array(z.string()),
  note: z.string(),
  address: z.string().nullable(),
  site: z.string().nullable(),
  agent: z.string().nullable(),
  reachable: z.boolean().nullable().describe('whether it answered the last poll; null before the first'),
  stale: z.boolean().describe('true where the last poll is older than three intervals: then `reachable` is of then'),
  firstSeenAt: time.nullable(),
  lastPollAt: time.nullable(),
  lastAnswerAt: time.nullable(),
  lastOutcome: z.string().nullable(),
  lastFailure: z.string().nullable().describe('code of what went wrong in the last poll'),
  lastPollMs: z.number().nullable(),
  lastRequests: count.nullable(),
  lastRetries: count.nullable(),
  intervalMs: count.nullable(),
  uptimeTicks: z.number().nullable().describe('hundredths of a second'),
  sysName: z.string().nullable(),
  sysDescr: z.string().nullable(),
  sysObjectID: z.string().nullable(),
  sysLocation: z.string().nullable(),
  sysContact: z.string().nullable(),
  vendor: z.string().nullable(),
  model: z.string().nullable(),
  os: z.string().nullable(),
  version: z.string().nullable(),
  serial: z.string().nullable(),
  profile: z.string().nullable(),
  interfaceCount: count,
});
export type DeviceAnswer = z.output<typeof deviceAnswer>;

const status = z.string().nullable().describe('as RFC 2863 names it: up, down, testing, …');

export const interfaceAnswer = z.object({
  id: count,
  device: z.string(),
  key: z.string().describe('its identity inside the device'),
  resource: z.string().describe('what series and alarms call it'),
  name: z.string(),
  alias: z.string().nullable(),
  ifIndex: z.string(),
  ifName: z.string().nullable(),
  ifDescr: z.string().nullable(),
  ifType: z.number().nullable(),
  mtu: z.number().nullable(),
  speedBps: bigText.nullable(),
  mac: z.string().nullable(),
  adminStatus: status,
  operStatus: status,
  firstSeenAt: time,
  lastSeenAt: time,
  goneAt: time.nullable().describe('since when the device no longer has it'),
  meters: z.object({ in: count, out: count }),
});
export type InterfaceAnswer = z.output<typeof interfaceAnswer>;

export const gaugeAnswer = z.object({
  resource: z.string(),
  device: z.string(),
  metric: z.string(),
  description: z.string(),
  unit: z.string(),
  at: time.nullable(),
  value: z.number().nullable().describe('the latest; null where that is older than a quarter of an hour'),
});

export const metricAnswer = z.object({
  name: z.string(),
  unit: z.string(),
  deltaUnit: z.string().nullable(),
  functions: z.array(z.string()).readonly(),
});
export type MetricAnswer = z.output<typeof metricAnswer>;

const seriesPoints = z.array(
  z.object({
    at: time.describe('start of the step'),
    value: z
      .union([z.number(), z.string()])
      .nullable()
      .describe('null where nothing is known; text where it is an exact integer'),
    coverage: z.number().describe('part of the step that readings cover'),
  }),
);
export const seriesAnswer = z.object({
  metric: z.string(),
  resource: z.string().describe('empty for a group'),
  function: z.string(),
  unit: z.string(),
  from: time,
  to: time,
  stepMs: count,
  tier: z.string().optional().describe('coarsest readings that the answer is made of: raw, 5m, 1h or 1d'),
  group: z.string().optional(),
  resources: z.array(z.string()).optional().describe('of which a group is made'),
  points: seriesPoints,
  previous: z
    .object({ from: time, to: time, points: seriesPoints })
    .optional()
    .describe('an earlier period, at the times of this one'),
});
export type SeriesAnswer = z.output<typeof seriesAnswer>;

export const stackAnswer = z.object({
  items: z.array(seriesAnswer).describe('the first, the highest first'),
  other: seriesAnswer.nullable().describe('the sum of the rest; null where there is none'),
  leftOut: count.describe('resources beyond the bound, which `other` does not hold'),
});

export const storedSeriesAnswer = z.object({
  metric: z.string(),
  resource: z.string(),
  device: z.string().describe('empty for a point of another program'),
  part: z.string(),
  description: z.string(),
  unit: z.string(),
  tags: z.record(z.string(), z.string()),
});

export const topAnswer = z.object({ resource: z.string(), value: z.number() });
export const latestAnswer = z.object({ resource: z.string(), at: time, value: z.number() });
export type TopAnswer = z.output<typeof topAnswer>;
export type LatestAnswer = z.output<typeof latestAnswer>;

export const agentAnswer = z.object({
  name: z.string(),
  state: z.enum(['awaited', 'reporting', 'silent', 'idle']).describe('idle: no device is assigned to it'),
  devices: count.describe('assigned to it by the configuration'),
  incarnation: z.string().nullable().describe('of its spool'),
  firstSeenAt: time.nullable(),
  lastBatchAt: time.nullable(),
  lastSequence: count.nullable(),
  received: count.nullable().describe('every sequence up to here is held durably'),
  applied: count.nullable().describe('every sequence up to here is committed by readings and faults'),
  clockOffsetMs: z.number().nullable().describe("the agent's clock less the collector's"),
  clockSound: z.boolean().nullable(),
  superseded: z
    .object({ incarnation: z.string(), refusedAt: time.describe('when last') })
    .nullable()
    .describe('an older spool that went on reporting under this name, and was refused: two agents have it'),
});
export type AgentAnswer = z.output<typeof agentAnswer>;

const eventDetail = z.object({ name: z.string(), value: z.string() });

export const keptEventAnswer = z.object({
  id: bigText.describe('permanent; grows in the order in which events were kept'),
  eventId: z.string().describe('given by the agent'),
  agent: z.string(),
  device: z.string().nullable().describe('null where the sender is no device of the agent'),
  source: z.string().nullable().describe('the address it came from'),
  origin: z.string().describe('trap or inform of the device, agent (its own notice), work (a result)'),
  name: z.string(),
  observedAt: time,
  receivedAt: time,
  uptimeTicks: z.number().nullable(),
  interfaceKey: z.string().nullable(),
  details: z.array(eventDetail),
});

const setVarbind = z.object({ oid: z.string(), type: z.string(), value: z.string() });
const workKind = z.enum(['poll', 'diagnose', 'set', 'ping', 'traceroute', 'read', 'sequence', 'rehearse', 'probe']);
const probe = z.object({ address: z.string(), credential: z.string() }).optional().describe('of a probe alone');

export const workAnswer = z.object({
  id: z.string(),
  agent: z.string(),
  kind: workKind,
  device: z.string(),
  varbinds: z.array(setVarbind.extend({ value: z.string().nullable().describe('null for all but administrators') })),
  probe,
  state: z.enum(['queued', 'handed_out', 'done', 'failed', 'expired']),
  askedBy: z.string().describe('name of the token'),
  reason: z.string(),
  createdAt: time,
  expiresAt: time,
  handedOutAt: time.nullable(),
  finishedAt: time.nullable(),
  result: z.array(eventDetail).nullable(),
});

export const handedOutAnswer = z.object({
  id: z.string(),
  kind: workKind,
  device: z.string(),
  varbinds: z.array(setVarbind),
  oids: z.array(z.string()).describe('of a read; a column has .* behind it'),
  steps: z
    .array(z.object({ varbinds: z.array(setVarbind), pauseMs: count }))
    .describe('of a sequence and its rehearsal'),
  probe,
  expiresInMs: count,
});

export const agentConfigurationAnswer = z.object({
  version: z.string(),
  devices: z.array(z.looseObject({ name: z.string(), address: z.string(), credential: z.string() })),
});

export const quarantineAnswer = z.object({
  id: count,
  reader: z.string().describe('who could not use it: ingest (everybody) or one projection'),
  journal: z.string(),
  position: count,
  agent: z.string(),
  incarnation: z.string(),
  sequence: count,
  sha256: z.string(),
  code: z.string(),
  message: z.string(),
  receivedAt: time,
  bytes: count,
});

const page = z.looseObject({ journal: z.string(), position: count, ordinal: count, device: z.string() });
export const readingsAnswer = z.object({
  items: z.array(page).describe('pages of raw counters: common/wire/reading-page.ts'),
  layouts: z.array(z.looseObject({ id: count, device: z.string() })),
  next: z.string(),
  more: z.boolean(),
  watermarks: z.record(z.string(), z.number()),
  quarantined: count,
});

export const meterReadingsAnswer = listOf(
  z.object({
    meter: count,
    observedAt: time,
    value: bigText,
    width: z.union([z.literal(32), z.literal(64)]),
    uptimeTicks: z.number().nullable(),
    discontinuityTicks: z.number().nullable(),
    monotonicMs: z.number(),
    processId: z.string(),
    intervalMs: count,
    speedBps: bigText.nullable(),
    clockSound: z.boolean(),
    agent: z.string(),
    incarnation: z.string(),
    sequence: count,
    batchSha256: z.string(),
    journal: z.string(),
    position: count,
    ordinal: count,
  }),
);

export const overviewAnswer = z.object({
  demo: z.boolean(),
  pollIntervalMs: count,
  devices: z.object({
    configured: count,
    total: count.describe('ever seen'),
    reachable: count.describe('answered their last poll, which is no old one'),
  }),
  interfaces: z.object({ total: count, up: count }),
  readings: z
    .object({ pages: bigText, lastAt: time.nullable() })
    .nullable()
    .describe('null for a token with a scope: they are of the whole network'),
  alarms: z
    .record(z.string(), count)
    .describe('not cleared and not shelved, by severity; `cleared` and `shelved` beside'),
  quarantined: count.nullable().describe('null for a token with a scope'),
  storm: z
    .object({
      since: time,
      raised: count.describe('alarms raised since then'),
      raisedLately: count.describe('of them in the last ten minutes'),
      counted: z.boolean().describe('false where there were more than are counted'),
      folded: count.describe('of `raised`, symptoms of a cause'),
      roots: z
        .array(
          z.object({
            id: z.string(),
            resource: z.string(),
            text: z.string(),
            severity: z.string(),
            isCleared: z.boolean(),
            symptoms: count,
          }),
        )
        .describe('the causes with most symptoms among them'),
    })
    .nullable()
    .describe('alarms arrive faster than a person reads them: more than ten within ten minutes, until fewer than five'),
});
export type OverviewAnswer = z.output<typeof overviewAnswer>;
