// A whole pipeline as a person runs it: `weir simulate` and `weir up` as processes on free ports, asked over HTTP, its children found and killed.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseDocument } from 'yaml';
import { demoNetwork } from '../../simulator/demo-network.ts';
import { beginningOf } from '../../simulator/beginning.ts';
import { createNetwork, type Network } from '../../simulator/truth.ts';
import { freePortBlock } from './free-port.ts';
import { ROOT, startWeir, waitFor, type WeirProcess } from './weir-process.ts';

export const ADMINISTRATOR = 'weir_an-administrator-of-a-test';
const SEED = 41;
const DEVICES = 13;

export interface PipelineOptions {
  readonly folder: string;
  readonly pollIntervalMs: number;
  readonly bucketMs: number;
  readonly ratingWindowMs: number;
  /** Instead of the embedded PostgreSQL, and of BullMQ on it. */
  readonly databaseUrl?: string;
  readonly queueUrl?: string;
  /** More settings, by dotted path. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export type ChildName = 'agent' | 'collector' | 'billing-bridge';

export class RunningPipeline {
  readonly network: Network;
  readonly weir: WeirProcess;
  readonly simulator: WeirProcess;
  readonly configurationFile: string;
  readonly dataFolder: string;
  readonly collector: string;

  constructor(
    parts: Pick<RunningPipeline, 'network' | 'weir' | 'simulator' | 'configurationFile' | 'dataFolder' | 'collector'>,
  ) {
    this.network = parts.network;
    this.weir = parts.weir;
    this.simulator = parts.simulator;
    this.configurationFile = parts.configurationFile;
    this.dataFolder = parts.dataFolder;
    this.collector = parts.collector;
  }

  /** Asks the collector, which passes /billing on to the bridge. */
  async ask<T>(place: string): Promise<T> {
    const answer = await fetch(`${this.collector}${place}`, { headers: { authorization: `Bearer ${ADMINISTRATOR}` } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${place}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** The same, again and again while the pipeline is being killed. */
  async askPatiently<T>(place: string, patienceMs = 60_000): Promise<T> {
    let answer: T | undefined;
    let last: unknown = null;
    await waitFor(
      async () => {
        try {
          answer = await this.ask<T>(place);
          return true;
        } catch (error) {
          last = error;
          return false;
        }
      },
      patienceMs,
      () => `an answer to ${place}; ${String(last)}`,
    );
    return answer as T;
  }

  /** Every item of a list, page by page. */
  async all<T>(place: string): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const more = cursor === null ? '' : `${place.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`;
      const page: { items: readonly T[]; next: string | null } = await this.askPatiently(`${place}${more}`);
      items.push(...page.items);
      cursor = page.next;
    } while (cursor !== null);
    return items;
  }

  /** Process ids of the running children of that name; usually one. */
  pidsOf(child: ChildName): number[] {
    return childrenOf(this.weir.process.pid ?? 0)
      .filter(({ words }) => words.includes(child))
      .map(({ pid }) => pid);
  }

  /** SIGKILL; false where it was not running at the moment. */
  killChild(child: ChildName): boolean {
    const pids = this.pidsOf(child);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    return pids.length > 0;
  }

  async stop(): Promise<void> {
    await this.weir.interrupt();
    await this.simulator.interrupt();
  }
}

function childrenOf(parent: number): { pid: number; words: string[] }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) !== parent) return [];
        return [{ pid: Number(name), words: readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0') }];
      } catch {
        return []; // it ended while we looked
      }
    });
}

/** Starts the demo network and a pipeline over it; resolves once it says that it is up. */
export async function startPipeline(options: PipelineOptions): Promise<RunningPipeline> {
  const base = await freePortBlock(DEVICES + 10);
  const truthPort = base + DEVICES;
  const [collectorPort, bridgePort, healthPort, databasePort] = [1, 2, 3, 4].map((step) => truthPort + step);
  const simulatorFolder = path.join(options.folder, 'simulator');
  const document = parseDocument(readFileSync(path.join(ROOT, 'config', 'demo.yaml'), 'utf8'));
  const set = (place: readonly string[], value: unknown): void => document.setIn(place, value);
  set(['agent', 'poll_interval_ms'], options.pollIntervalMs);
  set(['agent', 'slow_interval_ms'], options.pollIntervalMs * 3);
  set(['agent', 'collector_url'], `http://127.0.0.1:${collectorPort}`);
  set(['agent', 'health_port'], healthPort);
  set(['collector', 'port'], collectorPort);
  set(['collector', 'bridge_url'], `http://127.0.0.1:${bridgePort}`);
  set(['billing_bridge', 'port'], bridgePort);
  set(['billing_bridge', 'collector_url'], `http://127.0.0.1:${collectorPort}`);
  set(['billing_bridge', 'bucket_ms'], options.bucketMs);
  set(['billing_bridge', 'rating_window_ms'], options.ratingWindowMs);
  set(['billing_bridge', 'mediate_every_ms'], 1000);
  set(['billing_bridge', 'rate_every_ms'], 2000);
  set(['database', 'port'], databasePort);
  if (options.databaseUrl !== undefined) set(['database', 'url'], options.databaseUrl);
  if (options.queueUrl !== undefined) set(['queue', 'url'], options.queueUrl);
  for (const [place, value] of Object.entries(options.settings ?? {})) set(place.split('.'), value);
  const configurationFile = path.join(options.folder, 'weir.yaml');
  const text = document
    .toString()
    .replaceAll(/127\.0\.0\.1:161(\d\d)\b/g, (_, number: string) => `127.0.0.1:${base + Number(number)}`);
  writeFileSync(configurationFile, text, { mode: 0o600 });
  const dataFolder = path.join(options.folder, 'data');
  const weir = startWeir(['up', '--config', configurationFile, '--data', dataFolder], {
    environment: { WEIR_ADMIN_TOKEN: ADMINISTRATOR },
  });
  // The network's troubles begin with it: it starts just before the agent does, however slow the machine is.
  await weir.says('dashboard and API', 90_000);
  const simulator = startWeir([
    'simulate',
    '--port',
    String(base),
    '--truth-port',
    String(truthPort),
    '--seed',
    String(SEED),
    '--data',
    simulatorFolder,
  ]);
  try {
    await simulator.says('pdu1', 30_000);
    await weir.says('up after', 90_000);
  } catch (error) {
    await simulator.interrupt();
    await weir.interrupt();
    throw error;
  }
  const beginning = beginningOf(simulatorFolder, 'demo', SEED, 0);
  return new RunningPipeline({
    network: createNetwork(demoNetwork(), SEED, beginning.startedAtMs),
    weir,
    simulator,
    configurationFile,
    dataFolder,
    collector: `http://127.0.0.1:${collectorPort}`,
  });
}
