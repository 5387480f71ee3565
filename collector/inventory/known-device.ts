// A device as the collector knows it, and how one poll changes that: pure, so that what is written is only what changed.
import type { EpochMs } from '../../common/model/time.ts';
import type { Poll, Table } from '../../common/model/poll.ts';
import { cleanText, numbersOf, textsOf, wholeOrNull } from '../../common/model/table-columns.ts';

export interface KnownInterface {
  readonly id: number;
  readonly key: string;
  /** Permanent ids of its two octet counters. */
  readonly meterIn: number;
  readonly meterOut: number;
  ifIndex: string;
  ifName: string | null;
  ifDescr: string | null;
  ifAlias: string | null;
  ifType: number | null;
  mtu: number | null;
  speedBps: number | null;
  mac: string | null;
  adminStatus: number | null;
  operStatus: number | null;
  lastSeenMs: EpochMs;
  /** When a complete table no longer had it; null while it is there. */
  goneAtMs: EpochMs | null;
}

/** The last poll of a device, as `inventory.device` has it. */
export interface LastPoll {
  readonly agent: string;
  readonly lastPollAtMs: EpochMs;
  readonly lastAnswerAtMs: EpochMs | null;
  readonly lastOutcome: Poll['outcome'];
  readonly lastFailure: string | null;
  readonly lastPollMs: number;
  readonly lastRequests: number;
  readonly lastRetries: number;
  readonly intervalMs: number;
  readonly uptimeTicks: number | null;
}

export const SYSTEM_TEXTS = [
  'sysName',
  'sysDescr',
  'sysObjectID',
  'sysLocation',
  'sysContact',
  'vendor',
  'model',
  'os',
  'version',
  'serial',
  'profile',
] as const;

export type SystemTexts = Record<(typeof SYSTEM_TEXTS)[number], string | null>;

export interface KnownDevice {
  readonly id: number;
  readonly name: string;
  readonly interfaces: Map<string, KnownInterface>;
  lastPollAtMs: EpochMs;
  lastAnswerAtMs: EpochMs | null;
  reachable: boolean | null;
}

/** What polls of one chunk have changed. */
export interface InventoryChanges {
  readonly polls: Map<KnownDevice, LastPoll>;
  readonly systems: Map<KnownDevice, SystemTexts>;
  readonly interfaces: Map<KnownInterface, KnownDevice>;
  /** Devices that began or ceased to answer. */
  readonly reachability: Map<KnownDevice, boolean>;
}

export function noChanges(): InventoryChanges {
  return { polls: new Map(), systems: new Map(), interfaces: new Map(), reachability: new Map() };
}

/** An unchanged interface is written again when it was last seen this long ago. */
const SEEN_AGAIN_MS = 3_600_000;

/** Takes a poll into account; one that is older than the last is history and changes nothing. `clockOffsetMs` as in JournaledBatch. */
export function observePoll(
  device: KnownDevice,
  poll: Poll,
  agent: string,
  clockOffsetMs: number,
  changes: InventoryChanges,
): void {
  const atMs = Math.round(poll.finishedAtMs - clockOffsetMs);
  if (atMs < device.lastPollAtMs) return;
  const answered = poll.outcome !== 'failed';
  device.lastPollAtMs = atMs;
  if (answered) device.lastAnswerAtMs = atMs;
  if (device.reachable !== answered) changes.reachability.set(device, answered);
  device.reachable = answered;
  changes.polls.set(device, {
    agent,
    lastPollAtMs: atMs,
    lastAnswerAtMs: device.lastAnswerAtMs,
    lastOutcome: poll.outcome,
    lastFailure: poll.failure,
    lastPollMs: Math.max(0, Math.round(poll.finishedAtMs - poll.startedAtMs)),
    lastRequests: poll.requests,
    lastRetries: poll.retries,
    intervalMs: poll.intervalMs,
    uptimeTicks:
      poll.tables.flatMap((table) => table.segments).findLast((one) => one.uptimeTicks !== null)?.uptimeTicks ?? null,
  });
  for (const table of poll.tables) {
    if (table.name === 'system') observeSystem(device, table, changes);
    if (table.name === 'interface-inventory') observeNames(device, table, atMs, changes);
    if (table.name === 'interface') observeStatus(device, table, atMs, changes);
  }
}

