// Outages of a whole collector: a database that is away, at the start or in between, a kill at any moment, a second process on the data.
import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createCollector } from '../../../collector/main.ts';
import { EmbeddedPostgres } from '../../../common/database/embedded/embedded-postgres.ts';
import type { Receipt } from '../../../common/model/batch.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import type { ReadingsAnswer } from '../../../common/wire/reading-page.ts';
import { unpackValues } from '../../../common/wire/reading-page.ts';
import { type BundledProgram, bundledProgram } from '../../support/bundled-program.ts';
import { ADMINISTRATOR, AGENT, CollectorFixture, eventually } from '../../support/collector-fixture.ts';
import { configOf } from '../../support/collector-fixture-config.ts';
import { interfacePoll } from '../../support/poll-builder.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

// Servers that are stopped and started again, on a machine that has other things to do.
vi.setConfig({ testTimeout: 180_000 });

let database: TestDatabase;
let again: EmbeddedPostgres | null = null;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-outage-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A counter that says which batch its reading came in. */
function pollOf(sequence: number) {
  const octets = BigInt(sequence) * 1000n;
  return interfacePoll({
    device: 'core1',
    atMs: Date.now(),
    interfaces: [{ key: 'xe-0', inOctets: octets, outOctets: octets }],
  });
}

async function databaseAway(): Promise<void> {
  await database.server.stop();
}

async function databaseBack(): Promise<void> {
  const { reporter } = silentReporter();
  again = new EmbeddedPostgres(
    reporter,
    { dataFolder: database.dataFolder, port: 0, durable: false },
    { clock: new SystemClock() },
  );
  await again.start();
}

interface Ready {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, { readonly healthy: boolean; readonly message: string }>>;
}

async function readiness(fixture: CollectorFixture): Promise<Ready> {
  return (await fixture.ask('/readyz', { token: null })).body as Ready;
}

/** The octets of every reading that the bridge would get. */
async function readings(fixture: CollectorFixture): Promise<bigint[]> {
  const found: bigint[] = [];
  let after = '';
  for (;;) {
    const answer = await fixture.get<ReadingsAnswer>(`/api/v1/readings?after=${after}`);
    for (const page of answer.items) {
      const rows = answer.layouts.find((layout) => layout.id === page.layout)?.rows.length ?? 0;
      found.push(unpackValues(page.values, page.present, rows * 3)[0] ?? -1n);
    }
    if (!answer.more) return found;
    after = answer.next;
  }
}

