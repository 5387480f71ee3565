// Roll-ups against raw readings: whatever came in whatever order, the tiers answer what the readings would have, also after these are gone.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { JournaledBatch } from '../../../collector/project/projection.ts';
import { DuckDbStore } from '../../../collector/store/duckdb-store.ts';
import { storeConfigOf, storeSchema } from '../../../collector/store/store-config.ts';
import type { Series, SeriesFunction } from '../../../collector/store/store.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { interfacePoll, journalEntry } from '../../support/poll-builder.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { STEADY_INTERVAL_MS, STEADY_START_MS, steadyEntries } from '../../support/steady-entries.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'weir-rollup-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
async function openStore(rollUpDays = 90): Promise<DuckDbStore> {
  files += 1;
  const parsed = storeSchema.parse({
    commit_interval_ms: 0,
    memory_limit_mb: 64,
    threads: 1,
    raw_retention_days: 1,
    rollup_5m_retention_days: rollUpDays,
    rollup_1h_retention_days: rollUpDays,
    rollup_1d_retention_days: rollUpDays,
  });
  const config = storeConfigOf(parsed, path.join(folder, `metrics-${files}.duckdb`));
  const store = new DuckDbStore(silentReporter().reporter, config, { clock: new SystemClock() });
  await store.start();
  return store;
}

const DAY = 86_400_000;
const HOUR = 3_600_000;
const STEP = 300_000;
const T0 = 20_700 * DAY;

interface Life {
  readonly jitterMs: number;
  readonly moved: bigint;
  readonly happens: '' | 'missing' | 'boot' | 'cleared' | 'down' | 'hours';
  readonly lateBy: number;
}

const life = fc.record({
  jitterMs: fc.integer({ min: -9000, max: 9000 }),
  moved: fc.bigInt({ min: 0n, max: 30_000_000_000n }),
  happens: fc.constantFrom(...(['', '', '', '', '', '', 'missing', 'boot', 'cleared', 'down', 'hours'] as const)),
  lateBy: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 3, 30),
});

/** Two devices polled every five minutes over as many polls as there are events. */
function entriesOf(lives: readonly Life[]): JournaledBatch[] {
  const polls: { readonly place: number; readonly poll: ReturnType<typeof interfacePoll> }[] = [];
  for (const [number, device] of ['core1', 'core2'].entries()) {
    let [octets, bootMs, oper, silentUntil] = [0n, T0 - 1e9, 1, 0];
    for (const [at, { jitterMs, moved, happens, lateBy }] of lives.entries()) {
      const atMs = T0 + at * STEP + jitterMs + number * 1000;
      octets += moved * BigInt(number + 1);
      if (happens === 'boot') [octets, bootMs] = [0n, atMs - 20_000];
      if (happens === 'cleared') octets = 0n;
      if (happens === 'down') oper = 3 - oper;
      if (happens === 'hours' && number === 0) silentUntil = at + 40;
      if (happens === 'missing' || at < silentUntil) continue;
      const reading = { key: 'p1', inOctets: octets, outOctets: octets / 2n, speedBps: 1e9, oper };
      const uptimeTicks = Math.round((atMs - bootMs) / 10);
      const poll = interfacePoll({ device, atMs, interfaces: [reading], intervalMs: STEP, uptimeTicks });
      polls.push({ place: at + lateBy * 4, poll });
    }
  }
  return polls
    .toSorted((a, b) => a.place - b.place)
    .map(({ poll }, at) => journalEntry({ position: at + 1, polls: [poll] }));
}

const FUNCTIONS: readonly SeriesFunction[] = ['avg', 'min', 'max', 'last', 'delta'];

async function answers(store: DuckDbStore, days: number): Promise<Series[]> {
  const found: Series[] = [];
  for (const stepMs of [STEP, HOUR, 6 * HOUR, DAY])
    for (const metric of [
      'in_bps',
      'in_octets',
      'out_octets',
      'in_utilisation',
      'oper_status',
      'reachable',
      'poll_requests',
    ])
      for (const wanted of FUNCTIONS) {
        // Bits are split over steps as octets: each part of a split may be a few bits off, never the sum.
        if (wanted === 'delta' && metric !== 'in_octets' && metric !== 'out_octets') continue;
        const device = metric === 'reachable' || metric === 'poll_requests';
        const resources = device ? ['core1', 'core2'] : ['core1/p1', 'core2/p1'];
        const query = { metric, resources, fromMs: T0, toMs: T0 + days * DAY, stepMs, function: wanted };
        found.push(...(await store.many(query)));
      }
  return found;
}

function expectAlike(rolled: readonly Series[], raw: readonly Series[]): void {
  for (const [at, one] of rolled.entries())
    for (const [step, point] of one.points.entries()) {
      const truth = raw[at]?.points[step];
      const name = `${one.metric} ${one.function} ${one.stepMs} ${one.resource} +${(point.atMs - T0) / STEP} ${one.tier}`;
      if (typeof truth?.value === 'number' && typeof point.value === 'number') {
        expect(Math.abs(point.value - truth.value), name).toBeLessThanOrEqual(Math.abs(truth.value) * 1e-9 + 1e-9);
        expect(point.coverage, name).toBeCloseTo(truth.coverage, 4);
      } else expect(point.value, name).toBe(truth?.value);
    }
}

