// The Database port on a real server: exact types, whole transactions, coded errors, and a lost server that harms nobody.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenDatabase, openDatabase } from '../../../common/database/pool.ts';
import { freePortBlock } from '../../support/free-port.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { startTestDatabase, type TestDatabase } from '../../support/test-database.ts';
import { waitFor } from '../../support/weir-process.ts';

let server: TestDatabase;
beforeAll(async () => {
  server = await startTestDatabase();
  await server.database.query('create table public.a (n int8 primary key)');
});
afterAll(() => server.stop());

function open(url: string, maxConnections: number, statementTimeoutMs = 10_000): OpenDatabase {
  const options = { url, maxConnections, applicationName: 'pool-test', statementTimeoutMs };
  return openDatabase(silentReporter().reporter, options);
}

async function withPool<T>(maxConnections: number, use: (pool: OpenDatabase) => Promise<T>): Promise<T> {
  const pool = open(server.url, maxConnections);
  try {
    return await use(pool);
  } finally {
    await pool.close();
  }
}

const backend = async (connection: Pick<OpenDatabase, 'query'>): Promise<number> => {
  const { rows } = await connection.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
};
const terminate = (pid: number): Promise<unknown> => server.database.query('select pg_terminate_backend($1)', [pid]);

describe('types', () => {
  test('int8 is bigint up to both ends, also in arrays and as parameter', async () => {
    const ends = [-(2n ** 63n), -1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n];
    const { rows } = await server.database.query(
      'select $1::int8[] as many, $2::int8 as one, array[]::int8[] as none, array[1, null]::int8[] as holes',
      [ends, ends[4]],
    );
    expect(rows).toEqual([{ many: ends, one: ends[4], none: [], holes: [1n, null] }]);
  });

  test('any int8 comes back as it went', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), async (many) => {
        const { rows } = await server.database.query('select $1::int8[] as many', [many]);
        expect(rows).toEqual([{ many }]);
      }),
      { numRuns: 50 },
    );
  });

  test('numeric is text, jsonb parsed, bytea a buffer, null null', async () => {
    const { rows } = await server.database.query(
      `select 18446744073709551615.50::numeric as n, '{"a": [1]}'::jsonb as j, $1::bytea as b, null::int8 as absent`,
      [new Uint8Array([0, 255])],
    );
    expect(rows).toEqual([{ n: '18446744073709551615.50', j: { a: [1] }, b: Buffer.from([0, 255]), absent: null }]);
  });
});

describe('transactions', () => {
  test('commit whole or not at all', async () => {
    await server.database.transaction((connection) => connection.query('insert into a values (1)'));
    const broken = server.database.transaction(async (connection) => {
      await connection.query('insert into a values (2)');
      throw new Error('half way');
    });
    await expect(broken).rejects.toThrow('half way');
    expect((await server.database.query('select n from a order by n')).rows).toEqual([{ n: 1n }]);
  });

  test('an SQL error keeps its SQLSTATE', async () => {
    const twice = server.database.query('insert into a values (1)');
    await expect(twice).rejects.toMatchObject({ code: '23505' });
  });

  test('an error swallowed inside is told, not committed as if nothing were', async () => {
    const swallowed = server.database.transaction(async (connection) => {
      await connection.query('insert into a values (3)');
      await connection.query('select 1/0').catch(() => undefined);
    });
    await expect(swallowed).rejects.toThrow('BUG');
    expect((await server.database.query('select from a where n = 3')).rowCount).toBe(0);
  });

  test('queries asked side by side run one after the other', async () => {
    const seen = await server.database.transaction((connection) =>
      Promise.all(Array.from({ length: 20 }, (_, at) => connection.query('select $1::int8 as at', [at]))),
    );
    expect(seen.map(({ rows }) => rows[0])).toEqual(Array.from({ length: 20 }, (_, at) => ({ at: BigInt(at) })));
  });

  test('a query after the end is refused: it would commit by itself', async () => {
    let late: Promise<unknown> = Promise.resolve();
    const broken = server.database.transaction(async (connection) => {
      late = new Promise((resolve) => setTimeout(resolve, 50)).then(() => connection.query('insert into a values (4)'));
      late.catch(() => undefined);
      throw new Error('first branch');
    });
    await expect(broken).rejects.toThrow('first branch');
    await expect(late).rejects.toThrow('BUG');
    expect((await server.database.query('select from a where n = 4')).rowCount).toBe(0);
  });

  test('its own statement timeout lasts for it alone', async () => {
    const pool = open(server.url, 1, 200);
    const sleeps = (connection: Pick<OpenDatabase, 'query'>): Promise<unknown> =>
      connection.query('select pg_sleep(0.4)');
    await pool.transaction(sleeps, { statementTimeoutMs: 5000 });
    await expect(pool.query('select pg_sleep(0.4)')).rejects.toMatchObject({ code: '57014' });
    await expect(pool.transaction(sleeps)).rejects.toMatchObject({ code: '57014' });
    await pool.close();
  });
});

