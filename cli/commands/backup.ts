// `weir backup`: the books as one file, as of one instant.
import { writeBackup } from '../../billing-bridge/backup/backup.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { LEDGER_HELP, LEDGER_OPTIONS, refuseArguments } from '../billing/billing-options.ts';
import { writeBackupFile } from '../billing/backup-file.ts';
import { withBooks } from '../billing/open-books.ts';
import type { Command } from '../command.ts';
import { textOption } from '../options.ts';

export const backupCommand: Command = {
  name: 'backup',
  summary: 'write contracts, readings, usage, charges and bills to one file',
  help: `usage: weir backup --out FILE [OPTIONS]

  --out FILE      gzip of JSON lines; there only when it is whole
${LEDGER_HELP}

As of one instant, while everything works on. Its hash is in its last line; weir restore holds it against every line.`,
  options: { ...LEDGER_OPTIONS, out: { type: 'string' } },
  run: async (context) => {
    refuseArguments(context, 'backup');
    const file = textOption(context, 'out');
    if (file === undefined) throw new WeirError('misused', 'weir backup takes --out FILE.');
    return withBooks<0>(context, 'backup', async (database, clock) => {
      let lines = 0;
      const { tables, rows, sha256 } = await writeBackupFile(file, (write) =>
        writeBackup(database, clock.now(), async (line) => {
          await write(line);
          lines += 1;
          if (lines % 100_000 === 0) context.progress(`${lines} …`);
        }),
      );
      context.print(
        context.json
          ? JSON.stringify({ file, tables, rows, sha256 })
          : `${rows} rows of ${tables} tables written to ${file}\nsha256 ${sha256}`,
      );
      return 0;
    });
  },
};
