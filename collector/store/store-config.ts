// The settings of the metric store: `collector.store` of the configuration.
import { z } from 'zod';
import type { DurationMs } from '../../common/model/time.ts';
import { influxSchema } from './influx-config.ts';

const shape = z.strictObject({
  /** The embedded store, or a server of line protocol. */
  kind: z.enum(['duckdb', 'influxdb']).default('duckdb'),
  influxdb: influxSchema.optional(),
  memory_limit_mb: z.number().int().min(64).max(65_536).default(192),
  threads: z.number().int().min(1).max(64).default(2),
  commit_interval_ms: z.number().int().min(0).max(60_000).default(1000),
  raw_retention_days: z.number().min(0.01).max(3650).default(30),
  rollup_5m_retention_days: z.number().min(2).max(3650).default(90),
  rollup_1h_retention_days: z.number().min(2).max(36_500).default(730),
  rollup_1d_retention_days: z.number().min(2).max(36_500).default(3650),
});

export const storeSchema = shape.superRefine((parsed, context) => {
  const message =
    parsed.kind === 'influxdb' && parsed.influxdb === undefined
      ? 'expected for kind influxdb, and is missing'
      : parsed.kind === 'duckdb' && parsed.influxdb !== undefined
        ? 'only kind influxdb has a use for it'
        : null;
  if (message !== null) context.addIssue({ code: 'custom', path: ['influxdb'], message, input: parsed.influxdb });
});

export interface StoreConfig {
  /** The DuckDB file; beside it DuckDB keeps `.wal` and `.tmp`. */
  readonly file: string;
  readonly memoryLimitMb: number;
  readonly threads: number;
  /** A commit follows the one before after this long at the earliest, unless a chunk was large. */
  readonly commitIntervalMs: DurationMs;
  readonly rawRetentionMs: DurationMs;
  /** A finer tier is not kept longer than it is wanted, a coarser one not shorter than the finer. */
  readonly rollUpRetentionMs: Readonly<Record<'5m' | '1h' | '1d', DurationMs>>;
}

const DAY_MS = 86_400_000;

export function storeConfigOf(parsed: z.output<typeof storeSchema>, file: string): StoreConfig {
  const fiveMinutesMs = Math.round(parsed.rollup_5m_retention_days * DAY_MS);
  const hourMs = Math.max(fiveMinutesMs, Math.round(parsed.rollup_1h_retention_days * DAY_MS));
  const dayMs = Math.max(hourMs, Math.round(parsed.rollup_1d_retention_days * DAY_MS));
  return {
    file,
    memoryLimitMb: parsed.memory_limit_mb,
    threads: parsed.threads,
    commitIntervalMs: parsed.commit_interval_ms,
    rawRetentionMs: Math.round(parsed.raw_retention_days * DAY_MS),
    rollUpRetentionMs: { '5m': fiveMinutesMs, '1h': hourMs, '1d': dayMs },
  };
}
