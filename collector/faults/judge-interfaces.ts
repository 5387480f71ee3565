// The interfaces of one poll: which are down that should be up, which are gone, and what their counters say.
import { observedAt, segmentOf, type Table } from '../../common/model/poll.ts';
import { cleanKey, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import { forgetInterface, type InterfaceMemory, interfaceMemory, remember } from './device-memory.ts';
import { judgeStatus } from './judge-status.ts';
import { trafficOf } from './judge-traffic.ts';
import type { Round } from './round.ts';

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
    if (found.toldAtMs === null || isLater(round, table, row, found))
      judgeStatus(round, found, admin?.[row] ?? Number.NaN, oper?.[row] ?? Number.NaN);
    judgeTraffic(found, row);
  }
  // An empty table is a view that was closed rather than a device without interfaces.
  if (table.complete && seen.size > 0 && seen.size < memory.interfaces.size) judgeMissing(round, seen);
}

/** A poll that was under way when the device told of a change by itself knows less than the notification. */
function isLater(round: Round, table: Table, row: number, found: InterfaceMemory): boolean {
  if (observedAt(segmentOf(table, row), round.clockOffsetMs) < (found.toldAtMs ?? 0)) return false;
  remember(round.memory, found, { toldAtMs: null });
  return true;
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
