// Puts a backup into an empty database: whole or not at all, after its hash was held against every line.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Database, Migration, Queryable } from '../../common/database/database.ts';
import { migrationChecksum } from '../../common/database/migrate.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import {
  addLine,
  BACKUP_VERSION,
  backedUpTables,
  type BackupHeader,
  type BackupSummary,
  type BackupTable,
} from './backup.ts';

const ROWS_AT_ONCE = 500;
const STATEMENT_TIMEOUT_MS = 3_600_000;
/** Rows that stand in a database that was only just prepared are in none of them. */
const TELL_TALES = ['contract_version', 'charge', 'bill', 'chain', 'meter', 'record', 'page'];

const headerSchema = z.object({
  weir_backup: z.literal(BACKUP_VERSION),
  at: z.string(),
  migrations: z.array(z.object({ id: z.string(), checksum: z.string() })),
  tables: z.array(z.object({ table: z.string(), columns: z.array(z.string()) })),
});

/** Reads the file to its end. Throws backup_damaged where it is cut short or not as it was written. */
export async function checkBackup(
  lines: AsyncIterable<string>,
): Promise<BackupSummary & { readonly header: BackupHeader }> {
  const hash = createHash('sha256');
  let header: BackupHeader | null = null;
  let [tables, rows] = [0, 0];
  for await (const line of lines) {
    if (header === null) header = headerOf(line);
    else if (line.startsWith('{"end":true')) {
      const end = parse(line);
      const sha256 = hash.digest('hex');
      if (end['sha256'] !== sha256 || end['rows'] !== rows)
        throw new WeirError('backup_damaged', 'The backup is not as it was written.', {
          sha256,
          expected: end['sha256'],
        });
      return { header, tables, rows, sha256 };
    } else if (line.startsWith('{"table":"') && isTableLine(line, header)) tables += 1;
    else rows += 1;
    addLine(hash, line);
  }
  throw new WeirError('backup_damaged', 'The backup ends before its end.', { rows });
}

/**
 * The migrations after which a database has the tables of the backup; the others are run once its rows are in. Throws backup_newer where this
 * version does not know one of them, backup_incompatible where one was another when the backup was written.
 */
export function migrationsOf(header: BackupHeader, known: readonly Migration[]): Migration[] {
  const byId = new Map(known.map((one) => [one.id, one]));
  const unknown = header.migrations.filter(({ id }) => !byId.has(id)).map(({ id }) => id);
  if (unknown.length > 0)
    throw new WeirError('backup_newer', 'The backup was written by a newer version of Weir.', {
      unknown: unknown.slice(0, 20),
    });
  const applied = new Map(header.migrations.map(({ id, checksum }) => [id, checksum]));
  const needed = known.filter(({ id }) => applied.has(id));
  const changed = needed.filter((one) => applied.get(one.id) !== migrationChecksum(one)).map(({ id }) => id);
  if (changed.length > 0)
    throw new WeirError('backup_incompatible', 'The backup is of tables that were made by other migrations.', {
      changed: changed.slice(0, 20),
    });
  return needed;
}

/** Call it with a file that was checked. Throws restore_target_not_empty, or backup_incompatible where the tables are others. */
export async function restoreBackup(
  database: Database,
  header: BackupHeader,
  lines: AsyncIterable<string>,
  progress: (rows: number) => void = () => undefined,
): Promise<number> {
  return database.transaction(
    async (connection) => {
      const tables = await backedUpTables(connection);
      refuseOthers(tables, header.tables);
      await refuseFull(connection, tables);
      // Triggers that refuse what is not of the running transaction have nothing to say to history.
      for (const { table } of tables) await connection.query(`alter table ${table} disable trigger user`);
      for (const { table } of tables.toReversed()) await connection.query(`delete from ${table}`);
      const rows = await readRows(connection, header, lines, progress);
      for (const { table } of tables) await connection.query(`alter table ${table} enable trigger user`);
      await moveSequences(connection, tables);
      return rows;
    },
    { statementTimeoutMs: STATEMENT_TIMEOUT_MS },
  );
}

async function readRows(
  connection: Queryable,
  header: BackupHeader,
  lines: AsyncIterable<string>,
  progress: (rows: number) => void,
): Promise<number> {
  let [table, count] = ['', 0];
  let waiting: string[] = [];
  const flush = async (): Promise<void> => {
    if (waiting.length > 0)
      await connection.query(
        `insert into ${table} overriding system value select * from json_populate_recordset(null::${table}, $1::json)`,
        [`[${waiting.join(',')}]`],
      );
    count += waiting.length;
    waiting = [];
    progress(count);
  };
  let first = true;
  for await (const line of lines) {
    if (first) {
      first = false;
      continue;
    }
    if (line.startsWith('{"end":true')) break;
    if (line.startsWith('{"table":"') && isTableLine(line, header)) {
      await flush();
      table = String(parse(line)['table']);
      continue;
    }
    waiting.push(line);
    if (waiting.length >= ROWS_AT_ONCE) await flush();
  }
  await flush();
  return count;
}

/** Identities go on behind what was restored. */
async function moveSequences(connection: Queryable, tables: readonly BackupTable[]): Promise<void> {
  for (const { table, columns } of tables)
    for (const column of columns) {
      const { rows } = await connection.query<{ sequence: string | null }>(
        'select pg_get_serial_sequence($1, $2) as sequence',
        [table, column],
      );
      const sequence = rows[0]?.sequence ?? null;
      if (sequence !== null)
        await connection.query(
          `select setval('${sequence}', greatest(1, (select max(${column}) from ${table})), exists (select from ${table}))`,
        );
    }
}

function refuseOthers(here: readonly BackupTable[], there: readonly BackupTable[]): void {
  const text = (tables: readonly BackupTable[]): string[] =>
    tables.map(({ table, columns }) => `${table} (${columns.join(', ')})`).toSorted();
  const [own, given] = [text(here), text(there)];
  const differ = [...own.filter((one) => !given.includes(one)), ...given.filter((one) => !own.includes(one))];
  if (differ.length > 0)
    throw new WeirError('backup_incompatible', 'The backup is of another version than the tables of this database.', {
      differ: differ.slice(0, 20),
    });
}

async function refuseFull(connection: Queryable, tables: readonly BackupTable[]): Promise<void> {
  for (const { table } of tables) {
    if (!TELL_TALES.includes(table.split('.')[1] ?? '')) continue;
    const { rows } = await connection.query(`select from ${table} limit 1`);
    if (rows.length > 0)
      throw new WeirError('restore_target_not_empty', `The database is not empty: ${table} has rows.`, { table });
  }
}

function headerOf(line: string): BackupHeader {
  const header = headerSchema.safeParse(parse(line));
  if (!header.success)
    throw new WeirError('backup_damaged', 'This is no backup that this version reads.', { line: line.slice(0, 80) });
  return header.data;
}

/** A row could begin the same way: only the name of a table that the header lists is one. */
function isTableLine(line: string, header: BackupHeader): boolean {
  const { table, ...rest } = parse(line);
  return Object.keys(rest).length === 0 && header.tables.some((one) => one.table === table);
}

function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value));
  } catch {
    // Told below.
  }
  throw new WeirError('backup_damaged', 'A line of the backup cannot be read.', { line: line.slice(0, 80) });
}
