// How far the roll-ups are behind what is due, as /metrics tells it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { DuckDbStore } from '../../../collector/store/duckdb-store.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { smallStoreConfig } from '../../support/small-store.ts';
import { STEADY_START_MS, steadyEntries } from '../../support/steady-entries.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'weir-lag-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HOUR_S = 3600;
const DAY_S = 86_400;
/** Of the readings, which begin 800 s after an hour and 51,200 s after a day. */
const START_S = STEADY_START_MS / 1000;

interface Rig {
  readonly store: DuckDbStore;
  readonly lags: () => Promise<Readonly<Record<string, number>>>;
  /** Seconds after the start of the readings. */
  readonly timeIs: (seconds: number) => void;
}

async function rig(file: string): Promise<Rig> {
  const { reporter } = silentReporter();
  const clock = new VirtualClock(STEADY_START_MS);
  const store = new DuckDbStore(reporter, smallStoreConfig(file), { clock });
  await store.start();
  return {
    store,
    timeIs: (seconds) => clock.step((START_S + seconds) * 1000 - clock.now()),
    lags: async () => {
      const found = (await reporter.metricsText()).matchAll(/^weir_store_rollup_lag_seconds\{tier="(\w+)"\} (\S+)$/gm);
      return Object.fromEntries([...found].map(([, tier = '', value]) => [tier, Number(value)]));
    },
  };
}

/** As the store does it each minute. */
const rollUp = ({ store }: Rig, seconds: number): Promise<void> => store.rollUp((START_S + seconds - 900) * 1000);

test('it is 0 while all that is due is rolled up, and else as long as the oldest that is not', async () => {
  const all = await rig(path.join(folder, 'metrics.duckdb'));
  const { store, lags, timeIs } = all;
  expect(await lags()).toEqual({ '5m': 0, '1h': 0, '1d': 0 });
  timeIs(2 * HOUR_S);
  await store.apply(steadyEntries(0, 1440));
  // One hour is whole since a quarter of an hour; nothing of it is done.
  expect(await lags()).toEqual({ '5m': 2800, '1h': 0, '1d': 0 });
  await rollUp(all, 2 * HOUR_S);
  expect(await lags()).toEqual({ '5m': 0, '1h': 0, '1d': 0 });
  timeIs(2 * HOUR_S + 3 * DAY_S);
  await store.apply(steadyEntries(1440, 2));
  expect(await lags()).toEqual({ '5m': 3 * DAY_S, '1h': 3 * DAY_S, '1d': 3 * DAY_S });
  await rollUp(all, 2 * HOUR_S + 3 * DAY_S);
  expect(await lags()).toEqual({ '5m': 0, '1h': 0, '1d': 0 });
  await store.stop();
});

test('after a restart it is told from what the file says', async () => {
  const file = path.join(folder, 'restarted.duckdb');
  const first = await rig(file);
  await first.store.apply(steadyEntries(0, 1440));
  await rollUp(first, 2 * HOUR_S);
  await first.store.stop();
  const second = await rig(file);
  second.timeIs(2 * HOUR_S + 3 * DAY_S);
  await second.store.apply(steadyEntries(1440, 2));
  await rollUp(second, 2 * HOUR_S);
  expect(await second.lags()).toEqual({ '5m': 3 * DAY_S, '1h': 3 * DAY_S, '1d': 3 * DAY_S });
  await second.store.stop();
});

test('a store without readings is not behind', async () => {
  const all = await rig(path.join(folder, 'empty.duckdb'));
  all.timeIs(5 * DAY_S);
  await rollUp(all, 5 * DAY_S);
  expect(await all.lags()).toEqual({ '5m': 0, '1h': 0, '1d': 0 });
  await all.store.stop();
});

test('where the file does not open it grows from the start of the process', async () => {
  const file = path.join(folder, 'damaged.duckdb');
  writeFileSync(file, Buffer.alloc(20_000, 7));
  const all = await rig(file);
  all.timeIs(2 * HOUR_S);
  await expect(rollUp(all, 2 * HOUR_S)).rejects.toMatchObject({ code: 'store_damaged' });
  expect((await all.lags())['5m']).toBe(2800);
  await all.store.stop();
});
