// The two places BullMQ keeps its queues, behind one shape: PostgreSQL (the same database as the ledger) and Redis.
import { createPostgresBackend, Queue, SchemaVersionMismatchError, Worker } from 'bullmq';
import { WeirError, messageOf } from '../../common/runtime/errors.ts';

/** What the adapter needs of a BullMQ queue. */
export type BackendQueue = Pick<
  Queue,
  | 'addBulk'
  | 'upsertJobScheduler'
  | 'getJobScheduler'
  | 'getJobState'
  | 'getJobCountByTypes'
  | 'getFailed'
  | 'getJob'
  | 'waitUntilReady'
  | 'close'
> & { on(event: 'error', listener: (error: Error) => void): unknown };

export type BackendWorker = Pick<Worker, 'waitUntilReady' | 'close' | 'run'> & {
  on(event: 'error', listener: (error: Error) => void): unknown;
};

export interface BullMqBackend {
  readonly kind: 'postgresql' | 'redis';
  queue(name: string): BackendQueue;
  /** `process` is called with each job's name; what it rejects with makes the job fail. */
  worker(name: string, process: (jobName: string) => Promise<void>): BackendWorker;
}

/** Enough for a queue, a worker and a waiting look-up at once. */
const POOL = 3;
const COMMAND_TIMEOUT_MS = 10_000;

/** A connection that is lost while BullMQ has it in hand, as at its start, has no listener of BullMQ's: without one here it would end the process. */
const createSteadyBackend: typeof createPostgresBackend = (...made) => {
  const backend = createPostgresBackend(...made);
  backend.connection.pool.on('connect', (client) => client.on('error', () => undefined));
  return backend;
};

/** Keeps queues in the `bullmq` schema of the database; makes and migrates that schema. */
export function postgresBackend(databaseUrl: string): BullMqBackend {
  const connection = { connectionString: databaseUrl, max: POOL, migrate: true, application_name: 'weir-queue' };
  return {
    kind: 'postgresql',
    queue: (name) => new Queue(name, { connection: { ...connection } }, createSteadyBackend),
    worker: (name, process) =>
      new Worker(
        name,
        (job) => process(job.name),
        { connection: { ...connection }, autorun: false },
        createSteadyBackend,
      ),
  };
}

/** Keeps queues in Redis 5 or later; `redis://` or `rediss://`. */
export function redisBackend(url: string): BullMqBackend {
  return {
    kind: 'redis',
    // A command fails instead of waiting for a server that is gone: the outbox keeps what could not be delivered.
    queue: (name) =>
      new Queue(name, {
        connection: { url, maxRetriesPerRequest: 1, enableOfflineQueue: true, commandTimeout: COMMAND_TIMEOUT_MS },
      }),
    worker: (name, process) =>
      new Worker(name, (job) => process(job.name), {
        connection: { url, maxRetriesPerRequest: null },
        autorun: false,
      }),
  };
}

/** Names what makes a queue unusable for good; anything else passes as it came. */
export function codedQueueError(error: unknown): unknown {
  if (error instanceof SchemaVersionMismatchError)
    return new WeirError('queue_incompatible', `The queue cannot be used: ${messageOf(error)}.`, {}, error);
  return error;
}
