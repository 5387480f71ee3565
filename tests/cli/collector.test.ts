// `weir collector` as a process: what it says on standard error, how it ends, and with which code.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { freePortBlock } from '../support/free-port.ts';
import { startTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { runWeir, startWeir, waitFor } from '../support/weir-process.ts';

vi.setConfig({ testTimeout: 120_000 });

let database: TestDatabase;
let folder: string;
let port: number;
let file: string;
let environment: Record<string, string>;

beforeAll(async () => {
  database = await startTestDatabase();
  folder = mkdtempSync(path.join(tmpdir(), 'weir-cli-collector-'));
  port = await freePortBlock(1);
  file = path.join(folder, 'weir.yaml');
  writeFileSync(file, `collector:\n  port: ${port}\n`);
  environment = { WEIR_DATABASE_URL: database.url, WEIR_ADMIN_TOKEN: 'weir_administrator-of-a-cli-test' };
});
afterAll(async () => {
  await database.stop();
  rmSync(folder, { recursive: true, force: true });
});

function args(data: string, configuration = file): string[] {
  return ['collector', '--config', configuration, '--data', path.join(folder, data)];
}

test('it runs until the signal, logs JSON on standard error, and ends with 0', async () => {
  const weir = startWeir(args('data'), { environment });
  await weir.says('collector started', 60_000);
  await waitFor(
    async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok,
    30_000,
    () => weir.output(),
  );
  const who = await fetch(`http://127.0.0.1:${port}/api/v1/whoami`, {
    headers: { authorization: `Bearer ${environment['WEIR_ADMIN_TOKEN']}` },
  });
  expect(await who.json()).toEqual({ name: 'administrator', role: 'administrator', scope: null });
  expect(await weir.interrupt()).toBe(0);
  const lines = weir.output().trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { component: string }).component)).toContain('collector');
  expect(weir.output()).toContain('collector stopped');
  expect(weir.output()).not.toContain('weir_administrator');
});

test('a port in use: code 1 and a coded message', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  try {
    const { code, output } = await runWeir(args('data'), { environment });
    expect(code).toBe(1);
    expect(output).toContain('[port_in_use]');
  } finally {
    await new Promise((resolve) => other.close(resolve));
  }
});

test('two on one data folder: the second ends, the first goes on', async () => {
  const first = startWeir(args('data'), { environment });
  await first.says('collector started', 60_000);
  const { code, output } = await runWeir(args('data'), { environment });
  expect([code, output]).toEqual([1, expect.stringContaining('[data_folder_in_use]')]);
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).ok).toBe(true);
  expect(await first.interrupt()).toBe(0);
});

test('listening beyond loopback without TLS is refused', async () => {
  const open = path.join(folder, 'open.yaml');
  writeFileSync(open, `collector:\n  host: 0.0.0.0\n  port: ${port}\n`);
  const { code, output } = await runWeir(args('data', open), { environment });
  expect([code, output]).toEqual([1, expect.stringContaining('[listen_refused]')]);
});

test('a mistake in the configuration is told with its line; no configuration and no database have codes too', async () => {
  const broken = path.join(folder, 'broken.yaml');
  writeFileSync(broken, 'collector:\n  port: eighty\n');
  const mistake = await runWeir(args('data', broken), { environment });
  expect([mistake.code, mistake.output]).toEqual([1, expect.stringContaining('broken.yaml:2: collector.port')]);
  const missing = await runWeir(args('data', path.join(folder, 'nowhere.yaml')), { environment });
  expect([missing.code, missing.output]).toEqual([1, expect.stringContaining('[configuration_missing]')]);
  const unknown = await runWeir(args('nothing-there'), { environment: { WEIR_DATABASE_URL: '' } });
  expect([unknown.code, unknown.output]).toEqual([1, expect.stringContaining('[database_unknown]')]);
  const misused = await runWeir(['collector', 'now'], { environment });
  expect(misused.code).toBe(2);
});
