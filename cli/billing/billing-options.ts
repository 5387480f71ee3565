// Options that the commands of billing share: which configuration, which accounts, periods and spans of time.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { instantOf } from '../../billing-bridge/account/contract.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { Command, CommandContext } from '../command.ts';
import { textOption } from '../options.ts';

export const LEDGER_OPTIONS: Command['options'] = { config: { type: 'string' }, data: { type: 'string' } };

export const LEDGER_HELP = `  --config FILE   the configuration; default DIR/demo.yaml where --data DIR has one, else weir.yaml
  --data DIR      the data folder whose embedded PostgreSQL and tokens are used; default ./data
  --json          one JSON object

The database is WEIR_DATABASE_URL, else database.url of the configuration, else the embedded PostgreSQL on the data folder.`;

const DEFAULT_FILE = 'weir.yaml';
const DEMO_FILE = 'demo.yaml';

/** The configuration file that bills are made by. */
export function configurationFileOf(context: Pick<CommandContext, 'options'>): string {
  const given = context.options['config'];
  if (typeof given === 'string') return given;
  const data = context.options['data'];
  const demo = typeof data === 'string' ? path.join(data, DEMO_FILE) : null;
  return demo !== null && existsSync(demo) ? demo : DEFAULT_FILE;
}

/** A date (midnight UTC) or an instant; null where the option is not given. */
export function instantOption(context: CommandContext, name: string): EpochMs | null {
  const text = textOption(context, name);
  if (text === undefined) return null;
  const at = instantOf(text, 'UTC');
  if (at === null)
    throw new WeirError('misused', `--${name} takes a date such as 2026-11-01 or an instant, not ${text}.`);
  return at;
}

export function refuseArguments(context: CommandContext, command: string): void {
  if (context.positionals.length > 0) throw new WeirError('misused', `weir ${command} takes no argument.`);
}
