// `weir restore`: puts a backup into an empty database, whole or not at all.
import { checkBackup, migrationsOf, restoreBackup } from '../../billing-bridge/backup/restore.ts';
import { migrate } from '../../common/database/migrate.ts';
import type { OpenDatabase } from '../../common/database/pool.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { readBackupFile } from '../billing/backup-file.ts';
import { LEDGER_HELP, LEDGER_OPTIONS } from '../billing/billing-options.ts';
import { BOOK_MIGRATIONS, withBooks } from '../billing/open-books.ts';
import type { Command } from '../command.ts';

export const restoreCommand: Command = {
  name: 'restore',
  summary: 'put a backup into an empty database',
  help: `usage: weir restore FILE [OPTIONS]

${LEDGER_HELP}

The file is read twice: first its hash is held against every line, then everything is written in one transaction. A database that has
contracts, usage, charges or readings is refused. A backup of an older version goes into a database without tables and is then brought to
this version; one of a newer version is refused. Afterwards weir audit and weir reconcile prove that nothing is missing.`,
  options: LEDGER_OPTIONS,
  run: async (context) => {
    const [file, ...rest] = context.positionals;
    if (file === undefined || rest.length > 0) throw new WeirError('misused', 'weir restore takes one FILE.');
    const checked = await checkBackup(readBackupFile(file));
    const older = migrationsOf(checked.header, BOOK_MIGRATIONS);
    const work = async (database: OpenDatabase): Promise<0> => {
      const rows = await restoreBackup(database, checked.header, readBackupFile(file), (count) =>
        context.progress(`${count} …`),
      );
      const migrated = await migrate(database, BOOK_MIGRATIONS);
      if (migrated.length > 0) context.progress(`brought to this version: ${migrated.join(', ')}`);
      context.print(
        context.json
          ? JSON.stringify({ file, tables: checked.tables, rows, sha256: checked.sha256, at: checked.header.at })
          : `${rows} rows of ${checked.tables} tables restored, as of ${checked.header.at}`,
      );
      return 0;
    };
    return withBooks<0>(context, 'restore', work, older);
  },
};
