// The settings of telling people: `collector.telling` of the configuration, channels and routes as data.
import { z } from 'zod';
import { smtpFields } from '../../common/runtime/mail-configuration.ts';
import { minutesOf, WEEKDAYS } from '../../common/model/local-time.ts';
import { zoneKnown } from '../../common/model/period.ts';
import { SERVICE_LEVELS } from '../../common/model/service-level.ts';
import type { DurationMs } from '../../common/model/time.ts';
import type { Severity } from '../faults/alarm.ts';
import { type Template, unknownPlaces } from './channels/chat.ts';
import { templateFields } from './message-text.ts';
import type { Storm } from './messages-due.ts';
import { type Route, SEVERITY_RANK } from './route.ts';

const MINUTE_MS: DurationMs = 60_000;
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected letters, digits, ".", "_" or "-"');
const minutes = z.number().min(0).max(100_000);
const clockTime = z.string().refine((text) => minutesOf(text) !== null, 'expected HH:MM');

const common = {
  /** More messages than these in the span are folded into a digest. */
  storm: z
    .strictObject({
      messages: z.number().int().min(1).max(100_000).default(20),
      span_minutes: z.number().min(0.01).max(1440).default(10),
      digest_minutes: z.number().min(0.01).max(1440).default(5),
    })
    .prefault({}),
  timeout_ms: z.number().int().min(100).max(120_000).default(10_000),
  /** Tries, from one second to ten minutes apart; then the message is given up until somebody, or another success, has it tried again. */
  max_attempts: z.number().int().min(1).max(10_000).default(50),
};

const PLACES = [
  ...Object.keys(templateFields({ kind: 'alarms', items: [], counts: [], folded: 0, threads: [] })),
  'key',
];
const template: z.ZodType<Template> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(template), z.record(z.string(), template)]),
);

const channel = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('webhook'), url: z.string().min(1), secret: z.string().min(1), ...common }),
  z.strictObject({
    kind: z.literal('chat'),
    url: z.string().min(1),
    body: template.superRefine((body, context) => {
      const [unknown] = unknownPlaces(body, PLACES);
      if (unknown !== undefined)
        context.addIssue({ code: 'custom', message: `there is no {{${unknown}}}; there are ${PLACES.join(', ')}` });
    }),
    escape: z.enum(['none', 'html']).default('none'),
    ...common,
  }),
  z.strictObject({
    kind: z.literal('alertmanager'),
    url: z.string().min(1),
    authorization: z.string().min(1).optional(),
    resend_ms: z.number().int().min(1000).max(3_600_000).default(60_000),
    ...common,
  }),
  z.strictObject({
    kind: z.literal('email'),
    ...smtpFields,
    to: z.array(z.string().min(3).max(300)).min(1).max(100),
    ...common,
  }),
  z.strictObject({
    kind: z.literal('syslog'),
    host: z.string().min(1),
    port: z.number().int().min(1).max(65_535).default(514),
    transport: z.enum(['udp', 'tcp']).default('udp'),
    facility: z.number().int().min(0).max(23).default(16),
    hostname: z
      .string()
      .regex(/^[!-~]{1,255}$/)
      .default('-'),
    ...common,
  }),
]);
export type ChannelConfig = z.output<typeof channel>;

const texts = z.array(z.string().min(1).max(200)).max(1000).default([]);
const route = z.strictObject({
  name,
  /** At least. */
  severity: z.enum(Object.keys(SEVERITY_RANK) as Severity[]).default('indeterminate'),
  sites: texts,
  tags: texts,
  /** `*` stands for anything. */
  devices: texts,
  alarm_types: texts,
  /** At least, of the services that the resource carries. */
  service_level: z.enum(SERVICE_LEVELS).optional(),
  hours: z
    .strictObject({
      zone: z.string().refine(zoneKnown, 'expected an IANA time zone such as Europe/Paris'),
      spans: z
        .array(
          z.strictObject({ weekdays: z.array(z.enum(WEEKDAYS)).max(7).default([]), from: clockTime, to: clockTime }),
        )
        .min(1)
        .max(50),
    })
    .optional(),
  channels: z.array(name).min(1).max(50),
  group_by: z.enum(['site', 'device', 'all', 'none']).default('site'),
  group_wait_ms: z.number().int().min(0).max(3_600_000).default(10_000),
  repeat_minutes: minutes.default(0),
  updates: z
    .strictObject({
      severity: z.boolean().default(true),
      acknowledgement: z.boolean().default(true),
      clear: z.boolean().default(true),
    })
    .prefault({}),
  escalation: z
    .array(
      z.strictObject({
        after_minutes: minutes,
        channels: z.array(name).min(1).max(50),
        service_level: z.enum(SERVICE_LEVELS).optional(),
      }),
    )
    .max(20)
    .default([]),
});

const shape = z.strictObject({
  channels: z.record(name, channel).default({}),
  routes: z.array(route).max(500).default([]),
  /** How long messages that are settled are kept. */
  kept_days: z.number().min(1).max(3650).default(90),
});

export const tellingSchema = shape.superRefine(({ channels, routes }, context) => {
  const seen = new Set<string>();
  for (const [index, one] of routes.entries()) {
    if (seen.has(one.name))
      context.addIssue({ code: 'custom', path: ['routes', index, 'name'], message: 'is there twice' });
    seen.add(one.name);
    for (const wanted of [...one.channels, ...one.escalation.flatMap((step) => step.channels)])
      if (!Object.hasOwn(channels, wanted))
        context.addIssue({ code: 'custom', path: ['routes', index], message: `there is no channel ${wanted}` });
  }
  for (const [key, one] of Object.entries(channels))
    if (one.kind === 'email' && (one.user === undefined) !== (one.password === undefined))
      context.addIssue({
        code: 'custom',
        path: ['channels', key, 'password'],
        message: 'user and password go together',
      });
});

export interface TellingConfig {
  readonly channels: ReadonlyMap<string, ChannelConfig>;
  readonly routes: readonly Route[];
  readonly keptMs: DurationMs;
}

export function tellingConfigOf(parsed: z.output<typeof tellingSchema>): TellingConfig {
  return {
    channels: new Map(Object.entries(parsed.channels)),
    routes: parsed.routes.map((one) => ({
      name: one.name,
      severity: one.severity,
      sites: one.sites,
      tags: one.tags,
      devices: one.devices,
      alarmTypes: one.alarm_types,
      ...(one.service_level === undefined ? {} : { serviceLevel: one.service_level }),
      hours: one.hours ?? null,
      channels: one.channels,
      groupBy: one.group_by,
      groupWaitMs: one.group_wait_ms,
      repeatMs: one.repeat_minutes * MINUTE_MS,
      updates: one.updates,
      escalation: one.escalation.map((step) => ({
        afterMs: step.after_minutes * MINUTE_MS,
        channels: step.channels,
        ...(step.service_level === undefined ? {} : { serviceLevel: step.service_level }),
      })),
    })),
    keptMs: parsed.kept_days * 86_400_000,
  };
}

/** What is told again and again is never folded: the receiver gathers for itself. */
export function stormOf({ kind, storm }: ChannelConfig): Storm {
  return {
    messages: kind === 'alertmanager' ? Number.MAX_SAFE_INTEGER : storm.messages,
    spanMs: storm.span_minutes * MINUTE_MS,
    digestMs: storm.digest_minutes * MINUTE_MS,
  };
}
