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
  maintenance: z.object({ id: z.string(), until: time }).nullish().describe('the window that its resource is in'),
  updatedAt: time.describe('when resource or operators last changed anything of it'),
});
export type AlarmAnswer = z.output<typeof alarmAnswer>;

export const foldedAlarmAnswer = alarmAnswer.extend({
  rootAlarm: z.string().nullable().describe('id of the alarm that it is a symptom of; null where it is its own cause'),
  symptoms: z.number().int().nonnegative().describe('alarms that are symptoms of it'),
});

export const alarmWithHistoryAnswer = foldedAlarmAnswer.extend({
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

export const alarmTypeAnswer = z.object({
  alarmType: z.string(),
  description: z.string(),
  resource: z.string().describe('what an alarm of this type is about'),
  qualifiers: z.string(),
  ends: z.string().describe('when it ends'),
  proposedRepair: z.string(),
  willClear: z.boolean().describe('whether the resource itself can end it'),
  eventType: z.string().describe('ITU-T X.733'),
  probableCause: z.string(),
  rule: z.string().nullable().describe('its rule in `collector.faults`'),
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
