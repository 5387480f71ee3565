// `weir token` on a real database: what it prints, and what it refuses before it asks the database.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandContext } from '../../cli/command.ts';
import { tokenCommand } from '../../cli/commands/token.ts';
import { databaseUrlFor } from '../../cli/database-url.ts';
import { SignInLinks } from '../../common/database/sign-in-links.ts';
import { TokenStore } from '../../common/database/tokens.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { silentReporter } from '../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../support/test-database.ts';

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

async function token(
  positionals: readonly string[],
  options: CommandContext['options'] = {},
  environment: CommandContext['environment'] = { WEIR_DATABASE_URL: server.url },
): Promise<string[]> {
  const lines: string[] = [];
  const context: CommandContext = {
    options,
    positionals,
    environment,
    json: options['json'] === true,
    signal: new AbortController().signal,
    print: (line) => void lines.push(line),
    progress: () => undefined,
  };
  expect(await tokenCommand.run(context)).toBe(0);
  return lines;
}

test('made, listed and revoked', async () => {
  const [made = ''] = await token(['create'], { name: 'agent-1', role: 'agent' });
  const store = new TokenStore(silentReporter().reporter, server.database, { clock: new SystemClock() });
  expect(await store.authenticate(made)).toEqual({ name: 'agent-1', role: 'agent', scope: null });
  const listed = await token(['list']);
  expect(listed).toHaveLength(2);
  expect(listed[1]).toMatch(/^[0-9a-f]{12} {2}agent-1 +agent +\d{4}-.*Z +\d{4}-.*Z +valid$/);
  expect(listed.join('\n')).not.toContain(made);
  expect(await token(['revoke', 'agent-1'])).toEqual(['revoked 1']);
  expect((await token(['list']))[1]).toContain('revoked 2');
});

test('with a scope and an end', async () => {
  const options = { name: 'carla', role: 'care', site: ['north'], customer: ['acme', 'bolt'], expires: '90d' };
  const [made = ''] = await token(['create'], options);
  const store = new TokenStore(silentReporter().reporter, server.database, { clock: new SystemClock() });
  const scope = { sites: ['north'], customers: ['acme', 'bolt'] };
  const known = await store.authenticate(made);
  expect(known).toMatchObject({ name: 'carla', role: 'care', scope });
  expect(known?.expiresAtMs).toBeGreaterThan(Date.now() + 89 * 86_400_000);
  const listed = (await token(['list'])).find((line) => line.includes('carla')) ?? '';
  expect(listed).toMatch(/valid, site north, customer acme, customer bolt, until 20\d\d-/);
  await server.database.query("update access.token set expires_ms = 1 where name = 'carla'");
  const later = new TokenStore(silentReporter().reporter, server.database, { clock: new SystemClock() });
  expect(await later.authenticate(made)).toBeNull();
  await server.database.query("delete from access.token where name = 'carla'");
});

test('a link that signs in once, under a scope', async () => {
  const options = { name: 'dora', role: 'viewer', site: ['north'], link: true, minutes: '5' };
  const [made = ''] = await token(['create'], { ...options, url: 'https://weir.example.net' });
  expect(made).toMatch(/^https:\/\/weir\.example\.net\/#token=weir_link_[\w-]{43}$/);
  const links = new SignInLinks(server.database, { clock: new SystemClock() });
  const opened = await links.redeem(made.split('=')[1] ?? '');
  const store = new TokenStore(silentReporter().reporter, server.database, { clock: new SystemClock() });
  expect(await store.authenticate(opened?.token ?? '')).toMatchObject({
    name: 'dora',
    role: 'viewer',
    scope: { sites: ['north'], customers: [] },
  });
  const [json = ''] = await token(['create'], { ...options, json: true });
  expect(json).toMatch(
    /^\{"link":"http:\/\/127\.0\.0\.1:8080\/#token=weir_link_[\w-]{43}",.*"name":"dora","role":"viewer"\}$/,
  );
  await server.database.query("delete from access.token where name = 'dora'");
});

test.for<[string, CommandContext['options']]>([
  ['role agent', { role: 'agent' }],
  ['--expires', { expires: '3d' }],
  ['--minutes', { minutes: '0' }],
  ['--minutes', { minutes: '1441' }],
  ['--url', { url: 'weir.example.net' }],
])('a link is refused %s', async ([words, options]) => {
  const asked = token(['create'], { name: 'dora', role: 'viewer', link: true, ...options });
  await expect(asked).rejects.toMatchObject({ code: 'misused' });
  await expect(asked).rejects.toThrow(words);
});

test('the same as JSON', async () => {
  const [made = ''] = await token(['create'], { name: 'anna', role: 'operator', json: true });
  expect(made).toMatch(/^\{"token":"weir_[A-Za-z0-9_-]{43}","name":"anna","role":"operator"\}$/);
  const [listed = ''] = await token(['list'], { json: true });
  const id = /"id":"([0-9a-f]{12})","name":"anna","role":"operator","given":false,/.exec(listed)?.[1];
  expect(JSON.parse(listed)).toMatchObject({ items: [{ name: 'agent-1' }, { id, name: 'anna', revoked_at: null }] });
  const [revoked = ''] = await token(['revoke', 'anna'], { id, json: true });
  expect(JSON.parse(revoked)).toEqual({ revoked: 1 });
});

describe('refused', () => {
  test.for([
    [[], {}],
    [['make'], {}],
    [['create'], { name: 'a' }],
    [['create'], { name: 'a', role: 'king' }],
    [['create'], { role: 'agent' }],
    [['create'], { name: 'no spaces', role: 'agent' }],
    [['create', 'more'], { name: 'a', role: 'agent' }],
    [['revoke'], {}],
    [['revoke', 'a', 'b'], {}],
  ] as const)('misuse %#', async ([positionals, options]) => {
    // No database at all: misuse is told before one is looked for.
    await expect(token(positionals, options, {})).rejects.toMatchObject({ code: 'misused' });
  });

  test('revoking what is not there', async () => {
    await expect(token(['revoke', 'nobody-knows'])).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('which database', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-token-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const config = path.join(folder, 'weir.yaml');

  test('the environment goes before the configuration, that before the data folder', () => {
    writeFileSync(config, 'database:\n  url: postgres://from/configuration\nanything: else\n');
    const both = { options: { config }, environment: { WEIR_DATABASE_URL: 'postgres://from/environment' } };
    expect(databaseUrlFor(both)).toBe('postgres://from/environment');
    expect(databaseUrlFor({ options: { config, data: folder }, environment: {} })).toBe(
      'postgres://from/configuration',
    );
  });

  test('a secret in it is resolved', () => {
    writeFileSync(config, 'database: {url: "${THE_URL}"}\n');
    const environment = { THE_URL: 'postgres://from/secret' };
    expect(databaseUrlFor({ options: { config }, environment })).toBe('postgres://from/secret');
  });

  test('the embedded one by its data folder, else a coded error', () => {
    writeFileSync(config, 'devices: []\n');
    const data = path.dirname(server.dataFolder);
    expect(databaseUrlFor({ options: { config, data }, environment: {} })).toBe(server.url);
    expect(() => databaseUrlFor({ options: { config, data: folder }, environment: {} })).toThrow(
      expect.objectContaining({ code: 'database_unknown' }),
    );
  });
});
