// What the API answers of an alarm beyond its state: what it is folded into, and its histories.
import { z } from 'zod';
import { alarmAnswer } from './answers.ts';

const time = z.iso.datetime();

export const foldedAlarmAnswer = alarmAnswer.extend({
  rootAlarm: z.string().nullable().describe('id of the alarm that it is a symptom of; null where it is its own cause'),
  symptoms: z.number().int().nonnegative().describe('alarms that are symptoms of it'),
});

export const alarmWithHistoryAnswer = foldedAlarmAnswer.extend({
  statusChanges: z.array(z.object({ at: time, severity: z.string(), text: z.string(), origin: z.string() })),
  operatorChanges: z.array(z.object({ at: time, operator: z.string(), state: z.string(), text: z.string() })),
});
