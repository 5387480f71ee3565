// The same on servers of their own: `database.url` moves everything to Debian's PostgreSQL, `queue.url` moves BullMQ to a real Redis.
import { startRealPostgres } from '../support/real-postgres.ts';
import { startRealRedis } from '../support/real-redis.ts';
import { describeWith } from '../support/requirements.ts';
import { killsSuite } from './kills-suite.ts';

describeWith(['postgresql', 'redis-server'], 'kills on a PostgreSQL and a Redis of their own', () => {
  killsSuite({
    name: 'servers',
    servers: async () => {
      const [postgres, redis] = await Promise.all([startRealPostgres(), startRealRedis()]);
      const stop = async (): Promise<void> => {
        await redis.stop();
        await postgres.stop();
      };
      // A password belongs into no file: the configuration refers to it.
      process.env['WEIR_TEST_POSTGRES'] = postgres.url;
      return { databaseUrl: '${WEIR_TEST_POSTGRES}', queueUrl: redis.url, stop };
    },
  });
});
