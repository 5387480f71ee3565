// `weir backup` and `weir restore`: into a fresh database, where audit and reconcile then find nothing wrong; damaged or misplaced, nothing is written.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backedUpTables, writeBackup } from '../../billing-bridge/backup/backup.ts';
import { writeBackupFile } from '../../cli/billing/backup-file.ts';
import { BOOK_MIGRATIONS } from '../../cli/billing/open-books.ts';
import { billCommand } from '../../cli/commands/bill.ts';
import { auditCommand } from '../../cli/commands/audit.ts';
import { backupCommand } from '../../cli/commands/backup.ts';
import { billRunCommand } from '../../cli/commands/bill-run.ts';
import { mediateCommand } from '../../cli/commands/mediate.ts';
import { migrateCommand } from '../../cli/commands/migrate.ts';
import { reconcileCommand } from '../../cli/commands/reconcile.ts';
import { restoreCommand } from '../../cli/commands/restore.ts';
import { migrate } from '../../common/database/migrate.ts';
import { openDatabase } from '../../common/database/pool.ts';
import { silentReporter } from '../support/silent-reporter.ts';
import type { Database } from '../../common/database/database.ts';
import { BillingCommands, HOUR, MARCH } from '../support/billing-commands.ts';
import { startTestDatabase, type TestDatabase } from '../support/test-database.ts';

let billing: BillingCommands;
let fresh: TestDatabase;
let folder: string;
let file: string;
beforeAll(async () => {
  [billing, fresh] = await Promise.all([BillingCommands.start(), startTestDatabase()]);
  folder = mkdtempSync(path.join(tmpdir(), 'weir-backup-'));
  file = path.join(folder, 'books.gz');
  billing.poll(MARCH + 7 * HOUR, MARCH + 9 * HOUR);
  billing.poll(MARCH + 31 * HOUR, MARCH + 31 * HOUR);
  await billing.run(migrateCommand);
  await billing.run(mediateCommand);
  await billing.rate();
  await billing.run(billRunCommand, { period: '2024-03-01', accept: ['gaps', 'suspense', 'earlier_period'] });
  // A counter above what a double holds, bytes, and a text that looks like a line of the file.
  await billing.database.database.query(`insert into readings.journal (name) values ('{"table":"billing.bill"}')`);
  await billing.database.database.query(
    `insert into readings.stream (agent, incarnation) values ('a', 'b'); insert into readings.batch values (1, 1, 1,
       9007199254740993, '\\x00ff0a', 1, 0, true, '{"one, two","{three}"}', 1, 1)`,
  );
  await billing.database.database.query(
    `insert into usage.checkpoint (meter, at_ms, value) values (99, 9007199254740993, 18446744073709551615)`,
  );
}, 120_000);
afterAll(async () => {
  await billing.stop();
  await fresh.stop();
  rmSync(folder, { recursive: true, force: true });
});

const restore = (from: string, url = fresh.url) => billing.at(url, () => billing.run(restoreCommand, {}, [from]));

/** Every row of every table, as the server writes it. */
async function contents(database: Database): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const { table } of await backedUpTables(database)) {
    const { rows } = await database.query<{ row: string }>(`select t::text as row from ${table} t order by 1`);
    found.set(
      table,
      rows.map((one) => one.row),
    );
  }
  return found;
}

