// Brings a database to the schema that the code expects: each migration once, in its own transaction, whoever starts first.
import { createHash } from 'node:crypto';
import { WeirError, messageOf } from '../runtime/errors.ts';
import type { Database, Migration, Queryable } from './database.ts';

/** Any constant that nothing else in the database uses: "weir" in ASCII. */
const ADVISORY_LOCK = 0x77_65_69_72;
/** An index over ten years of readings takes its time. */
const STATEMENT_TIMEOUT_MS = 3_600_000;

const LEDGER = `
  create schema if not exists weir;
  create table if not exists weir.migration (
    id text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
  )`;

/**
 * Applies what is missing, in the order given, and returns the ids applied now. Safe to run from several processes at once and any
 * number of times. Throws migration_changed where a released migration differs from what was applied, migration_failed where SQL fails
 * (that migration is rolled back whole, those before it stay).
 */
export async function migrate(database: Database, migrations: readonly Migration[]): Promise<string[]> {
  refuseDuplicates(migrations);
  await database.transaction(
    async (connection) => {
      await lock(connection);
      await connection.query(LEDGER);
    },
    { statementTimeoutMs: STATEMENT_TIMEOUT_MS },
  );
  const applied: string[] = [];
  for (const migration of migrations) if (await applyOne(database, migration)) applied.push(migration.id);
  return applied;
}

/** SHA-256 of the text, line ends aside. */
export function migrationChecksum(migration: Migration): string {
  return createHash('sha256').update(migration.sql.replaceAll('\r\n', '\n')).digest('hex');
}

async function applyOne(database: Database, migration: Migration): Promise<boolean> {
  if (await isApplied(database, migration)) return false;
  return database.transaction(
    async (connection) => {
      await lock(connection);
      if (await isApplied(connection, migration)) return false;
      await run(connection, migration);
      await connection.query('insert into weir.migration (id, checksum) values ($1, $2)', [
        migration.id,
        migrationChecksum(migration),
      ]);
      return true;
    },
    { statementTimeoutMs: STATEMENT_TIMEOUT_MS },
  );
}

async function run(connection: Queryable, migration: Migration): Promise<void> {
  try {
    await connection.query(migration.sql);
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    throw new WeirError(
      'migration_failed',
      `The migration ${migration.id} failed: ${messageOf(cause)}.`,
      { migration: migration.id },
      cause,
    );
  }
}

async function isApplied(connection: Queryable, migration: Migration): Promise<boolean> {
  const { rows } = await connection.query<{ checksum: string }>('select checksum from weir.migration where id = $1', [
    migration.id,
  ]);
  const found = rows[0]?.checksum;
  if (found === undefined) return false;
  const expected = migrationChecksum(migration);
  if (found === expected) return true;
  throw new WeirError('migration_changed', `The migration ${migration.id} was applied with another text.`, {
    migration: migration.id,
    found,
    expected,
  });
}

/** Held until the transaction ends. */
async function lock(connection: Queryable): Promise<void> {
  await connection.query('select pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
}

function refuseDuplicates(migrations: readonly Migration[]): void {
  const ids = new Set<string>();
  for (const { id } of migrations) {
    if (ids.has(id)) throw new Error(`BUG: two migrations are called ${id}`);
    ids.add(id);
  }
}
