// The books as one file: every row of the schemas that money rests on, as of one instant, as lines of JSON under one hash.
import { createHash, type Hash } from 'node:crypto';
import type { Database, Queryable } from '../../common/database/database.ts';
import { type EpochMs, isoTime } from '../../common/model/time.ts';

/** Contracts, charges and bills; usage; the readings that are its evidence, and the devices and interfaces these are of. */
export const BACKED_UP_SCHEMAS: readonly string[] = ['billing', 'usage', 'readings', 'inventory'];
export const BACKUP_VERSION = 1;

export interface BackupTable {
  /** Quoted and with its schema. */
  readonly table: string;
  readonly columns: readonly string[];
}

export interface BackupHeader {
  readonly weir_backup: number;
  readonly at: string;
  readonly migrations: readonly { readonly id: string; readonly checksum: string }[];
  readonly tables: readonly BackupTable[];
}

export interface BackupSummary {
  readonly tables: number;
  readonly rows: number;
  readonly sha256: string;
}

const ROWS_AT_ONCE = 500;
const STATEMENT_TIMEOUT_MS = 3_600_000;

/** Lines of the file, without their ends; the last holds the hash of all before. Reads in one snapshot: work may go on meanwhile. */
export async function writeBackup(
  database: Database,
  atMs: EpochMs,
  write: (line: string) => Promise<void>,
): Promise<BackupSummary> {
  return database.transaction(
    async (connection) => {
      await connection.query('set transaction isolation level repeatable read, read only');
      const hash = createHash('sha256');
      const put = async (line: string): Promise<void> => {
        addLine(hash, line);
        await write(line);
      };
      const tables = await backedUpTables(connection);
      const { rows: migrations } = await connection.query<{ id: string; checksum: string }>(
        'select id, checksum from weir.migration order by id',
      );
      const header: BackupHeader = { weir_backup: BACKUP_VERSION, at: isoTime(atMs), migrations, tables };
      await put(JSON.stringify(header));
      let count = 0;
      for (const { table } of tables) {
        await put(JSON.stringify({ table }));
        count += await writeRows(connection, table, put);
      }
      const sha256 = hash.digest('hex');
      await write(JSON.stringify({ end: true, rows: count, sha256 }));
      return { tables: tables.length, rows: count, sha256 };
    },
    { statementTimeoutMs: STATEMENT_TIMEOUT_MS },
  );
}

/** Those that others refer to come first. */
export async function backedUpTables(connection: Queryable): Promise<BackupTable[]> {
  const { rows } = await connection.query<{ name: string; columns: string[]; parents: string[] }>(
    `select format('%I.%I', n.nspname, c.relname) as name,
        array(select a.attname::text from pg_attribute a
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as columns,
        array(select distinct format('%I.%I', pn.nspname, p.relname) from pg_constraint f
          join pg_class p on p.oid = f.confrelid join pg_namespace pn on pn.oid = p.relnamespace
          where f.conrelid = c.oid and f.contype = 'f' and f.confrelid <> c.oid) as parents
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname = any($1) order by 1`,
    [BACKED_UP_SCHEMAS],
  );
  const ordered: BackupTable[] = [];
  const placed = new Set<string>();
  let left = [...rows];
  while (left.length > 0) {
    const ready = left.filter(({ parents }) => parents.every((one) => placed.has(one)));
    if (ready.length === 0) throw new Error('BUG: tables refer to each other in a circle');
    for (const { name, columns } of ready) {
      placed.add(name);
      ordered.push({ table: name, columns });
    }
    left = left.filter(({ name }) => !placed.has(name));
  }
  return ordered;
}

export function addLine(hash: Hash, line: string): void {
  hash.update(line).update('\n');
}

async function writeRows(connection: Queryable, table: string, put: (line: string) => Promise<void>): Promise<number> {
  // A cursor: no table is larger in memory than one fetch. Inside JSON a line break is but space.
  await connection.query(`declare backed_up no scroll cursor for
      select replace(row_to_json(t)::text, chr(10), ' ') as line from ${table} t`);
  let count = 0;
  for (;;) {
    const { rows } = await connection.query<{ line: string }>(`fetch ${ROWS_AT_ONCE} from backed_up`);
    for (const { line } of rows) await put(line);
    count += rows.length;
    if (rows.length < ROWS_AT_ONCE) break;
  }
  await connection.query('close backed_up');
  return count;
}
