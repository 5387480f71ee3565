// How causes are looked for: `collector.faults.cause` of the configuration.
import { z } from 'zod';
import type { DecideConfig } from './decisions.ts';

const name = z.string().min(1).max(63);
const waitMs = z.number().int().min(0).max(60_000).default(60_000);

export const causeSchema = z.strictObject({
  /** The longest that an alarm is held while it may turn out to be a symptom. */
  hold_ms: waitMs,
  /** The longest that symptoms stay silent after their root has ended, until their devices were polled. */
  recovery_ms: waitMs,
  /** By agent: the devices that it is plugged into. */
  attached: z.record(name, z.array(name).min(1).max(16)).default({}),
});

export interface CauseConfig extends DecideConfig {
  readonly attached: Readonly<Record<string, readonly string[]>>;
}

export function causeConfigOf(parsed: z.output<typeof causeSchema>): CauseConfig {
  return { holdMs: parsed.hold_ms, recoveryMs: parsed.recovery_ms, attached: parsed.attached };
}
