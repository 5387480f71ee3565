// One supervised child process: started, watched, started again with back-off when it dies, stopped in order.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../common/runtime/clock.ts';
import type { Component } from '../../common/runtime/component.ts';
import { ERROR_TABLE, type ErrorCode } from '../../common/runtime/error-table.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import { backoffDelay } from '../../common/runtime/retry.ts';
import type { BoundedLog } from './bounded-log.ts';

export interface ChildConfig {
  readonly name: string;
  readonly args: readonly string[];
  /** Of Node itself. */
  readonly nodeFlags: readonly string[];
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
/** A child that refuses to start this often in a row, and never has been up, will not change its mind. */
const REFUSALS = 3;
/** Of what a child says on standard error, enough to hold its refusal. */
const TAIL_CHARACTERS = 4000;
/** As `weir` prints a coded error. */
const REFUSAL = /weir: ([^\n]+)\n +[^\n]* \[([a-z_]+)\]\n?$/;

export class SupervisedChild implements Component {
  readonly #reporter: Reporter;
  readonly #config: ChildConfig;
  readonly #deps: ChildDeps;
  readonly #stopping = new AbortController();
  #child: ChildProcess | null = null;
  #loop: Promise<void> | null = null;
  #ended: Promise<void> = Promise.resolve();
  #wasUp = false;
  #refusals = 0;
  #refused: WeirError | null = null;

  constructor(reporter: Reporter, config: ChildConfig, deps: ChildDeps) {
    this.#reporter = reporter;
    this.#config = config;
    this.#deps = deps;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Resolves when the child is up for the first time; one that dies before is started again. Throws the child's own coded error where it refuses to start again and again. */
  async start(): Promise<void> {
    this.#loop = this.#keepAlive();
    await this.#ready();
  }

  /** Asks the child to read its configuration again; one that is not up yet reads it anyway. */
  reload(): void {
    if (this.#wasUp) this.#child?.kill('SIGHUP');
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#child?.kill('SIGTERM');
    const ended = new AbortController();
    const forced = this.#deps.clock.sleep(STOP_MS, ended.signal).then(() => {
      if (!ended.signal.aborted) this.#child?.kill('SIGKILL');
    });
    await Promise.race([this.#ended, forced]);
    ended.abort();
    await this.#loop;
  }

  async #keepAlive(): Promise<void> {
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      const startedAt = this.#deps.clock.monotonicMs();
      const { how, refusal } = await this.#runOnce();
      if (this.#stopping.signal.aborted) return;
      this.#refusals = refusal === null ? 0 : this.#refusals + 1;
      if (refusal !== null && !this.#wasUp && this.#refusals >= REFUSALS) {
        this.#refused = refusal;
        return;
      }
      if (this.#deps.clock.monotonicMs() - startedAt > STEADY_MS) failures = 0;
      const why = refusal === null ? '' : `: ${refusal.message} [${refusal.code}]`;
      this.#reporter.error('child died', { child: this.#config.name, how, code: refusal?.code });
      this.#deps.tell(`${this.#config.name} ${how}${why}; starting it again`);
      await this.#deps.clock.sleep(backoffDelay(RESTART, failures, this.#deps.random), this.#stopping.signal);
      failures += 1;
    }
  }

  #runOnce(): Promise<{ how: string; refusal: WeirError | null }> {
    const { args, nodeFlags } = this.#config;
    const child = spawn(process.execPath, ['--enable-source-maps', ...nodeFlags, this.#deps.entry, ...args], {
      // A group of its own: Ctrl-C reaches the supervisor only, which stops its children in order. The ipc channel tells a child that its supervisor is gone.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...this.#config.environment },
    });
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => this.#deps.log.write(chunk));
    let tail = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#deps.log.write(chunk);
      tail = `${tail}${chunk.toString('utf8')}`.slice(-TAIL_CHARACTERS);
    });
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`could not be started (${messageOf(error)})`));
      // Not at its exit: what it said last may still be on the way.
      child.once('close', (code, signal) =>
        resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
      );
    });
    this.#ended = ended.then(() => undefined);
    return ended.then((how) => ({ how, refusal: refusalIn(tail, this.#config.name) }));
  }

  async #ready(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (this.#refused !== null) throw this.#refused;
      if (await answers(this.#config.readyUrl)) {
        this.#wasUp = true;
        return;
      }
      await this.#deps.clock.sleep(READY_POLL_MS, this.#stopping.signal);
    }
  }
}

/** The coded error a child ended with; null where it ended otherwise. */
export function refusalIn(said: string, child: string): WeirError | null {
  const [, message, code] = REFUSAL.exec(said) ?? [];
  if (message === undefined || code === undefined || !isErrorCode(code)) return null;
  return new WeirError(code, message, { child });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, code);
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
