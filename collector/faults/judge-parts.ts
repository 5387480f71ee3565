// What a poll says beside counters and status: which judge each table has, in which order, and the end of alarms of parts that are gone.
import type { Table } from '../../common/model/poll.ts';
import { cleanText } from '../../common/model/table-columns.ts';
import { judgeInventory } from './judge-inventory.ts';
import { judgeNeighbours } from './judge-neighbours.ts';
import { judgePeers } from './judge-peers.ts';
import { judgeSensors } from './judge-sensors.ts';
import { endPassing, judgeModules, judgeSystem } from './judge-units.ts';
import { judgeProcessors, judgeSizes } from './judge-usage.ts';
import { endOfGone, isQuiet, judgePart, type PartKey } from './part-level.ts';
import type { Round } from './round.ts';

/** Gives the resources that the table has; nothing where it sees to the end of their alarms itself. */
type Judge = (round: Round, table: Table) => ReadonlySet<string> | void;

/** The device itself before its modules. */
const JUDGES: readonly (readonly [Table['name'], Judge])[] = [
  ['system', judgeSystem],
  ['entity', judgeModules],
  ['sensor', judgeSensors],
  ['processor', judgeProcessors],
  ['memory', judgeSizes],
  ['storage', judgeSizes],
  ['bgp-peer', judgePeers],
  ['neighbour', judgeNeighbours],
  ['interface-inventory', judgeInventory],
];
/** A device that is just starting has empty tables too; only where the last one may truly go, an empty table says so. */
const EMPTY_COUNTS: ReadonlySet<Table['name']> = new Set(['bgp-peer', 'neighbour']);

export function judgeParts(round: Round): void {
  const { memory, poll } = round;
  endPassing(round);
  judgeWhole(round);
  // Most polls have counters and status alone.
  if (poll.tables.length < 2 && poll.tables[0]?.name === 'interface') return;
  for (const [name, judge] of JUDGES) {
    const table = poll.tables.find((one) => one.name === name);
    if (table === undefined) continue;
    if (table.index.length === 0 && !(table.complete && EMPTY_COUNTS.has(name))) continue;
    const present = judge(round, table);
    if (table.complete && present !== undefined) endOfGone(round, `${memory.device}/${name}:`, present);
  }
}

/** Whether the poll has all that it should have. */
function judgeWhole(round: Round): void {
  const { memory, poll, rules } = round;
  const partial = poll.outcome === 'partial';
  const interfaces = poll.tables.find(({ name }) => name === 'interface')?.index.length ?? 0;
  const lost = interfaces === 0 && memory.interfaces.size > 0;
  if (!partial && !lost && isQuiet(round)) return;
  const { device } = memory;
  judgePart(round, { resource: device, alarmType: 'poll-partial', qualifier: '' }, rules.pollPartial, {
    severity: partial ? rules.pollPartial.severity : null,
    text: partial
      ? `Polls of ${device} are cut short, ${rules.pollPartial.raiseAfterPolls} in a row (${cleanText(poll.failure ?? 'unknown')}).`
      : `Polls of ${device} are whole again.`,
    threshold: null,
  });
  const key: PartKey = { resource: device, alarmType: 'no-data', qualifier: 'interface' };
  judgePart(round, key, rules.noData, {
    // Of a poll that was cut short it is not known what is missing.
    severity: !lost ? null : partial ? undefined : rules.noData.severity,
    text: lost
      ? `${device} answers, but tells nothing of its interfaces any more: what they are like is not known.`
      : `${device} tells of its interfaces again.`,
    threshold: null,
  });
}
