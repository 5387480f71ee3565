// The DuckDB store against the conformance suite, and what only it has: its file, its errors, its retention.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DuckDbStore } from '../../../collector/store/duckdb-store.ts';
import type { Poll } from '../../../common/model/poll.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { codeOf } from '../../../common/runtime/errors.ts';
import { metricStoreConformance } from '../../conformance/metric-store.ts';
import { type BundledProgram, bundledProgram } from '../../support/bundled-program.ts';
import { describeWith } from '../../support/requirements.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { smallStoreConfig } from '../../support/small-store.ts';
import {
  STEADY_INTERVAL_MS,
  STEADY_PORTS,
  STEADY_START_MS,
  steadyEntries,
  steadyEntry,
} from '../../support/steady-entries.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'weir-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const freshFile = (): string => path.join(folder, `metrics-${(files += 1)}.duckdb`);

async function opened(file: string): Promise<DuckDbStore> {
  const store = new DuckDbStore(silentReporter().reporter, smallStoreConfig(file), { clock: new SystemClock() });
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

describe('conformance, rolled up after every chunk', () => {
  const rolling = (store: DuckDbStore): DuckDbStore => {
    const apply = store.apply.bind(store);
    store.apply = async (entries) => {
      await apply(entries);
      await store.rollUp(Date.now());
    };
    return store;
  };
  metricStoreConformance(async () => {
    const file = freshFile();
    let store = rolling(await opened(file));
    return {
      store,
      reopen: async () => {
        await store.stop();
        store = rolling(await opened(file));
        return store;
      },
      discard: async () => {
        await store.stop();
        rmSync(file, { force: true });
      },
    };
  });
});

test('ranks over many readings, asked by several at once while readings are written, with more threads and less', async () => {
  const config = { ...smallStoreConfig(freshFile()), threads: 3 };
  const store = new DuckDbStore(silentReporter().reporter, config, { clock: new SystemClock() });
  await store.start();
  await store.apply(steadyEntries(0, 600));
  const span = { fromMs: STEADY_START_MS, toMs: STEADY_START_MS + 300 * STEADY_INTERVAL_MS };
  const top = { metric: 'in_octets', ...span, limit: 3 };
  const series = {
    metric: 'in_octets',
    resource: 'odd/p7',
    ...span,
    toMs: STEADY_START_MS + 1_800_000,
    stepMs: 600_000,
    function: 'avg' as const,
  };
  const asked = async (): Promise<readonly unknown[]> =>
    Promise.all([store.top({ ...top, function: 'p95' }), store.series(series), store.top({ ...top, function: 'max' })]);
  const alone = await asked();
  let writing = true;
  const written = (async () => {
    for (let at = 600; at < 700; at += 10) await store.apply(steadyEntries(at, 10));
    writing = false;
  })();
  let rounds = 0;
  while (writing || rounds < 10) {
    for (const answer of await Promise.all([asked(), asked(), asked()])) expect(answer).toEqual(alone);
    rounds += 1;
  }
  await written;
  expect(await store.position('journal-1')).toBe(700);
  await store.stop();
}, 60_000);

describe('crashes', () => {
  let program: BundledProgram;
  beforeAll(async () => {
    program = await bundledProgram('store-until-killed.ts');
  });
  afterAll(() => program.remove());

  test('after a SIGKILL at any moment it holds what a replay up to its position would', async () => {
    const file = freshFile();
    for (let turn = 1; turn <= 5; turn += 1) {
      const child = program.start([file, String(turn)]);
      let committed = 0;
      const begunAt = turn * 40;
      child.stdout.on('data', (chunk: Buffer) => {
        const lines = chunk.toString().trim().split('\n');
        committed = Math.max(committed, ...lines.map(Number));
        // A little later, so that it dies anywhere in its work and not always after a commit.
        if (committed > begunAt) setTimeout(() => child.kill('SIGKILL'), (turn * 7) % 11);
      });
      await new Promise((resolve) => child.once('exit', resolve));
      const store = await opened(file);
      const position = await store.position('journal-1');
      expect(position).toBeGreaterThanOrEqual(committed);
      await expectSteady(store, position);
      await store.stop();
    }
  }, 120_000);

  test('after a SIGKILL in the middle of roll-up, retention or compaction the answers are those of a run without', async () => {
    const file = freshFile();
    const rolled = new Set<string>();
    for (let turn = 1; turn <= 6; turn += 1) {
      const child = program.start([file, '400', 'upkeep']);
      const begunAt = turn * 12_000;
      child.stdout.on('data', (chunk: Buffer) => {
        const position = Math.max(...chunk.toString().trim().split('\n').map(Number));
        if (position > begunAt) setTimeout(() => child.kill('SIGKILL'), (turn * 13) % 37);
      });
      await new Promise((resolve) => child.once('exit', resolve));
      const store = await opened(file);
      const position = await store.position('journal-1');
      const [first, last] = [0, Math.ceil(position / 2) - 1];
      const query = {
        fromMs: STEADY_START_MS - 3_600_000,
        toMs: STEADY_START_MS + 60 * 86_400_000,
        stepMs: 86_400_000,
      };
      for (const port of [0, STEADY_PORTS - 1]) {
        const asked = { metric: 'in_octets', resource: `odd/p${port}`, ...query };
        const { points, tier } = await store.series({ ...asked, function: 'delta' });
        rolled.add(tier ?? 'raw');
        const moved = points.reduce((sum, point) => sum + BigInt(point.value ?? 0), 0n);
        expect(moved, `port ${port} at ${position} from ${tier}`).toBe(BigInt((last - first) * (1000 + port)));
        const most = (await store.series({ ...asked, function: 'max' })).points.map((point) => Number(point.value));
        expect(Math.max(...most)).toBeCloseTo((1000 + port) / 10, 6);
      }
      await store.stop();
    }
    expect([...rolled]).toContain('1d');
  }, 180_000);
});

/** Every port has moved what it had moved at that position of the steady journal, in as many readings. */
async function expectSteady(store: DuckDbStore, position: number): Promise<void> {
  for (const [device, readings] of [
    ['odd', Math.ceil(position / 2)],
    ['even', Math.floor(position / 2)],
  ] as const) {
    const query = {
      fromMs: STEADY_START_MS,
      toMs: STEADY_START_MS + 20_000 * STEADY_INTERVAL_MS,
      stepMs: 20_000 * STEADY_INTERVAL_MS,
    };
    const asked = [0, STEADY_PORTS - 1].flatMap((port) => [
      { metric: 'in_octets', port, each: 1000 + port },
      { metric: 'out_octets', port, each: 3000 + port },
    ]);
    for (const { metric, port, each } of asked) {
      const series = await store.series({ metric, resource: `${device}/p${port}`, ...query, function: 'delta' });
      const moved = series.points.reduce((sum, point) => sum + BigInt(point.value ?? 0), 0n);
      expect(moved, `${metric} of ${device}/p${port} at ${position}`).toBe(BigInt((readings - 1) * each));
    }
    const { points } = await store.series({
      metric: 'reachable',
      resource: device,
      fromMs: STEADY_START_MS,
      toMs: STEADY_START_MS + 4000 * STEADY_INTERVAL_MS,
      stepMs: STEADY_INTERVAL_MS,
      function: 'last',
    });
    // The last reading holds for one and a half intervals.
    expect(points.filter((point) => point.coverage === 1)).toHaveLength(readings);
  }
}

describe('the file', () => {
  test('bytes that are no store are told and kept, and a store that was damaged later too', async () => {
    const file = freshFile();
    writeFileSync(file, Buffer.alloc(20_000, 7));
    const store = await opened(file);
    await expect(store.apply(steadyEntries(0, 1))).rejects.toMatchObject({ code: 'store_damaged' });
    await expect(store.top({ metric: 'in_bps', fromMs: 0, toMs: 1, limit: 1 })).rejects.toMatchObject({
      code: 'store_damaged',
    });
    await store.stop();
    expect(readFileSync(file)).toEqual(Buffer.alloc(20_000, 7));
  });

  test('a store that lost its end is told', async () => {
    const file = freshFile();
    const first = await opened(file);
    await first.apply(steadyEntries(0, 2000));
    await first.stop();
    truncateSync(file, 300_000);
    const second = await opened(file);
    const answer = second.top({
      metric: 'in_bps',
      fromMs: STEADY_START_MS,
      toMs: STEADY_START_MS + 1e9,
      limit: 1,
    });
    await expect(answer).rejects.toMatchObject({ code: 'store_damaged' });
    await second.stop();
  });

  test('where the file is put right, the next call works without a restart', async () => {
    const file = freshFile();
    writeFileSync(file, Buffer.alloc(20_000, 7));
    const store = await opened(file);
    await expect(store.position('journal-1')).rejects.toMatchObject({ code: 'store_damaged' });
    rmSync(file);
    await store.apply(steadyEntries(0, 4));
    expect(await store.position('journal-1')).toBe(4);
    await store.stop();
  });

  test('an entry that cannot be applied leaves nothing behind', async () => {
    const file = freshFile();
    const store = await opened(file);
    await store.apply(steadyEntries(0, 4));
    const bad = steadyEntry(6);
    const poll = { ...(bad.batch.polls[0] as Poll), finishedAtMs: Number.NaN };
    await expect(
      store.apply([steadyEntry(5), { ...bad, batch: { ...bad.batch, polls: [...bad.batch.polls, poll] } }]),
    ).rejects.toThrow();
    expect(await store.position('journal-1')).toBe(4);
    await expectSteady(store, 4);
    await store.apply(steadyEntries(4, 2));
    await expectSteady(store, 6);
    await store.stop();
  });

  test('what has no reading left is forgotten, and known anew when it comes back', async () => {
    const store = await opened(freshFile());
    await store.apply(steadyEntries(0, 6));
    await store.forgetBefore(STEADY_START_MS + 1e6);
    const query = { metric: 'reachable', fromMs: STEADY_START_MS, toMs: STEADY_START_MS + 1e7, limit: 10 };
    expect(await store.top(query)).toEqual([]);
    await store.apply(steadyEntries(6, 400));
    expect((await store.top(query)).map((one) => one.resource)).toEqual(['odd', 'even']);
    const { points } = await store.series({
      ...query,
      metric: 'in_octets',
      resource: 'even/p3',
      stepMs: 1e7,
      function: 'delta',
    });
    expect(points.map((point) => point.value)).toEqual([(199 * 1003).toString()]);
    await store.stop();
  });

  test('a position that was set back is durable, and what is gone through again stands once', async () => {
    const file = freshFile();
    const first = await opened(file);
    await first.apply(steadyEntries(0, 12));
    await first.rewind('journal-1', 3);
    await first.stop();
    const store = await opened(file);
    expect(await store.position('journal-1')).toBe(3);
    await store.apply(steadyEntries(3, 5).map((entry) => ({ ...entry, again: true })));
    expect(await store.position('journal-1')).toBe(8);
    await expectSteady(store, 12);
    await store.apply(steadyEntries(8, 4).map((entry) => ({ ...entry, again: true })));
    await expectSteady(store, 12);
    const query = { metric: 'in_octets', fromMs: STEADY_START_MS, toMs: STEADY_START_MS + 1e9, limit: 1 };
    expect(await store.top(query)).toHaveLength(1);
    await store.stop();
  });

  test('readings older than the retention go', async () => {
    const file = freshFile();
    const store = await opened(file);
    await store.apply(steadyEntries(0, 40));
    await store.forgetBefore(STEADY_START_MS + 15 * STEADY_INTERVAL_MS);
    const { points } = await store.series({
      metric: 'in_octets',
      resource: 'odd/p0',
      fromMs: STEADY_START_MS,
      toMs: STEADY_START_MS + 20 * STEADY_INTERVAL_MS,
      stepMs: STEADY_INTERVAL_MS,
      function: 'delta',
    });
    expect(points.findIndex((point) => point.value !== null)).toBe(15);
    expect(points.filter((point) => point.value !== null)).toHaveLength(4);
    await store.stop();
  });
});

describeWith('root', 'the file on a disk of its own', () => {
  test('a full disk is told by its code, nothing half applied, and it goes on once there is room', async () => {
    const disk = mkdtempSync(path.join(tmpdir(), 'weir-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', disk]);
    try {
      const store = await opened(path.join(disk, 'metrics.duckdb'));
      let [position, code] = [0, ''];
      for (let turn = 0; turn < 200 && code === ''; turn += 1)
        await store.apply(steadyEntries(position, 100)).then(
          () => {
            position += 100;
          },
          (error: unknown) => {
            code = codeOf(error);
          },
        );
      expect(code).toBe('store_full');
      expect(position).toBeGreaterThan(0);
      execFileSync('mount', ['-o', 'remount,size=64m', disk]);
      const held = await store.position('journal-1');
      expect([position, position + 100]).toContain(held);
      await expectSteady(store, held);
      await store.apply(steadyEntries(held, 10));
      await expectSteady(store, held + 10);
      await store.stop();
    } finally {
      execFileSync('umount', ['-l', disk]);
      rmSync(disk, { recursive: true, force: true });
    }
  }, 60_000);
});
