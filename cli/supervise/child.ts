// One supervised child process: started, watched, started again with back-off when it dies, stopped in order.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import { backoffDelay } from '../../common/runtime/retry.ts';
import type { BoundedLog } from './bounded-log.ts';

export interface ChildConfig {
  readonly name: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Answers 200 once the child does its work. */
  readonly readyUrl: string;
}

export interface ChildDeps {
  readonly clock: Clock;
  readonly log: BoundedLog;
  readonly random: () => number;
  /** The file that runs `weir` (dist/cli/weir.js). */
  readonly entry: string;
  /** Told of each start, death and readiness, for the person who watches. */
  readonly tell: (line: string) => void;
}

const RESTART = { firstMs: 500, mostMs: 15_000 };
/** A child that ran this long starts its back-off anew. */
const STEADY_MS = 60_000;
const READY_POLL_MS = 200;
const STOP_MS = 20_000;

export class SupervisedChild implements Component {
  readonly #reporter: Reporter;
  readonly #config: ChildConfig;
  readonly #deps: ChildDeps;
  readonly #stopping = new AbortController();
  #child: ChildProcess | null = null;
  #loop: Promise<void> | null = null;
  #ended: Promise<void> = Promise.resolve();

  constructor(reporter: Reporter, config: ChildConfig, deps: ChildDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Resolves when the child is up for the first time; a child that dies before is started again and again until stop. */
  async start(): Promise<void> {
    this.#loop = this.#keepAlive();
    await this.#ready();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#child?.kill('SIGTERM');
    const forced = this.#deps.clock.sleep(STOP_MS).then(() => this.#child?.kill('SIGKILL'));
    await Promise.race([this.#ended, forced]);
    await this.#loop;
  }

  async #keepAlive(): Promise<void> {
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      const startedAt = this.#deps.clock.monotonicMs();
      const how = await this.#runOnce();
      if (this.#stopping.signal.aborted) return;
      if (this.#deps.clock.monotonicMs() - startedAt > STEADY_MS) failures = 0;
      this.#reporter.error('child died', { child: this.#config.name, how });
      this.#deps.tell(`${this.#config.name} ${how}; starting it again`);
      await this.#deps.clock.sleep(backoffDelay(RESTART, failures, this.#deps.random), this.#stopping.signal);
      failures += 1;
    }
  }

  #runOnce(): Promise<string> {
    const child = spawn(process.execPath, ['--enable-source-maps', this.#deps.entry, ...this.#config.args], {
      // A group of its own: Ctrl-C reaches the supervisor only, which stops its children in order. The ipc channel tells a child that its supervisor is gone.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...this.#config.environment },
    });
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => this.#deps.log.write(chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.#deps.log.write(chunk));
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`could not be started (${messageOf(error)})`));
      child.once('exit', (code, signal) =>
        resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
      );
    });
    this.#ended = ended.then(() => undefined);
    return ended;
  }

  async #ready(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (await answers(this.#config.readyUrl)) return;
      await this.#deps.clock.sleep(READY_POLL_MS, this.#stopping.signal);
    }
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch (error) {
    if (codeOf(error) === 'ERR_INVALID_URL') throw error;
    return false;
  }
}
