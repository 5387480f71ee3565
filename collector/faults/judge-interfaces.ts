// The interfaces of one poll: which are down that should be up, which are gone, and what their counters say.
import { observedAt, segmentOf, type Table } from '../../common/model/poll.ts';
import { cleanKey, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import {
  type DeviceMemory,
  forgetInterface,
  type InterfaceMemory,
  interfaceMemory,
  remember,
} from './device-memory.ts';
import { judgeStatus } from './judge-status.ts';
import { trafficOf } from './judge-traffic.ts';
import type { Round } from './round.ts';

/** Complete polls without an interface until it counts as gone: right after a change its name may not be known yet. */
const MISSING_POLLS = 2;

/** Interfaces by the rows of a table, and how many they are. */
interface Rows {
  readonly found: readonly (InterfaceMemory | null)[];
  readonly distinct: number;
}

/** Of the last table of each device: mostly the next has the same, and none has to be looked up by its name again. */
const lastRows = new WeakMap<DeviceMemory, Rows>();

function rowsOf(memory: DeviceMemory, table: Table): Rows {
  const keys = textsOf(table, 'interfaceKey') ?? [];
  const last = lastRows.get(memory);
  if (last !== undefined && isSame(last.found, keys, table.index.length)) return last;
  const found = table.index.map((_, row) => {
    const key = cleanKey(keys[row] ?? '');
    return key === '' ? null : interfaceMemory(memory, key);
  });
  const rows = { found, distinct: seenOf(found).size };
  lastRows.set(memory, rows);
  return rows;
}

function seenOf(found: Rows['found']): ReadonlySet<InterfaceMemory> {
  return new Set(found.filter((one) => one !== null));
}

function isSame(last: readonly (InterfaceMemory | null)[], keys: readonly (string | null)[], count: number): boolean {
  if (last.length !== count) return false;
  for (let row = 0; row < count; row += 1) if (last[row]?.key !== keys[row]) return false;
  return true;
}

export function judgeInterfaces(round: Round, table: Table): void {
  const { memory } = round;
  const { found: rows, distinct } = rowsOf(memory, table);
  const admin = numbersOf(table, 'ifAdminStatus');
  const oper = numbersOf(table, 'ifOperStatus');
  const judgeTraffic = trafficOf(round, table);
  for (let row = 0; row < rows.length; row += 1) {
    const found = rows[row] ?? null;
    if (found === null) continue;
    if (found.missing > 0) remember(memory, found, { missing: 0 });
    if (found.toldAtMs === null || isLater(round, table, row, found))
      judgeStatus(round, found, admin?.[row] ?? Number.NaN, oper?.[row] ?? Number.NaN);
    judgeTraffic(found, row);
  }
  // An empty table is a view that was closed rather than a device without interfaces.
  if (table.complete && distinct > 0 && distinct < memory.interfaces.size) judgeMissing(round, seenOf(rows));
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
    // Should it come back, it is another one.
    lastRows.delete(memory);
  }
}
