// The tables of the DuckDB file, version by version: a file is brought to today's when it is opened, all or nothing.
import type { DuckDBConnection } from '@duckdb/node-api';
import { WeirError } from '../../common/runtime/errors.ts';
import { COUNTER_COLUMNS } from './metrics.ts';

/** Absent numbers are 0 with their bit in `flags` unset: a column without NULLs is smaller and several times faster to append. */
const READINGS = [
  `create table if not exists resource (
     id integer not null, kind varchar not null, device varchar not null, part varchar not null,
     metric varchar not null, description varchar not null, unit varchar not null, interval_ms integer not null)`,
  `create table if not exists interface_metrics (
     resource integer not null, at_ms bigint not null, flags uinteger not null,
     ${COUNTER_COLUMNS.map((name) => `${name} ubigint not null`).join(', ')},
     uptime_ticks uinteger not null, discontinuity_ticks uinteger not null, process uinteger not null,
     monotonic_ms bigint not null, interval_ms integer not null, speed_bps ubigint not null,
     admin_status utinyint not null, oper_status utinyint not null)`,
  `create table if not exists device_metrics (
     resource integer not null, at_ms bigint not null, interval_ms integer not null, reachable utinyint not null,
     duration_ms integer not null, requests integer not null, retries integer not null, uptime_ticks uinteger)`,
  `create table if not exists gauge_metrics (
     resource integer not null, at_ms bigint not null, interval_ms integer not null, value double not null)`,
  'create table if not exists journal_position (journal varchar primary key, position bigint not null)',
  `create table if not exists applied_stream (
     agent varchar not null, incarnation varchar not null, through bigint not null, above varchar not null,
     primary key (agent, incarnation))`,
];

const POINTS = [
  // Points of other programs, with the order in which they were written: of two of one time the later holds.
  `create table if not exists point_metrics (
     resource integer not null, at_ms bigint not null, value double not null, written bigint not null)`,
  `create table if not exists point_texts (
     resource integer not null, at_ms bigint not null, value varchar not null, written bigint not null)`,
  // JSON of [key, value] pairs; of points only.
  `alter table resource add column if not exists tags varchar default ''`,
];

const ROLL_UPS = [
  ...['rollup_5m', 'rollup_1h', 'rollup_1d'].map(
    (name) => `create table if not exists ${name} (
      resource integer not null, field utinyint not null, at_ms bigint not null, least double not null, most double not null,
      mean double not null, last double not null, known_ms integer not null, spans integer not null, moved hugeint not null)`,
  ),
  // Octets of gaps, which no bucket holds.
  `create table if not exists rollup_gap (
     resource integer not null, field utinyint not null, from_ms bigint not null, to_ms bigint not null, moved hugeint not null)`,
  `create table if not exists state_run (
     resource integer not null, field utinyint not null, from_ms bigint not null, to_ms bigint not null, value double not null)`,
  // How far each tier reaches and from where on it is kept.
  'create table if not exists rollup_mark (name varchar primary key, at_ms bigint not null)',
  // Readings that came after their buckets were made. '' with a resource for points.
  `create table if not exists rollup_due (
     device varchar not null, resource integer not null, from_ms bigint not null, to_ms bigint not null)`,
];

/** From each version to the next; one that was released is never changed. Files of the first three do not say which they are, so those may be run again. */
const MIGRATIONS: readonly (readonly string[])[] = [READINGS, POINTS, ROLL_UPS];

export const SCHEMA_VERSION = MIGRATIONS.length;

type Connection = Pick<DuckDBConnection, 'run' | 'runAndReadAll'>;

/** Throws store_too_new. */
export async function migrate(connection: Connection, file: string, version: number): Promise<void> {
  const found = await versionOf(connection);
  if (found > version)
    throw new WeirError(
      'store_too_new',
      `The metric store ${file} has tables of version ${found}; this program knows them up to ${version}.`,
      { file, found, known: version },
    );
  if (found === version) return;
  await connection.run('begin transaction');
  try {
    for (const statements of MIGRATIONS.slice(found, version))
      for (const statement of statements) await connection.run(statement);
    await connection.run('create table if not exists schema_version (version integer not null)');
    await connection.run('delete from schema_version');
    await connection.run('insert into schema_version values ($version)', { version });
    await connection.run('commit');
  } catch (error) {
    await connection.run('rollback').catch(() => undefined);
    throw error;
  }
}

/** 0 of a new file, and of one from before versions were written down. */
async function versionOf(connection: Connection): Promise<number> {
  const tables = await connection.runAndReadAll(
    `select 1 from duckdb_tables() where table_name = 'schema_version' and not internal`,
  );
  if (tables.currentRowCount === 0) return 0;
  const versions = await connection.runAndReadAll('select max(version) from schema_version');
  return Number(versions.getRows()[0]?.[0] ?? 0);
}
