// Where one benchmark works: its temporary folder, its processes and its ports, all of which end with it.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Component, stopAll } from '../../common/runtime/component.ts';
import { codeOf } from '../../common/runtime/errors.ts';

/** Built files of ours lie beside this one, in dist/. */
const DIST = path.resolve(import.meta.dirname, '../..');
/** The checkout. */
export const ROOT = path.dirname(DIST);
const STOP_MS = 30_000;
const OUTPUT_KEPT = 64 * 1024;
const FIRST_PORT = 21_000;
const LAST_PORT = 31_000;

export interface Running {
  readonly pid: number;
  /** The newest of standard output and error. */
  readonly output: () => string;
  /** Sends to a process of ours and resolves with its next message. Rejects where it ends instead. */
  readonly ask: (message: string, timeoutMs: number) => Promise<unknown>;
  /** SIGTERM, then SIGKILL after a while; resolves when it is gone. */
  readonly stop: () => Promise<void>;
}

export class Workshop {
  readonly folder: string;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #running = new Set<Running>();
  readonly #others: Component[] = [];
  #nextPort: number;

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    this.folder = mkdtempSync(path.join(tmpdir(), 'weir-bench-'));
    // As root the embedded PostgreSQL runs as another user, who has to pass through.
    chmodSync(this.folder, 0o711);
    this.#environment = environment;
    this.#nextPort = FIRST_PORT + (process.pid % 8000);
  }

  /** A program of the system. */
  run(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}): Running {
    const env = { ...this.#environment, ...environment };
    return this.#keep(
      spawn(command, args, { cwd: this.folder, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true }),
    );
  }

  /** `weir ARGS`, as it was built. */
  weir(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Running {
    return this.run(process.execPath, [path.join(DIST, 'cli/weir.js'), ...args], environment);
  }

  /** A file of bench/ as a process that answers `ask`; its configuration is its argument. */
  worker(file: string, config: unknown, nodeFlags: readonly string[] = []): Running {
    const execArgv = [...nodeFlags];
    const options = { cwd: this.folder, env: { ...this.#environment }, silent: true, detached: true, execArgv };
    return this.#keep(fork(path.join(DIST, 'bench', file), [JSON.stringify(config)], options));
  }

  /** Starts a component of this process and stops it at the end where nobody did before. */
  async start<C extends Component>(component: C): Promise<C> {
    this.#others.push(component);
    await component.start();
    return component;
  }

  /** The first of `count` TCP ports in a row that nothing listens on; never given twice. */
  async ports(count = 1): Promise<number> {
    for (let base = this.#nextPort; base + count < LAST_PORT; base += count) {
      const free = await Promise.all(Array.from({ length: count }, (_, at) => isFree(base + at)));
      if (!free.every(Boolean)) continue;
      this.#nextPort = base + count;
      return base;
    }
    throw new Error('No free ports are left.');
  }

  /** Stops what still runs and removes the folder. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map((running) => running.stop()));
    await stopAll(this.#others);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #keep(child: ChildProcess): Running {
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-OUTPUT_KEPT);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(`ended with ${signal ?? code}`));
    });
    const running: Running = {
      pid: child.pid ?? -1,
      output: () => output,
      ask: (message, timeoutMs) => askChild(child, ended, message, timeoutMs, () => output),
      stop: async () => {
        const group = child.pid ?? 0;
        signalGroup(group, 'SIGTERM');
        const forced = setTimeout(() => signalGroup(group, 'SIGKILL'), STOP_MS);
        await ended;
        // What it started may outlive it a little; a zombie that nobody waits for stays.
        const endAt = performance.now() + STOP_MS;
        while (signalGroup(group, 0) && performance.now() < endAt) await pause(50);
        clearTimeout(forced);
        this.#running.delete(running);
      },
    };
    this.#running.add(running);
    return running;
  }
}

/** Each child leads a group of its own, as of a terminal: npm does not hand a signal on to what it runs. False where nobody is left. */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  if (leader === 0) return false;
  try {
    return process.kill(-leader, signal);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}

function askChild(
  child: ChildProcess,
  ended: Promise<string>,
  message: string,
  timeoutMs: number,
  output: () => string,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => done(() => reject(failed(`no answer to ${message}`))), timeoutMs);
    const failed = (how: string): Error => new Error(`${child.spawnargs.slice(1, 2).join(' ')}: ${how}\n${output()}`);
    const answered = (answer: unknown): void => done(() => resolve(answer));
    const done = (settle: () => void): void => {
      clearTimeout(timer);
      child.off('message', answered);
      settle();
    };
    child.once('message', answered);
    void ended.then((how) => done(() => reject(failed(how))));
    child.send(message, (error) => {
      if (error !== null) done(() => reject(error));
    });
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Looks every 50 ms; rejects with the explanation. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  explain: () => string,
): Promise<void> {
  const endAt = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > endAt) throw new Error(`not within ${timeoutMs / 1000} s: ${explain()}`);
    await pause(50);
  }
}
