// A real influxd (Debian's 1.6) of the test's own: a free loopback port, data in a temporary folder, stopped by its process id.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePortBlock } from './free-port.ts';
import { waitFor } from './weir-process.ts';

const START_MS = 30_000;

/** A server process that a test starts, kills and starts again with the same data. */
export class RealServer {
  readonly url: string;
  readonly port: number;
  readonly #program: string;
  readonly #args: readonly string[];
  readonly #folder: string;
  readonly #probe: string;
  #child: ChildProcess | null = null;

  constructor(port: number, folder: string, program: string, args: readonly string[], probe: string) {
    this.url = `http://127.0.0.1:${port}`;
    this.port = port;
    this.#program = program;
    this.#args = args;
    this.#folder = folder;
    this.#probe = probe;
  }

  async start(): Promise<void> {
    this.#child = spawn(this.#program, this.#args, { stdio: 'ignore' });
    await waitFor(
      async () => (await fetch(`${this.url}${this.#probe}`).catch(() => null))?.ok === true,
      START_MS,
      () => `${this.#program} to answer`,
    );
  }

  /** Without a word of farewell. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async ask(place: string, method: 'GET' | 'POST' = 'GET'): Promise<string> {
    const answer = await fetch(`${this.url}${place}`, { method });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${place} was answered ${answer.status}: ${text}`);
    return text;
  }

  /** InfluxQL. */
  query(statement: string, database = ''): Promise<string> {
    return this.ask(`/query?${new URLSearchParams({ q: statement, db: database, epoch: 'ms' }).toString()}`, 'POST');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }
}

export async function startInfluxDb(): Promise<RealServer> {
  const port = await freePortBlock(2);
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-influxdb-'));
  const file = path.join(folder, 'influxdb.conf');
  writeFileSync(
    file,
    `reporting-disabled = true
bind-address = "127.0.0.1:${port + 1}"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[logging]
  level = "error"
`,
  );
  const server = new RealServer(port, folder, '/usr/bin/influxd', ['-config', file], '/ping');
  await server.start();
  return server;
}

export async function startVictoriaMetrics(): Promise<RealServer> {
  const port = await freePortBlock(1);
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-victoria-'));
  const args = [
    `-httpListenAddr=127.0.0.1:${port}`,
    `-storageDataPath=${folder}`,
    '-loggerLevel=ERROR',
    '-retentionPeriod=100y',
  ];
  const server = new RealServer(port, folder, '/usr/bin/victoria-metrics', args, '/health');
  await server.start();
  return server;
}
