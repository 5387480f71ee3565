// The settings of poll tiers: `collector.poll_tiers` of the configuration.
import { z } from 'zod';
import { Exact } from '../../common/model/exact.ts';
import { SERVICE_LEVELS } from '../../common/model/service-level.ts';
import type { PollTierConfig } from './poll-tier.ts';

const LEAST_INTERVAL_MS = 5000;
/** As alarms weigh what people set by hand (collector/faults/priority.ts). */
const IMPACTS = { high: 4, critical: 5 } as const;

const tierSchema = z
  .strictObject({
    service_level: z.enum(SERVICE_LEVELS).optional(),
    revenue_per_hour: z
      .union([z.string(), z.number().int()])
      .transform(String)
      .refine((text) => Exact.parse(text)?.isNegative() === false, 'expected a decimal in quotes, such as "12.50"')
      .optional(),
    criticality: z.enum(['high', 'critical']).optional(),
    interval_ms: z.number().int().min(LEAST_INTERVAL_MS).max(3_600_000),
  })
  .refine(
    (tier) => [tier.service_level, tier.revenue_per_hour, tier.criticality].some((one) => one !== undefined),
    'expected service_level, revenue_per_hour or criticality',
  );

export const pollTiersSchema = z.strictObject({
  tiers: z.array(tierSchema).max(20).default([]),
  most_devices: z.number().int().min(0).max(1_000_000).default(1000),
  hold_minutes: z.number().min(0).max(100_000).default(60),
});

export function pollTierConfigOf(parsed: z.output<typeof pollTiersSchema>): PollTierConfig {
  return {
    tiers: parsed.tiers.map((tier) => ({
      serviceLevel: tier.service_level ?? null,
      revenuePerHour: tier.revenue_per_hour === undefined ? null : Exact.parse(tier.revenue_per_hour),
      impact: tier.criticality === undefined ? null : IMPACTS[tier.criticality],
      intervalMs: tier.interval_ms,
    })),
    mostDevices: parsed.most_devices,
    holdMs: parsed.hold_minutes * 60_000,
  };
}