describe('a database that is away', () => {
  beforeEach(async () => {
    database = await startTestDatabase();
  });
  afterEach(async () => {
    await again?.stop();
    again = null;
    await database.stop();
  });

  test('in between: batches are taken, the state is told, and all is applied when it is back', async () => {
    const fixture = new CollectorFixture(database, folder, {});
    await fixture.start();
    try {
      await fixture.receipt({ sequence: 1, polls: [pollOf(1)] });
      await fixture.applied(1);
      await databaseAway();
      for (let sequence = 2; sequence <= 6; sequence += 1)
        expect(await fixture.receipt({ sequence, polls: [pollOf(sequence)] })).toMatchObject({ received: sequence });
      await eventually(async () => !(await readiness(fixture)).ready, 'not ready');
      const { parts } = await readiness(fixture);
      expect(parts['database']).toMatchObject({ healthy: false });
      expect(await fixture.ask('/api/v1/devices')).toMatchObject({
        status: 503,
        body: { error: { code: 'database_unreachable' } },
      });
      // An unknown token is not called unknown: nobody can tell.
      expect((await fixture.ask('/api/v1/devices', { token: 'weir_nobody' })).status).toBe(503);
      await databaseBack();
      await fixture.applied(6, undefined, 60_000);
      expect(await readings(fixture)).toEqual([1000n, 2000n, 3000n, 4000n, 5000n, 6000n]);
      await eventually(async () => (await readiness(fixture)).ready, 'ready again', 60_000);
    } finally {
      await fixture.stop();
    }
  });

  test('at the start, of a database that was never prepared: the same', async () => {
    await databaseAway();
    const fixture = new CollectorFixture(database, folder, {});
    await fixture.start();
    try {
      expect((await readiness(fixture)).parts['database schema']?.message).toContain('database_unreachable');
      expect(await fixture.receipt({ sequence: 1, polls: [pollOf(1)] })).toMatchObject({ received: 1 });
      await databaseBack();
      await fixture.applied(1, undefined, 60_000);
      expect(await readings(fixture)).toEqual([1000n]);
    } finally {
      await fixture.stop();
    }
  });

  test('for so long that the journal is full: agents are asked to wait, nothing acknowledged is lost', async () => {
    const fixture = new CollectorFixture(database, folder, {
      collector: {
        store: { memory_limit_mb: 64, threads: 1, commit_interval_ms: 0 },
        journal: { reserve_bytes: 0, max_bytes: 16 * 1024 * 1024 },
        bridge_url: 'http://127.0.0.1:9',
      },
    });
    await fixture.start();
    try {
      await databaseAway();
      // Kept whole though it cannot be read, and large.
      const body = new Uint8Array(5_200_000).fill(7);
      for (const sequence of [1, 2, 3])
        expect(await fixture.receipt({ sequence, body })).toMatchObject({ received: sequence });
      const refused = await fixture.send({ sequence: 4, polls: [pollOf(4)] });
      expect(refused).toMatchObject({
        status: 429,
        body: { error: { code: 'overloaded', detail: { bound: 'backlog' } } },
      });
      expect(refused.headers.get('retry-after')).toBe('10');
      expect((await readiness(fixture)).parts['journal']?.healthy).toBe(false);
      await databaseBack();
      await fixture.applied(3, undefined, 60_000);
      // The metric store has its own mark; the entries go once it is past them too.
      await eventually(
        async () => (await fixture.send({ sequence: 4, polls: [pollOf(4)] })).status === 200,
        'room',
        60_000,
      );
      await fixture.applied(4, undefined, 60_000);
      expect(await readings(fixture)).toEqual([4000n]);
      expect((await fixture.get<{ items: unknown[] }>('/api/v1/quarantine')).items).toHaveLength(3);
    } finally {
      await fixture.stop();
    }
  });

  test('and does not come back before the stop: nothing is lost', async () => {
    const fixture = new CollectorFixture(database, folder, {});
    await fixture.start();
    await databaseAway();
    for (const sequence of [1, 2, 3]) await fixture.receipt({ sequence, polls: [pollOf(sequence)] });
    await fixture.stop();
    await databaseBack();
    await fixture.restart();
    try {
      await fixture.applied(3, undefined, 60_000);
      expect(await readings(fixture)).toEqual([1000n, 2000n, 3000n]);
    } finally {
      await fixture.stop();
    }
  });
});

describe('killed with SIGKILL', () => {
  let program: BundledProgram;
  beforeAll(async () => {
    database = await startTestDatabase();
    program = await bundledProgram('collector-until-killed.ts');
  });
  afterAll(async () => {
    program.remove();
    await database.stop();
  });

  async function started(): Promise<{ child: ChildProcess; url: string }> {
    const child = program.start([database.url, folder, ADMINISTRATOR, AGENT]);
    const port = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()));
      child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
    });
    return { child, url: `http://127.0.0.1:${port}` };
  }

  test('again and again while batches come: every acknowledged batch is there, once', async () => {
    let acknowledged = 0;
    for (let round = 0; round < 4; round += 1) {
      const { child, url } = await started();
      const client = new CollectorFixture(database, folder, {}, url);
      const killed = new Promise((resolve) => child.once('exit', resolve));
      const from = acknowledged;
      for (;;) {
        // As an agent does: from the first that was not acknowledged.
        const sequence = acknowledged + 1;
        const receipt = await client.receipt({ sequence, polls: [pollOf(sequence)] }).catch(() => null);
        if (receipt === null) break;
        expect(receipt.received).toBe(sequence);
        acknowledged = sequence;
        // Somewhere between this answer and a later one, while more are sent and applied.
        if (acknowledged === from + 3 + round) setTimeout(() => child.kill('SIGKILL'), 7 * round);
      }
      await killed;
    }
    expect(acknowledged).toBeGreaterThanOrEqual(3 + 4 + 5 + 6);
    const fixture = new CollectorFixture(database, folder, {});
    await fixture.start();
    try {
      const receipt = await fixture.get<Receipt>('/api/v1/batches/receipt?incarnation=incarnation-1', AGENT);
      expect(receipt.received).toBeGreaterThanOrEqual(acknowledged);
      await fixture.applied(acknowledged, undefined, 60_000);
      const wanted = Array.from({ length: receipt.received }, (_, at) => BigInt(at + 1) * 1000n);
      expect(await readings(fixture)).toEqual(wanted);
    } finally {
      await fixture.stop();
    }
  });
});

