// The port through which the API asks what devices and interfaces there are; the readings projection keeps it in step with the polls.
import type { EpochMs } from '../../common/model/time.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';

export interface InventoryDevice {
  readonly id: number;
  readonly name: string;
  readonly agent: string | null;
  readonly firstSeenMs: EpochMs;
  readonly lastPollAtMs: EpochMs | null;
  readonly lastAnswerAtMs: EpochMs | null;
  readonly lastOutcome: string | null;
  readonly lastFailure: string | null;
  readonly lastPollMs: number | null;
  readonly lastRequests: number | null;
  readonly lastRetries: number | null;
  readonly intervalMs: number | null;
  readonly uptimeTicks: number | null;
  readonly sysName: string | null;
  readonly sysDescr: string | null;
  readonly sysObjectID: string | null;
  readonly sysLocation: string | null;
  readonly sysContact: string | null;
  readonly vendor: string | null;
  readonly model: string | null;
  readonly os: string | null;
  readonly version: string | null;
  readonly serial: string | null;
  readonly profile: string | null;
  readonly interfaceCount: number;
}

export interface InventoryInterface {
  readonly id: number;
  readonly device: string;
  /** Identity inside the device (common/model/interface-identity.ts). */
  readonly key: string;
  /** `device/key`: what series and alarms call it. */
  readonly resource: string;
  readonly meters: { readonly in: number; readonly out: number };
  readonly ifIndex: string;
  readonly ifName: string | null;
  readonly ifDescr: string | null;
  readonly ifAlias: string | null;
  readonly ifType: number | null;
  readonly mtu: number | null;
  /** Decimal. */
  readonly speedBps: string | null;
  readonly mac: string | null;
  /** RFC 2863: 1 up, 2 down, 3 testing, … */
  readonly adminStatus: number | null;
  readonly operStatus: number | null;
  readonly firstSeenMs: EpochMs;
  readonly lastSeenMs: EpochMs;
  readonly goneAtMs: EpochMs | null;
}

export interface InventoryPage<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface InventoryCounts {
  readonly devices: { readonly total: number; readonly reachable: number };
  readonly interfaces: { readonly total: number; readonly up: number };
}

export const MAX_INVENTORY_PAGE = 1000;

/** Rows that the viewpoint does not see are as if they were not there. */
export interface Inventory {
  /** By name, after the cursor; `limit` at most MAX_INVENTORY_PAGE. Throws invalid_request for a cursor that was never given. */
  devices(viewpoint: Viewpoint, cursor: string | null, limit: number): Promise<InventoryPage<InventoryDevice>>;
  /** Throws not_found. */
  device(viewpoint: Viewpoint, name: string): Promise<InventoryDevice>;
  /** Of one device, by ifIndex; throws not_found where the device was never seen. */
  interfaces(
    viewpoint: Viewpoint,
    device: string,
    cursor: string | null,
    limit: number,
  ): Promise<InventoryPage<InventoryInterface>>;
  /** By its permanent id; throws not_found. */
  interface(viewpoint: Viewpoint, id: number): Promise<InventoryInterface>;
  /** `reachable`: answered their last poll, which is not stale. */
  counts(viewpoint: Viewpoint, nowMs: EpochMs): Promise<InventoryCounts>;
}
