// Keeps the thread of the trap receiver alive: starts it, starts it again when it ends, ends it in good order.
import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { DurationMs } from '../../common/model/time.ts';
import type { Clock } from '../../common/runtime/clock.ts';
import { codeOf, messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { FromThread, ToThread, TrapSettings } from './exchange.ts';

/** Reaches the life of the thread that it was given with, and none after it. */
export type Tell = (message: ToThread) => void;

export interface ThreadKeeperDeps {
  readonly clock: Clock;
  /** The thread's program; default the file beside this one. */
  readonly workerFile?: URL;
  /** Asked at every start. */
  readonly settings: () => TrapSettings;
  /** It listens, and knows nothing but its settings yet. */
  readonly opened: (tell: Tell) => void;
  readonly hear: (message: FromThread, tell: Tell) => void;
  /** It ended without being asked. */
  readonly restarted: () => void;
}

const START_MS: DurationMs = 20_000;
const STOP_MS: DurationMs = 2000;
const FIRST_PAUSE_MS: DurationMs = 500;
const LONGEST_PAUSE_MS: DurationMs = 30_000;
const MOST_HEAP_MB = 192;

interface Life {
  readonly worker: Worker;
  /** `answer` once (a message or undefined), `stopped`, `end`. */
  readonly said: EventEmitter;
  readonly tell: Tell;
  ended: boolean;
}

export class ThreadKeeper {
  readonly #reporter: Reporter;
  readonly #deps: ThreadKeeperDeps;
  #stopping = new AbortController();
  #life: Life | null = null;
  #keeping: Promise<void> = Promise.resolve();
  #failure: string | null = 'not started';

  constructor(reporter: Reporter, deps: ThreadKeeperDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
  }

  /** Why it does not listen; null where it does. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Resolves when the thread listens; port_in_use, trap_port_refused, trap_thread_failed. */
  async start(): Promise<void> {
    this.#stopping = new AbortController();
    const life = await this.#open();
    this.#keeping = this.#keepOpen(life, this.#stopping.signal);
  }

  /** The thread closes its sockets, tells its last figures and ends. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#keeping;
    const life = this.#life;
    if (life === null) return;
    const patience = new AbortController();
    const stopped = Promise.race([once(life.said, 'stopped'), once(life.said, 'end')]);
    life.tell({ kind: 'stop' });
    await Promise.race([stopped, this.#deps.clock.sleep(STOP_MS, patience.signal)]);
    patience.abort();
    this.#life = null;
    await life.worker.terminate();
    this.#failure = 'not started';
  }

  tell(message: ToThread): void {
    this.#life?.tell(message);
  }

  async #open(): Promise<Life> {
    const settings = this.#deps.settings();
    const worker = startWorker(this.#deps.workerFile ?? besideThisFile(), settings);
    const tell: Tell = (message) => {
      if (!life.ended) worker.postMessage(message);
    };
    const life: Life = { worker, said: new EventEmitter(), tell, ended: false };
    const end = (why: string): void => {
      if (!life.ended) this.#failure = why;
      life.ended = true;
      life.said.emit('answer');
      life.said.emit('end');
    };
    worker.on('message', (message: FromThread) => this.#hear(life, message));
    worker.on('error', (error) => end(messageOf(error)));
    worker.on('exit', () => end('the thread ended'));
    const answer = await this.#answerOf(life);
    if (answer?.kind === 'listening') {
      this.#failure = null;
      this.#life = life;
      this.#deps.opened(tell);
      return life;
    }
    const failure = this.#failure ?? 'no answer';
    await worker.terminate();
    if (answer?.kind === 'failed') throw portError(answer, settings.port);
    throw new WeirError('trap_thread_failed', `The thread of the trap receiver does not start: ${failure}.`);
  }

  async #answerOf(life: Life): Promise<FromThread | undefined> {
    const patience = new AbortController();
    const answered = once(life.said, 'answer') as Promise<[FromThread | undefined]>;
    const late = this.#deps.clock.sleep(START_MS, patience.signal).then((): [undefined] => [undefined]);
    const [answer] = await Promise.race([answered, late]);
    patience.abort();
    return answer;
  }

  #hear(life: Life, message: FromThread): void {
    switch (message.kind) {
      case 'listening':
        life.said.emit('answer', message);
        return;
      case 'failed':
        this.#failure = `${message.address}: ${message.message}`;
        if (life.said.emit('answer', message)) return;
        this.#reporter.error('a socket of the trap receiver failed', { ...message });
        void life.worker.terminate();
        return;
      case 'stopped':
        life.said.emit('stopped');
        return;
      case 'tally':
      case 'notification':
        this.#deps.hear(message, life.tell);
    }
  }

  async #keepOpen(first: Life, signal: AbortSignal): Promise<void> {
    let life: Life | null = first;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      if (life !== null) {
        if (!(await endsBefore(life, signal))) return;
        this.#life = null;
        this.#deps.restarted();
        this.#reporter.error('the thread of the trap receiver ended', { error: this.#failure, pause_ms: pauseMs });
      }
      await this.#deps.clock.sleep(pauseMs, signal);
      if (signal.aborted) return;
      life = await this.#openAgain();
      pauseMs = life === null ? Math.min(LONGEST_PAUSE_MS, pauseMs * 2) : FIRST_PAUSE_MS;
    }
  }

  async #openAgain(): Promise<Life | null> {
    try {
      return await this.#open();
    } catch (error) {
      this.#failure = messageOf(error);
      this.#reporter.error('the trap receiver cannot be started again', { code: codeOf(error), error: this.#failure });
      return null;
    }
  }
}

/** False where the signal came first. */
async function endsBefore(life: Life, signal: AbortSignal): Promise<boolean> {
  if (life.ended) return true;
  try {
    await once(life.said, 'end', { signal });
    return true;
  } catch {
    return false;
  }
}

function startWorker(file: URL, settings: TrapSettings): Worker {
  if (file.protocol === 'file:' && !existsSync(fileURLToPath(file))) {
    const detail = { file: fileURLToPath(file) };
    throw new WeirError('trap_thread_failed', "The program of the trap receiver's thread is missing.", detail);
  }
  // No environment and no options of this process: the thread needs none of them.
  const resourceLimits = { maxOldGenerationSizeMb: MOST_HEAP_MB };
  return new Worker(file, { workerData: settings, env: {}, execArgv: [], name: 'weir-traps', resourceLimits });
}

/** In a build the program is trap-worker.js beside this file or the bundle; Node 22 and later run the source as it is. */
function besideThisFile(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./trap-worker.${extension}`, import.meta.url);
}

function portError({ code, address, message }: Extract<FromThread, { kind: 'failed' }>, port: number): WeirError {
  const detail = { address, port, system_code: code };
  if (code === 'EADDRINUSE') return new WeirError('port_in_use', `UDP port ${port} on ${address} is in use.`, detail);
  return new WeirError('trap_port_refused', `Cannot listen on ${address} port ${port}: ${message}.`, detail);
}
