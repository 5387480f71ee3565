// Which agent may write which device: the configuration says it, and the inventory where a device is no longer in that.
import type { Inventory } from '../inventory/inventory.ts';

const PAGE = 1000;

export class AssignedDevices {
  readonly #assigned: ReadonlyMap<string, string>;
  /** What an agent still has of a device taken out of the configuration belongs to it, and must not block what comes behind it. */
  #former: ReadonlyMap<string, string> = new Map();

  constructor(devices: readonly { readonly name: string; readonly agent: string }[]) {
    this.#assigned = new Map(devices.map((device) => [device.name, device.agent]));
  }

  /** Null where nobody may. */
  agentOf(device: string): string | null {
    return this.#assigned.get(device) ?? this.#former.get(device) ?? null;
  }

  /** Reads who polled the devices that are no longer configured. */
  async learn(inventory: Pick<Inventory, 'devices'>): Promise<void> {
    const former = new Map<string, string>();
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<Inventory['devices']>> = await inventory.devices(cursor, PAGE);
      for (const { name, agent } of page.items)
        if (agent !== null && !this.#assigned.has(name)) former.set(name, agent);
      cursor = page.next;
    } while (cursor !== null);
    this.#former = former;
  }
}
