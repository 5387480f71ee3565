// The database of the books alone, brought to this version: for commands that move it as a whole.
import { billingBridgeMigrations } from '../../billing-bridge/main.ts';
import { collectorMigrations } from '../../collector/main.ts';
import type { Migration } from '../../common/database/database.ts';
import { migrate } from '../../common/database/migrate.ts';
import { type OpenDatabase, openDatabase } from '../../common/database/pool.ts';
import { type Clock, SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { resolveSecret } from '../../common/runtime/secrets.ts';
import type { CommandContext } from '../command.ts';
import { databaseUrlFor } from '../database-url.ts';
import { configurationFileOf } from './billing-options.ts';

/** What both apps need is the same object in both lists and stands once. */
export const BOOK_MIGRATIONS: readonly Migration[] = [...new Set([...collectorMigrations, ...billingBridgeMigrations])];

/** `migrations`: instead of all, where the tables are first to be those of an older version. */
export async function withBooks<T>(
  context: CommandContext,
  command: string,
  work: (database: OpenDatabase, clock: Clock) => Promise<T>,
  migrations: readonly Migration[] = BOOK_MIGRATIONS,
): Promise<T> {
  const reporter = createReporter({ component: command, level: 'error' });
  const config = configurationFileOf(context);
  const url = databaseUrlFor({ options: { ...context.options, config }, environment: context.environment });
  const database = openDatabase(reporter, {
    url: resolveSecret(url, context.environment),
    maxConnections: 2,
    applicationName: `weir-${command}`,
  });
  try {
    await migrate(database, migrations);
    return await work(database, new SystemClock());
  } finally {
    await database.close();
  }
}
