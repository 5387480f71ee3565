// BGP peers of a poll: one that has been established, and that nobody stopped, is missed when it is not.
import type { Table } from '../../common/model/poll.ts';
import { cleanKey, cleanText, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import { isQuiet, judgePart, missing, type PartKey, type PartState } from './part-level.ts';
import { MAX_REMEMBERED } from './parts-memory.ts';
import type { Round } from './round.ts';

const ESTABLISHED = 'established';

/** Gives the resources of the table. */
export function judgePeers(round: Round, table: Table): ReadonlySet<string> {
  const { memory } = round;
  const { established } = memory.parts;
  const [states, admins] = [textsOf(table, 'state'), textsOf(table, 'adminStatus')];
  const systems = numbersOf(table, 'remoteAs');
  const present = new Set<string>();
  for (const [row, index] of table.index.entries()) {
    const peer = cleanKey(index);
    const resource = `${memory.device}/bgp-peer:${peer}`;
    present.add(resource);
    const state = states?.[row]?.toLowerCase() ?? null;
    const known = established.has(peer);
    if (state === ESTABLISHED && !known && established.size < MAX_REMEMBERED) {
      established.add(peer);
      memory.dirty = true;
    }
    if (state === null || (isQuiet(round) && (state === ESTABLISHED || !known))) continue;
    const system = systems?.[row] ?? Number.NaN;
    const name = `The BGP peer ${peer}${Number.isNaN(system) ? '' : ` (AS${system})`} of ${memory.device}`;
    const key: PartKey = { resource, alarmType: 'bgp-peer-down', qualifier: '' };
    judgePart(round, key, round.rules.bgpPeerDown, stateOf(round, name, state, admins?.[row] === 'stop', known));
  }
  // Removed from the configuration of the device, so that it will not be missed when it is made anew.
  if (table.complete) {
    for (const peer of established)
      if (missing(round, `${memory.device}/bgp-peer:${peer}`, present)) {
        established.delete(peer);
        memory.dirty = true;
      }
  }
  return present;
}

function stateOf(round: Round, name: string, state: string, stopped: boolean, known: boolean): PartState {
  const threshold = null;
  if (state === ESTABLISHED) return { severity: null, text: `${name} is established again.`, threshold };
  if (stopped) return { severity: null, text: `${name} was stopped by intent.`, threshold };
  if (!known) return { severity: undefined, text: '', threshold };
  const text = `${name} is ${cleanText(state, 40)}, though it has been established.`;
  return { severity: round.rules.bgpPeerDown.severity, text, threshold };
}
