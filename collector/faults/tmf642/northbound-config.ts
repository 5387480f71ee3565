// Where alarms may be told to, how long it is tried, and by what it is signed: `collector.northbound` of the configuration.
import { z } from 'zod';
import type { DurationMs } from '../../../common/model/time.ts';

const HOUR_MS = 3_600_000;

export const northboundSchema = z
  .strictObject({
    /** Addresses that other systems may register at the hub, or what theirs begin with; nothing else is ever asked. */
    listeners: z
      .array(z.url({ protocol: /^https?$/ }))
      .max(100)
      .default([]),
    /** A listener that has failed so long is given up. */
    give_up_hours: z.number().min(0.001).max(8760).default(24),
    timeout_ms: z.number().int().min(100).max(60_000).default(10_000),
    /** Events kept for listeners that are behind; older ones are told as missed. */
    max_events: z.number().int().min(100).max(10_000_000).default(100_000),
    /** A reference: with it each event carries its HMAC-SHA-256. */
    signing_secret: z.string().min(1).optional(),
  })
  .transform((parsed) => ({
    listeners: parsed.listeners,
    giveUpMs: Math.round(parsed.give_up_hours * HOUR_MS),
    timeoutMs: parsed.timeout_ms,
    maxEvents: parsed.max_events,
    signingSecret: parsed.signing_secret ?? null,
  }));

export interface NorthboundConfig {
  readonly listeners: readonly string[];
  readonly giveUpMs: DurationMs;
  readonly timeoutMs: DurationMs;
  readonly maxEvents: number;
  readonly signingSecret: string | null;
}
