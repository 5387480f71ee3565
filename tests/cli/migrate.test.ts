// `weir migrate`: collector and bridge in one database, each step once, in any order of starts.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { billingBridgeMigrations } from '../../billing-bridge/main.ts';
import { migrateCommand } from '../../cli/commands/migrate.ts';
import { collectorMigrations } from '../../collector/main.ts';
import { migrate } from '../../common/database/migrate.ts';
import { startTestDatabase, type TestDatabase } from '../support/test-database.ts';

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

async function run(json: boolean, positionals: readonly string[] = []): Promise<string[]> {
  const lines: string[] = [];
  const code = await migrateCommand.run({
    options: {},
    positionals,
    environment: { WEIR_DATABASE_URL: server.url },
    json,
    signal: new AbortController().signal,
    print: (line) => void lines.push(line),
    progress: () => undefined,
  });
  expect(code).toBe(0);
  return lines;
}

test('what a bridge that started first has brought stays, the rest is added, and again nothing', async () => {
  const first = await migrate(server.database, billingBridgeMigrations);
  expect(first).toEqual(billingBridgeMigrations.map(({ id }) => id));
  const all = new Set([...collectorMigrations, ...billingBridgeMigrations].map(({ id }) => id));
  const parsed: unknown = JSON.parse((await run(true)).join(''));
  expect(parsed).toEqual({ applied: [...all].filter((id) => !first.includes(id)) });
  expect(await run(false)).toEqual(['the database is up to date']);
});

test('each list stands by itself', async () => {
  for (const list of [collectorMigrations, billingBridgeMigrations]) {
    const { rows } = await server.database.query<{ name: string }>(
      "select schema_name as name from information_schema.schemata where schema_name !~ '^(pg_|information_schema|public)'",
    );
    for (const { name } of rows) await server.database.query(`drop schema ${name} cascade`);
    expect(await migrate(server.database, list)).toHaveLength(list.length);
  }
});

test('an argument is misuse', async () => {
  await expect(run(false, ['now'])).rejects.toMatchObject({ code: 'misused' });
});
