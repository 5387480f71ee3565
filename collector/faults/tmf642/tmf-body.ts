// What other systems may send of an alarm, as schemas, and what of it goes where: columns of the book, and the rest as they said it.
import { z } from 'zod';
import { cleanText } from '../../../common/model/table-columns.ts';
import type { EpochMs } from '../../../common/model/time.ts';
import { ACK_STATES, ALARM_STATES, ALARM_TYPE_NAMES, PERCEIVED_SEVERITIES } from './tmf-alarm.ts';

/** Some clients write them in capitals. */
const named = <Name extends string>(names: readonly [Name, ...Name[]]) =>
  z.preprocess((value) => {
    const lower = typeof value === 'string' ? value.toLowerCase() : null;
    return names.find((name) => name.toLowerCase() === lower) ?? value;
  }, z.enum(names));

const text = z.string().max(2000);
const word = z.string().min(1).max(200);
const time = z.iso.datetime({ offset: true }).transform((value): EpochMs => Date.parse(value));
const list = <Item extends z.ZodType>(item: Item) => z.array(item).max(500);
/** Kept as it is said: what a resource is elsewhere, Weir does not know. */
const reference = z.looseObject({ id: z.string().min(1).max(300) });

export const commentSchema = z.looseObject({
  comment: z.string().min(1).max(2000),
  userId: z.string().max(200).optional(),
  systemId: z.string().max(200).optional(),
  time: z.string().max(50).optional(),
});

const patchable = {
  ackState: named(ACK_STATES),
  ackSystemId: word,
  ackUserId: word,
  alarmChangedTime: time,
  alarmClearedTime: time,
  alarmDetails: text,
  alarmEscalation: z.boolean(),
  alarmReportingTime: time,
  alarmType: named(ALARM_TYPE_NAMES),
  alarmedObjectType: word,
  clearSystemId: word,
  clearUserId: word,
  isRootCause: z.boolean(),
  perceivedSeverity: named(PERCEIVED_SEVERITIES),
  plannedOutageIndicator: word,
  probableCause: word,
  proposedRepairedActions: text,
  reportingSystemId: word,
  serviceAffecting: z.boolean(),
  specificProblem: text,
  state: named(ALARM_STATES),
  affectedService: list(reference),
  comment: list(commentSchema),
  correlatedAlarm: list(reference),
  crossedThresholdInformation: z.record(z.string(), z.unknown()),
  parentAlarm: list(reference),
  place: list(z.looseObject({ role: z.string().max(200) })),
  '@baseType': word,
  '@schemaLocation': word,
  '@type': word,
} as const;

const mandatory = {
  alarmRaisedTime: time,
  alarmType: patchable.alarmType,
  alarmedObject: reference,
  perceivedSeverity: patchable.perceivedSeverity,
  probableCause: patchable.probableCause,
  sourceSystemId: z.string().min(1).max(100),
  state: patchable.state,
};

export const alarmCreateSchema = z.strictObject({
  ...z.object(patchable).partial().shape,
  externalAlarmId: word.optional(),
  ...mandatory,
});
export type AlarmCreate = z.output<typeof alarmCreateSchema>;

/** RFC 7386: null takes an attribute away; those that every alarm has cannot be taken. */
const NEVER_TAKEN = ['state', 'perceivedSeverity', 'alarmType', 'probableCause', 'ackState', 'comment'];
export const alarmPatchSchema = z.strictObject(
  Object.fromEntries(
    Object.entries(patchable).map(([name, schema]) => [
      name,
      (NEVER_TAKEN.includes(name) ? schema : schema.nullable()).optional(),
    ]),
  ) as { [Name in keyof typeof patchable]: z.ZodOptional<z.ZodNullable<(typeof patchable)[Name]>> },
);
export type AlarmPatch = z.output<typeof alarmPatchSchema>;

/** What stands in the table as it was said, under its name; everything else has a column, or follows from the others. */
export const SAID_ATTRIBUTES = [
  'alarmType',
  'probableCause',
  'proposedRepairedActions',
  'specificProblem',
  'reportingSystemId',
  'alarmedObject',
  'alarmedObjectType',
  'isRootCause',
  'serviceAffecting',
  'plannedOutageIndicator',
  'affectedService',
  'correlatedAlarm',
  'crossedThresholdInformation',
  'place',
  '@type',
  '@baseType',
  '@schemaLocation',
] as const;

export type Said = Readonly<Record<string, unknown>>;

/** Merges what is said now into what was said before. */
export function mergeSaid(before: Said, body: Said): Said {
  const merged: Record<string, unknown> = { ...before };
  for (const name of SAID_ATTRIBUTES) if (Object.hasOwn(body, name)) set(merged, name, merge(before[name], body[name]));
  if (Object.hasOwn(body, 'alarmReportingTime')) set(merged, 'alarmReportingMs', body['alarmReportingTime']);
  return merged;
}

function set(target: Record<string, unknown>, name: string, value: unknown): void {
  if (value === null || value === undefined) delete target[name];
  else target[name] = value;
}

/** RFC 7386. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = merge(merged[name], value);
  }
  return merged;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without characters that a database cannot hold. */
export function cleanBody<Body extends object>(body: Body): Body {
  const cleaned: object = clean(body) as object;
  return cleaned as Body;
}

function clean(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (Array.isArray(value)) return value.map(clean);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [cleanText(name), clean(one)]));
}
