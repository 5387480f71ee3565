// A DuckDB store whose tables an older version made is brought to today's and answers everything; one of a newer version is left alone.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DuckDbFile, storeError } from '../../../collector/store/duckdb-file.ts';
import { migrate, SCHEMA_VERSION } from '../../../collector/store/duckdb-schema.ts';
import { DuckDbStore } from '../../../collector/store/duckdb-store.ts';
import { codeOf } from '../../../common/runtime/errors.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { smallStoreConfig } from '../../support/small-store.ts';
import { STEADY_INTERVAL_MS, STEADY_START_MS, steadyEntries } from '../../support/steady-entries.ts';
import { storeContents } from '../../support/store-contents.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'weir-schema-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const freshFile = (): string => path.join(folder, `metrics-${(files += 1)}.duckdb`);
const fileConfig = (file: string) => ({ file, memoryLimitMb: 64, threads: 1 });

async function opened(file: string): Promise<DuckDbStore> {
  const store = new DuckDbStore(silentReporter().reporter, smallStoreConfig(file), { clock: new SystemClock() });
  await store.start();
  return store;
}

const OLD = 800;
const END = 1000;

/** A file with the tables of that version, and in them what one of today holds; `unversioned` as they were before the version was written down. */
async function olderFile(today: string, version: number, unversioned: boolean): Promise<string> {
  const file = freshFile();
  const older = await DuckDbFile.open(fileConfig(file), 0, version);
  await older.transactionless(`attach '${today}' as today (read_only)`);
  const columns = new Map<string, string[]>();
  await older.read(
    'select table_name, column_name from duckdb_columns() where database_name = current_database() and not internal',
    {},
    1000,
    ([table, column]) => columns.set(String(table), [...(columns.get(String(table)) ?? []), String(column)]),
  );
  columns.delete('schema_version');
  expect(columns.has('point_metrics')).toBe(version >= 2);
  expect(columns.has('rollup_5m')).toBe(version >= 3);
  for (const [table, names] of columns)
    await older.transactionless(
      `insert into ${table} (${names.join(', ')}) select ${names.join(', ')} from today.${table}`,
    );
  if (unversioned) await older.transactionless('drop table schema_version');
  await older.close();
  return file;
}

/** Further readings, and everything rolled up. */
async function goOn(file: string): Promise<readonly unknown[]> {
  const store = await opened(file);
  expect(await store.position('journal-1')).toBe(OLD);
  await store.apply(steadyEntries(OLD, END - OLD));
  await store.rollUp(STEADY_START_MS + (END / 2) * STEADY_INTERVAL_MS);
  const span = { fromMs: STEADY_START_MS, toMs: STEADY_START_MS + (END / 2) * STEADY_INTERVAL_MS };
  const answers = [
    await store.series({ ...span, metric: 'in_bps', resource: 'odd/p7', stepMs: 300_000, function: 'avg' }),
    await store.series({ ...span, metric: 'reachable', resource: 'even', stepMs: 300_000, function: 'last' }),
    await store.top({ ...span, metric: 'out_bps', limit: 50 }),
    await store.latest({ metric: 'out_bps', resources: ['odd/p3'], sinceMs: 0 }),
    await store.catalogue({ limit: 1000 }),
  ];
  await store.stop();
  return answers;
}

describe('a store of an older version', () => {
  let rolledUp: string;
  let raw: string;
  let answers: readonly unknown[];
  let whole: Readonly<Record<string, string>>;
  beforeAll(async () => {
    [raw, rolledUp] = [freshFile(), freshFile()];
    for (const file of [raw, rolledUp]) {
      const store = await opened(file);
      await store.apply(steadyEntries(0, OLD));
      if (file === rolledUp) await store.rollUp(STEADY_START_MS + (OLD / 2) * STEADY_INTERVAL_MS);
      await store.stop();
    }
    const untouched = await olderFile(rolledUp, SCHEMA_VERSION, false);
    answers = await goOn(untouched);
    whole = await storeContents(untouched);
  }, 60_000);

  test.for([
    { version: 1, unversioned: true },
    { version: 1, unversioned: false },
    { version: 2, unversioned: true },
    { version: 2, unversioned: false },
    { version: 3, unversioned: true },
    { version: 3, unversioned: false },
  ])('$version, not told by the file: $unversioned', async ({ version, unversioned }) => {
    const file = await olderFile(version < 3 ? raw : rolledUp, version, unversioned);
    expect(await goOn(file)).toEqual(answers);
    expect(await storeContents(file)).toEqual(whole);
  });

  test('a migration that fails at any of its statements leaves nothing behind, and is done again', async () => {
    const file = await olderFile(raw, 1, false);
    const older = await DuckDbFile.open(fileConfig(file), 0, 1);
    let failedAt = 0;
    await older.beside(async (_, connection) => {
      const columns = async (): Promise<unknown> =>
        (
          await connection.runAndReadAll('select table_name, column_name from duckdb_columns() where not internal')
        ).getRows();
      const before = await columns();
      for (let done = false; !done; ) {
        failedAt += 1;
        let left = failedAt;
        const failing = {
          run: (...call: Parameters<typeof connection.run>) =>
            (left -= 1) === 0 ? Promise.reject(new Error('cut off')) : connection.run(...call),
          runAndReadAll: (sql: string) => connection.runAndReadAll(sql),
        };
        done = await migrate(failing, file, SCHEMA_VERSION).then(
          () => true,
          () => false,
        );
        if (!done) expect(await columns()).toEqual(before);
      }
    });
    expect(failedAt).toBeGreaterThan(10);
    await older.close();
    expect(await goOn(file)).toEqual(answers);
    expect(await storeContents(file)).toEqual(whole);
  });
});

describe('a store of a newer version', () => {
  test('is refused by its code, and left as it was', async () => {
    const file = freshFile();
    const newer = await DuckDbFile.open(fileConfig(file), 0);
    await newer.transactionless(`update schema_version set version = ${SCHEMA_VERSION + 1}`);
    await newer.close();
    const before = readFileSync(file);
    const store = await opened(file);
    await expect(store.position('journal-1')).rejects.toMatchObject({ code: 'store_too_new' });
    await expect(store.apply(steadyEntries(0, 2))).rejects.toMatchObject({ code: 'store_too_new' });
    await store.stop();
    expect(readFileSync(file)).toEqual(before);
  });

  test.for([
    'IO Error: Trying to read a database file with version number 99, but we can only read versions between 64 and 68.',
    'Error opening "x": file was written with a storage version greater than the latest version supported by this DuckDB instance.',
  ])('of DuckDB is not taken for damage: %s', (text) => {
    expect(codeOf(storeError(new Error(text), 'x', true))).toBe('store_too_new');
  });
});