function observeSystem(device: KnownDevice, table: Table, changes: InventoryChanges): void {
  if (table.index.length === 0) return;
  const texts = SYSTEM_TEXTS.map((name) => [name, textIn(textsOf(table, name), 0)] as const);
  changes.systems.set(device, Object.fromEntries(texts) as SystemTexts);
}

function observeNames(device: KnownDevice, table: Table, atMs: EpochMs, changes: InventoryChanges): void {
  const keys = textsOf(table, 'interfaceKey');
  const names = textsOf(table, 'ifName');
  const descriptions = textsOf(table, 'ifDescr');
  const aliases = textsOf(table, 'ifAlias');
  const macs = textsOf(table, 'ifPhysAddress');
  const types = numbersOf(table, 'ifType');
  const mtus = numbersOf(table, 'ifMtu');
  const speeds = numbersOf(table, 'ifSpeedBps');
  for (const [row, ifIndex] of table.index.entries()) {
    const found = device.interfaces.get(textIn(keys, row) ?? '');
    if (found === undefined) continue;
    const seen = {
      ifIndex,
      ifName: textIn(names, row),
      ifDescr: textIn(descriptions, row),
      ifAlias: textIn(aliases, row),
      mac: textIn(macs, row),
      ifType: wholeOrNull(types?.[row]),
      mtu: wholeOrNull(mtus?.[row]),
      speedBps: wholeOrNull(speeds?.[row]),
    };
    update(device, found, seen, atMs, changes);
  }
}

function observeStatus(device: KnownDevice, table: Table, atMs: EpochMs, changes: InventoryChanges): void {
  const keys = textsOf(table, 'interfaceKey');
  const admin = numbersOf(table, 'ifAdminStatus');
  const oper = numbersOf(table, 'ifOperStatus');
  const speeds = numbersOf(table, 'ifSpeedBps');
  const seenKeys = new Set<string>();
  for (const [row, ifIndex] of table.index.entries()) {
    const key = textIn(keys, row) ?? '';
    const found = device.interfaces.get(key);
    if (found === undefined) continue;
    seenKeys.add(key);
    const seen = {
      ifIndex,
      adminStatus: wholeOrNull(admin?.[row]) ?? found.adminStatus,
      operStatus: wholeOrNull(oper?.[row]) ?? found.operStatus,
      speedBps: wholeOrNull(speeds?.[row]) ?? found.speedBps,
    };
    update(device, found, seen, atMs, changes);
  }
  if (!table.complete || seenKeys.size === device.interfaces.size) return;
  for (const one of device.interfaces.values()) {
    if (seenKeys.has(one.key) || one.goneAtMs !== null) continue;
    one.goneAtMs = atMs;
    changes.interfaces.set(one, device);
  }
}

function update(
  device: KnownDevice,
  found: KnownInterface,
  seen: Partial<KnownInterface>,
  atMs: EpochMs,
  changes: InventoryChanges,
): void {
  let changed = found.goneAtMs !== null || atMs - found.lastSeenMs >= SEEN_AGAIN_MS;
  for (const [name, value] of Object.entries(seen)) {
    const field = name as keyof typeof seen;
    if (found[field] === value) continue;
    Object.assign(found, { [field]: value });
    changed = true;
  }
  if (!changed) return;
  found.goneAtMs = null;
  found.lastSeenMs = atMs;
  changes.interfaces.set(found, device);
}

function textIn(values: readonly (string | null)[] | undefined, row: number): string | null {
  const text = values?.[row] ?? null;
  return text === null ? null : cleanText(text);
}
