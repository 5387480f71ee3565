// The configuration of a collector in a test: small bounds, no waiting, any free port.
import { z } from 'zod';
import { type CollectorConfig, collectorConfig, collectorShape } from '../../collector/config.ts';

export interface ConfigWords {
  /** `collector` of the configuration. */
  readonly collector?: Readonly<Record<string, unknown>>;
  readonly devices?: readonly Readonly<Record<string, unknown>>[];
}

const whole = z.object({
  ...collectorShape,
  agent: z.object({ name: z.string(), poll_interval_ms: z.number() }),
});

export function configOf(options: ConfigWords): CollectorConfig {
  const devices = (options.devices ?? [{ name: 'core1' }, { name: 'access1' }]).map((device) => ({
    address: '127.0.0.1:161',
    credential: 'public',
    ...device,
  }));
  const parsed = whole.parse({
    devices,
    agent: { name: 'agent-1', poll_interval_ms: 5000 },
    collector: {
      store: { memory_limit_mb: 64, threads: 1, commit_interval_ms: 0 },
      journal: { reserve_bytes: 0 },
      failed_sign_ins_per_minute: 100_000,
      // Nothing listens there.
      bridge_url: 'http://127.0.0.1:9',
      ...options.collector,
    },
  });
  return { ...collectorConfig(parsed), port: 0 };
}
