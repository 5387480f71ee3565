// What a poll says of interfaces beside counters and status: whether an Ethernet port has come up with half duplex.
import type { Table } from '../../common/model/poll.ts';
import { cleanKey, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import { isQuiet, judgePart, type PartKey } from './part-level.ts';
import { isUp } from './port-use.ts';
import type { Round } from './round.ts';

/** dot3StatsDuplexStatus (RFC 3635). */
const HALF = 2;
const FULL = 3;

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
