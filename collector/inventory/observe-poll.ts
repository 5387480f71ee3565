// How one poll changes what is known of a device: pure, so that what is written is only what changed.
import type { Poll, Table } from '../../common/model/poll.ts';
import { cleanText, numbersOf, textsOf, wholeOrNull } from '../../common/model/table-columns.ts';
import type { EpochMs } from '../../common/model/time.ts';
import {
  type InventoryChanges,
  type KnownDevice,
  type KnownInterface,
  type LastRows,
  type RowInterfaces,
  type Sighting,
  type Status,
  STATUS_COLUMNS,
  SYSTEM_TEXTS,
  type SystemTexts,
} from './known-device.ts';
import { partsOf } from './part-kinds.ts';
import { keysOf } from './row-keys.ts';

const MOST_INT4 = 2 ** 31 - 1;

/** UTC of a poll: the agent's clock less its offset, never later than the batch arrived, or all later polls would be history. */
export function pollTime(sighting: Omit<Sighting, 'device'>): EpochMs {
  return Math.min(Math.round(sighting.poll.finishedAtMs - sighting.clockOffsetMs), sighting.receivedAtMs);
}

/** Takes a poll into account; false where it is older than the last: then it is history and changes nothing. */
export function observePoll(sighting: Sighting, changes: InventoryChanges): boolean {
  const { device, poll, agent } = sighting;
  const atMs = pollTime(sighting);
  const { last } = device;
  if (last !== null && atMs < last.lastPollAtMs) return false;
  const answered = poll.outcome !== 'failed';
  const failure = poll.failure === null ? null : cleanText(poll.failure);
  if (last === null || (last.lastOutcome !== 'failed') !== answered)
    changes.reachability.push({ device: device.name, reachable: answered, atMs, failure });
  device.last = {
    agent,
    lastPollAtMs: atMs,
    lastAnswerAtMs: answered ? atMs : (last?.lastAnswerAtMs ?? null),
    lastOutcome: poll.outcome,
    lastFailure: failure,
    lastPollMs: Math.max(0, Math.round(poll.finishedAtMs - poll.startedAtMs)),
    lastRequests: Math.min(poll.requests, MOST_INT4),
    lastRetries: Math.min(poll.retries, MOST_INT4),
    intervalMs: Math.round(poll.intervalMs),
    uptimeTicks: uptimeOf(poll) ?? last?.uptimeTicks ?? null,
  };
  changes.polled.add(device);
  changes.devices.add(device);
  for (const table of poll.tables) {
    if (table.name === 'system') observeSystem(device, table, changes);
    if (table.name === 'interface-inventory') observeNames(sighting, table, atMs, changes);
    observeParts(device, table, atMs, changes);
  }
  for (const table of poll.tables) if (table.name === 'interface') observeStatus(sighting, table, atMs, changes);
  return true;
}

/** The interfaces of a table's rows, all of which are registered. */
export function interfacesOf(
  device: KnownDevice,
  poll: Poll,
  table: Table,
  changes: Pick<InventoryChanges, 'sameRows'>,
): RowInterfaces {
  const before = rowsAsBefore(device, table, changes);
  if (before !== null) return before.interfaces;
  const keys = textsOf(table, 'interfaceKey');
  const interfaces = keysOf(poll, table).map((key) => (key === '' ? null : (device.interfaces.get(key) ?? null)));
  if (keys?.every((key) => key !== null && key !== '') === true)
    device.rows = { keys, index: table.index, interfaces, status: null };
  return interfaces;
}

