// The parts of devices in fault scenarios: rows of any table of a poll beside interfaces, as words say them.
//
//   at 5s core1 sensor:12 class=temperature description="Inlet 1" value=45 highLimit=80     columns by name; what is said before stays
//   at 5s core1 sensor:12 gone                                                              the table no longer has the row
//   at 5s core1 sensor cut                                                                  the next poll has the table incomplete
import type { Column, Table } from '../../common/model/poll.ts';
import { tableAt, type PollWords } from './poll-builder.ts';

const TABLES: readonly Table['name'][] = [
  'interface-inventory',
  'system',
  'processor',
  'memory',
  'sensor',
  'neighbour',
  'entity',
  'storage',
  'bgp-peer',
];

const NUMBERS: ReadonlySet<string> = new Set(
  'value lowLimit lowWarning highWarning highLimit usagePercent totalBytes usedBytes usedPercent ifType ifMtu ifSpeedBps ifDuplex'.split(
    ' ',
  ),
);

export interface Parts {
  readonly tables: Map<Table['name'], Map<string, Map<string, string>>>;
  readonly cut: Set<Table['name']>;
}

export function newParts(): Parts {
  return { tables: new Map(), cut: new Set() };
}

/** False where the words are of no part. */
export function changePart(parts: Parts, words: readonly string[]): boolean {
  const [what = '', ...rest] = words;
  const name = TABLES.find((one) => what === one || what.startsWith(`${one}:`));
  if (name === undefined) return false;
  const index = what.slice(name.length + 1);
  if (index === '') {
    if (rest[0] !== 'cut') throw new Error(`${what} cannot be ${rest.join(' ')}`);
    parts.cut.add(name);
    return true;
  }
  const rows = parts.tables.get(name) ?? new Map<string, Map<string, string>>();
  parts.tables.set(name, rows);
  if (rest[0] === 'gone') return rows.delete(index);
  const row = rows.get(index) ?? new Map<string, string>();
  rows.set(index, row);
  for (const [, column = '', quoted, plain = ''] of rest.join(' ').matchAll(/(\w+)=(?:"([^"]*)"|(\S+))/g))
    row.set(column, quoted ?? plain);
  return true;
}

/** The tables of the next poll. */
export function tablesOf(parts: Parts, words: Pick<PollWords, 'atMs' | 'uptimeTicks' | 'monotonicMs'>): Table[] {
  const tables = [...parts.tables].map(([name, rows]) => {
    const names = [...new Set([...rows.values()].flatMap((row) => [...row.keys()]))];
    const columns = names.map((column): Column => {
      const texts = [...rows.values()].map((row) => row.get(column) ?? null);
      if (!NUMBERS.has(column)) return { kind: 'text', name: column, values: texts };
      return { kind: 'number', name: column, values: Float64Array.from(texts, (text) => Number(text ?? Number.NaN)) };
    });
    return tableAt({ ...words, complete: !parts.cut.has(name) }, name, [...rows.keys()], columns);
  });
  parts.cut.clear();
  return tables;
}
