// Which database a command works on: the environment's, the configuration's, or the embedded one that runs on the data folder.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { embeddedUrlOf } from '../common/database/embedded/embedded-url.ts';
import { parseConfiguration, readConfigurationFile } from '../common/runtime/configuration.ts';
import { WeirError } from '../common/runtime/errors.ts';
import { resolveSecret } from '../common/runtime/secrets.ts';
import type { CommandContext } from './command.ts';

const DEFAULT_FILE = 'weir.yaml';
const DEFAULT_DATA = 'data';

/** Only this key: a mistake elsewhere in the file is `weir check`'s to tell and no reason to refuse. */
const databaseKey = z.looseObject({ database: z.looseObject({ url: z.string().min(1).optional() }).prefault({}) });

/** WEIR_DATABASE_URL, else database.url of --config (weir.yaml where that exists), else the embedded PostgreSQL that runs on --data (./data). Throws database_unknown. */
export function databaseUrlFor(context: Pick<CommandContext, 'options' | 'environment'>): string {
  const { options, environment } = context;
  const given = environment['WEIR_DATABASE_URL'];
  if (given !== undefined && given !== '') return given;
  const configured = configuredUrl(options['config']);
  if (configured !== undefined) return resolveSecret(configured, environment);
  const dataFolder = path.resolve(typeof options['data'] === 'string' ? options['data'] : DEFAULT_DATA);
  const embedded = embeddedUrlOf(dataFolder);
  if (embedded !== null) return embedded;
  throw new WeirError('database_unknown', `No database.url is set, and no PostgreSQL runs on ${dataFolder}.`, {
    dataFolder,
  });
}

function configuredUrl(config: CommandContext['options'][string]): string | undefined {
  const file = typeof config === 'string' ? config : DEFAULT_FILE;
  if (typeof config !== 'string' && !existsSync(file)) return undefined;
  return parseConfiguration(readConfigurationFile(file), file, databaseKey).database.url;
}
