// A device as the collector knows it, and what polls have changed of it.
import type { Poll, Table } from '../../common/model/poll.ts';
import type { EpochMs } from '../../common/model/time.ts';
import type { PartKind, SeenParts } from './part-kinds.ts';

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
  duplex: number | null;
  /** Key of the LAG that it is a member of; one that is down stays a member. */
  lag: string | null;
  speedBps: number | null;
  mac: string | null;
  adminStatus: number | null;
  operStatus: number | null;
  /** When it was last seen to change; what is not gone was also there in the last complete table of its device. */
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

/** The interfaces of a table's rows; null where nothing says which one a row is about. */
export type RowInterfaces = readonly (KnownInterface | null)[];

export interface KnownDevice {
  readonly id: number;
  readonly name: string;
  /** That of its row: where they differ, this copy is old. */
  revision: number;
  readonly interfaces: Map<string, KnownInterface>;
  last: LastPoll | null;
  /** Up to when its polls are complete, or reported as gaps; null where no agent said so. */
  completeUntilMs: EpochMs | null;
  /** When the last complete table of interfaces came. */
  interfacesAtMs: EpochMs | null;
  /** Grows with each change of what a layout says of its interfaces. */
  details: number;
  /** The last table of interfaces: most say the same again. */
  rows: LastRows | null;
  /** The last table of each kind of parts. */
  readonly partTables: Map<PartKind, LastParts>;
}

export interface LastParts {
  readonly digest: string;
  /** When the last complete one came; null before the first. */
  readonly atMs: EpochMs | null;
}

/** A table of parts that says something else than the one before. */
export interface SeenTable {
  readonly device: KnownDevice;
  readonly seen: SeenParts;
  /** No complete table of the kind came before. */
  readonly first: boolean;
  /** When what is gone now was there for certain. */
  readonly thereAtMs: EpochMs | null;
}

export interface LastRows {
  readonly keys: readonly (string | null)[];
  readonly index: readonly string[];
  readonly interfaces: RowInterfaces;
  /** What its columns of status said, where its interfaces are as it said. */
  status: Status | null;
}

/** ifAdminStatus, ifOperStatus and the speed of each row. */
export type Status = readonly (Float64Array | undefined)[];
export const STATUS_COLUMNS = ['ifAdminStatus', 'ifOperStatus', 'ifSpeedBps'];

/** A poll and where it came from; the last two as in JournaledBatch. */
export interface Sighting {
  readonly device: KnownDevice;
  readonly poll: Poll;
  readonly agent: string;
  readonly clockOffsetMs: number;
  readonly receivedAtMs: EpochMs;
}

/** A device that began or ceased to answer. */
export interface Reachability {
  readonly device: string;
  readonly reachable: boolean;
  readonly atMs: EpochMs;
  readonly failure: string | null;
}

/** What polls of one chunk have changed. */
export interface InventoryChanges {
  /** Tables found to have the rows of the one before: looked through once. */
  readonly sameRows: Map<Table, LastRows>;
  /** Devices whose last poll is another one. */
  readonly polled: Set<KnownDevice>;
  /** Devices to be written. */
  readonly devices: Set<KnownDevice>;
  readonly systems: Map<KnownDevice, SystemTexts>;
  readonly interfaces: Set<KnownInterface>;
  readonly reachability: Reachability[];
  /** In the order they were read. */
  readonly parts: SeenTable[];
  /** Rows of parts beyond the bound. */
  partsLeftOut: number;
}

export function noChanges(): InventoryChanges {
  return {
    sameRows: new Map(),
    polled: new Set(),
    devices: new Set(),
    systems: new Map(),
    interfaces: new Set(),
    reachability: [],
    parts: [],
    partsLeftOut: 0,
  };
}
