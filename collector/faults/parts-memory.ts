// What the rules remember of a device beside its interfaces: nothing of parts that are well, and each list with a bound.
import type { EpochMs } from '../../common/model/time.ts';

/** How many polls in a row said raise, or clear. */
export interface Streak {
  raise: number;
  clear: number;
}

/** A neighbour of our own devices, since when it is there and on which interface. */
export interface NeighbourMemory {
  readonly sinceMs: EpochMs;
  readonly port: string;
  readonly remoteDevice: string;
}

/** An alarm of a part that a notification raised, until it ends. */
export interface ToldPartMemory {
  /** By which rule. */
  readonly rule: string;
  readonly type: 'fan-failed' | 'power-supply-failed' | 'sensor-state';
  readonly atMs: EpochMs;
  /** A later poll has read the state of the part. */
  readonly isRead: boolean;
}

export interface PartsMemory {
  /** Tables in a row that said raise, or clear, by alarm; none of those that are well. */
  readonly streaks: Map<string, Streak>;
  /** Peers of BGP that have been established: only those can be missed. */
  readonly established: Set<string>;
  /** When a notification told of a peer, until a poll that was read later. */
  readonly toldPeers: Map<string, EpochMs>;
  /** By resource. */
  readonly toldParts: Map<string, ToldPartMemory>;
  readonly neighbours: Map<string, NeighbourMemory>;
  /** The LAG of each interface that is a member of one. */
  readonly lags: Map<string, string>;
  /** Serial numbers of modules by their slot; that of one that was pulled stays, so that the next one is told as its replacement. */
  readonly serials: Map<string, string>;
  /** Alarms that end by themselves, and since when they stand. */
  readonly passing: Map<string, EpochMs>;
  /** Of the device itself; '' where it has not told it. */
  version: string;
  serial: string;
}

/** Of each list; what comes beyond it is not remembered, and raises nothing. */
export const MAX_REMEMBERED = 10_000;

/** Only what is there. */
export interface StoredParts {
  readonly streaks?: readonly (readonly [string, Streak])[];
  readonly established?: readonly string[];
  readonly toldPeers?: readonly (readonly [string, EpochMs])[];
  readonly toldParts?: readonly (readonly [string, ToldPartMemory])[];
  readonly neighbours?: readonly (readonly [string, NeighbourMemory])[];
  readonly lags?: readonly (readonly [string, string])[];
  readonly serials?: readonly (readonly [string, string])[];
  readonly passing?: readonly (readonly [string, EpochMs])[];
  readonly version?: string;
  readonly serial?: string;
}

export function partsMemoryOf(stored: StoredParts | undefined): PartsMemory {
  return {
    streaks: new Map(stored?.streaks),
    established: new Set(stored?.established),
    toldPeers: new Map(stored?.toldPeers),
    toldParts: new Map(stored?.toldParts),
    neighbours: new Map(stored?.neighbours),
    lags: new Map(stored?.lags),
    serials: new Map(stored?.serials),
    passing: new Map(stored?.passing),
    version: stored?.version ?? '',
    serial: stored?.serial ?? '',
  };
}

export function storedPartsOf(memory: PartsMemory): { readonly parts?: StoredParts } {
  const kept: [string, unknown][] = [];
  for (const [name, value] of Object.entries<string | Map<string, unknown> | Set<string>>({ ...memory })) {
    if (typeof value === 'string' ? value !== '' : value.size > 0)
      kept.push([name, typeof value === 'string' ? value : [...value]]);
  }
  return kept.length === 0 ? {} : { parts: Object.fromEntries(kept) as StoredParts };
}
