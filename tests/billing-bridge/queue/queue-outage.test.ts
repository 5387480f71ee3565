// The queue on a PostgreSQL that goes away at any moment of its start: refused, not ended, and good again with the next start.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postgresBackend, redisBackend } from '../../../billing-bridge/queue/bullmq-backend.ts';
import { BullMqWorkQueue } from '../../../billing-bridge/queue/bullmq-work-queue.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { waitFor } from '../../support/weir-process.ts';

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

// Where the process does not survive, vitest tells an uncaught exception and fails.
test.each([0, 20, 40, 80, 160, 320])(
  'taken away %i ms after the start began',
  async (afterMs) => {
    await server.database.query('drop schema if exists bullmq cascade');
    const { reporter } = silentReporter();
    const queue = new BullMqWorkQueue(reporter, { backend: postgresBackend(server.url), onWake: () => undefined });
    const started = queue.start().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    await server.server.stop();
    await server.server.start();
    await started;
    await queue.start();
    // Where it was open before, it finds its way back; health follows what works.
    await waitFor(
      async () => {
        await queue.schedule('rate', 60_000).catch(() => undefined);
        return (await queue.scheduled('rate').catch(() => false)) && reporter.healthStates()['queue']?.healthy === true;
      },
      20_000,
      () => JSON.stringify(reporter.healthStates()),
    );
    await queue.stop();
  },
  60_000,
);

test('a stop does not wait for a server that is away', async () => {
  const { reporter } = silentReporter();
  const queue = new BullMqWorkQueue(reporter, {
    backend: redisBackend('redis://127.0.0.1:1'),
    onWake: () => undefined,
  });
  const started = expect(queue.start()).rejects.toThrow('stopped before it was ready');
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(reporter.healthStates()['queue']?.healthy).toBe(false);
  await queue.stop();
  await started;
});
