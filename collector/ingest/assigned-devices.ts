// Which agent may write which device: the configuration says it, the history what was assigned before, the inventory where a device is in neither.
import { EVERYTHING } from '../../common/model/viewpoint.ts';
import type { DurationMs, EpochMs } from '../../common/model/time.ts';
import type { Assignment, FormerAssignment } from '../agents/assignment-history.ts';
import type { Inventory } from '../inventory/inventory.ts';

const PAGE = 1000;

export interface AssignedDevicesConfig {
  /** How long after the end of its assignment an agent may still have read a device: until it has heard of it. */
  readonly formerMs: DurationMs;
}

interface OwnedDevice {
  readonly name: string;
  readonly agent: string;
}

export interface AssignedDevicesSources {
  readonly inventory: Pick<Inventory, 'devices'>;
  readonly history: {
    settle(assigned: readonly Assignment[], nowMs: EpochMs): Promise<readonly FormerAssignment[]>;
  };
}

export class AssignedDevices {
  readonly #config: AssignedDevicesConfig;
  #assigned: ReadonlyMap<string, string>;
  /** What an agent still has of a device taken out of the configuration belongs to it, and must not block what comes behind it. */
  #unconfigured: ReadonlyMap<string, string> = new Map();
  /** Until when a device was another agent's, by both names. */
  #former: ReadonlyMap<string, EpochMs> = new Map();
  #learnt = false;

  constructor(devices: readonly OwnedDevice[], config: AssignedDevicesConfig) {
    this.#assigned = byName(devices);
    this.#config = config;
  }

  /** False until `learn` was done: then a no is no more than not known yet. */
  get learnt(): boolean {
    return this.#learnt;
  }

  /** Whether what the agent read of the device at that time is taken. */
  mayWrite(agent: string, device: string, readAtMs: EpochMs): boolean {
    const own = this.#assigned.get(device) ?? this.#unconfigured.get(device);
    if (own === agent) return true;
    const untilMs = this.#former.get(keyOf({ device, agent }));
    return untilMs !== undefined && readAtMs <= untilMs + this.#config.formerMs;
  }

  /** Takes down what is assigned now, and reads what was before and who polled the devices that are no longer configured. */
  learn(sources: AssignedDevicesSources, nowMs: EpochMs): Promise<void> {
    return this.#settle(this.#assigned, sources, nowMs);
  }

  /** The same for another configuration, which counts once all of this is known; rejects where it cannot be, and then nothing has changed. */
  change(devices: readonly OwnedDevice[], sources: AssignedDevicesSources, nowMs: EpochMs): Promise<void> {
    return this.#settle(byName(devices), sources, nowMs);
  }

  async #settle(
    assigned: ReadonlyMap<string, string>,
    { inventory, history }: AssignedDevicesSources,
    nowMs: EpochMs,
  ): Promise<void> {
    const pairs = [...assigned].map(([device, agent]) => ({ device, agent }));
    const former = await history.settle(pairs, nowMs);
    const unconfigured = new Map<string, string>();
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<Inventory['devices']>> = await inventory.devices(EVERYTHING, cursor, PAGE);
      for (const { name, agent } of page.items)
        if (agent !== null && !assigned.has(name)) unconfigured.set(name, agent);
      cursor = page.next;
    } while (cursor !== null);
    this.#assigned = assigned;
    this.#former = new Map(former.map((one) => [keyOf(one), one.untilMs]));
    this.#unconfigured = unconfigured;
    this.#learnt = true;
  }
}

function byName(devices: readonly OwnedDevice[]): ReadonlyMap<string, string> {
  return new Map(devices.map((device) => [device.name, device.agent]));
}

/** No name has a blank. */
function keyOf({ device, agent }: Assignment): string {
  return `${device} ${agent}`;
}
