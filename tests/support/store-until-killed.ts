// A program that applies the steady journal to a DuckDB store as fast as it goes, telling each position it has committed, until it is killed.
import { DuckDbStore } from '../../collector/store/duckdb-store.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { STEADY_INTERVAL_MS, STEADY_START_MS, steadyEntries } from './steady-entries.ts';

const [file = '', chunk = '3', upkeep = ''] = process.argv.slice(2);
const store = new DuckDbStore(
  createReporter({ component: 'store', level: 'error' }),
  {
    file,
    memoryLimitMb: 64,
    threads: 1,
    commitIntervalMs: 0,
    rawRetentionMs: upkeep === 'upkeep' ? 3_600_000 : 1e12,
    rollUpRetentionMs: { '5m': 1e12, '1h': 1e12, '1d': 1e12 },
  },
  { clock: new SystemClock() },
);
await store.start();
/** Rolls up, forgets and compacts all the time beside the writing. */
async function keepUp(): Promise<void> {
  for (;;) {
    const position = await store.position('journal-1');
    const newestMs = STEADY_START_MS + (position / 2) * STEADY_INTERVAL_MS;
    await store.rollUp(newestMs);
    await store.retain(newestMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
if (upkeep === 'upkeep') void keepUp();
for (;;) {
  const position = await store.position('journal-1');
  process.stdout.write(`${position}\n`);
  await store.apply(steadyEntries(position, Number(chunk)));
}
