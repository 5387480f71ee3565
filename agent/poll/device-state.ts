// What the agent remembers of one device between its polls; all of it can be read again, so none of it is kept on disk.
import type { EpochMs } from '../../common/model/time.ts';
import type { Profile } from '../profile/profile.ts';
import type { UptimeSeen } from './uptime.ts';

/** What an ifIndex stands for, from the names last read. */
export interface KnownInterface {
  readonly key: string;
  /** The name by which a later poll notices that the index now means another interface. */
  readonly checkName: string | null;
  /** ifHighSpeed × 10^6 where that is not 0, else ifSpeed; NaN unknown. */
  readonly speedBps: number;
}

export interface KnownNames {
  readonly byIndex: ReadonlyMap<string, KnownInterface>;
  /** Names, descriptions, addresses and `#ifIndex` to key; texts that mean two interfaces are left out. */
  readonly keyOf: ReadonlyMap<string, string>;
  /** Whether the check name is ifName (else ifDescr). */
  readonly checkedBy: 'ifName' | 'ifDescr';
  readonly readAtMonotonicMs: number;
  /** ifTableLastChange (RFC 2863) with these names; NaN where the device has none, 0 where it does not keep it. */
  readonly tableLastChange: number;
}

const MOST_VAIN_CALLS = 3;

export class DeviceState {
  profile: Profile | null = null;
  names: KnownNames | null = null;
  /** The last look at sysUpTime. */
  uptime: UptimeSeen | null = null;
  /** Columns of the interface table worth asking for; null asks for all and decides anew. */
  interfaceColumns: ReadonlySet<string> | null = null;
  slowReadAtMonotonicMs: number | null = null;
  /** Whether the tables that are read as rarely as names are still to be read. */
  inventoryTablesDue = true;
  /** Readings of names since the last change that ifTableLastChange called for and that found nothing new. */
  vainCalls = 0;
  readonly lookups = new Map<string, string | number | null>();
  readonly emptyRules = new Set<string>();

  /** Some agents renew ifTableLastChange with every look at the table: it then says nothing, and names are compared instead. */
  get trustsTableLastChange(): boolean {
    return this.vainCalls < MOST_VAIN_CALLS;
  }

  distrustTableLastChange(): void {
    this.vainCalls = MOST_VAIN_CALLS;
  }

  /** Where nothing says any more which interface an index means: read everything again. */
  forgetNames(): void {
    this.names = null;
    this.interfaceColumns = null;
    this.lookups.clear();
    this.emptyRules.clear();
  }
}

/** Whether every index means what it meant. */
export function sameInterfaces(a: KnownNames, b: KnownNames): boolean {
  if (a.byIndex.size !== b.byIndex.size) return false;
  for (const [index, { key }] of a.byIndex) if (b.byIndex.get(index)?.key !== key) return false;
  return true;
}

/** What one poll is to do. */
export interface PollPlan {
  readonly device: string;
  readonly intervalMs: number;
  /** Processors, memory, sensors and neighbours are read when this long has passed. */
  readonly slowIntervalMs: number;
  /** Names and types are read again after this time even if nothing hints at a change. */
  readonly inventoryIntervalMs: number;
  /** Random id of this process. */
  readonly processId: string;
}

export interface PollTimes {
  readonly now: () => EpochMs;
  readonly monotonicMs: () => number;
}
