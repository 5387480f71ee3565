// The interfaces of one poll: which are down that should be up, which are gone, and what their counters say.
import type { Table } from '../../common/model/poll.ts';
import { cleanKey, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import { forgetInterface, type InterfaceMemory, interfaceMemory, remember } from './device-memory.ts';
import { isActive, OFF, type Round } from './round.ts';
import { trafficOf } from './judge-traffic.ts';

/** ifAdminStatus and ifOperStatus (RFC 2863 §6). */
const UP = 1;
const OPER_NAMES = ['', 'up', 'down', 'testing', 'unknown', 'dormant', 'notPresent', 'lowerLayerDown'];
/** testing, unknown and dormant are no faults: a link that waits is not broken. */
const FAULTY: ReadonlySet<number> = new Set([2, 6, 7]);
/** Complete polls without an interface until it counts as gone: right after a change its name may not be known yet. */
const MISSING_POLLS = 2;

export function judgeInterfaces(round: Round, table: Table): void {
  const { memory } = round;
  const keys = textsOf(table, 'interfaceKey');
  const admin = numbersOf(table, 'ifAdminStatus');
  const oper = numbersOf(table, 'ifOperStatus');
  const judgeTraffic = trafficOf(round, table);
  const seen = new Set<InterfaceMemory>();
  for (let row = 0; row < table.index.length; row += 1) {
    const key = cleanKey(keys?.[row] ?? '');
    const found = key === '' ? null : interfaceMemory(memory, key);
    if (found === null) continue;
    seen.add(found);
    if (found.missing > 0) remember(memory, found, { missing: 0 });
    judgeStatus(round, found, admin?.[row] ?? Number.NaN, oper?.[row] ?? Number.NaN);
    judgeTraffic(found, row);
  }
  // An empty table is a view that was closed rather than a device without interfaces.
  if (table.complete && seen.size > 0 && seen.size < memory.interfaces.size) judgeMissing(round, seen);
}

function judgeStatus(round: Round, found: InterfaceMemory, admin: number, oper: number): void {
  const { memory, rules } = round;
  const rule = rules.interfaceDown;
  if (oper === UP && !found.seenUp) remember(memory, found, { seenUp: true });
  const raised = memory.active.size > 0 && isActive(memory, `${memory.device}/${found.key}`, 'interface-down');
  if (admin === UP && FAULTY.has(oper) && found.seenUp && rule.enabled) {
    // The status may go from down to lowerLayerDown: that is the same fault, told once.
    if (raised) remember(memory, found, { upPolls: 0 });
    else judgeDown(round, found, oper);
  } else if (raised) judgeUp(round, found, oper === UP, admin > UP);
  else if (found.downPolls > 0) remember(memory, found, { downPolls: 0, downSinceMs: null });
}

function judgeDown({ memory, rules, atMs, say }: Round, found: InterfaceMemory, oper: number): void {
  const rule = rules.interfaceDown;
  const downSinceMs = found.downSinceMs ?? atMs;
  remember(memory, found, { downPolls: Math.min(found.downPolls + 1, rule.raiseAfterPolls), downSinceMs });
  const settled = memory.bootedAtMs === null || atMs - memory.bootedAtMs >= rule.settleMs;
  if (found.downPolls < rule.raiseAfterPolls || atMs - downSinceMs < rule.raiseAfterMs || !settled) return;
  remember(memory, found, { downPolls: 0, downSinceMs: null, upPolls: 0 });
  const resource = `${memory.device}/${found.key}`;
  const text = `${found.key} of ${memory.device} is ${OPER_NAMES[oper] ?? 'down'}, though it is meant to be up.`;
  const key = { resource, alarmType: 'interface-down', qualifier: '' };
  say({ active: true, ...key, severity: rule.severity, text, threshold: null, atMs });
}

function judgeUp({ memory, rules, atMs, say }: Round, found: InterfaceMemory, up: boolean, shut: boolean): void {
  const rule = rules.interfaceDown;
  if (up && rule.enabled && found.upPolls + 1 < rule.clearAfterPolls)
    return remember(memory, found, { upPolls: found.upPolls + 1 });
  if (!up && !shut && rule.enabled) return;
  remember(memory, found, { upPolls: 0 });
  const name = `${found.key} of ${memory.device}`;
  const text = !rule.enabled ? OFF : shut ? `${name} was shut down by intent.` : `${name} is up again.`;
  const key = { resource: `${memory.device}/${found.key}`, alarmType: 'interface-down', qualifier: '' };
  say({ active: false, ...key, atMs, text });
}

/** Interfaces that a complete table no longer has: their alarms end with them. */
function judgeMissing(round: Round, seen: ReadonlySet<InterfaceMemory>): void {
  const { memory, atMs, say } = round;
  for (const one of memory.interfaces.values()) {
    if (seen.has(one)) continue;
    remember(memory, one, { missing: one.missing + 1 });
    if (one.missing < MISSING_POLLS) continue;
    const resource = `${memory.device}/${one.key}`;
    const text = `${one.key} is gone from ${memory.device}.`;
    for (const alarm of memory.active.values()) {
      const { alarmType, qualifier } = alarm;
      if (alarm.resource === resource) say({ active: false, resource, alarmType, qualifier, atMs, text });
    }
    forgetInterface(memory, one.key);
  }
}
