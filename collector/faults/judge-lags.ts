// LAGs of a device: one that has lost some of its members, and not all of them, is degraded. With all of them it is down, which the rule of interfaces tells.
import type { Table } from '../../common/model/poll.ts';
import { cleanKey, textsOf } from '../../common/model/table-columns.ts';
import type { DeviceMemory, InterfaceMemory } from './device-memory.ts';
import type { StatusRound } from './judge-status.ts';
import { end, heldOf, judgePart, type PartKey } from './part-level.ts';
import { MAX_REMEMBERED } from './parts-memory.ts';
import { isUp } from './port-use.ts';
import { isActive, type Round } from './round.ts';
import { isRefused } from './wanted.ts';

/** Which interfaces are members of which LAG. One that is down may be told as a member of none: it stays one. */
export function learnLags(round: Round, table: Table): void {
  const { lags } = round.memory.parts;
  const keys = textsOf(table, 'interfaceKey');
  const told = textsOf(table, 'lagInterface');
  if (told === undefined && lags.size === 0) return;
  for (const row of table.index.keys()) {
    const key = cleanKey(keys?.[row] ?? '');
    const lag = cleanKey(told?.[row] ?? '');
    const held = lags.get(key) ?? '';
    if (key === '' || lag === held || (lag === '' && isUp(round, key) !== true)) continue;
    if (lag === '') lags.delete(key);
    else if (lags.size < MAX_REMEMBERED) lags.set(key, lag);
    round.memory.dirty = true;
  }
}

/** After the status of the interfaces was judged. */
export function judgeLags(round: StatusRound): void {
  const { memory } = round;
  const { lags } = memory.parts;
  if (lags.size === 0) return;
  const members = new Map<string, InterfaceMemory[]>();
  for (const [key, lag] of lags) {
    const found = memory.interfaces.get(key);
    if (found !== undefined) members.set(lag, [...(members.get(lag) ?? []), found]);
  }
  for (const [lag, own] of members) judgeLag(round, lag, own);
  for (const { resource, alarmType } of memory.active.values())
    if (alarmType === 'lag-degraded' && !members.has(resource.slice(memory.device.length + 1)))
      end(round, keyOf(memory, resource.slice(memory.device.length + 1)), 'It has no members any more.');
}

function judgeLag(round: StatusRound, lag: string, members: readonly InterfaceMemory[]): void {
  const { memory, rules } = round;
  const found = memory.interfaces.get(lag);
  // What flaps is told as that.
  if (members.some(({ key }) => isActive(memory, `${memory.device}/${key}`, 'interface-flapping'))) return;
  const down = members.filter((one) => one.down).map(({ key }) => key);
  const key = keyOf(memory, lag);
  const whole = found?.down === true || down.length === members.length;
  const name = `${lag} of ${memory.device}`;
  if (down.length === 0 || whole || (found !== undefined && isRefused(round, found))) {
    const text = whole && down.length > 0 ? `${name} is down as a whole.` : `All members of ${name} are up.`;
    return judgePart(round, key, rules.lagDegraded, { severity: null, text, threshold: null });
  }
  const text = `${name} has lost ${down.length} of its ${members.length} members: ${down.toSorted().slice(0, 8).join(', ')}.`;
  const { severity } = rules.lagDegraded;
  const held = heldOf(round, key);
  if (held !== undefined && held.text !== text && rules.lagDegraded.enabled)
    return round.say({ active: true, ...key, severity, text, threshold: null, atMs: round.atMs });
  judgePart(round, key, rules.lagDegraded, { severity, text, threshold: null });
}

function keyOf({ device }: DeviceMemory, lag: string): PartKey {
  return { resource: `${device}/${lag}`, alarmType: 'lag-degraded', qualifier: '' };
}
