// Which interface an optic belongs to, and whether that is in use: light that is missing on a port that nobody uses is no fault.
import type { Table } from '../../common/model/poll.ts';
import { cleanKey, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import type { Round } from './round.ts';
import { isWanted } from './wanted.ts';

const UP = 1;

/** Rows of the interface table of the poll that is being judged. */
const rowsOfTable = new WeakMap<Table, ReadonlyMap<string, number>>();

/** True where the description names an interface of the poll that is shut, or down without having been up before or being wanted up. */
export function isUnused(round: Round, description: string): boolean {
  const { memory, poll } = round;
  const table = poll.tables.find((one) => one.name === 'interface');
  if (table === undefined) return false;
  const rows = rowsOf(table);
  for (const word of description.split(/[\s,;()[\]]+/u)) {
    const row = rows.get(word) ?? rows.get(word.replace(/:$/u, ''));
    if (row === undefined) continue;
    const admin = numbersOf(table, 'ifAdminStatus')?.[row];
    const oper = numbersOf(table, 'ifOperStatus')?.[row];
    const key = cleanKey(textsOf(table, 'interfaceKey')?.[row] ?? '');
    const found = memory.interfaces.get(key);
    if (admin !== undefined && admin > UP) return true;
    return oper !== UP && (found === undefined || !found.seenUp || !isWanted(round, found));
  }
  return false;
}

/** ifOperStatus of an interface in this poll; null where it does not say. */
export function isUp({ poll }: Pick<Round, 'poll'>, key: string): boolean | null {
  const table = poll.tables.find((one) => one.name === 'interface');
  const row = table === undefined ? undefined : rowsOf(table).get(key);
  const oper = table === undefined || row === undefined ? undefined : numbersOf(table, 'ifOperStatus')?.[row];
  return oper === undefined || Number.isNaN(oper) ? null : oper === UP;
}

function rowsOf(table: Table): ReadonlyMap<string, number> {
  const held = rowsOfTable.get(table);
  if (held !== undefined) return held;
  const made = new Map<string, number>();
  for (const [row, key] of (textsOf(table, 'interfaceKey') ?? []).entries()) if (key !== null) made.set(key, row);
  rowsOfTable.set(table, made);
  return made;
}
