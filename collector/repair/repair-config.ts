// How faults are put right: `collector.repair` of the configuration, with the policies by which something may be done without a person.
import { z } from 'zod';
import type { DurationMs } from '../../common/model/time.ts';
import { type Selector, selectorOf, selectorShape } from './selector.ts';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected letters, digits, ".", "_" or "-"');
const count = (most: number) => z.number().int().min(0).max(most);

const webhook = z.strictObject({
  /** References, as every secret. */
  url: z.string().min(1),
  secret: z.string().min(1),
  timeout_ms: z.number().int().min(100).max(60_000).default(10_000),
});

const policy = z
  .strictObject({
    name,
    action: name,
    ...selectorShape,
    /** What it is done to, where that is not the resource of the alarm: `device/interface`, `device/outlet:INDEX`. */
    target: z.string().min(1).max(1000).optional(),
    /** An alarm must have stood so long. */
    after_seconds: z.number().int().min(30).max(86_400).default(300),
    per_device_per_hour: count(60).default(1),
    per_device_per_day: count(200).default(3),
    per_day: count(10_000).default(20),
  })
  .refine(({ alarm_types: types }) => types.length > 0, {
    path: ['alarm_types'],
    message: 'a policy says which alarms it is for',
  })
  .refine(({ tags, devices, sites }) => tags.length + devices.length + sites.length > 0, {
    path: ['tags'],
    message: 'a policy says which devices it is for: by tags, devices or sites',
  });

const shape = z.strictObject({
  /** A folder of the operator's own, beside the one that comes with Weir. */
  runbooks: z.string().min(1).optional(),
  /** False: no diagnosis by itself; people may still ask for one. */
  diagnose: z.boolean().default(true),
  limits: z
    .strictObject({
      runs_at_once: z.number().int().min(1).max(200).default(10),
      runs_per_hour: count(10_000).default(200),
      runs_per_device_per_hour: count(100).default(6),
      actions_per_hour: count(1000).default(60),
      actions_per_device_per_hour: count(100).default(4),
      actions_per_device_per_day: count(500).default(12),
    })
    .prefault({}),
  /** `device/interface`, with `*`: never touched by any action. */
  protected: z.array(z.string().min(1).max(1000)).max(10_000).default([]),
  webhooks: z.record(name, webhook).default({}),
  policies: z.array(policy).max(100).default([]),
  kept_days: z.number().int().min(1).max(3650).default(90),
});

export const repairSchema = shape.superRefine(({ policies }, context) => {
  const seen = new Set<string>();
  for (const [at, one] of policies.entries()) {
    if (seen.has(one.name))
      context.addIssue({ code: 'custom', path: ['policies', at, 'name'], message: 'is there twice' });
    seen.add(one.name);
  }
});

export interface WebhookConfig {
  readonly url: string;
  readonly secret: string;
  readonly timeoutMs: DurationMs;
}

export interface Policy {
  readonly name: string;
  readonly action: string;
  readonly selector: Selector;
  readonly target: string | null;
  readonly afterMs: DurationMs;
  readonly perDevicePerHour: number;
  readonly perDevicePerDay: number;
  readonly perDay: number;
}

export interface RepairLimits {
  readonly runsAtOnce: number;
  readonly runsPerHour: number;
  readonly runsPerDevicePerHour: number;
  readonly actionsPerHour: number;
  readonly actionsPerDevicePerHour: number;
  readonly actionsPerDevicePerDay: number;
}

export interface RepairConfig {
  readonly folder: string | null;
  readonly diagnose: boolean;
  readonly limits: RepairLimits;
  readonly protected: readonly string[];
  readonly webhooks: ReadonlyMap<string, WebhookConfig>;
  readonly policies: readonly Policy[];
  readonly keptMs: DurationMs;
}

export function repairConfigOf(parsed: z.output<typeof repairSchema>): RepairConfig {
  const { limits } = parsed;
  return {
    folder: parsed.runbooks ?? null,
    diagnose: parsed.diagnose,
    limits: {
      runsAtOnce: limits.runs_at_once,
      runsPerHour: limits.runs_per_hour,
      runsPerDevicePerHour: limits.runs_per_device_per_hour,
      actionsPerHour: limits.actions_per_hour,
      actionsPerDevicePerHour: limits.actions_per_device_per_hour,
      actionsPerDevicePerDay: limits.actions_per_device_per_day,
    },
    protected: parsed.protected,
    webhooks: new Map(
      Object.entries(parsed.webhooks).map(([key, { url, secret, timeout_ms: timeoutMs }]) => [
        key,
        { url, secret, timeoutMs },
      ]),
    ),
    policies: parsed.policies.map((one) => ({
      name: one.name,
      action: one.action,
      selector: selectorOf(one),
      target: one.target ?? null,
      afterMs: one.after_seconds * 1000,
      perDevicePerHour: one.per_device_per_hour,
      perDevicePerDay: one.per_device_per_day,
      perDay: one.per_day,
    })),
    keptMs: parsed.kept_days * 86_400_000,
  };
}
