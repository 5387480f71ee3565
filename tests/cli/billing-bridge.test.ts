// The name of a bridge in its data folder, and `weir billing-bridge` on real ground: up, asked, stopped, refused.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeHolder } from '../../cli/billing/holder.ts';
import { billingBridgeCommand } from '../../cli/commands/billing-bridge.ts';
import { freePortBlock } from '../support/free-port.ts';
import { startTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { waitFor } from '../support/weir-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'weir-bridge-'));
chmodSync(folder, 0o700);
let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('the name is kept, held by one at a time, and made anew where it was cut short', () => {
  const data = path.join(folder, 'names');
  const first = takeHolder(data);
  expect(first.holder).toMatch(/^billing-bridge \S+ [0-9a-f-]{36}$/);
  expect(() => takeHolder(data)).toThrow(expect.objectContaining({ code: 'data_folder_in_use' }));
  first.release();
  const second = takeHolder(data);
  expect(second.holder).toBe(first.holder);
  second.release();
  const file = path.join(data, 'billing-bridge.name');
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, 20));
  const third = takeHolder(data);
  expect(third.holder).not.toBe(first.holder);
  third.release();
  writeFileSync(path.join(folder, 'a-file'), '');
  expect(() => takeHolder(path.join(folder, 'a-file'))).toThrow(
    expect.objectContaining({ code: 'data_folder_unusable' }),
  );
});

test('up, asked, stopped by its signal; a second on the same folder is refused', async () => {
  const port = await freePortBlock(1);
  const file = path.join(folder, 'weir.yaml');
  writeFileSync(file, `billing_bridge: { port: ${port} }\n`);
  const lines: string[] = [];
  const stop = new AbortController();
  const run = (): Promise<0 | 1> =>
    billingBridgeCommand.run({
      options: { config: file, data: path.join(folder, 'data') },
      positionals: [],
      environment: { WEIR_DATABASE_URL: server.url, WEIR_ADMIN_TOKEN: 'weir_an-administrator-of-this-test' },
      json: false,
      signal: stop.signal,
      print: (line) => void lines.push(line),
      progress: () => undefined,
    });
  const running = run();
  await waitFor(
    () => lines.length > 0,
    30_000,
    () => 'the bridge to say where it is',
  );
  expect(lines).toEqual([`billing bridge: API on http://127.0.0.1:${port}/billing/v1`]);
  const answer = await fetch(`http://127.0.0.1:${port}/billing/v1/customers`, {
    headers: { authorization: 'Bearer weir_an-administrator-of-this-test' },
  });
  expect(await answer.json()).toEqual({ items: [], next: null });
  await expect(run()).rejects.toMatchObject({ code: 'data_folder_in_use' });
  stop.abort();
  expect(await running).toBe(0);
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
}, 60_000);
