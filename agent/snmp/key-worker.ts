// Derives keys in a thread of its own, so that a thousand devices at a start do not hold up the loop; the thread ends when nothing is asked.
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../common/runtime/clock.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import { type EngineKeys, keyDerivation, type KeyRequest } from './key-derivation.ts';

/**
 * The thread runs the text of `keyDerivation`, not a file: so it is the same code from TypeScript sources, from dist/ and inside a
 * bundle of one file, and there is no path to get wrong. A bundler may rename what is inside the function, but must not move parts of it out.
 */
const PROGRAM = `'use strict';
const { createHash } = require('node:crypto');
const { parentPort } = require('node:worker_threads');
const { derive } = (${keyDerivation.toString()})(createHash);
parentPort.on('message', ({ id, request }) => {
  try {
    parentPort.postMessage({ id, keys: derive(request), failure: null });
  } catch (error) {
    parentPort.postMessage({ id, keys: null, failure: String(error) });
  }
});`;

/** Then the thread ends, and with it the heap in which passphrases have been. */
const IDLE_MS = 30_000;
const MOST_HEAP_MB = 64;

interface Answer {
  readonly id: number;
  readonly keys: EngineKeys | null;
  readonly failure: string | null;
}

interface Waiting {
  readonly resolve: (keys: EngineKeys) => void;
  readonly reject: (error: unknown) => void;
}

export class KeyWorker {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #idling: AbortController | null = null;
  #lastId = 0;

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
  }

  /** Whether the thread is there. */
  get running(): boolean {
    return this.#worker !== null;
  }

  /** Rejects with key_worker_failed. One thread: requests are answered in turn, 2 to 4 ms for new passphrases, 50 µs for known ones. */
  derive(request: KeyRequest): Promise<EngineKeys> {
    this.#idling?.abort();
    const worker = this.#worker ?? this.#open();
    worker.ref();
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, request });
    });
  }

  async stop(): Promise<void> {
    this.#idling?.abort();
    await this.#close(this.#worker, 'the agent stops');
  }

  #open(): Worker {
    // No environment and no options of this process: the thread needs none of them.
    const worker = new Worker(PROGRAM, {
      eval: true,
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MB },
    });
    worker.on('message', (answer: Answer) => this.#settle(worker, answer));
    worker.on('error', (error) => void this.#close(worker, messageOf(error)));
    worker.on('exit', () => void this.#close(worker, 'the thread ended'));
    this.#worker = worker;
    return worker;
  }

  #settle(worker: Worker, { id, keys, failure }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (keys === null) waiting?.reject(failed(failure ?? ''));
    else waiting?.resolve(keys);
    if (this.#waiting.size > 0) return;
    worker.unref();
    void this.#endWhenIdle(worker);
  }

  async #endWhenIdle(worker: Worker): Promise<void> {
    this.#idling?.abort();
    const idling = new AbortController();
    this.#idling = idling;
    await this.#clock.sleep(IDLE_MS, idling.signal);
    if (!idling.signal.aborted && this.#waiting.size === 0) await this.#close(worker, 'idle');
  }

  async #close(worker: Worker | null, why: string): Promise<void> {
    if (worker === null || worker !== this.#worker) return;
    this.#worker = null;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(failed(why));
    await worker.terminate();
  }
}

function failed(why: string): WeirError {
  return new WeirError('key_worker_failed', `SNMPv3 keys could not be derived: ${why}.`);
}
