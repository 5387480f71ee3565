// Migrations on a real server: once each, in order, whole or not at all, whoever starts first.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../../common/database/migrate.ts';
import { openDatabase } from '../../../common/database/pool.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
});
afterAll(() => server.stop());

const first = { id: 'one-001', sql: 'create schema one; create table one.a (n int8 primary key)' };
const second = { id: 'one-002', sql: 'insert into one.a select 7' };

test('applies what is missing, in order, once', async () => {
  expect(await migrate(server.database, [first])).toEqual(['one-001']);
  expect(await migrate(server.database, [first, second])).toEqual(['one-002']);
  expect(await migrate(server.database, [first, second])).toEqual([]);
  const { rows } = await server.database.query('select n from one.a');
  expect(rows).toEqual([{ n: 7n }]);
});

test('line ends do not change a migration, other text does', async () => {
  const lines = { id: 'lines-001', sql: 'create schema lines;\ncreate table lines.a (n int8)' };
  await migrate(server.database, [lines]);
  expect(await migrate(server.database, [{ ...lines, sql: lines.sql.replaceAll('\n', '\r\n') }])).toEqual([]);
  await expect(migrate(server.database, [{ ...lines, sql: `${lines.sql};` }])).rejects.toMatchObject({
    code: 'migration_changed',
    detail: { migration: 'lines-001' },
  });
});

test('one that fails leaves nothing of itself and all before it', async () => {
  const good = { id: 'half-001', sql: 'create schema half' };
  const bad = { id: 'half-002', sql: 'create table half.a (n int8); select 1/0' };
  await expect(migrate(server.database, [good, bad])).rejects.toMatchObject({
    code: 'migration_failed',
    detail: { migration: 'half-002' },
  });
  const { rows } = await server.database.query(
    "select id, to_regclass('half.a') is null as absent from weir.migration where id like 'half%'",
  );
  expect(rows).toEqual([{ id: 'half-001', absent: true }]);
  expect(await migrate(server.database, [good, { ...bad, sql: 'create table half.a (n int8)' }])).toEqual(['half-002']);
});

test('many processes that start at once apply each exactly once', async () => {
  const many = Array.from({ length: 8 }, (_, at) => ({
    id: `race-00${at}`,
    sql: at === 0 ? 'create schema race; create table race.ran (n int8)' : `insert into race.ran values (${at})`,
  }));
  const pools = Array.from({ length: 6 }, () =>
    openDatabase(silentReporter().reporter, { url: server.url, maxConnections: 2, applicationName: 'race' }),
  );
  const applied = await Promise.all(pools.map((pool) => migrate(pool, many)));
  await Promise.all(pools.map((pool) => pool.close()));
  expect(applied.flat().toSorted()).toEqual(many.map(({ id }) => id));
  const { rows } = await server.database.query<{ n: bigint }>('select n from race.ran order by n');
  expect(rows.map(({ n }) => n)).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n]);
});

test('two migrations of one name are a bug', async () => {
  await expect(migrate(server.database, [first, first])).rejects.toThrow('BUG');
});
