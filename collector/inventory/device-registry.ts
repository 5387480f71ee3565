// Which devices there are: those of the file and those managed by API, as one list that changes without a restart, here and at other collectors.
import type { DeviceConfiguration } from '../../common/runtime/device-configuration.ts';
import { codeOf, messageOf } from '../../common/runtime/errors.ts';
import type { Reporter } from '../../common/runtime/reporter.ts';
import type { ConfiguredDevice } from '../agents/configured-devices.ts';
import { type DeviceLabels, type ManagedDevices, type ManagedState, NO_LABELS } from './managed-devices.ts';

export interface DeviceRegistryDeps {
  readonly managed: Pick<ManagedDevices, 'load' | 'serial'>;
  /** As the configuration makes a device of its definition. */
  readonly deviceOf: (definition: DeviceConfiguration) => ConfiguredDevice;
  /** Takes up the list: who may write what, and what agents poll. */
  readonly change: (devices: readonly ConfiguredDevice[]) => Promise<void>;
}

const EMPTY: ManagedState = { serial: 0n, devices: [], labels: new Map() };

export class DeviceRegistry {
  readonly #reporter: Reporter;
  readonly #deps: DeviceRegistryDeps;
  #file: readonly ConfiguredDevice[];
  #managed: ManagedState = EMPTY;
  /** Both by name: a list of devices asks for each of them. */
  #ofFile: ReadonlyMap<string, ConfiguredDevice>;
  #versions: ReadonlyMap<string, number> = new Map();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(reporter: Reporter, file: readonly ConfiguredDevice[], deps: DeviceRegistryDeps) {
    this.#reporter = reporter;
    this.#file = file;
    this.#ofFile = byName(file);
    this.#deps = deps;
    reporter.health('devices', () => {
      const both = this.inBoth();
      const message = both.length === 0 ? 'each device has one definition' : `the file counts for ${both.join(', ')}`;
      return { healthy: true, message };
    });
  }

  /** Of the file; null where the device is not of it. */
  ofFile(name: string): ConfiguredDevice | null {
    return this.#ofFile.get(name) ?? null;
  }

  /** Of a device managed by API; null for any other. */
  versionOf(name: string): number | null {
    return this.#versions.get(name) ?? null;
  }

  labelsOf(name: string): DeviceLabels {
    return this.#managed.labels.get(name) ?? NO_LABELS;
  }

  /** Names with two definitions: that of the file counts. */
  inBoth(): string[] {
    return this.#managed.devices.map(({ definition }) => definition.name).filter((name) => this.#ofFile.has(name));
  }

  /** The file was read again. */
  reload(file: readonly ConfiguredDevice[]): Promise<void> {
    return this.#next(async () => this.#settle(file, this.#managed));
  }

  /** What is managed was changed here, or is read for the first time. */
  refresh(): Promise<void> {
    return this.#next(async () => this.#settle(this.#file, await this.#deps.managed.load()));
  }

  /** Another collector may have changed it. */
  async look(): Promise<void> {
    try {
      if ((await this.#deps.managed.serial()) !== this.#managed.serial) await this.refresh();
    } catch (error) {
      this.#reporter.warn('managed devices not looked at', { code: codeOf(error), message: messageOf(error) });
    }
  }

  /** One after the other: each change rests on the list before. */
  #next(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #settle(file: readonly ConfiguredDevice[], managed: ManagedState): Promise<void> {
    const ofFile = byName(file);
    const others = managed.devices.filter(({ definition }) => !ofFile.has(definition.name));
    await this.#deps.change([...file, ...others.map(({ definition }) => this.#deps.deviceOf(definition))]);
    this.#file = file;
    this.#ofFile = ofFile;
    this.#managed = managed;
    this.#versions = new Map(managed.devices.map(({ definition, version }) => [definition.name, version]));
  }
}

function byName(devices: readonly ConfiguredDevice[]): ReadonlyMap<string, ConfiguredDevice> {
  return new Map(devices.map((device) => [device.name, device]));
}
