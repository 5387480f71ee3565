// A real redis-server of the test's own: a free loopback port, data in a temporary folder, appends flushed; restarted, emptied and stopped by the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePortBlock } from './free-port.ts';
import { waitFor } from './weir-process.ts';

const START_MS = 20_000;

export class RealRedis {
  readonly port: number;
  readonly #folder: string;
  #child: ChildProcess | null = null;

  constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const settings = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder];
    const durable = [
      '--save',
      '',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
      '--maxmemory-policy',
      'noeviction',
    ];
    this.#child = spawn('/usr/bin/redis-server', [...settings, ...durable], { stdio: 'ignore' });
    await waitFor(
      () => this.#answers(),
      START_MS,
      () => 'redis-server to answer',
    );
  }

  /** Without a word of farewell. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** One command in the inline form, such as FLUSHALL; the first line of its answer. */
  command(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1', () => socket.write(`${text}\r\n`));
      socket.once('data', (chunk: Buffer) => {
        socket.destroy();
        resolve(chunk.toString('utf8').split('\r\n')[0] ?? '');
      });
      socket.once('error', reject);
    });
  }

  /** Ends the server and forgets its data. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    try {
      return (await this.command('PING')) === '+PONG';
    } catch {
      return false;
    }
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

export async function startRealRedis(): Promise<RealRedis> {
  const redis = new RealRedis(await freePortBlock(1), mkdtempSync(path.join(tmpdir(), 'weir-redis-')));
  await redis.start();
  return redis;
}
