// The consumer of docs/billing-queue.md as it stands there: run as a program, it takes what the bridge delivers, each charge once.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postgresBackend } from '../../../billing-bridge/queue/bullmq-backend.ts';
import { BullMqWorkQueue } from '../../../billing-bridge/queue/bullmq-work-queue.ts';
import { chargeJobs } from '../../../billing-bridge/queue/charge-job.ts';
import type { Charge } from '../../../billing-bridge/rate/charge-store.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { ROOT, waitFor } from '../../support/weir-process.ts';

let server: TestDatabase;
let folder = '';
beforeAll(async () => {
  server = await startTestDatabase();
  // Below node_modules, so that the program finds bullmq.
  mkdirSync(path.join(ROOT, 'node_modules/.cache'), { recursive: true });
  folder = mkdtempSync(path.join(ROOT, 'node_modules/.cache/weir-consumer-'));
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function exampleProgram(): string {
  const page = readFileSync(path.join(ROOT, 'docs/billing-queue.md'), 'utf8');
  const begin = page.indexOf('    // consumer.mjs');
  const end = page.indexOf('\nUse the BullMQ version');
  expect([begin > 0, end > begin]).toEqual([true, true]);
  const file = path.join(folder, 'consumer.mjs');
  writeFileSync(file, page.slice(begin, end).replaceAll(/^ {4}/gm, ''));
  return file;
}

function charge(id: bigint, version: number): Charge {
  const windowStartMs = Date.parse('2026-11-01T00:00:00Z');
  return {
    id,
    run: 1n,
    customer: 'acme',
    service: 'acme-port',
    item: 'traffic',
    itemName: 'Traffic',
    kind: 'per_unit',
    windowStartMs,
    windowEndMs: windowStartMs + 3_600_000,
    version,
    plan: 'by-volume',
    planVersion: 1,
    currency: 'EUR',
    quantity: '36',
    unit: 'MB',
    amount: '0.45',
    usageRecords: 24,
    inputDigest: '',
    ratedAtMs: windowStartMs,
    working: null,
    evidence: null,
  };
}

test('takes each charge once, also where a job comes twice', async () => {
  const { reporter } = silentReporter();
  const queue = new BullMqWorkQueue(reporter, { backend: postgresBackend(server.url), onWake: () => undefined });
  await queue.start();
  const consumer = spawn(process.execPath, [exampleProgram()], { env: { ...process.env, WEIR_QUEUE_URL: server.url } });
  let output = '';
  for (const stream of [consumer.stdout, consumer.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  const ended = new Promise<number | null>((resolve) => consumer.once('exit', resolve));
  try {
    const [job] = chargeJobs(1n, [charge(7n, 1), charge(8n, 2)]);
    if (job === undefined) throw new Error('no job');
    await queue.deliver([job]);
    await queue.deliver([
      { ...job, id: `${job.id}-again` },
      { ...job, id: 'of another form', data: { schema: 'other' } },
    ]);
    await waitFor(
      async () => [...(await queue.stateOf([job.id, `${job.id}-again`])).values()].every((state) => state === 'done'),
      20_000,
      () => output,
    );
    await waitFor(
      () => output.includes('cannot read other'),
      20_000,
      () => output,
    );
  } finally {
    consumer.kill('SIGINT');
    expect(await ended).toBe(0);
    await queue.stop();
  }
  const lines = output.split('\n').filter((line) => line.startsWith('acme '));
  expect(lines).toEqual([
    'acme acme-port traffic 2026-11-01T00:00:00.000Z: 36 MB = 0.45 EUR',
    'acme acme-port traffic 2026-11-01T00:00:00.000Z: 36 MB = 0.45 EUR, in place of the version before',
  ]);
}, 60_000);
