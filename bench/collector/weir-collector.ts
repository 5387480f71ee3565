// Weir's side of the collector's benchmark: PostgreSQL and a collector as processes, agents' batches in, applied and readable out.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CollectorClient } from '../../agent/ship/collector-client.ts';
import { NodeHttpClient } from '../../agent/ship/http-client.ts';
import { EmbeddedPostgres } from '../../common/database/embedded/embedded-postgres.ts';
import { openDatabase } from '../../common/database/pool.ts';
import { TokenStore } from '../../common/database/tokens.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { cpuSeconds } from '../machine/processes.ts';
import { pause, type Running, until, type Workshop } from '../machine/workshop.ts';
import type { AgentStream, EncodedBatch } from './batches.ts';
import { deviceName } from './traffic.ts';

const START_MS = 60_000;
const APPLY_MS = 120_000;
const ANSWER_MS = 30_000;
const LOOK_EVERY_MS = 100;
const ADMIN_TOKEN = 'bench-administrator-token-0123456789';
const BRIDGE_TOKEN = 'bench-bridge-token-0123456789';

export interface BenchCollector {
  readonly url: string;
  readonly adminToken: string;
  readonly bridgeToken: string;
  readonly databaseUrl: string;
  readonly running: Running;
  /** CPU seconds of the collector and PostgreSQL with all its backends. */
  readonly cpu: () => number;
  readonly ownCpu: () => number;
  /** Resolves with the milliseconds until it was acknowledged; asks again where the collector says later. */
  readonly send: (batch: EncodedBatch) => Promise<number>;
  /** Resolves when readings and faults have committed all of the stream. */
  readonly applied: (stream: AgentStream) => Promise<void>;
  readonly get: (pathname: string) => Promise<unknown>;
  readonly stop: () => Promise<void>;
}

export async function startCollector(workshop: Workshop, streams: readonly AgentStream[]): Promise<BenchCollector> {
  const clock = new SystemClock();
  const reporter = createReporter({ component: 'bench', level: 'warn' });
  const dataFolder = path.join(workshop.folder, 'collector-data');
  mkdirSync(dataFolder, { recursive: true, mode: 0o711 });
  const server = { dataFolder: path.join(dataFolder, 'postgresql'), port: 0 };
  const postgres = await workshop.start(new EmbeddedPostgres(reporter, server, { clock }));
  const port = await workshop.ports();
  const file = path.join(workshop.folder, 'collector.yaml');
  writeFileSync(file, configurationText(port, streams));
  const running = workshop.weir(['collector', '--config', file, '--data', dataFolder], {
    WEIR_DATABASE_URL: postgres.url,
    WEIR_ADMIN_TOKEN: ADMIN_TOKEN,
    WEIR_BRIDGE_TOKEN: BRIDGE_TOKEN,
  });
  const url = `http://127.0.0.1:${port}`;
  const isReady = async (): Promise<boolean> => (await fetch(`${url}/readyz`).catch(() => null))?.ok === true;
  await until(isReady, START_MS, () => `the collector is not ready\n${running.output()}`);
  const tokens = await agentTokens(postgres.url, streams);
  const pids = [running.pid, postgres.pid ?? -1];
  return {
    url,
    adminToken: ADMIN_TOKEN,
    bridgeToken: BRIDGE_TOKEN,
    databaseUrl: postgres.url,
    running,
    cpu: () => cpuSeconds(pids),
    ownCpu: () => cpuSeconds([running.pid]),
    ...speaking(url, tokens, running),
    stop: async () => {
      await running.stop();
      await postgres.stop();
    },
  };
}

/** A token for each agent, as `weir token` makes them. */
async function agentTokens(databaseUrl: string, streams: readonly AgentStream[]): Promise<Map<string, string>> {
  const reporter = createReporter({ component: 'bench', level: 'warn' });
  const database = openDatabase(reporter, { url: databaseUrl, maxConnections: 1, applicationName: 'weir-bench' });
  const store = new TokenStore(reporter, database, { clock: new SystemClock() });
  const tokens = new Map<string, string>();
  for (const { agent } of streams) tokens.set(agent, await store.create(agent, 'agent'));
  await database.close();
  return tokens;
}

function speaking(
  url: string,
  tokens: ReadonlyMap<string, string>,
  running: Running,
): Pick<BenchCollector, 'send' | 'applied' | 'get'> {
  const clock = new SystemClock();
  const http = new NodeHttpClient({ clock, tls: null });
  const never = new AbortController().signal;
  const clients = new Map(
    [...tokens].map(([agent, token]) => [agent, new CollectorClient(ANSWER_MS, { clock, http, token: () => token })]),
  );
  const clientOf = (agent: string): CollectorClient => {
    const client = clients.get(agent);
    if (client === undefined) throw new Error(`BUG: no client for ${agent}`);
    return client;
  };
  const get = async (pathname: string): Promise<unknown> => {
    const answer = await fetch(`${url}${pathname}`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    if (!answer.ok) throw new Error(`${pathname}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  return {
    get,
    send: async ({ stream, sequence, bytes }) => {
      const startedAt = performance.now();
      const batch = { sequence, bytes, createdAtMs: 0, spoolTimeMs: 0 };
      for (;;) {
        const outcome = await clientOf(stream.agent).send(url, stream, batch, 1, never);
        if (outcome.kind === 'receipt') return performance.now() - startedAt;
        if (outcome.kind === 'refused') throw new Error(`${outcome.code}: ${outcome.message}\n${running.output()}`);
        await pause(outcome.waitMs ?? LOOK_EVERY_MS);
      }
    },
    applied: async (stream) => {
      const isApplied = async (): Promise<boolean> => {
        await pause(LOOK_EVERY_MS);
        const outcome = await clientOf(stream.agent).receipt(url, stream, never);
        return outcome.kind === 'receipt' && outcome.receipt.applied >= stream.sequence;
      };
      await until(isApplied, APPLY_MS, () => `${stream.agent} is not applied\n${running.output()}`);
    },
  };
}

function configurationText(port: number, streams: readonly AgentStream[]): string {
  const devices = streams.flatMap(({ agent, firstDevice, devices: count }) =>
    Array.from(
      { length: count },
      (_, at) =>
        `  - {name: ${deviceName(firstDevice + at)}, address: 127.0.0.1, credential: bench, agent: ${agent}}\n`,
    ),
  );
  return `credentials: {bench: {version: 2c, community: public}}
devices:
${devices.join('')}collector: {port: ${port}}
`;
}
