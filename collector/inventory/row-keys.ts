// Which interface each row of a poll's table is about: its identity key, fit for a database, never one key for two rows.
import { interfaceKeys, toldApart } from '../../common/model/interface-identity.ts';
import type { Poll, Table } from '../../common/model/poll.ts';
import { cleanKey, textsOf } from '../../common/model/table-columns.ts';

/**
 * The key of each row of a table of interfaces: what its agent called it, else what the names of the same poll say. '' where nothing
 * says it: names of another poll are no proof, since an ifIndex may have moved to another interface in between.
 */
export function keysOf(poll: Poll, table: Table): readonly string[] {
  const own = textsOf(table, 'interfaceKey');
  let named: ReadonlyMap<string, string> | null = null;
  const keys = table.index.map((ifIndex, row) => {
    const key = own?.[row] ?? '';
    if (key !== '') return keyText(key, ifIndex);
    named ??= namesIn(poll);
    return keyText(named.get(ifIndex) ?? '', ifIndex);
  });
  return toldApart(keys, table.index);
}

/** A name of nothing but characters that a database cannot hold is still somebody's. */
function keyText(key: string, ifIndex: string): string {
  const text = cleanKey(key).trim();
  return text === '' && key !== '' ? `if#${cleanKey(ifIndex)}` : text;
}

/** Only a complete table of names tells whether a name is unique. */
function namesIn(poll: Poll): ReadonlyMap<string, string> {
  const table = poll.tables.find((one) => one.name === 'interface-inventory' && one.complete);
  if (table === undefined) return new Map();
  const keys = textsOf(table, 'interfaceKey');
  if (keys !== undefined) return new Map(table.index.map((ifIndex, row) => [ifIndex, keys[row] ?? '']));
  const names = textsOf(table, 'ifName');
  const descriptions = textsOf(table, 'ifDescr');
  const rows = table.index.map((ifIndex, row) => ({
    ifIndex,
    ifName: names?.[row] ?? null,
    ifDescr: descriptions?.[row] ?? null,
  }));
  return interfaceKeys(rows);
}
