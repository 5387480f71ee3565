// A recording of a real device with what LibreNMS found in it: the truth that a poll is compared with.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CORPUS } from './requirements.ts';

export type Row = Readonly<Record<string, unknown>>;

export interface Recording {
  readonly name: string;
  /** What LibreNMS keeps after a poll; of a table that its poll does not touch, after discovery. */
  rows(module: string, table: string): readonly Row[];
  /** The value in the recording itself, NULs and blanks at its ends cut; null where it has no such object. Hex is decoded. */
  recorded(oid: string): string | null;
}

export function recordingsOf(folder: string): Recording[] {
  const place = path.join(CORPUS, folder);
  return readdirSync(place)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => recordingOf(path.join(place, file)));
}

function recordingOf(file: string): Recording {
  // A number that a double cannot hold is read as text.
  const text = readFileSync(file, 'utf8').replaceAll(/: (\d{16,})(?=[,\s])/g, ': "$1"');
  const whole: unknown = JSON.parse(text);
  let objects: Map<string, string> | null = null;
  const part = (of: unknown, name: string): unknown =>
    typeof of === 'object' && of !== null ? Object.entries(of).find(([key]) => key === name)?.[1] : undefined;
  const tableOf = (stage: unknown, table: string): readonly Row[] | null => {
    const rows = part(stage, table);
    return Array.isArray(rows) ? (rows as readonly Row[]) : null;
  };
  return {
    name: path.basename(file, '.json'),
    rows: (module, table) => {
      const found = part(whole, module);
      return tableOf(part(found, 'poller'), table) ?? tableOf(part(found, 'discovery'), table) ?? [];
    },
    recorded: (oid) => {
      objects ??= objectsOf(file.replace(/\.json$/, '.snmprec'));
      return objects.get(oid) ?? null;
    },
  };
}

/** A row an object: `OID|type|value`; a type with `x` has its value in hex. */
function objectsOf(file: string): Map<string, string> {
  const objects = new Map<string, string>();
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    const [oid = '', type = '', ...rest] = line.split('|');
    const value = rest.join('|');
    const octets = type.endsWith('x') ? Buffer.from(value, 'hex').toString('latin1') : value;
    // eslint-disable-next-line no-control-regex -- padding of fixed fields
    if (oid !== '') objects.set(oid, octets.replaceAll(/^[\0\s]+|[\0\s]+$/g, ''));
  }
  return objects;
}
