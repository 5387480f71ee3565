// InfluxDB and VictoriaMetrics as peers of the collector: started with their data in the workshop, fed line protocol, asked for the last value.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Peer, PEERS } from '../machine/peers.ts';
import { cpuSeconds } from '../machine/processes.ts';
import { type Running, until, type Workshop } from '../machine/workshop.ts';
import { postAll } from './line-protocol.ts';

export interface MetricPeer {
  readonly running: Running;
  readonly cpu: () => number;
  /** Resolves when all of it was taken and the last value can be read. */
  readonly feed: (bodies: readonly Buffer[], last: LastValue) => Promise<void>;
}

/** What a query must bring before the feeding counts as done. */
export interface LastValue {
  readonly device: string;
  readonly interface: string;
  readonly atMs: number;
  readonly outOctets: bigint;
}

const START_MS = 30_000;
const READ_MS = 60_000;

export async function startInfluxDb(workshop: Workshop): Promise<MetricPeer> {
  const port = await workshop.ports(2);
  const folder = path.join(workshop.folder, 'influxdb');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'influxdb.conf');
  writeFileSync(file, influxText(folder, port));
  const running = workshop.run(PEERS.influxdb.program, ['-config', file]);
  const url = `http://127.0.0.1:${port}`;
  await ready(`${url}/ping`, PEERS.influxdb, running);
  await asked(`${url}/query?q=${encodeURIComponent('create database bench')}`, 'POST');
  return {
    running,
    cpu: () => cpuSeconds([running.pid]),
    feed: async (bodies, last) => {
      await postAll(`${url}/write?db=bench&precision=ms`, bodies);
      const where = `device = '${last.device}' and interface = '${last.interface}' and time = ${last.atMs}ms`;
      const query = encodeURIComponent(`select out_octets from interface where ${where}`);
      await readable(`${url}/query?db=bench&q=${query}`, last, running);
    },
  };
}

export async function startVictoriaMetrics(workshop: Workshop): Promise<MetricPeer> {
  const port = await workshop.ports();
  const running = workshop.run(PEERS.victoriaMetrics.program, [
    `-httpListenAddr=127.0.0.1:${port}`,
    `-storageDataPath=${path.join(workshop.folder, 'victoria-metrics')}`,
    '-loggerLevel=ERROR',
  ]);
  const url = `http://127.0.0.1:${port}`;
  await ready(`${url}/health`, PEERS.victoriaMetrics, running);
  return {
    running,
    cpu: () => cpuSeconds([running.pid]),
    feed: async (bodies, last) => {
      await postAll(`${url}/write?precision=ms`, bodies);
      // It shows values only after a while of its own; this is its way to ask for them at once.
      await asked(`${url}/internal/force_flush`, 'GET');
      const match = `interface_out_octets{device="${last.device}",interface="${last.interface}"}`;
      const span = `start=${(last.atMs - 1) / 1000}&end=${(last.atMs + 1) / 1000}`;
      await readable(`${url}/api/v1/export?match[]=${encodeURIComponent(match)}&${span}`, last, running);
    },
  };
}

async function ready(url: string, peer: Peer, running: Running): Promise<void> {
  const answers = async (): Promise<boolean> => (await fetch(url).catch(() => null))?.ok === true;
  await until(answers, START_MS, () => `${peer.name} does not answer\n${running.output()}`);
}

async function readable(url: string, last: LastValue, running: Running): Promise<void> {
  const isThere = async (): Promise<boolean> => (await asked(url, 'GET')).includes(String(last.outOctets));
  await until(isThere, READ_MS, () => `the last value cannot be read\n${running.output()}`);
}

async function asked(url: string, method: 'GET' | 'POST'): Promise<string> {
  const answer = await fetch(url, { method });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text}`);
  return text;
}

/** Its defaults, but for where things are and without its record of itself. */
function influxText(folder: string, port: number): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:${port + 1}"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  query-log-enabled = false
[coordinator]
  write-timeout = "60s"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[logging]
  level = "error"
`;
}
