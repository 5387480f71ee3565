// `weir import`: devices of a table, of LibreNMS or of NetBox as a configuration, or merged into one. Secrets never come out in clear.
import { readFileSync } from 'node:fs';
import { parseConfiguration, readConfigurationFile } from '../../common/runtime/configuration.ts';
import { nameSchema } from '../../common/runtime/device-configuration.ts';
import { messageOf, WeirError } from '../../common/runtime/errors.ts';
import type { Command, CommandContext } from '../command.ts';
import { wholeSchema } from '../configuration.ts';
import { mergedConfiguration, ownConfiguration } from '../import/configuration-text.ts';
import { csvDevices } from '../import/csv-devices.ts';
import { librenmsDevices, netboxDevices } from '../import/foreign-devices.ts';
import { type Imported, type ImportOptions, type Source, SOURCES } from '../import/imported.ts';
import { planImport } from '../import/plan.ts';
import { replaceFile } from '../import/replaced-file.ts';
import { importDocument, importLines } from '../import/report.ts';
import { textOption } from '../options.ts';

export const importCommand: Command = {
  name: 'import',
  summary: 'take devices over from a table, LibreNMS or NetBox',
  help: `usage: weir import FILE|- --from csv|librenms|netbox [OPTIONS]

  --from csv         a table whose header names keys: name, address, credential, site, interval_ms, agent, parents (with
                     blanks between); comma, semicolon or tab. Without a credential: version, community, or the fields
                     of version 3 as LibreNMS calls them
  --from librenms    JSON of GET /api/v0/devices, or a table of its columns
  --from netbox      JSON of GET /api/dcim/devices/, or the CSV export; devices that are active and have a primary IP
  --credential SET   the credential set of every device, whatever the export says; needed for NetBox
  --agent NAME       the agent that polls them
  --into FILE        merges into this configuration; else a configuration is printed
  --dry-run          prints what would change, and changes nothing
  --json             one JSON object

Devices that are configured stay as they are, and differences are told. A secret in the export becomes a reference to the
environment, and the variables to set are told; it is printed and written nowhere.`,
  options: {
    from: { type: 'string' },
    credential: { type: 'string' },
    agent: { type: 'string' },
    into: { type: 'string' },
    'dry-run': { type: 'boolean' },
  },
  run,
};

const READERS: Readonly<Record<Source, (text: string, file: string, options: ImportOptions) => Imported>> = {
  csv: csvDevices,
  librenms: librenmsDevices,
  netbox: netboxDevices,
};
const MOST_BYTES = 64 * 1024 * 1024;
const STANDARD_INPUT = 0;

function run(context: CommandContext): Promise<0 | 1> {
  const [file, ...rest] = context.positionals;
  if (file === undefined || rest.length > 0)
    throw new WeirError('misused', 'Expected one FILE, or - for standard input.');
  const source = SOURCES.find((one) => one === textOption(context, 'from'));
  if (source === undefined) throw new WeirError('misused', `--from takes ${SOURCES.join(', ')}.`);
  const options = { credential: nameOption(context, 'credential'), agent: nameOption(context, 'agent') };
  const into = textOption(context, 'into');
  const dryRun = context.options['dry-run'] === true;
  const before = into === undefined ? null : readConfigurationFile(into);
  const existing = into === undefined || before === null ? null : parseConfiguration(before, into, wholeSchema);
  const imported = READERS[source](textOf(file), file, options);
  const plan = planImport(imported, existing, context.environment);
  if (into === undefined || before === null) {
    const yaml = ownConfiguration(plan, source);
    if (context.json) context.print(JSON.stringify(importDocument(plan, false, yaml), null, 2));
    else if (dryRun) for (const line of importLines(plan, 'nothing was written')) context.print(line);
    else context.print(yaml.trimEnd());
    return Promise.resolve(0);
  }
  const changes = plan.added.length > 0;
  const after = changes ? mergedConfiguration(before, into, plan) : before;
  // Never a configuration that weir check refuses.
  parseConfiguration(after, into, wholeSchema);
  if (changes && !dryRun) replaceFile(into, before, after);
  const written = changes && !dryRun;
  const outcome = written ? `${into} was written` : dryRun ? 'nothing was written (--dry-run)' : 'nothing to write';
  if (context.json) context.print(JSON.stringify(importDocument(plan, written, null), null, 2));
  else for (const line of importLines(plan, outcome)) context.print(line);
  return Promise.resolve(0);
}

function nameOption(context: CommandContext, option: string): string | null {
  const text = textOption(context, option);
  if (text === undefined) return null;
  if (nameSchema.safeParse(text).success) return text;
  throw new WeirError('misused', `--${option} takes a name of letters, digits, ".", "_" or "-", not ${text}.`);
}

function textOf(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === '-' ? STANDARD_INPUT : file);
  } catch (cause) {
    throw new WeirError('import_unreadable', `Cannot read ${file}: ${messageOf(cause)}.`, { file }, cause);
  }
  if (bytes.length <= MOST_BYTES) return decoded(bytes);
  throw new WeirError('import_unreadable', `${file} is larger than ${MOST_BYTES} bytes.`, { file });
}

/** As spreadsheets save: UTF-8, UTF-16 with its mark, or else Latin-1. */
function decoded(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString('utf16le');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}
