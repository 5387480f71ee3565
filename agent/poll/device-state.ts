// What the agent remembers of one device between its polls; all of it can be read again, so hardly any of it is kept on disk.
import type { EpochMs } from '../../common/model/time.ts';
import type { Profile } from '../profile/profile.ts';
import type { DeviceClock } from './device-clock.ts';
import type { KnownNames } from './known-names.ts';
import type { CounterPrint } from './refresh.ts';
import type { UptimeSeen } from './uptime.ts';

const MOST_VAIN_CALLS = 3;

export class DeviceState {
  profile: Profile | null = null;
  /** What the profile was chosen by. */
  sysObjectId: string | null = null;
  /** What the device said of the time when it was last identified. */
  clock: DeviceClock | null = null;
  /** Its identification was cut short by a deadline. */
  identificationDue = false;
  names: KnownNames | null = null;
  /** A reading of names that a deadline cut short goes on at the next poll. */
  inventoryInHand = false;
  /** The last look at sysUpTime. */
  uptime: UptimeSeen | null = null;
  /** Columns of the interface table worth asking for; null asks for all and decides anew. */
  interfaceColumns: ReadonlySet<string> | null = null;
  /** The same, of the rows read so far of a table that takes several visits; null where its beginning was not seen. */
  usefulSoFar: ReadonlySet<string> | null = null;
  /** The counters of the last poll, folded; only where their refreshing is watched. */
  print: CounterPrint | null = null;
  slowReadAtMonotonicMs: number | null = null;
  /** Whether the tables that are read as rarely as names are still to be read. */
  inventoryTablesDue = true;
  /** Readings of names since the last change that ifTableLastChange called for and that found nothing new. */
  vainCalls = 0;
  readonly lookups = new Map<string, string | number | null>();
  readonly emptyRules = new Set<object>();
  /** Rules belong to a profile and are compared by identity: those of another one do no harm. */
  readonly fruitfulRules = new Set<object>();

  /** Some agents renew ifTableLastChange with every look at the table: it then says nothing, and names are compared instead. */
  get trustsTableLastChange(): boolean {
    return this.vainCalls < MOST_VAIN_CALLS;
  }

  distrustTableLastChange(): void {
    this.vainCalls = MOST_VAIN_CALLS;
  }

  /** Names read anew: what hangs on them is read again. */
  learnNames(names: KnownNames): void {
    this.#forgetWhatHangsOnNames();
    this.names = names;
    this.inventoryTablesDue = true;
  }

  /** Where nothing says any more which interface an index means: read everything again. */
  forgetNames(): void {
    this.#forgetWhatHangsOnNames();
    this.names = null;
  }

  #forgetWhatHangsOnNames(): void {
    this.interfaceColumns = null;
    this.usefulSoFar = null;
    this.lookups.clear();
    this.emptyRules.clear();
  }
}

/** What one poll is to do. */
export interface PollPlan {
  readonly device: string;
  readonly intervalMs: number;
  /** Where `intervalMs` was widened, what it was before: whether it may be narrow again is watched by this one. */
  readonly configuredIntervalMs?: number;
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
