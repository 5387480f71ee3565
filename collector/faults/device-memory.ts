// What the rules remember of a device between two polls, and its form in the database: JSON for what seldom changes, packed counters beside it.
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import { type ActiveAlarm, type ActiveAlarms, alarmKeyText } from './alarm-machine.ts';
import { CounterRows } from './counter-rows.ts';
import { type PartsMemory, partsMemoryOf, type StoredParts, storedPartsOf, type Streak } from './parts-memory.ts';

export const STREAKS = ['in', 'out', 'in-errors', 'out-errors', 'in-discards', 'out-discards'] as const;
export type StreakName = (typeof STREAKS)[number];

export interface InterfaceMemory {
  readonly key: string;
  /** Its alias is one that the rules take as a sign that it is wanted up. */
  described: boolean;
  /** Down that should be up, as last seen; and when that changed lately, the newest last. */
  down: boolean;
  changes: readonly EpochMs[];
  /** When a notification told its status, until a poll that was read later; null where none did. */
  toldAtMs: EpochMs | null;
  /** Its row in the counters; row 0 is the device. */
  readonly slot: number;
  /** Only an interface that has been up can be missed. */
  seenUp: boolean;
  downPolls: number;
  downSinceMs: EpochMs | null;
  upPolls: number;
  /** Complete polls in a row without it. */
  missing: number;
  readonly streaks: Partial<Record<StreakName, Streak>>;
}

export interface DeviceMemory {
  readonly device: string;
  agent: string;
  intervalMs: DurationMs;
  lastAtMs: EpochMs;
  /** Polls in a row without an answer. */
  failures: number;
  /** The first of them. */
  failingSinceMs: EpochMs | null;
  /** When a restart was noticed, until its alarm clears; and when the device came up. */
  rebootSeenAtMs: EpochMs | null;
  bootedAtMs: EpochMs | null;
  readonly interfaces: Map<string, InterfaceMemory>;
  readonly parts: PartsMemory;
  readonly active: ActiveAlarms;
  rows: CounterRows;
  /** Rows of interfaces that are forgotten, and the row after the last. */
  readonly freeSlots: number[];
  nextSlot: number;
  /** True once anything of the JSON part has changed. */
  dirty: boolean;
  /** Grows with every write; tells whether another collector has written since. 0: not in the database yet. */
  version: number;
}

export function newDeviceMemory(device: string): DeviceMemory {
  return {
    device,
    agent: '',
    intervalMs: 0,
    lastAtMs: 0,
    failures: 0,
    failingSinceMs: null,
    rebootSeenAtMs: null,
    bootedAtMs: null,
    interfaces: new Map(),
    parts: partsMemoryOf(undefined),
    active: new Map(),
    rows: new CounterRows(),
    freeSlots: [],
    nextSlot: 1,
    dirty: true,
    version: 0,
  };
}

/** Interfaces remembered of one device; one more has no faults. */
export const MAX_INTERFACES = 20_000;

/** The memory of an interface, made where it is new; null beyond the bound. */
export function interfaceMemory(memory: DeviceMemory, key: string): InterfaceMemory | null {
  const found = memory.interfaces.get(key);
  if (found !== undefined) return found;
  if (memory.interfaces.size >= MAX_INTERFACES) return null;
  const made = { key, slot: memory.freeSlots.pop() ?? memory.nextSlot++, ...FRESH, streaks: {} };
  memory.interfaces.set(key, made);
  memory.dirty = true;
  return made;
}

export function forgetInterface(memory: DeviceMemory, key: string): void {
  const found = memory.interfaces.get(key);
  if (found === undefined) return;
  memory.rows.forget(found.slot);
  memory.freeSlots.push(found.slot);
  memory.interfaces.delete(key);
  memory.dirty = true;
}

/** Changes a part of the memory that is kept as JSON. */
export function remember<Part extends object>(memory: DeviceMemory, part: Part, change: Partial<Part>): void {
  for (const [name, value] of Object.entries(change)) {
    const field = name as keyof Part;
    if (part[field] === value) continue;
    part[field] = value as Part[keyof Part];
    memory.dirty = true;
  }
}

export const NO_CHANGES: readonly EpochMs[] = [];
const FRESH = {
  described: false,
  down: false,
  changes: NO_CHANGES,
  toldAtMs: null,
  seenUp: false,
  downPolls: 0,
  downSinceMs: null,
  upPolls: 0,
  missing: 0,
};

/** The JSON part, short where an interface is as it usually is. */
export interface StoredDevice {
  readonly failures: number;
  /** Absent where it answers, and in a memory of before it was kept. */
  readonly failingSinceMs?: EpochMs;
  readonly rebootSeenAtMs: EpochMs | null;
  readonly bootedAtMs: EpochMs | null;
  readonly interfaces: readonly (Partial<Omit<InterfaceMemory, 'streaks'>> & {
    readonly key: string;
    readonly slot: number;
    readonly streaks?: InterfaceMemory['streaks'];
  })[];
  /** Left out where there is nothing. */
  readonly parts?: StoredParts;
  readonly active: readonly ActiveAlarm[];
}

export function storedOf(memory: DeviceMemory): StoredDevice {
  return {
    failures: memory.failures,
    ...(memory.failingSinceMs === null ? {} : { failingSinceMs: memory.failingSinceMs }),
    rebootSeenAtMs: memory.rebootSeenAtMs,
    bootedAtMs: memory.bootedAtMs,
    interfaces: [...memory.interfaces.values()].map((one) => {
      const { streaks, ...rest } = one;
      const unusual = Object.entries(rest).filter(([name, value]) => FRESH[name as keyof typeof FRESH] !== value);
      const running = Object.entries(streaks).filter(([, streak]) => streak.raise > 0 || streak.clear > 0);
      const kept = running.length === 0 ? {} : { streaks: Object.fromEntries(running) };
      return { ...(Object.fromEntries(unusual) as { key: string; slot: number }), ...kept };
    }),
    ...storedPartsOf(memory.parts),
    active: [...memory.active.values()],
  };
}

export interface DeviceRow {
  readonly device: string;
  readonly agent: string;
  readonly interval_ms: bigint;
  readonly last_at_ms: bigint;
  readonly version: bigint;
  readonly state: StoredDevice;
  readonly counters: Buffer;
}

export function memoryOf(row: DeviceRow): DeviceMemory {
  const { state } = row;
  return {
    device: row.device,
    agent: row.agent,
    intervalMs: Number(row.interval_ms),
    lastAtMs: Number(row.last_at_ms),
    failures: state.failures,
    failingSinceMs: state.failingSinceMs ?? null,
    rebootSeenAtMs: state.rebootSeenAtMs,
    bootedAtMs: state.bootedAtMs,
    interfaces: new Map(state.interfaces.map((one) => [one.key, { ...FRESH, streaks: {}, ...one }])),
    parts: partsMemoryOf(state.parts),
    active: activeOf(state.active),
    rows: new CounterRows(row.counters),
    ...slotsOf(state.interfaces.map((one) => one.slot)),
    dirty: false,
    version: Number(row.version),
  };
}

export function activeOf(stored: readonly ActiveAlarm[]): ActiveAlarms {
  return new Map(stored.map((one) => [alarmKeyText(one), one]));
}

function slotsOf(taken: readonly number[]): Pick<DeviceMemory, 'freeSlots' | 'nextSlot'> {
  const known = new Set(taken);
  const nextSlot = Math.max(0, ...taken) + 1;
  const freeSlots = Array.from({ length: nextSlot - 1 }, (_, at) => at + 1).filter((slot) => !known.has(slot));
  return { freeSlots, nextSlot };
}
