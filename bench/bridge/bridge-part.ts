// The bridge's rows: usage records mediated, rated and kept per CPU second, and how many burstable services' month is billed in a minute.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { BRIDGE_NODE_FLAGS } from '../../billing-bridge/node-flags.ts';
import { EmbeddedPostgres } from '../../common/database/embedded/embedded-postgres.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { cpuSeconds } from '../machine/processes.ts';
import type { Workshop } from '../machine/workshop.ts';
import type { PartContext } from '../part.ts';
import { type Row, rowOf } from '../rows.ts';
import type { LedgerWorkerConfig, WorkDone } from './ledger-worker.ts';
import { ReadingsFeed } from './readings-feed.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const BUCKET_MS = 300_000;
/** What mediation pulls at once (billing-bridge/mediate/mediation-run.ts). */
const PAGES_AT_ONCE = 2000;
const WORK_MS = 170_000;

const USAGE = { devices: 100, portsEach: 48, intervalMs: MINUTE_MS };
const USAGE_HOURS_BEFORE = 1;
const USAGE_HOURS = 1;

/** So many that what every run costs once does not count. */
const MONTH = { devices: 4, portsEach: 48, intervalMs: BUCKET_MS };

interface Bridge {
  readonly feed: ReadingsFeed;
  readonly work: (task: 'mediate' | 'rate' | 'bill') => Promise<WorkDone>;
  readonly cpu: () => number;
  readonly stop: () => Promise<void>;
}

export async function bridgePart(context: PartContext): Promise<readonly Row[]> {
  return [await usageRow(context), ...(await monthRows(context))];
}

async function startBridge(
  workshop: Workshop,
  scale: typeof USAGE,
  startMs: number,
  terms: Pick<LedgerWorkerConfig, 'price' | 'period'>,
): Promise<Bridge> {
  const folder = path.join(workshop.folder, `bridge-${terms.price}`);
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const reporter = createReporter({ component: 'bench', level: 'warn' });
  const server = { dataFolder: path.join(folder, 'postgresql'), port: 0 };
  const postgres = await workshop.start(new EmbeddedPostgres(reporter, server, { clock: new SystemClock() }));
  const port = await workshop.ports();
  const feed = await workshop.start(new ReadingsFeed({ ...scale, port, startMs }));
  const config: LedgerWorkerConfig = {
    databaseUrl: postgres.url,
    collectorUrl: `http://127.0.0.1:${port}`,
    devices: scale.devices,
    portsEach: scale.portsEach,
    from: new Date(startMs).toISOString().slice(0, 10),
    bucketMs: BUCKET_MS,
    ...terms,
  };
  const running = workshop.worker('bridge/ledger-worker.js', config, BRIDGE_NODE_FLAGS);
  const pids = [running.pid, postgres.pid ?? -1];
  const work = async (task: string): Promise<WorkDone> => {
    const done = (await running.ask(task, WORK_MS)) as WorkDone;
    if (done.error !== undefined) throw new Error(`${task}: ${done.error}`);
    return done;
  };
  await work('ready');
  return {
    feed,
    work,
    cpu: () => cpuSeconds(pids),
    stop: async () => {
      await running.stop();
      await feed.stop();
      await postgres.stop();
    },
  };
}

async function usageRow({ workshop, tell }: PartContext): Promise<Row> {
  const { devices, portsEach, intervalMs } = USAGE;
  tell(`bridge: usage of ${devices * portsEach} ports, mediated and rated`);
  const startMs = (Math.floor(Date.now() / HOUR_MS) - USAGE_HOURS_BEFORE - USAGE_HOURS - 1) * HOUR_MS;
  const bridge = await startBridge(workshop, USAGE, startMs, { price: 'volume', period: '2000-01' });
  // One poll more than the hours have: it closes their last bucket.
  const pollsOf = (hours: number): number => (hours * HOUR_MS) / intervalMs + 1;
  bridge.feed.release(pollsOf(USAGE_HOURS_BEFORE), PAGES_AT_ONCE);
  await bridge.work('mediate');
  await bridge.work('rate');
  bridge.feed.release(pollsOf(USAGE_HOURS_BEFORE + USAGE_HOURS), PAGES_AT_ONCE);
  const before = bridge.cpu();
  const { records = 0 } = await bridge.work('mediate');
  const mediatedCpu = bridge.cpu() - before;
  const { charges = 0 } = await bridge.work('rate');
  const cpu = bridge.cpu() - before;
  await bridge.stop();
  const share = Math.round((mediatedCpu / cpu) * 100);
  return rowOf({
    what: 'usage records mediated, rated and kept per CPU second',
    weir: records / cpu,
    goal: { of: 'weir', least: 50_000 },
    note: `${records} records of ${intervalMs / 1000} s readings, ${charges} charges; ${share} % of it mediation; PostgreSQL counted`,
  });
}

async function monthRows({ workshop, tell }: PartContext): Promise<Row[]> {
  const { startMs, endMs, period } = lastMonth(new Date());
  const services = MONTH.devices * MONTH.portsEach;
  tell(`bridge: the month ${period} of ${services} burstable services`);
  const bridge = await startBridge(workshop, MONTH, startMs, { price: 'burstable', period });
  // What rating does through the month is not what it does at its end: usage is mediated and marked as it comes.
  const polls = (endMs - startMs) / MONTH.intervalMs;
  bridge.feed.release(polls, PAGES_AT_ONCE);
  const { records = 0 } = await bridge.work('mediate');
  await bridge.work('rate');
  bridge.feed.release(polls + 1, PAGES_AT_ONCE);
  await bridge.work('mediate');
  const before = bridge.cpu();
  const rated = await bridge.work('rate');
  const billed = await bridge.work('bill');
  const cpu = bridge.cpu() - before;
  await bridge.stop();
  const seconds = (rated.milliseconds + billed.milliseconds) / 1000;
  return [
    rowOf({
      what: 'burstable services whose month is rated and billed in a minute',
      weir: (services / seconds) * 60,
      goal: { of: 'weir', least: 10_000 },
      note: `measured on ${services} services, ${records} usage records, ${billed.bills ?? 0} bills: ${seconds.toFixed(1)} s, ${cpu.toFixed(1)} CPU seconds`,
    }),
  ];
}

/** The last whole calendar month, UTC. */
function lastMonth(now: Date): { startMs: number; endMs: number; period: string } {
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  const startMs = Date.UTC(year, month - 1, 1);
  return { startMs, endMs: Date.UTC(year, month, 1), period: new Date(startMs).toISOString().slice(0, 7) };
}