/** Keys of the poll that the device has not yet, with their ifIndex. A cut-short table of names gives none: it may take a name for unique that is not. */
export function newKeys(
  device: KnownDevice,
  poll: Poll,
  changes: Pick<InventoryChanges, 'sameRows'>,
): { readonly key: string; readonly ifIndex: string }[] {
  const found = new Map<string, string>();
  for (const table of poll.tables) {
    if (table.name !== 'interface' && !(table.name === 'interface-inventory' && table.complete)) continue;
    if (rowsAsBefore(device, table, changes) !== null) continue;
    for (const [row, key] of keysOf(poll, table).entries())
      if (key !== '' && !device.interfaces.has(key)) found.set(key, cleanText(table.index[row] ?? ''));
  }
  return [...found].map(([key, ifIndex]) => ({ key, ifIndex }));
}

function rowsAsBefore(
  { rows }: KnownDevice,
  table: Table,
  { sameRows }: Pick<InventoryChanges, 'sameRows'>,
): LastRows | null {
  const found = sameRows.get(table);
  if (found !== undefined) return found;
  const keys = textsOf(table, 'interfaceKey');
  if (rows === null || keys === undefined || !same(keys, rows.keys) || !same(table.index, rows.index)) return null;
  sameRows.set(table, rows);
  return rows;
}

function same(texts: readonly (string | null)[], known: readonly (string | null)[]): boolean {
  if (texts === known) return true;
  if (texts.length !== known.length) return false;
  for (let at = 0; at < known.length; at += 1) if (texts[at] !== known[at]) return false;
  return true;
}

function uptimeOf(poll: Poll): number | null {
  for (let at = poll.tables.length - 1; at >= 0; at -= 1) {
    const segment = poll.tables[at]?.segments.findLast((one) => one.uptimeTicks !== null);
    if (segment !== undefined) return segment.uptimeTicks;
  }
  return null;
}

function observeSystem(device: KnownDevice, table: Table, changes: InventoryChanges): void {
  const texts = SYSTEM_TEXTS.map((name) => [name, textIn(textsOf(table, name), 0)] as const);
  // Of a device that gave none of its own, the table names only our profile.
  if (texts.every(([name, text]) => text === null || !name.startsWith('sys'))) return;
  changes.systems.set(device, Object.fromEntries(texts) as SystemTexts);
}

function observeParts(device: KnownDevice, table: Table, atMs: EpochMs, changes: InventoryChanges): void {
  const seen = partsOf(table, atMs);
  if (seen === null) return;
  changes.partsLeftOut += seen.leftOut;
  const last = device.partTables.get(seen.kind);
  const thereAtMs = last?.atMs ?? null;
  if (last?.digest !== seen.digest) changes.parts.push({ device, seen, first: thereAtMs === null, thereAtMs });
  device.partTables.set(seen.kind, { digest: seen.digest, atMs: seen.complete ? atMs : thereAtMs });
}

/** ifOperStatus. */
const UP = 1;

function observeNames(sighting: Sighting, table: Table, atMs: EpochMs, changes: InventoryChanges): void {
  const names = textsOf(table, 'ifName');
  const descriptions = textsOf(table, 'ifDescr');
  const aliases = textsOf(table, 'ifAlias');
  const macs = textsOf(table, 'ifPhysAddress');
  const types = numbersOf(table, 'ifType');
  const mtus = numbersOf(table, 'ifMtu');
  const duplexes = numbersOf(table, 'ifDuplex');
  const lags = textsOf(table, 'lagInterface');
  const speeds = numbersOf(table, 'ifSpeedBps');
  for (const [row, key] of keysOf(sighting.poll, table).entries()) {
    const found = sighting.device.interfaces.get(key);
    if (found === undefined) continue;
    const seen = {
      ifIndex: cleanText(table.index[row] ?? ''),
      ifName: textIn(names, row),
      ifDescr: textIn(descriptions, row),
      ifAlias: textIn(aliases, row),
      mac: textIn(macs, row),
      ifType: wholeOrNull(types?.[row]),
      mtu: wholeOrNull(mtus?.[row]),
      duplex: statusOf(duplexes?.[row]),
      lag: textIn(lags, row) ?? (found.operStatus === UP ? null : found.lag),
      speedBps: wholeOrNull(speeds?.[row]),
    };
    const changed = (Object.keys(seen) as (keyof typeof seen)[]).some((field) => found[field] !== seen[field]);
    if (changed) change(sighting.device, found, seen);
    markSeen(found, changed, atMs, changes);
  }
}