test('the tiers answer what raw readings answer, in any order of arrival, and still do when these are gone', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(life, { minLength: 700, maxLength: 900 }),
      fc.array(fc.integer({ min: 20, max: 400 }), { minLength: 100, maxLength: 100 }),
      async (lives, chunks) => {
        const entries = entriesOf(lives);
        const [raw, rolled] = [await openStore(), await openStore()];
        await raw.apply(entries);
        let from = 0;
        for (const size of chunks) {
          const chunk = entries.slice(from, from + size);
          if (chunk.length === 0) break;
          await rolled.apply(chunk);
          from += size;
          const newestMs = Math.max(...chunk.flatMap((one) => one.batch.polls.map((poll) => poll.finishedAtMs)));
          await rolled.rollUp(newestMs - 900_000);
        }
        await rolled.rollUp(T0 + 4 * DAY);
        const truth = await answers(raw, 4);
        expectAlike(await answers(rolled, 4), truth);
        await rolled.retain(T0 + 4 * DAY);
        expectAlike(await answers(rolled, 4), truth);
        await raw.stop();
        await rolled.stop();
      },
    ),
    { numRuns: 4, seed: 4, endOnFailure: true },
  );
}, 120_000);

test('the first over days are the same from buckets as from readings', async () => {
  const polls = Array.from({ length: 600 }, (_, at) =>
    interfacePoll({
      device: 'core1',
      atMs: T0 + at * STEP,
      intervalMs: STEP,
      interfaces: Array.from({ length: 12 }, (__, port) => ({
        key: `p${port}`,
        inOctets: BigInt(at) * BigInt(3000 * (port + 1)) + (at >= 300 && port === 3 ? 40_000_000n : 0n),
        speedBps: 1e9,
      })),
    }),
  );
  const entries = polls.map((poll, at) => journalEntry({ position: at + 1, polls: [poll] }));
  const [raw, rolled] = [await openStore(), await openStore()];
  await raw.apply(entries);
  await rolled.apply(entries);
  await rolled.rollUp(T0 + 40 * HOUR);
  for (const toMs of [T0 + 30 * HOUR, T0 + 49 * HOUR])
    for (const wanted of ['avg', 'max', 'p95', 'last'] as const) {
      const query = { metric: 'in_octets', fromMs: T0, toMs, limit: 4, function: wanted };
      const [found, truth] = [await rolled.top(query), await raw.top(query)];
      expect(
        found.map((one) => one.resource),
        wanted,
      ).toEqual(truth.map((one) => one.resource));
      // Readings alone leave out the span that crosses the end; buckets and series cut it.
      for (const [place, one] of found.entries()) {
        const ratio = one.value / (truth[place]?.value ?? 0);
        expect(Math.abs(ratio - 1), wanted).toBeLessThan(0.01);
      }
    }
  const tier = async (stepMs: number, wanted: SeriesFunction, days: number): Promise<string | undefined> => {
    const query = { metric: 'in_octets', resource: 'core1/p1', stepMs, function: wanted };
    return (await rolled.series({ ...query, fromMs: T0, toMs: T0 + days * DAY })).tier;
  };
  expect([await tier(DAY, 'delta', 2), await tier(HOUR, 'max', 1), await tier(STEP, 'avg', 1)]).toEqual([
    '1d',
    '1h',
    '5m',
  ]);
  expect([await tier(HOUR, 'p95', 1), await tier(HOUR, 'p95', 3), await tier(1000, 'avg', 0.01)]).toEqual([
    undefined,
    '5m',
    undefined,
  ]);
  await raw.stop();
  await rolled.stop();
}, 60_000);

test('the 95th percentile of a rank is that of the series, out of buckets and the readings after them', async () => {
  const octets = Array.from({ length: 9 }, () => 0n);
  const polls = Array.from({ length: 864 }, (_, at) =>
    interfacePoll({
      device: 'core1',
      atMs: T0 + at * STEP + ((at * 7919) % 9000),
      intervalMs: STEP,
      interfaces: octets.flatMap((held, port) => {
        octets[port] = held + BigInt(((at * 104_729 + port * 7907) % 9973) * 1000);
        // One port is not always there, so that each has its own count.
        return at % (port + 2) === 1 && port > 5
          ? []
          : [{ key: `p${port}`, inOctets: octets[port] ?? 0n, speedBps: 1e9 }];
      }),
    }),
  );
  const store = await openStore();
  await store.apply(polls.map((poll, at) => journalEntry({ position: at + 1, polls: [poll] })));
  await store.rollUp(T0 + 61 * HOUR);
  const span = { fromMs: T0, toMs: T0 + 3 * DAY, function: 'p95' as const };
  for (const metric of ['in_bps', 'in_utilisation']) {
    const ranked = await store.top({ metric, ...span, limit: 9 });
    expect(ranked.length).toBeGreaterThan(6);
    for (const { resource, value } of ranked) {
      const series = await store.series({ metric, resource, ...span, stepMs: 3 * DAY });
      expect(series.tier).toBe('5m');
      expect(value).toBe(series.points[0]?.value);
    }
  }
  await store.stop();
}, 60_000);

