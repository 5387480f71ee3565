// BGP peers of a poll: one that has been established, and that nobody stopped, is missed when it is not.
import { cleanKey, cleanText, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import { isQuiet, judgePart, missing, type PartKey, type PartState } from './part-level.ts';
import { observedAt, segmentOf, type Table } from '../../common/model/poll.ts';
import { MAX_REMEMBERED } from './parts-memory.ts';
import { isActive, type Round } from './round.ts';
import type { StatusRound } from './judge-status.ts';
import type { TrapRule } from './trap-rules.ts';

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
    if (state === null || !isLater(round, table, row, peer)) continue;
    if (isQuiet(round) && (state === ESTABLISHED || !known)) continue;
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
        memory.parts.toldPeers.delete(peer);
        memory.dirty = true;
      }
  }
  return present;
}

/** A table that was under way when the device told of the peer by itself knows less than the notification. */
function isLater(round: Round, table: Table, row: number, peer: string): boolean {
  const { memory } = round;
  const { toldPeers } = memory.parts;
  const toldAtMs = toldPeers.size === 0 ? undefined : toldPeers.get(peer);
  if (toldAtMs === undefined) return true;
  if (observedAt(segmentOf(table, row), round.clockOffsetMs) < toldAtMs) return false;
  toldPeers.delete(peer);
  memory.dirty = true;
  return true;
}

/** What a notification says of a peer, at once; the next poll confirms or refutes it. One that was never established is nobody's loss. */
export function judgeToldPeer(
  round: StatusRound,
  index: string,
  { rule, raises }: { readonly rule: TrapRule; readonly raises: boolean },
): void {
  const { memory, atMs, say, rules } = round;
  const { established, toldPeers } = memory.parts;
  const peer = peerOf(established, index);
  if (peer === null || !rule.enabled || !rules.bgpPeerDown.enabled || toldPeers.size >= MAX_REMEMBERED) return;
  const key = { resource: `${memory.device}/bgp-peer:${peer}`, alarmType: 'bgp-peer-down', qualifier: '' } as const;
  const held = isActive(memory, key.resource, key.alarmType);
  // Who wants it to be down for several polls first does not want to hear of it at once.
  if (raises && rules.bgpPeerDown.raiseAfterPolls > 1) return;
  if (!raises && rules.bgpPeerDown.clearAfterPolls > 1) return;
  toldPeers.set(peer, atMs);
  memory.dirty = true;
  const name = `The BGP peer ${peer} of ${memory.device}`;
  if (!raises) return say({ active: false, ...key, atMs, text: `${name} is established again.` });
  if (held) return;
  const { severity } = rules.bgpPeerDown;
  say({ active: true, ...key, severity, text: `${name} ${rule.text}.`, threshold: null, atMs });
}

/** The peer that has been established and that the index of a notification means: some tables put more before the address. */
function peerOf(established: ReadonlySet<string>, index: string): string | null {
  if (index === '') return null;
  if (established.has(index)) return index;
  for (const peer of established) if (peer.endsWith(`.${index}`) || index.endsWith(`.${peer}`)) return peer;
  return null;
}

function stateOf(round: Round, name: string, state: string, stopped: boolean, known: boolean): PartState {
  const threshold = null;
  if (state === ESTABLISHED) return { severity: null, text: `${name} is established again.`, threshold };
  if (stopped) return { severity: null, text: `${name} was stopped by intent.`, threshold };
  if (!known) return { severity: undefined, text: '', threshold };
  const text = `${name} is ${cleanText(state, 40)}, though it has been established.`;
  return { severity: round.rules.bgpPeerDown.severity, text, threshold };
}