describe('a start', () => {
  beforeAll(async () => {
    database = await startTestDatabase();
  });
  afterAll(() => database.stop());

  function collectorAt(dataFolder: string, change: Partial<ReturnType<typeof configOf>> = {}, url = database.url) {
    const { reporter } = silentReporter();
    return createCollector(
      reporter,
      { ...configOf({}), ...change },
      {
        clock: new SystemClock(),
        random: () => 0.5,
        environment: {},
        databaseUrl: url,
        dataFolder,
        dashboardFolder: null,
        version: '0',
      },
    );
  }

  test('a port in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(collectorAt(folder, { port }).start()).rejects.toMatchObject({ code: 'port_in_use' });
    // Nothing of it is left: the data are free for the next.
    const next = collectorAt(folder);
    await next.start();
    await next.stop();
    await new Promise((resolve) => other.close(resolve));
  });

  test('data that another process works on', async () => {
    const first = collectorAt(folder);
    await first.start();
    await expect(collectorAt(folder).start()).rejects.toMatchObject({ code: 'data_folder_in_use' });
    await first.stop();
  });

  test('a folder that cannot be written', async () => {
    const file = path.join(folder, 'a-file');
    writeFileSync(file, '');
    await expect(collectorAt(path.join(file, 'below')).start()).rejects.toMatchObject({ code: 'data_folder_unusable' });
    if (process.getuid?.() === 0) return;
    chmodSync(folder, 0o500);
    await expect(collectorAt(folder).start()).rejects.toMatchObject({ code: 'data_folder_unusable' });
    chmodSync(folder, 0o700);
  });

  test('a journal that is damaged', async () => {
    const first = collectorAt(folder);
    await first.start();
    await first.stop();
    writeFileSync(path.join(folder, 'collector', 'journal', 'journal.mdb'), Buffer.alloc(8192, 0x55));
    await expect(collectorAt(folder).start()).rejects.toMatchObject({ code: 'journal_damaged' });
  });

  test('listening beyond loopback without TLS', async () => {
    await expect(collectorAt(folder, { host: '0.0.0.0' }).start()).rejects.toMatchObject({ code: 'listen_refused' });
    const allowed = collectorAt(folder, { host: '0.0.0.0', insecure: true });
    await allowed.start();
    await allowed.stop();
  });

  test('a database that refuses the password', async () => {
    const url = new URL(database.url);
    url.password = 'wrong';
    await expect(collectorAt(folder, {}, url.href).start()).rejects.toMatchObject({ code: 'database_refused' });
  });

  test('one token for two roles', () => {
    const { reporter } = silentReporter();
    const collector = createCollector(reporter, configOf({}), {
      clock: new SystemClock(),
      random: () => 0.5,
      environment: { WEIR_ADMIN_TOKEN: 'weir_the-same', WEIR_AGENT_TOKEN: 'weir_the-same' },
      databaseUrl: database.url,
      dataFolder: folder,
      dashboardFolder: null,
      version: '0',
    });
    return expect(collector.start()).rejects.toMatchObject({ code: 'misused' });
  });

  test('start and stop twice, and a stop without a start, are harmless', async () => {
    const fixture = new CollectorFixture(database, folder, {});
    await fixture.stop();
    await fixture.start();
    await fixture.start();
    await fixture.stop();
    await fixture.stop();
  });
});
