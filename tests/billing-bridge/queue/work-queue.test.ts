// The work queue on each place that it can be kept: the embedded PostgreSQL, Debian's, and a real Redis.
import { describe } from 'vitest';
import { postgresBackend, redisBackend } from '../../../billing-bridge/queue/bullmq-backend.ts';
import { openDatabase } from '../../../common/database/pool.ts';
import { type QueueServer, workQueueConformance } from '../../conformance/work-queue.ts';
import { startRealPostgres } from '../../support/real-postgres.ts';
import { startRealRedis } from '../../support/real-redis.ts';
import { describeWith } from '../../support/requirements.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase } from '../../support/test-database.ts';

/** All that BullMQ keeps in PostgreSQL, but the version of its schema. */
const TABLES = [
  'job',
  'job_log',
  'job_dependency',
  'event',
  'metrics',
  'rate_limit',
  'dedup',
  'dedup_next',
  'scheduler',
].map((table) => `bullmq.${table}`);

async function emptyPostgres(url: string): Promise<void> {
  const { reporter } = silentReporter();
  const database = openDatabase(reporter, { url, maxConnections: 1, applicationName: 'weir-test' });
  try {
    await database.query(`truncate ${TABLES.join(', ')} cascade`);
  } finally {
    await database.close();
  }
}

describe('on the embedded PostgreSQL', () => {
  workQueueConformance(async (): Promise<QueueServer> => {
    const { url, server, stop } = await startTestDatabase();
    return {
      backend: postgresBackend(url),
      empty: () => emptyPostgres(url),
      away: () => server.stop(),
      back: () => server.start(),
      stop,
    };
  });
});

describeWith('postgresql', "on Debian's PostgreSQL", () => {
  workQueueConformance(async (): Promise<QueueServer> => {
    const { url, kill, start, stop } = await startRealPostgres();
    return { backend: postgresBackend(url), empty: () => emptyPostgres(url), away: kill, back: start, stop };
  });
});

describeWith('redis-server', 'on a real Redis', () => {
  workQueueConformance(async (): Promise<QueueServer> => {
    const redis = await startRealRedis();
    return {
      backend: redisBackend(redis.url),
      empty: async () => {
        await redis.command('FLUSHALL');
      },
      away: () => redis.kill(),
      back: () => redis.start(),
      stop: () => redis.stop(),
    };
  });
});