describe('a connection that is lost', () => {
  test('while idle: the next query has a new one', async () => {
    await withPool(1, async (pool) => {
      const before = await backend(pool);
      await terminate(before);
      await waitFor(
        async () => (await pool.query('select 1').catch(() => null)) !== null,
        5000,
        () => 'no new connection',
      );
      expect(await backend(pool)).not.toBe(before);
    });
  });

  test('inside a transaction, between its queries: coded, rolled back, replaced', async () => {
    await withPool(1, async (pool) => {
      const lost = pool.transaction(async (connection) => {
        await connection.query('insert into a values (5)');
        await terminate(await backend(connection));
        await new Promise((resolve) => setTimeout(resolve, 100));
        await connection.query('insert into a values (6)');
      });
      await expect(lost).rejects.toMatchObject({ code: 'database_unreachable' });
      expect((await pool.query('select from a where n in (5, 6)')).rowCount).toBe(0);
    });
  });

  test('whose rollback failed is destroyed, and the work told its own error', async () => {
    await withPool(1, async (pool) => {
      let before = 0;
      const lost = pool.transaction(async (connection) => {
        before = await backend(connection);
        await terminate(before);
        throw new Error('own reason');
      });
      await expect(lost).rejects.toThrow('own reason');
      expect(await backend(pool)).not.toBe(before);
    });
  });

  test('an SQL error does not cost the connection', async () => {
    await withPool(1, async (pool) => {
      const before = await backend(pool);
      await expect(pool.query('select 1/0')).rejects.toMatchObject({ code: '22012' });
      await expect(pool.transaction((connection) => connection.query('select 1/0'))).rejects.toThrow();
      expect(await backend(pool)).toBe(before);
    });
  });
});

describe('refusals', () => {
  test('nobody listens: database_unreachable, without the password', async () => {
    const port = await freePortBlock(1);
    const pool = open(`postgres://weir:geheim@127.0.0.1:${port}/weir`, 1);
    const error: unknown = await pool.query('select 1').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'database_unreachable', status: 503 });
    expect(JSON.stringify(error) + String(error)).not.toContain('geheim');
    await pool.close();
  });

  test.for([
    ['wrong password', (url: URL): void => void (url.password = 'geheim')],
    ['no such database', (url: URL): void => void (url.pathname = '/absent')],
  ] as const)('%s: database_refused, without the password', async ([, spoil]) => {
    const url = new URL(server.url);
    spoil(url);
    const pool = open(url.href, 1);
    const error: unknown = await pool.query('select 1').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'database_refused' });
    expect(JSON.stringify(error) + String(error)).not.toContain(url.password);
    await pool.close();
  });

  test('closed: coded, and closing twice is quiet', async () => {
    const pool = open(server.url, 1);
    await pool.query('select 1');
    await pool.close();
    await pool.close();
    await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'database_unreachable' });
  });

  test('more waiting than the bound: database_busy at once', async () => {
    const pool = open(server.url, 1);
    const sleeping = pool.query('select pg_sleep(0.5)');
    const waiting = Array.from({ length: 2100 }, () => pool.query('select 1').catch((error: unknown) => error));
    const answers = await Promise.all(waiting);
    expect(answers.filter((answer) => answer instanceof Error).length).toBeGreaterThanOrEqual(99);
    expect(answers.at(-1)).toMatchObject({ code: 'database_busy' });
    expect(answers[0]).not.toBeInstanceOf(Error);
    await sleeping;
    await pool.close();
  });
});

test('health tells that the database is lost and, by asking again, that it is back', async () => {
  const own = await startTestDatabase();
  const { reporter } = silentReporter();
  const pool = openDatabase(reporter, { url: own.url, maxConnections: 2, applicationName: 'health' });
  const healthy = (): boolean | undefined => reporter.healthStates()['database']?.healthy;
  await pool.query('select 1');
  expect(healthy()).toBe(true);
  await own.server.stop();
  await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'database_unreachable' });
  expect(healthy()).toBe(false);
  await own.server.start();
  await waitFor(
    () => healthy() === true,
    5000,
    () => 'health does not return',
  );
  await pool.close();
  await own.stop();
});
