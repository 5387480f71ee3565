// What a poll says of interfaces beside counters and status: whether somebody has described them, and whether one runs with half duplex.
import type { Table } from '../../common/model/poll.ts';
import { cleanKey, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import { interfaceMemory, remember } from './device-memory.ts';
import { isQuiet, judgePart, type PartKey } from './part-level.ts';
import { isUp } from './port-use.ts';
import type { Round } from './round.ts';
import { fitsOne } from './rule-fields.ts';

/** dot3StatsDuplexStatus (RFC 3635). */
const HALF = 2;
const FULL = 3;

/** Before the status is judged: which interfaces have an alias that says they are wanted up. */
export function learnAliases({ memory, rules }: Round, table: Table): void {
  const keys = textsOf(table, 'interfaceKey');
  const aliases = textsOf(table, 'ifAlias');
  for (const row of table.index.keys()) {
    const key = cleanKey(keys?.[row] ?? '');
    const found = key === '' ? null : interfaceMemory(memory, key);
    if (found === null) continue;
    remember(memory, found, { described: fitsOne(rules.interfaceDown.wanted.aliases, aliases?.[row] ?? '') });
  }
}

export function judgeInventory(round: Round, table: Table): void {
  const { memory, rules } = round;
  const keys = textsOf(table, 'interfaceKey');
  const duplex = numbersOf(table, 'ifDuplex');
  if (duplex === undefined) return;
  for (const row of table.index.keys()) {
    const key = cleanKey(keys?.[row] ?? '');
    const seen = duplex[row];
    if (key === '' || (seen !== HALF && isQuiet(round))) continue;
    const name = `${key} of ${memory.device}`;
    const alarm: PartKey = { resource: `${memory.device}/${key}`, alarmType: 'half-duplex', qualifier: '' };
    // A port that is down calls itself half duplex too.
    const half = seen === HALF && isUp(round, key) === true;
    judgePart(round, alarm, rules.halfDuplex, {
      severity: half ? rules.halfDuplex.severity : seen === FULL ? null : undefined,
      text: half ? `${name} runs with half duplex.` : `${name} runs with full duplex.`,
      threshold: null,
    });
  }
}
