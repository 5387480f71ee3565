// Whether somebody wants an interface up: who plugs a laptop in and out should wake nobody (docs/decisions/wanted-interfaces.md).
import type { DeviceMemory, InterfaceMemory } from './device-memory.ts';
import type { StatusRound } from './judge-status.ts';
import { fitsOne } from './rule-fields.ts';

/** By hand, or by a pattern of names, it is not wanted up whatever else speaks for it. */
export function isRefused({ memory, rules, around }: StatusRound, found: InterfaceMemory): boolean {
  const byHand = around.byHand(memory.device, found.key);
  return byHand === false || (byHand === null && fitsOne(rules.interfaceDown.wanted.notNames, found.key));
}

export function isWanted(round: StatusRound, found: InterfaceMemory): boolean {
  const { memory, rules, around } = round;
  const { wanted } = rules.interfaceDown;
  if (around.byHand(memory.device, found.key) === true) return true;
  if (isRefused(round, found)) return false;
  if (found.described || fitsOne(wanted.names, found.key)) return true;
  if (wanted.neighbours && hasNeighbour(memory, found.key)) return true;
  if (wanted.services && around.isBound(`${memory.device}/${found.key}`, round.atMs)) return true;
  if (wanted.withoutSign !== 'where_no_interface_has_one') return wanted.withoutSign === 'wanted';
  return !hasSigns(round);
}

function hasNeighbour({ parts }: DeviceMemory, key: string): boolean {
  for (const { port } of parts.neighbours.values()) if (port === key) return true;
  return false;
}

/** On a device of which nobody has described, bound or wired anything that we know, an interface without a sign says nothing. */
function hasSigns({ memory, rules, around, atMs }: StatusRound): boolean {
  const { wanted } = rules.interfaceDown;
  if (wanted.neighbours && memory.parts.neighbours.size > 0) return true;
  if (wanted.services && around.isBound(memory.device, atMs)) return true;
  for (const { described, key } of memory.interfaces.values()) if (described || fitsOne(wanted.names, key)) return true;
  return false;
}
