// The forms of the bridge's answers that look at the whole: reconciliation, schedules, the feed and the first page.
import { z } from 'zod';
import { exact, integer, money, quoteLineForm, periodForm, time } from './schemas.ts';

const difference = z.object({ kind: z.string(), expected: z.string(), found: z.string() });

const quote = z.object({
  plan: z.string(),
  version: z.number().int().describe('0: of terms that were sent along'),
  period: periodForm,
  currency: z.string(),
  total: money,
  lines: z.array(quoteLineForm),
});
export const quoteForm = quote.extend({ before: quote.nullable().describe('of a service: its contract as it is') });

export const reconciliationForm = z.object({
  from: time,
  to: time,
  differences: z.number().int().describe('of all three; zero is the only good answer'),
  usage: z.object({
    meters: z.number().int(),
    readings: z.number().int(),
    records: z.number().int(),
    octets: z.object({ good: integer, wrapped: integer, gap: integer, suspended: integer }),
    lostSpans: z.number().int(),
    differences: z.array(
      difference.extend({
        meter: z.number().int(),
        device: z.string(),
        interfaceKey: z.string(),
        direction: z.string(),
        at: time,
      }),
    ),
    differencesInAll: z.number().int(),
  }),
  charges: z.object({
    charges: z.number().int(),
    usageRecords: z.number().int(),
    differences: z.array(
      difference.extend({
        service: z.string(),
        item: z.string(),
        windowStart: time,
        charge: integer.nullable(),
      }),
    ),
    differencesInAll: z.number().int(),
  }),
  bills: z.object({
    bills: z.number().int(),
    lines: z.number().int(),
    differences: z.array(
      difference.extend({
        bill: z.string().nullable(),
        line: z.number().int().nullable(),
        charge: integer.nullable(),
      }),
    ),
    differencesInAll: z.number().int(),
  }),
});

export const deadLetterForm = z.object({
  id: z.string(),
  name: z.string(),
  attempts: z.number().int(),
  reason: z.string(),
  failedAt: z.string().nullable(),
});

export const scheduleForm = z.object({
  name: z.string(),
  everyMs: z.number().int(),
  cron: z
    .object({ pattern: z.string(), zone: z.string() })
    .nullable()
    .describe('of bill runs; everyMs is how often it is looked whether one is due'),
  nextAt: time.nullable().describe('of a cron'),
  running: z.boolean(),
  progress: z
    .object({ done: z.number().int(), of: z.number().int().nullable(), what: z.string(), at: time })
    .nullable()
    .describe('of the run under way'),
  runs: z.number().int(),
  lastStartedAt: time.nullable(),
  lastFinishedAt: time.nullable(),
  lastSummary: z.unknown(),
  lastError: z.string().nullable(),
  fallbackWakes: z.number().int(),
});

const runningForm = z.object({ amount: money, currency: z.string(), periodStart: time, periodEnd: time, until: time });

export const feedForm = z.object({
  version: integer.describe('of the contracts; grows with each change of them'),
  items: z.array(
    z.object({
      service: z.string(),
      name: z.string(),
      customer: z.object({ id: z.string(), name: z.string() }),
      from: time,
      to: time.nullable(),
      bindings: z.array(z.object({ device: z.string(), interfaceKey: z.string(), from: time, to: time.nullable() })),
      serviceLevel: z.string().nullable(),
      availability: z
        .object({
          downWhen: z.string(),
          maintenance: z.string(),
          noticeMs: z.number().int(),
          hours: z
            .array(z.object({ days: z.array(z.string()), fromMinute: z.number().int(), toMinute: z.number().int() }))
            .nullable(),
          zone: z.string(),
        })
        .nullable()
        .describe('how it is measured; null where the contract does not say'),
      running: runningForm.nullable(),
    }),
  ),
  next: z.string().nullable(),
});

export const overviewForm = z.object({
  usageRecords: integer,
  charges: integer,
  watermark: z.string().nullable(),
  customers: z.array(z.object({ id: z.string(), name: z.string(), currency: z.string(), running: money })),
  running: z
    .array(z.object({ currency: z.string(), total: money, customers: z.number().int() }))
    .describe('the running periods of all customers'),
  unassigned: z.array(z.object({ device: z.string(), interface: z.string(), octets: integer })),
  latest: z
    .object({
      charge: z.object({
        id: integer,
        service: z.string(),
        item: z.string(),
        windowStart: time,
        windowEnd: time,
        quantity: exact,
        unit: z.string(),
        amount: exact,
        currency: z.string(),
      }),
      usage: z.array(
        z.object({
          meter: z.number().int(),
          device: z.string(),
          interfaceKey: z.string(),
          direction: z.string(),
          bucketStart: time,
          version: z.number().int(),
          octets: integer,
          quality: z.string(),
        }),
      ),
      readings: z.array(
        z.object({
          meter: z.number().int(),
          observedAt: time,
          value: integer,
          uptimeTicks: z.number().nullable(),
          agent: z.string(),
          sequence: z.number().int(),
        }),
      ),
    })
    .nullable(),
});
