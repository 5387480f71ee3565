// What the API answers of alarms, as schemas.
import { z } from 'zod';

/** ISO 8601 UTC. */
const time = z.iso.datetime();
const count = z.number().int().nonnegative();

export const alarmAnswer = z.object({
  id: z.string(),
  resource: z.string(),
  alarmType: z.string(),
  qualifier: z.string(),
  device: z.string().nullable(),
  severity: z.string(),
  isCleared: z.boolean(),
  text: z.string(),
  eventType: z.string(),
  probableCause: z.string(),
  proposedRepair: z.string(),
  threshold: z
    .object({
      indicator: z.string(),
      unit: z.string(),
      observed: z.number(),
      raiseAt: z.number(),
      clearBelow: z.number(),
    })
    .nullable(),
  createdAt: time,
  raisedAt: time,
  changedAt: time,
  clearedAt: time.nullable(),
  operatorState: z.enum(['none', 'ack', 'closed']),
  operator: z.string().nullable(),
  operatorChangedAt: time.nullable(),
  shelvedUntil: time.nullable(),
  shelvedBy: z.string().nullable(),
  shelfReason: z.string().nullable(),
  assignedTo: z.string().nullable(),
  ticket: z.string().nullable(),
  ticketUrl: z.string().nullable(),
  escalationLevel: count.describe('how often it was handed up since it was raised'),
  escalationReason: z.string().nullable(),
  sourceSystemId: z.string().nullable().describe('the system that entered it; null for what Weir found itself'),
  externalAlarmId: z.string().nullable(),
  updatedAt: time.describe('when resource or operators last changed anything of it'),
});
export type AlarmAnswer = z.output<typeof alarmAnswer>;

export const alarmWithHistoryAnswer = alarmAnswer.extend({
  statusChanges: z.array(z.object({ at: time, severity: z.string(), text: z.string(), origin: z.string() })),
  operatorChanges: z.array(
    z.object({
      at: time,
      operator: z.string(),
      state: z.string(),
      action: z.string().nullable().describe('what was done; null where an earlier version wrote it'),
      text: z.string(),
    }),
  ),
});

export const bulkAnswer = z.object({
  changed: count,
  refused: count,
  items: z.array(
    z.object({
      id: z.string(),
      outcome: z.string().describe('changed, or the code of the refusal'),
      message: z.string().nullable(),
    }),
  ),
  more: z.boolean().describe('the filter fits more alarms than one request acts on: ask again'),
});

export const alarmSummaryAnswer = z.object({
  severities: z.array(
    z.object({
      severity: z.string(),
      total: count,
      notCleared: count,
      cleared: count,
      clearedNotClosed: count,
      clearedClosed: count,
      notClearedClosed: count,
      notClearedNotClosed: count,
    }),
  ),
  shelved: count,
});
