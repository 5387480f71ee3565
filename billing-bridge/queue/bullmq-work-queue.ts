// The work queue on BullMQ, the same on PostgreSQL and on Redis.
import type { DurationMs } from '../../common/model/time.ts';
import { messageOf } from '../../common/runtime/errors.ts';
import type { CounterMetric, Reporter } from '../../common/runtime/reporter.ts';
import { type BackendQueue, type BackendWorker, type BullMqBackend, codedQueueError } from './bullmq-backend.ts';
import {
  type CarriedJob,
  type CarriedState,
  CHARGES_QUEUE,
  type CronTime,
  type DeadLetter,
  type OnWake,
  WAKE_QUEUE,
  type WorkQueue,
} from './work-queue.ts';

export interface WorkQueueDeps {
  readonly backend: BullMqBackend;
  readonly onWake: OnWake;
}

const DAY_S = 86_400;
/** Finished jobs stay long enough for the relay to see that they are done; jobs that failed stay until an operator looks. */
const CHARGE_JOB = {
  removeOnComplete: { age: 7 * DAY_S, count: 100_000 },
  removeOnFail: false,
  attempts: 10,
  backoff: { type: 'exponential', delay: 1000 },
} as const;
const WAKE_JOB = { removeOnComplete: true, removeOnFail: true } as const;

export class BullMqWorkQueue implements WorkQueue {
  readonly #reporter: Reporter;
  readonly #deps: WorkQueueDeps;
  readonly #errors: CounterMetric;
  #open: OpenParts | null = null;
  /** Aborts a start that waits for a server that is away. */
  #starting: AbortController | null = null;
  #lastError: string | null = null;

  constructor(reporter: Reporter, deps: WorkQueueDeps) {
    this.#reporter = reporter.child('queue');
    this.#deps = deps;
    this.#errors = this.#reporter.counter('queue_errors_total', 'Errors of the connection to the queue');
    this.#reporter.health('queue', () => ({
      healthy: this.#open !== null && this.#lastError === null,
      message: this.#lastError ?? `BullMQ on ${deps.backend.kind}`,
    }));
  }

  /** Throws queue_incompatible where the queue's schema is of another version; any other error is worth another try. */
  async start(): Promise<void> {
    if (this.#open !== null || this.#starting !== null) return;
    const starting = new AbortController();
    this.#starting = starting;
    const { backend, onWake } = this.#deps;
    const open = {
      charges: backend.queue(CHARGES_QUEUE),
      wake: backend.queue(WAKE_QUEUE),
      worker: backend.worker(WAKE_QUEUE, (name) => {
        onWake(name);
        return Promise.resolve();
      }),
    };
    for (const part of Object.values(open)) part.on('error', (error) => this.#note(error));
    try {
      // One after the other: the first brings the schema, the others find it.
      for (const part of Object.values(open)) await unlessAborted(part.waitUntilReady(), starting.signal);
    } catch (error) {
      await closeAll(Object.values(open), true);
      this.#lastError = messageOf(error);
      throw codedQueueError(error);
    } finally {
      this.#starting = null;
    }
    // It ends when the worker is closed; its errors come as events.
    open.worker.run().catch((error: unknown) => this.#note(error));
    this.#open = open;
    this.#lastError = null;
  }

  async stop(): Promise<void> {
    this.#starting?.abort();
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    // A worker waits for its server to say goodbye, also for one that is away. Where the server is there, it must: a wake that is
    // cut off in the middle takes its schedule with it until the server notices.
    const answers = await open.wake.getJobCountByTypes('waiting').then(
      () => true,
      () => false,
    );
    await closeAll([open.worker, open.wake, open.charges], !answers);
  }

  async schedule(name: string, when: DurationMs | CronTime): Promise<void> {
    const repeat = typeof when === 'number' ? { every: when } : { pattern: when.pattern, tz: when.zone };
    await this.#use(({ wake }) => wake.upsertJobScheduler(name, repeat, { name, opts: WAKE_JOB }));
  }

  scheduled(name: string): Promise<boolean> {
    return this.#use(async ({ wake }) => {
      const found = await wake.getJobScheduler(name);
      return found !== undefined && found !== null;
    });
  }

  async deliver(jobs: readonly CarriedJob[]): Promise<void> {
    await this.#use(({ charges }) =>
      charges.addBulk(jobs.map((job) => ({ name: job.name, data: job.data, opts: { ...CHARGE_JOB, jobId: job.id } }))),
    );
  }

  stateOf(ids: readonly string[]): Promise<Map<string, CarriedState>> {
    return this.#use(async ({ charges }) => {
      const states = await Promise.all(ids.map((id) => charges.getJobState(id)));
      return new Map(ids.map((id, at) => [id, carriedState(states[at] ?? 'unknown')]));
    });
  }

  backlog(): Promise<number> {
    return this.#use(({ charges }) => charges.getJobCountByTypes('waiting', 'delayed', 'prioritized', 'active'));
  }

  deadLetters(limit: number): Promise<{ items: DeadLetter[]; all: number }> {
    return this.#use(async ({ charges }) => {
      const [found, all] = await Promise.all([charges.getFailed(0, limit - 1), charges.getJobCountByTypes('failed')]);
      const items = found.map((job) => ({
        id: job.id ?? '',
        name: job.name,
        attempts: job.attemptsMade,
        reason: job.failedReason,
        failedAtMs: job.finishedOn ?? null,
      }));
      return { items, all };
    });
  }

  retry(id: string): Promise<boolean> {
    return this.#use(async ({ charges }) => {
      if ((await charges.getJobState(id)) !== 'failed') return false;
      const job = await charges.getJob(id);
      if (job === undefined) return false;
      await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
      return true;
    });
  }

  async #use<T>(work: (open: OpenParts) => Promise<T>): Promise<T> {
    if (this.#open === null) throw new Error('the queue is not open');
    const result = await work(this.#open);
    this.#lastError = null;
    return result;
  }

  #note(error: unknown): void {
    this.#errors.add();
    const message = messageOf(error);
    // The client repeats itself at every try to connect: one line a kind of trouble.
    if (message !== this.#lastError) this.#reporter.warn('queue trouble', { message });
    this.#lastError = message;
  }
}

interface OpenParts {
  readonly charges: BackendQueue;
  readonly wake: BackendQueue;
  readonly worker: BackendWorker;
}

/** The client waits for ever for a server that is away; a stop must not. */
async function unlessAborted(ready: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<never>((_resolve, reject) => {
    const refuse = (): void => reject(new Error('the queue was stopped before it was ready'));
    if (signal.aborted) refuse();
    signal.addEventListener('abort', refuse, { once: true });
  });
  // Once one of the two is settled nobody hears of the other.
  aborted.catch(() => undefined);
  ready.catch(() => undefined);
  await Promise.race([ready, aborted]);
}

function carriedState(state: string): CarriedState {
  if (state === 'completed') return 'done';
  if (state === 'failed') return 'failed';
  return state === 'unknown' ? 'gone' : 'waiting';
}

async function closeAll(parts: readonly BackendPart[], force = false): Promise<void> {
  await Promise.allSettled(parts.map((part) => part.close(force)));
}

interface BackendPart {
  close(force?: boolean): Promise<void>;
}
