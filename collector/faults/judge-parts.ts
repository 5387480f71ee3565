// What a poll says beside interfaces: which judge each table has, and the end of alarms of parts that are gone.
import type { Table } from '../../common/model/poll.ts';
import { judgeSensors } from './judge-sensors.ts';
import { judgeProcessors, judgeSizes } from './judge-usage.ts';
import { endOfGone } from './part-level.ts';
import type { Round } from './round.ts';

/** Gives the resources that the table has. */
type Judge = (round: Round, table: Table) => ReadonlySet<string>;

const JUDGES: Readonly<Partial<Record<Table['name'], Judge>>> = {
  sensor: judgeSensors,
  processor: judgeProcessors,
  memory: judgeSizes,
  storage: judgeSizes,
};

/** A device that is just starting has empty tables too: such a table makes nothing gone. */
export function judgeParts(round: Round): void {
  for (const table of round.poll.tables) {
    const judge = JUDGES[table.name];
    if (judge === undefined || table.index.length === 0) continue;
    const present = judge(round, table);
    if (table.complete) endOfGone(round, `${round.memory.device}/${table.name}:`, present);
  }
}
