// Reads a table of devices whose columns are keys of the configuration. Whoever writes such a table is told of every mistake in it.
import { parseAddress } from '../../agent/snmp/address.ts';
import { deviceSchema } from '../../common/runtime/device-configuration.ts';
import { messageOf } from '../../common/runtime/errors.ts';
import { FoundSets } from './found-sets.ts';
import { type Imported, type ImportedDevice, type ImportIssue, type ImportOptions, unreadable } from './imported.ts';
import type { TextRecord } from './records.ts';
import { readTable, type TextRow } from './table-text.ts';

const KEYS = ['name', 'address', 'credential', 'agent', 'site', 'interval_ms', 'parents'];
/** The community or user where there is no set yet, as LibreNMS calls them. */
const SECRETS = ['version', 'community', 'authlevel', 'authname', 'authpass', 'authalgo', 'cryptopass', 'cryptoalgo'];

/** Throws import_unreadable with all mistakes by line. Columns of other names are noted and left out. */
export function csvDevices(text: string, file: string, options: ImportOptions): Imported {
  const { header, rows } = readTable(text, file);
  const names = header.map((name) => name.toLowerCase().replaceAll(/[\s-]+/g, '_'));
  const missing = ['name', 'address'].filter((name) => !names.includes(name));
  if (missing.length > 0) {
    throw unreadable(file, [{ line: 1, message: `the header has no column ${missing.join(' and no column ')}` }]);
  }
  const found = new FoundSets('csv');
  const issues: ImportIssue[] = [];
  const devices = rows.flatMap((row): ImportedDevice[] => {
    const record = recordOf(names, row);
    const credential = options.credential ?? record.get('credential') ?? setOf(record, found);
    const agent = options.agent ?? record.get('agent');
    const parents = record
      .get('parents')
      ?.split(/[\s|]+/)
      .filter((name) => name !== '');
    const interval = record.get('interval_ms');
    const parsed = deviceSchema.safeParse({
      name: record.get('name'),
      address: record.get('address'),
      credential: typeof credential === 'string' ? credential : 'none',
      ...(agent === undefined ? {} : { agent }),
      ...(record.has('site') ? { site: record.get('site') } : {}),
      ...(interval === undefined ? {} : { interval_ms: Number(interval) }),
      ...(parents === undefined ? {} : { parents }),
    });
    if (typeof credential !== 'string') issues.push({ line: row.line, message: credential.reason });
    if (!parsed.success) {
      issues.push(...parsed.error.issues.map((issue) => told(row.line, issue.path, issue.message)));
      return [];
    }
    const { name, address, credential: set, site, interval_ms, agent: polls, parents: through } = parsed.data;
    const problem = addressProblem(address);
    if (problem !== null) issues.push({ line: row.line, message: problem });
    const keys = {
      name,
      address,
      credential: set,
      ...(polls === undefined ? {} : { agent: polls }),
      ...(site === undefined ? {} : { site }),
      ...(interval_ms === undefined ? {} : { interval_ms }),
      ...(through === undefined ? {} : { parents: through }),
    };
    return [{ place: `line ${row.line}`, keys }];
  });
  if (issues.length > 0) throw unreadable(file, issues);
  const unused = header.filter((_, at) => ![...KEYS, ...SECRETS].includes(names[at] ?? ''));
  const notes = unused.length === 0 ? [] : [`columns that are not used: ${unused.join(', ')}`];
  return { devices, skipped: [], sets: found.sets, named: true, notes };
}

function recordOf(names: readonly string[], row: TextRow): TextRecord {
  return new Map(
    names.flatMap((name, at): [string, string][] => {
      const cell = row.cells[at] ?? '';
      return cell === '' ? [] : [[name, cell]];
    }),
  );
}

function setOf(record: TextRecord, found: FoundSets): string | { readonly reason: string } {
  const set = found.nameFor(record);
  return 'name' in set ? set.name : set;
}

function told(line: number, path: readonly PropertyKey[], message: string): ImportIssue {
  return { line, message: `${path.join('.')}: ${message.replace(/^Invalid input: /, '')}` };
}

function addressProblem(address: string): string | null {
  try {
    parseAddress(address);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}