test('what retention deletes makes room for what comes: the file stops growing', async () => {
  const store = await openStore(2);
  const file = path.join(folder, `metrics-${files}.duckdb`);
  const perDay = (2 * DAY) / STEADY_INTERVAL_MS;
  const sizes: number[] = [];
  for (let day = 0; day < 7; day += 1) {
    for (let part = 0; part < 4; part += 1)
      await store.apply(steadyEntries(day * perDay + part * (perDay / 4), perDay / 4));
    const nowMs = STEADY_START_MS + (day + 1) * DAY;
    await store.rollUp(nowMs);
    await store.retain(nowMs);
    sizes.push(statSync(file).size);
  }
  await store.stop();
  const settled = Math.max(...sizes.slice(3, 5));
  expect(Math.max(...sizes.slice(5)), sizes.join(' ')).toBeLessThan(settled * 1.25);
}, 120_000);

test('buckets of a day that has ended lie in the order of resources, and answers are as before', async () => {
  const store = await openStore();
  const at = (day: number, step: number): number => T0 + day * DAY + step * STEP;
  const polls = (day: number, steps: number): JournaledBatch[] =>
    Array.from({ length: steps }, (_, step) =>
      journalEntry({
        position: day * 1000 + step + 1,
        polls: ['core2', 'core1', 'core3'].map((device) =>
          interfacePoll({
            device,
            atMs: at(day, step * 6),
            interfaces: [{ key: 'p1', inOctets: BigInt(step) * 1000n, speedBps: 1e9 }],
            intervalMs: 6 * STEP,
          }),
        ),
      }),
    );
  // Three rounds of roll-up: each lays its hours behind the ones before.
  for (const [day, steps] of [
    [0, 48],
    [1, 48],
    [2, 4],
  ] as const)
    for (const entry of polls(day, steps)) await store.apply([entry]);
  const raw = await answers(store, 3);
  for (const untilMs of [T0 + 9 * HOUR, T0 + 30 * HOUR, T0 + 49 * HOUR]) await store.rollUp(untilMs);
  expectAlike(await answers(store, 3), raw);
  await store.stop();
  const instance = await DuckDBInstance.create(path.join(folder, `metrics-${files}.duckdb`));
  const connection = await instance.connect();
  const inOrder = async (day: number): Promise<boolean> => {
    const rows = await connection.runAndReadAll(
      `select resource, field, at_ms from rollup_5m where at_ms >= ${at(day, 0)} and at_ms < ${at(day + 1, 0)} order by rowid`,
    );
    const keys = rows.getRows().map(([resource, field, atMs]) => [Number(resource), Number(field), Number(atMs)]);
    expect(keys.length).toBeGreaterThan(9);
    const sorted = keys.toSorted(([a = 0, b = 0, c = 0], [d = 0, e = 0, f = 0]) => a - d || b - e || c - f);
    return JSON.stringify(sorted) === JSON.stringify(keys);
  };
  expect([await inOrder(0), await inOrder(1)]).toEqual([true, true]);
  const [mark] = (await connection.runAndReadAll("select at_ms from rollup_mark where name = '5m_ordered'")).getRows();
  expect(mark).toEqual([BigInt(at(2, 0))]);
  connection.closeSync();
  instance.closeSync();
});

test('each of a thousand interfaces is rolled up, though more is written than an appender holds', async () => {
  const store = await openStore();
  const names = Array.from({ length: 300 }, (_, at) => `p${at}`);
  const devices = ['core1', 'core2', 'core3', 'core4'];
  const entries = Array.from({ length: 80 }, (_, at) => {
    const moved = BigInt(at) * 6000n;
    const interfaces = names.map((key) => ({
      key,
      inOctets: moved,
      outOctets: moved,
      inErrors: BigInt(at),
      speedBps: 1e9,
    }));
    const polls = devices.map((device) =>
      interfacePoll({ device, atMs: T0 + at * STEP, interfaces, intervalMs: STEP }),
    );
    return journalEntry({ position: at + 1, polls });
  });
  for (let from = 0; from < entries.length; from += 20) await store.apply(entries.slice(from, from + 20));
  await store.rollUp(T0 + 6 * HOUR);
  await store.forgetBefore(T0 + 6 * HOUR);
  const resources = devices.flatMap((device) => names.map((key) => `${device}/${key}`));
  const span = { metric: 'in_octets', fromMs: T0, toMs: T0 + 6 * HOUR, stepMs: HOUR, function: 'delta' } as const;
  for (let from = 0; from < resources.length; from += 400) {
    const series = await store.many({ ...span, resources: resources.slice(from, from + 400) });
    const moved = series.map(({ points }) => points.map(({ value }) => value).join());
    expect(new Set(moved)).toEqual(new Set([Array.from({ length: 6 }, () => '72000').join()]));
  }
  await store.stop();
}, 60_000);
