// Questions to a large embedded store: built directly with its writer, rolled up, and asked as dashboards ask.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { JournaledBatch } from '../../collector/project/projection.ts';
import { DuckDbStore } from '../../collector/store/duckdb-store.ts';
import { storeConfigOf, storeSchema } from '../../collector/store/store-config.ts';
import type { Column, Poll } from '../../common/model/poll.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';

export interface StoreQueriesOptions {
  readonly interfaces: number;
  readonly days: number;
  readonly intervalMs: number;
}

export interface StoreQueriesResult {
  readonly counterValues: number;
  readonly applyValuesPerCpuSecond: number;
  /** Of roll-up, per counter value. */
  readonly rollUpCpuMicroseconds: number;
  readonly octetsPerValueBefore: number;
  readonly octetsPerValueAfter: number;
  /** Milliseconds, the middle of five. */
  readonly questions: Readonly<Record<string, number>>;
}

const PORTS = 50;
const DAY_MS = 86_400_000;
const START_MS = 20_700 * DAY_MS;
const COUNTERS = [
  ['ifHCInOctets', 64],
  ['ifHCOutOctets', 64],
  ['ifHCInUcastPkts', 64],
  ['ifHCOutUcastPkts', 64],
  ['ifInErrors', 32],
  ['ifOutErrors', 32],
  ['ifInDiscards', 32],
  ['ifOutDiscards', 32],
] as const;

/** Builds, measures and removes a store. */
export async function storeQueries(options: StoreQueriesOptions): Promise<StoreQueriesResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-store-queries-'));
  const config = storeConfigOf(storeSchema.parse({ commit_interval_ms: 0 }), path.join(folder, 'metrics.duckdb'));
  const clock = new SystemClock();
  const store = new DuckDbStore(createReporter({ component: 'bench', level: 'error' }), config, { clock });
  try {
    await store.start();
    const devices = Math.ceil(options.interfaces / PORTS);
    const rounds = Math.floor((options.days * DAY_MS) / options.intervalMs);
    const counterValues = devices * PORTS * COUNTERS.length * rounds;
    let applyMs = 0;
    for (let round = 0; round < rounds; round += 1) {
      const entries = entriesOf(round, devices, options.intervalMs);
      applyMs += await cpuOf(() => store.apply(entries));
    }
    const before = statSync(config.file).size;
    const toMs = START_MS + rounds * options.intervalMs;
    const rollUpMs = await cpuOf(() => store.rollUp(toMs));
    await store.stop();
    const after = statSync(config.file).size;
    const again = new DuckDbStore(createReporter({ component: 'bench', level: 'error' }), config, { clock });
    await again.start();
    const questions = await ask(again, toMs, options);
    await again.stop();
    return {
      counterValues,
      applyValuesPerCpuSecond: (counterValues * 1000) / applyMs,
      rollUpCpuMicroseconds: (rollUpMs * 1000) / counterValues,
      octetsPerValueBefore: before / counterValues,
      octetsPerValueAfter: after / counterValues,
      questions,
    };
  } finally {
    await store.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ask(
  store: DuckDbStore,
  toMs: number,
  options: StoreQueriesOptions,
): Promise<Readonly<Record<string, number>>> {
  const all = { fromMs: START_MS, toMs };
  const day = { fromMs: Math.max(START_MS, toMs - DAY_MS), toMs };
  const one = { metric: 'in_bps', resource: 'device-1/p7', ...all };
  const resources = Array.from({ length: 50 }, (_, port) => `device-1/p${port}`);
  return {
    [`one interface over ${options.days} days`]: await middle(() => store.series({ ...one, function: 'avg' })),
    [`its p95 over ${options.days} days`]: await middle(() =>
      store.series({ ...one, stepMs: DAY_MS, function: 'p95' }),
    ),
    'one interface over a day': await middle(() => store.series({ ...one, ...day, function: 'avg' })),
    '50 interfaces over a day': await middle(() =>
      store.many({ metric: 'in_bps', resources, ...day, function: 'avg' }),
    ),
    'top 20 over a day': await middle(() => store.top({ metric: 'in_bps', ...day, limit: 20 })),
    [`top 20 over ${options.days} days`]: await middle(() => store.top({ metric: 'in_bps', ...all, limit: 20 })),
    [`p95 of all over ${options.days} days, top 20`]: await middle(() =>
      store.top({ metric: 'in_bps', ...all, limit: 20, function: 'p95' }),
    ),
  };
}

async function middle(question: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < 5; turn += 1) {
    const startedAt = performance.now();
    await question();
    times.push(performance.now() - startedAt);
  }
  return times.toSorted((a, b) => a - b)[2] ?? 0;
}

async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1000;
}

function entriesOf(round: number, devices: number, intervalMs: number): JournaledBatch[] {
  return [
    {
      journal: 'journal-1',
      position: round + 1,
      receivedAtMs: START_MS + round * intervalMs,
      clockOffsetMs: 0,
      sha256: '0'.repeat(64),
      batch: {
        agent: 'agent-1',
        incarnation: 'incarnation-1',
        sequence: round + 1,
        createdAtMs: START_MS + round * intervalMs,
        thinned: false,
        polls: Array.from({ length: devices }, (_, device) => pollOf(round, device, intervalMs)),
        events: [],
        watermarks: [],
        gaps: [],
      },
    },
  ];
}

function pollOf(round: number, device: number, intervalMs: number): Poll {
  const atMs = START_MS + round * intervalMs + ((device * 97) % 1000);
  const places = Array.from({ length: PORTS }, (_, port) => port);
  const value = (port: number, at: number): bigint =>
    BigInt(Math.floor(round * (1000 + port * 37 + device * 11) * (at + 1) + Math.abs(Math.sin(round + port)) * 900));
  const columns: Column[] = [
    { kind: 'text', name: 'interfaceKey', values: places.map((port) => `p${port}`) },
    { kind: 'number', name: 'ifSpeedBps', values: Float64Array.from(places.map(() => 1e9)) },
    { kind: 'number', name: 'ifAdminStatus', values: Float64Array.from(places.map(() => 1)) },
    { kind: 'number', name: 'ifOperStatus', values: Float64Array.from(places.map(() => 1)) },
    ...COUNTERS.map(
      ([name, width], at): Column => ({
        kind: 'counter',
        name,
        width,
        values: BigUint64Array.from(places.map((port) => value(port, at) % 2n ** BigInt(width))),
        present: new Uint8Array(PORTS).fill(1),
      }),
    ),
  ];
  const segment = {
    firstRow: 0,
    sentAtMs: atMs,
    receivedAtMs: atMs,
    monotonicMs: atMs,
    uptimeTicks: round * (intervalMs / 10) + 1e6,
  };
  return {
    device: `device-${device}`,
    startedAtMs: atMs,
    finishedAtMs: atMs,
    processId: 'process-1',
    intervalMs,
    outcome: 'complete',
    failure: null,
    requests: 3,
    retries: 0,
    tables: [{ name: 'interface', complete: true, index: places.map(String), segments: [segment], columns }],
  };
}
