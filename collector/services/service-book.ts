// The port to what the collector mirrors of the bridge's feed: which customer's service is bound to which interface, and what it earns.
import type { LevelTerms } from '../../common/model/service-level.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';

export interface BoundInterface {
  readonly device: string;
  readonly interfaceKey: string;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs | null;
}

export interface MirroredService {
  readonly id: string;
  readonly name: string;
  readonly customer: { readonly id: string; readonly name: string };
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs | null;
  readonly bindings: readonly BoundInterface[];
  /** What was promised (bronze, silver, gold, platinum); absent or null where nothing was. */
  readonly serviceLevel?: string | null;
  /** How its availability is measured; absent or null where the contract does not say. */
  readonly availability?: LevelTerms | null;
  /** Charges of the running period as decimal text; null where nothing runs. */
  readonly running: {
    readonly amount: string;
    readonly currency: string;
    readonly periodStartMs: EpochMs;
    readonly untilMs: EpochMs;
    /** Absent from a bridge, or in a copy, of before it was told. */
    readonly periodEndMs?: EpochMs;
  } | null;
}

export interface MirrorState {
  /** Of the contracts; null before the first copy. */
  readonly version: string | null;
  /** When the copy was last known to be the bridge's. */
  readonly freshAtMs: EpochMs | null;
  /** Older than five minutes: shown as stale (DESIGN §1). */
  readonly stale: boolean;
}

export const STALE_AFTER_MS: DurationMs = 300_000;

export interface ServiceBook {
  state(): MirrorState;
  /** By id; in memory, kept in the database so that a start knows the last copy. */
  services(): readonly MirroredService[];
  service(id: string): MirroredService | undefined;
  ofCustomer(customer: string): readonly MirroredService[];
  /** Services bound to `device/interfaceKey`, or to any interface of a device, at an instant. */
  boundTo(resource: string, atMs: EpochMs): readonly MirroredService[];
}
