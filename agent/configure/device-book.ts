// The devices of now by name, and the one place where they change: all at once, and only what differs.
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { AgentDevice } from '../config.ts';
import { type DeviceChanges, deviceChanges } from './device-changes.ts';

export interface DeviceBookDeps {
  /** Hands the devices to those who poll; called when something differs, after the book has them. */
  readonly configure: (devices: readonly AgentDevice[]) => void;
}

const NAMED = 20;

export class DeviceBook {
  readonly #reporter: Reporter;
  readonly #deps: DeviceBookDeps;
  #devices: ReadonlyMap<string, AgentDevice>;

  constructor(reporter: Reporter, devices: readonly AgentDevice[], deps: DeviceBookDeps) {
    this.#reporter = reporter;
    this.#deps = deps;
    this.#devices = byName(devices);
  }

  get size(): number {
    return this.#devices.size;
  }

  get(name: string): AgentDevice | undefined {
    return this.#devices.get(name);
  }

  all(): readonly AgentDevice[] {
    return [...this.#devices.values()];
  }

  apply(after: readonly AgentDevice[]): DeviceChanges {
    const changes = deviceChanges(this.all(), after);
    const { added, changed, removed } = changes;
    if (added.length + changed.length + removed.length === 0) return changes;
    this.#devices = byName(changes.devices);
    this.#deps.configure(changes.devices);
    this.#reporter.info('devices changed', {
      devices: this.size,
      added: told(added),
      changed: told(changed),
      removed: told(removed),
    });
    return changes;
  }
}

function byName(devices: readonly AgentDevice[]): ReadonlyMap<string, AgentDevice> {
  return new Map(devices.map((device) => [device.name, device]));
}

function told(names: readonly string[]): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return `${names.slice(0, NAMED).join(', ')}${more}`;
}
