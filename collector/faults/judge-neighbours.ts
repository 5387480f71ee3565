// Neighbours (LLDP, CDP) of a poll: a device of ours that has been next to this one for a time is missed when it is gone.
import { neighbourKey } from '../../common/model/neighbour-key.ts';
import type { Table } from '../../common/model/poll.ts';
import { cleanText, textsOf } from '../../common/model/table-columns.ts';
import { count, end, forgetStreak, heldOf, isQuiet, type PartKey } from './part-level.ts';
import { MAX_REMEMBERED, type NeighbourMemory } from './parts-memory.ts';
import { isUp } from './port-use.ts';
import { OFF, type Round } from './round.ts';

export function judgeNeighbours(round: Round, table: Table): void {
  const { memory, atMs, around } = round;
  const { neighbours } = memory.parts;
  const column = (name: string): ((row: number) => string) => {
    const values = textsOf(table, name);
    return (row) => cleanText(values?.[row] ?? '').trim();
  };
  const [localOf, protocolOf] = [column('localInterface'), column('protocol')];
  const [deviceOf, portOf] = [column('remoteDevice'), column('remotePort')];
  const present = new Set<string>();
  for (const row of table.index.keys()) {
    const [port, remoteDevice] = [localOf(row), deviceOf(row)];
    const key = neighbourKey({
      localInterface: port,
      protocol: protocolOf(row),
      remoteDevice,
      remotePort: portOf(row),
    });
    present.add(key);
    if (neighbours.has(key)) {
      if (!isQuiet(round)) end(round, keyOf(round, key), `${remoteDevice} is a neighbour of ${memory.device} again.`);
    } else if (around.isManaged(remoteDevice) && neighbours.size < MAX_REMEMBERED) {
      neighbours.set(key, { sinceMs: atMs, port, remoteDevice });
      memory.dirty = true;
    }
  }
  if (!table.complete) return;
  for (const [key, neighbour] of neighbours) if (!present.has(key)) judgeMissing(round, key, neighbour, present);
}

function judgeMissing(round: Round, key: string, gone: NeighbourMemory, present: ReadonlySet<string>): void {
  const { memory, rules, atMs, say, around } = round;
  const rule = rules.neighbourLost;
  const alarm = keyOf(round, key);
  const name = `The neighbour ${gone.remoteDevice} of ${memory.device}${gone.port === '' ? '' : ` on ${gone.port}`}`;
  const forget = (text: string): void => {
    memory.parts.neighbours.delete(key);
    memory.dirty = true;
    end(round, alarm, text);
  };
  if (!rule.enabled) return forget(OFF);
  if (heldOf(round, alarm) !== undefined) {
    if (isReplaced(round, gone, present)) forget(`Another device has taken the place of ${gone.remoteDevice}.`);
    return;
  }
  // That the interface is down says it already; whether the neighbour is there is known when it is up again.
  if (gone.port !== '' && isUp(round, gone.port) === false) return forgetStreak(round, nameOf(alarm));
  if (!around.isManaged(gone.remoteDevice) || atMs - gone.sinceMs < rule.settleMs) return forget('');
  if (count(round, nameOf(alarm), 'raise') < rule.raiseAfterPolls) return;
  forgetStreak(round, nameOf(alarm));
  const text = `${name} is gone, though the interface is not down.`;
  say({ active: true, ...alarm, severity: rule.severity, text, threshold: null, atMs });
}

/** Another device of ours is on the same interface, and has been for a time: it was wired anew by intent. */
function isReplaced({ memory, rules, atMs }: Round, gone: NeighbourMemory, present: ReadonlySet<string>): boolean {
  if (gone.port === '') return false;
  for (const key of present) {
    const other = memory.parts.neighbours.get(key);
    if (other !== undefined && other.port === gone.port && atMs - other.sinceMs >= rules.neighbourLost.settleMs)
      return true;
  }
  return false;
}

function keyOf({ memory }: Round, key: string): PartKey {
  return { resource: `${memory.device}/neighbour:${key}`, alarmType: 'neighbour-lost', qualifier: '' };
}

function nameOf(alarm: PartKey): string {
  return `lost ${alarm.resource}`;
}
