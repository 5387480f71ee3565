// The DuckDB store against the conformance suite, and what only it has: its file, its errors, its retention.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe } from 'vitest';
import { DuckDbStore } from '../../../collector/store/duckdb-store.ts';
import { storeConfigOf, storeSchema } from '../../../collector/store/store-config.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { metricStoreConformance } from '../../conformance/metric-store.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'weir-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const freshFile = (): string => path.join(folder, `metrics-${(files += 1)}.duckdb`);

async function opened(file: string): Promise<DuckDbStore> {
  const config = storeConfigOf(storeSchema.parse({ commit_interval_ms: 0, memory_limit_mb: 64, threads: 1 }), file);
  const store = new DuckDbStore(silentReporter().reporter, config, { clock: new SystemClock() });
  await store.start();
  return store;
}

describe('conformance', () => {
  metricStoreConformance(async () => {
    const file = freshFile();
    let store = await opened(file);
    return {
      store,
      reopen: async () => {
        await store.stop();
        store = await opened(file);
        return store;
      },
      discard: async () => {
        await store.stop();
        rmSync(file, { force: true });
      },
    };
  });
});
