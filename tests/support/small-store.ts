// The settings of a DuckDB store for tests: small, and without waiting between commits.
import { type StoreConfig, storeConfigOf, storeSchema } from '../../collector/store/store-config.ts';

export function smallStoreConfig(file: string): StoreConfig {
  return storeConfigOf(storeSchema.parse({ commit_interval_ms: 0, memory_limit_mb: 64, threads: 1 }), file);
}