function observeStatus(sighting: Sighting, table: Table, atMs: EpochMs, changes: InventoryChanges): void {
  const { device, poll } = sighting;
  const rows = interfacesOf(device, poll, table, changes);
  const status = STATUS_COLUMNS.map((name) => numbersOf(table, name));
  const last = device.rows?.interfaces === rows ? device.rows : null;
  if (last?.status != null && sameStatus(last.status, status)) {
    if (table.complete) device.interfacesAtMs = atMs;
    return;
  }
  const [admin, oper, speeds] = status;
  let seen = 0;
  for (const [row, found] of rows.entries()) {
    if (found === null) continue;
    seen += 1;
    const said = {
      ifIndex: cleanText(table.index[row] ?? ''),
      adminStatus: statusOf(admin?.[row]) ?? found.adminStatus,
      operStatus: statusOf(oper?.[row]) ?? found.operStatus,
      speedBps: wholeOrNull(speeds?.[row]) ?? found.speedBps,
    };
    const moved = found.ifIndex !== said.ifIndex || found.speedBps !== said.speedBps;
    const changed = moved || found.operStatus !== said.operStatus || found.adminStatus !== said.adminStatus;
    if (moved) change(device, found, said);
    else if (changed) Object.assign(found, said);
    markSeen(found, changed, atMs, changes);
  }
  // An empty table makes nothing gone: a device that is just starting has one too.
  if (table.complete && seen > 0) {
    markGone(device, rows, atMs, changes);
    device.interfacesAtMs = atMs;
  }
  // Only of a complete table is it known who is gone.
  if (last !== null) last.status = table.complete ? status : null;
}

/** A change that layouts tell too. */
function change(device: KnownDevice, found: KnownInterface, seen: Partial<KnownInterface>): void {
  Object.assign(found, seen);
  device.details += 1;
  if (device.rows !== null) device.rows.status = null;
}

function sameStatus(before: Status, status: Status): boolean {
  return before.every((values, column) => sameNumbers(values, status[column]));
}

/** Absent is NaN. */
function sameNumbers(before: Float64Array | undefined, values: Float64Array | undefined): boolean {
  if (before === undefined || values === undefined) return before === values;
  for (let at = 0; at < values.length; at += 1) {
    const was = before[at];
    const is = values[at];
    if (was !== is && !(Number.isNaN(was) && Number.isNaN(is))) return false;
  }
  return true;
}

function markSeen(found: KnownInterface, changed: boolean, atMs: EpochMs, changes: InventoryChanges): void {
  if (!changed && found.goneAtMs === null) return;
  found.goneAtMs = null;
  found.lastSeenMs = atMs;
  changes.interfaces.add(found);
}

function markGone(device: KnownDevice, rows: RowInterfaces, atMs: EpochMs, changes: InventoryChanges): void {
  if (rows.length >= device.interfaces.size) return;
  const there = new Set(rows);
  for (const one of device.interfaces.values()) {
    if (there.has(one) || one.goneAtMs !== null) continue;
    one.lastSeenMs = Math.max(one.lastSeenMs, device.interfacesAtMs ?? 0);
    one.goneAtMs = atMs;
    changes.interfaces.add(one);
  }
}

/** Values of ifAdminStatus, ifOperStatus and dot3StatsDuplexStatus are small and begin at 1. */
function statusOf(value: number | undefined): number | null {
  return value !== undefined && Number.isInteger(value) && value > 0 && value < 256 ? value : null;
}

function textIn(values: readonly (string | null)[] | undefined, row: number): string | null {
  const text = values?.[row] ?? null;
  return text === null ? null : cleanText(text);
}