test('writes one file for its owner alone, and says what is in it', async () => {
  const { code, lines } = await billing.run(backupCommand, { out: file });
  expect([code, statSync(file).mode & 0o777]).toEqual([0, 0o600]);
  expect(lines[0]).toMatch(/^\d+ rows of \d+ tables written to /);
  const text = gunzipSync(readFileSync(file)).toString();
  expect(text.split('\n')[0]).toMatch(/^\{"weir_backup":1,/);
  await expect(billing.run(backupCommand)).rejects.toMatchObject({ code: 'misused' });
  await expect(billing.run(backupCommand, { out: '/nowhere/x' })).rejects.toMatchObject({ code: 'output_unwritable' });
});

describe('refuses, and writes nothing', () => {
  const damaged = (name: string, change: (text: string) => string): string => {
    const place = path.join(folder, name);
    writeFileSync(place, gzipSync(change(gunzipSync(readFileSync(file)).toString())));
    return place;
  };
  test.each([
    ['a row that was changed', (text: string) => text.replace('"Bolt', '"Bort')],
    ['a row that is gone', (text: string) => text.replace(/\{"[^t][^\n]*\n/, '')],
    ['an end that is gone', (text: string) => text.slice(0, text.lastIndexOf('{"end"'))],
    ['another version', (text: string) => text.replace('"weir_backup":1', '"weir_backup":2')],
  ])('%s', async (what, change) => {
    await expect(restore(damaged(what, change))).rejects.toMatchObject({ code: 'backup_damaged' });
  });

  test('a file that is cut short, no backup at all, one of other tables, a database that is in use', async () => {
    const short = path.join(folder, 'short');
    writeFileSync(short, readFileSync(file).subarray(0, 2000));
    await expect(restore(short)).rejects.toMatchObject({ code: 'backup_damaged' });
    writeFileSync(short, 'hello');
    await expect(restore(short)).rejects.toMatchObject({ code: 'backup_damaged' });
    await expect(restore(path.join(folder, 'nothing'))).rejects.toMatchObject({ code: 'backup_damaged' });
    await expect(restore(file, billing.database.url)).rejects.toMatchObject({ code: 'restore_target_not_empty' });
    await billing.at(fresh.url, () => billing.run(migrateCommand));
    await fresh.database.query('alter table billing.bill add column more text');
    await expect(restore(file)).rejects.toMatchObject({ code: 'backup_incompatible' });
    await fresh.database.query('alter table billing.bill drop column more');
    for (const rows of (await contents(fresh.database)).values()) expect(rows.length).toBeLessThan(2);
  });
});

test('into a fresh database it is the same to the last row, audited and reconciled, and goes on from there', async () => {
  const { code, lines } = await restore(file);
  expect([code, lines[0]]).toEqual([0, expect.stringMatching(/^\d+ rows of \d+ tables restored, as of /)]);
  expect(await contents(fresh.database)).toEqual(await contents(billing.database.database));
  await billing.at(fresh.url, async () => {
    expect((await billing.run(auditCommand)).lines.at(-1)).toBe('everything is as it was sealed');
    await fresh.database.query('delete from usage.checkpoint where meter = 99');
    const reconciled = await billing.run(reconcileCommand);
    expect([reconciled.code, reconciled.lines.filter((line) => line.includes('"of"'))]).toEqual([0, []]);
    // What refused changes still does, and numbers go on behind those that are taken.
    await expect(fresh.database.query(`update billing.bill set total = '0'`)).rejects.toThrow('never change');
    const again = await billing.json<{ accounts: object[] }>(billRunCommand, { period: '2024-03-01' });
    expect(again.accounts).toMatchObject([{ outcome: 'closed' }, { outcome: 'closed' }]);
    const interim = await billing.run(billRunCommand, { period: '2024-03-01', account: 'acme', interim: true });
    expect(interim.code).toBe(0);
    expect((await billing.run(auditCommand)).code).toBe(0);
  });
  await expect(restore(file)).rejects.toMatchObject({ code: 'restore_target_not_empty' });
}, 60_000);

describe('of another version', () => {
  /** What this version has and the older one had not. */
  const LATER = /-invoice$|^billing-(send|hub|usage-link|bill-schedule)-/;
  const connect = async <T>(name: string, work: (database: Database, url: string) => Promise<T>): Promise<T> => {
    const url = fresh.url.replace(/\/[^/]*$/, `/${name}`);
    const database = openDatabase(silentReporter().reporter, { url, maxConnections: 2, applicationName: 'test' });
    try {
      return await work(database, url);
    } finally {
      await database.close();
    }
  };

  test('an older one is brought to this version, and is sealed as it was; a newer one is refused', async () => {
    for (const name of ['older', 'target', 'other']) await fresh.database.query(`create database ${name}`);
    const from = path.join(folder, 'older.gz');
    const newer = path.join(folder, 'newer.gz');
    await connect('older', async (database) => {
      await migrate(
        database,
        BOOK_MIGRATIONS.filter(({ id }) => !LATER.test(id)),
      );
      await database.query(
        `insert into billing.bill (id, customer, customer_name, period, cycle, zone, period_start_ms, period_end_ms, category,
           currency, total, gates, issued_at_ms) values ('a-2024-01', 'a', 'A', '2024-01', 'month', 'UTC', 0, 1, 'normal', 'EUR', '7.00', '[]', 1);
         select billing.seal('bill', '{a-2024-01}', 1)`,
      );
      await writeBackupFile(from, (write) => writeBackup(database, 1, write));
      await database.query(`insert into weir.migration (id, checksum) values ('billing-future-001', 'x')`);
      await writeBackupFile(newer, (write) => writeBackup(database, 1, write));
    });
    await connect('target', async (database, url) => {
      await expect(restore(newer, url)).rejects.toMatchObject({ code: 'backup_newer' });
      expect((await restore(from, url)).code).toBe(0);
      const { rows } = await database.query<{ id: string }>('select id from weir.migration');
      expect(rows.map(({ id }) => id).toSorted()).toEqual(BOOK_MIGRATIONS.map(({ id }) => id).toSorted());
      expect(await billing.at(url, () => billing.json<object>(auditCommand))).toMatchObject({ bad: null });
      expect((await billing.at(url, () => billing.run(billCommand, {}, ['show', 'a-2024-01']))).lines.join()).toContain(
        'open 7.00 EUR',
      );
    });
    // Tables of this version are not those of the older one.
    await connect('other', async (_database, url) => {
      await billing.at(url, () => billing.run(migrateCommand));
      await expect(restore(from, url)).rejects.toMatchObject({ code: 'backup_incompatible' });
    });
  }, 60_000);
});
