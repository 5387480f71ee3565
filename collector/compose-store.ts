// Which metric store the collector has: the embedded one, or a server of line protocol.
import path from 'node:path';
import type { Database } from '../common/database/database.ts';
import type { Clock } from '../common/runtime/clock.ts';
import type { Reporter } from '../common/runtime/reporter.ts';
import { resolveSecret } from '../common/runtime/secrets.ts';
import type { CollectorConfig } from './config.ts';
import { claim, projectionPosition, setPosition } from './project/applied.ts';
import { DuckDbStore } from './store/duckdb-store.ts';
import { influxConfigOf } from './store/influx-config.ts';
import { InfluxStore } from './store/influx-store.ts';
import type { MetricStore } from './store/store.ts';
import { storeConfigOf } from './store/store-config.ts';

export interface ComposeStoreDeps {
  readonly clock: Clock;
  readonly dataFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Throws secret_unresolved. */
export function composeStore(
  reporter: Reporter,
  { store }: Pick<CollectorConfig, 'store'>,
  { clock, dataFolder, environment }: ComposeStoreDeps,
  database: Database,
): MetricStore {
  if (store.influxdb !== undefined) {
    const config = influxConfigOf(store.influxdb, store.commit_interval_ms, (reference) =>
      resolveSecret(reference, environment),
    );
    return new InfluxStore(reporter, config, {
      clock,
      database,
      claim,
      positionOf: projectionPosition,
      setPosition,
    });
  }
  const file = path.join(dataFolder, 'collector', 'metrics.duckdb');
  return new DuckDbStore(reporter, storeConfigOf(store, file), { clock });
}
