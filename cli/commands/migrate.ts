// `weir migrate`: brings the database to this version, without starting anything.
import { openDatabase } from '../../common/database/pool.ts';
import { migrate } from '../../common/database/migrate.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { billingBridgeMigrations } from '../../billing-bridge/main.ts';
import { collectorMigrations } from '../../collector/main.ts';
import type { Command } from '../command.ts';
import { databaseUrlFor } from '../database-url.ts';

export const migrateCommand: Command = {
  name: 'migrate',
  summary: 'bring the database to this version',
  help: 'usage: weir migrate [--config FILE] [--data DIR]\n\nApplies the migrations that are missing. The database is WEIR_DATABASE_URL, else database.url of the configuration,\nelse the embedded PostgreSQL that runs on the data folder. Running it again changes nothing.',
  options: { config: { type: 'string' }, data: { type: 'string' } },
  run: async (context) => {
    if (context.positionals.length > 0) throw new WeirError('misused', 'weir migrate takes no argument.');
    const reporter = createReporter({ component: 'migrate', level: 'error' });
    const database = openDatabase(reporter, {
      url: databaseUrlFor(context),
      maxConnections: 1,
      applicationName: 'weir-migrate',
    });
    try {
      // What both need, such as leases and tokens, is the same object in both lists and stands once.
      const migrations = new Set([...collectorMigrations, ...billingBridgeMigrations]);
      const applied = await migrate(database, [...migrations]);
      if (context.json) context.print(JSON.stringify({ applied }));
      else context.print(applied.length === 0 ? 'the database is up to date' : `applied ${applied.join(', ')}`);
    } finally {
      await database.close();
    }
    return 0;
  },
};
