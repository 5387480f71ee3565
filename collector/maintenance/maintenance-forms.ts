// Maintenance windows as bodies and answers of the API.
import { z } from 'zod';
import { timeParameter } from '../../common/http/parameters.ts';
import { minutesOf, WEEKDAYS } from '../../common/model/local-time.ts';
import { zoneKnown } from '../../common/model/period.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import {
  type MaintenanceTargets,
  type MaintenanceWindow,
  occurrenceAt,
  occurrences,
  type WindowDefinition,
} from './maintenance-window.ts';

const MAX_ONCE_MS = 366 * 86_400_000;
const MAX_DURATION_MINUTES = 7 * 1440;
/** The next occurrence is looked for so far ahead. */
const AHEAD_MS = 400 * 86_400_000;

const names = (most: number) => z.array(z.string().min(1).max(most)).max(1000).default([]);
const targetsShape = {
  devices: names(63),
  sites: names(100),
  tags: names(50),
  services: names(200).describe('what the service is bound to at the time'),
  resources: names(600).describe('`device/interfaceKey`, or another part of a device'),
};
const recurrence = z.strictObject({
  zone: z.string().max(100).refine(zoneKnown, 'expected an IANA time zone such as Europe/Paris'),
  weekdays: z.array(z.enum(WEEKDAYS)).max(7).default([]),
  monthDays: z
    .array(z.number().int().min(-31).max(31))
    .max(31)
    .default([])
    .describe('1 to 31, or -1 for the last day; with weekdays both must fit'),
  start: z
    .string()
    .refine((text) => minutesOf(text) !== null, 'expected HH:MM')
    .describe('on the clock of the zone'),
  durationMinutes: z.number().int().min(1).max(MAX_DURATION_MINUTES),
  from: timeParameter.optional(),
  until: timeParameter.optional(),
});
export const windowBody = z
  .strictObject({
    ...targetsShape,
    from: timeParameter.optional().describe('with `to`: once'),
    to: timeParameter.optional(),
    recurrence: recurrence.optional().describe('instead of `from` and `to`'),
    reason: z.string().min(1).max(2000),
    upgrade: z.boolean().default(false).describe('versions of the devices before and after are kept'),
    excludedFromKpis: z
      .boolean()
      .default(false)
      .describe('agreed in the contract: the time does not count for KPIs such as availability'),
  })
  .refine((body) => (body.recurrence === undefined) === (body.from !== undefined && body.to !== undefined), {
    path: ['recurrence'],
    message: 'expected it, or from and to',
  })
  .refine((body) => Object.keys(targetsShape).some((kind) => body[kind as keyof MaintenanceTargets].length > 0), {
    path: ['devices'],
    message: 'expected a device, site, tag, service or resource',
  });

const time = z.iso.datetime();
const spanAnswer = z.object({ from: time, to: time });
export const windowAnswer = z.object({
  id: z.string(),
  version: z.number().int(),
  devices: z.array(z.string()),
  sites: z.array(z.string()),
  tags: z.array(z.string()),
  services: z.array(z.string()),
  resources: z.array(z.string()),
  from: time.nullable(),
  to: time.nullable(),
  recurrence: z
    .object({
      zone: z.string(),
      weekdays: z.array(z.string()),
      monthDays: z.array(z.number()),
      start: z.string(),
      durationMinutes: z.number(),
      from: time.nullable(),
      until: time.nullable(),
    })
    .nullable(),
  reason: z.string(),
  upgrade: z.boolean(),
  excludedFromKpis: z.boolean(),
  by: z.string(),
  changedAt: time,
  inForce: spanAnswer.nullable().describe('the occurrence that is now, or was at `at`'),
  next: spanAnswer.nullable(),
});
export const upgradesAnswer = z.object({
  items: z.array(
    z.object({
      device: z.string(),
      from: time,
      to: time,
      before: z.string().nullable(),
      after: z.string().nullable(),
      changed: z.boolean(),
      settled: z.boolean().describe('false while the version may still be read anew'),
    }),
  ),
});

export function definitionOf(body: z.output<typeof windowBody>, nowMs: EpochMs): WindowDefinition {
  const { from, to, recurrence: rule, reason, upgrade, excludedFromKpis, ...targets } = body;
  const rest = { targets, reason, upgrade, excludedFromKpis };
  if (rule !== undefined) {
    const { from: begins, until, ...times } = rule;
    return { ...rest, times: { kind: 'recurring', ...times, fromMs: begins ?? null, untilMs: until ?? null } };
  }
  const [fromMs, toMs] = [from ?? 0, to ?? 0];
  if (toMs <= nowMs || toMs <= fromMs || toMs - fromMs > MAX_ONCE_MS)
    throw new WeirError('invalid_request', 'to: expected a time to come, after `from`, at most a year after it.', {
      issues: [{ path: 'to', message: 'expected a time to come, after `from`, at most a year after it' }],
    });
  return { ...rest, times: { kind: 'once', fromMs, toMs } };
}

export function answerOf(window: MaintenanceWindow, atMs: EpochMs): z.input<typeof windowAnswer> {
  const { id, version: held, targets, times, reason, upgrade, excludedFromKpis, by, validFromMs } = window;
  const inForce = occurrenceAt(window, atMs);
  const next = occurrences(window, { fromMs: inForce?.toMs ?? atMs, toMs: atMs + AHEAD_MS })[0] ?? null;
  const at = (ms: EpochMs | null): string | null => (ms === null ? null : isoTime(ms));
  const once = times.kind === 'once' ? describeSpan(times) : { from: null, to: null };
  return {
    id,
    version: held,
    devices: [...targets.devices],
    sites: [...targets.sites],
    tags: [...targets.tags],
    services: [...targets.services],
    resources: [...targets.resources],
    ...once,
    recurrence:
      times.kind === 'once'
        ? null
        : {
            zone: times.zone,
            weekdays: [...times.weekdays],
            monthDays: [...times.monthDays],
            start: times.start,
            durationMinutes: times.durationMinutes,
            from: at(times.fromMs),
            until: at(times.untilMs),
          },
    reason,
    upgrade,
    excludedFromKpis,
    by,
    changedAt: isoTime(validFromMs),
    inForce: inForce === null ? null : describeSpan(inForce),
    next: next === null ? null : describeSpan(next),
  };
}

export function describeSpan({ fromMs, toMs }: { readonly fromMs: EpochMs; readonly toMs: EpochMs }) {
  return { from: isoTime(fromMs), to: isoTime(toMs) };
}
