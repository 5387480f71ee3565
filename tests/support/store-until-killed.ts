// A program that applies the steady journal to a DuckDB store as fast as it goes, telling each position it has committed, until it is killed.
import { DuckDbStore } from '../../collector/store/duckdb-store.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { steadyEntries } from './steady-entries.ts';

const [file = '', chunk = '3'] = process.argv.slice(2);
const store = new DuckDbStore(
  createReporter({ component: 'store', level: 'error' }),
  {
    file,
    memoryLimitMb: 64,
    threads: 1,
    commitIntervalMs: 0,
    rawRetentionMs: 1e12,
    rollUpRetentionMs: { '5m': 1e12, '1h': 1e12, '1d': 1e12 },
  },
  { clock: new SystemClock() },
);
await store.start();
for (;;) {
  const position = await store.position('journal-1');
  process.stdout.write(`${position}\n`);
  await store.apply(steadyEntries(position, Number(chunk)));
}
