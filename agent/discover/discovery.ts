// Finds devices: asks what was given, follows neighbours as far as it may, knows one device under several addresses, and proposes names. It adds nothing.
import { isIP } from 'node:net';
import type { HostPort } from '../snmp/address.ts';
import type { Identity } from './identity.ts';
import { proposeNames } from './naming.ts';
import { groupSameDevices } from './same-device.ts';
import { type Answering, type Refusing, sweep, type SweepConfig, type SweepDeps } from './sweep.ts';
import { Bounds, canonicalHost, isReachable } from './targets.ts';

export interface KnownDevice {
  readonly name: string;
  /** Addresses it is known to have, as `addressOf` writes them. */
  readonly addresses: readonly string[];
}

export interface DiscoveryConfig extends SweepConfig {
  /** How often neighbours of what was found are followed; 0: never. */
  readonly hops: number;
  /** Networks and addresses neighbours are followed into. */
  readonly within: readonly string[];
  /** Neighbours are followed wherever they are. */
  readonly beyond: boolean;
  /** Port at which neighbours are asked. */
  readonly port: number;
  /** What is configured already. */
  readonly known: readonly KnownDevice[];
}

export interface DiscoveryDeps extends SweepDeps {
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly found: number;
  /** Null until enough is done to tell. */
  readonly leftMs: number | null;
}

export interface FoundDevice {
  /** Valid for the configuration and unique; the configured one where there is one. */
  readonly name: string;
  /** Where it was found first, or the configured address. */
  readonly address: string;
  readonly otherAddresses: readonly string[];
  readonly credential: string;
  readonly hop: number;
  readonly identity: Identity;
  /** Name of the configured device it is; null where it is new. */
  readonly configuredAs: string | null;
  /** Names of found devices that are neighbours, by either's word. */
  readonly adjacent: readonly string[];
  /** What its neighbours that were not found are called, or where they are. */
  readonly strangers: readonly string[];
}

export interface DiscoveryResult {
  /** False where it was stopped before its end, or more neighbours were told of than are followed. */
  readonly complete: boolean;
  readonly addresses: { readonly total: number; readonly done: number };
  readonly durationMs: number;
  readonly devices: readonly FoundDevice[];
  readonly refusing: readonly (Omit<Refusing, 'address'> & { readonly address: string })[];
}

/** Addresses of neighbours that are asked in one discovery. */
const MOST_FOLLOWED = 10_000;
const SNMP_PORT = 161;
/** Before this many the time left is a guess. */
const LEAST_DONE = 10;

export class Discovery {
  readonly #config: DiscoveryConfig;
  readonly #deps: DiscoveryDeps;
  readonly #answering: Answering[] = [];
  readonly #refusing: Refusing[] = [];
  readonly #asked = new Set<string>();
  #total = 0;
  #done = 0;
  #startedMs = 0;
  #followed = 0;
  #followedAll = true;

  constructor(config: DiscoveryConfig, deps: DiscoveryDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  /** Runs once. An abort ends it early with what was found so far. */
  async run(targets: readonly HostPort[], signal: AbortSignal): Promise<DiscoveryResult> {
    this.#startedMs = this.#deps.clock.monotonicMs();
    let level = targets;
    for (let hop = 0; hop <= this.#config.hops && level.length > 0 && !signal.aborted; hop += 1) {
      for (const address of level) this.#asked.add(addressOf(address));
      this.#total += level.length;
      this.#tell();
      await sweep(level, hop, this.#config, this.#deps, this.#events(), signal);
      level = hop < this.#config.hops ? this.#neighboursOf(hop) : [];
    }
    const { devices, refusing } = this.#summary(targets);
    return {
      complete: !signal.aborted && this.#followedAll,
      addresses: { total: this.#total, done: this.#done },
      durationMs: Math.round(this.#deps.clock.monotonicMs() - this.#startedMs),
      devices,
      refusing,
    };
  }

  #events(): Parameters<typeof sweep>[4] {
    return {
      onDone: () => {
        this.#done += 1;
        this.#tell();
      },
      onAnswering: (found) => void this.#answering.push(found),
      onRefusing: (refusing) => void this.#refusing.push(refusing),
    };
  }

  #tell(): void {
    const elapsed = this.#deps.clock.monotonicMs() - this.#startedMs;
    const left = this.#total - this.#done;
    this.#deps.onProgress?.({
      done: this.#done,
      total: this.#total,
      found: this.#answering.length,
      leftMs: this.#done < LEAST_DONE ? null : (elapsed / this.#done) * left,
    });
  }

  /** Addresses that devices found at this hop tell of, that were not asked yet and that may be. */
  #neighboursOf(hop: number): HostPort[] {
    const { within, beyond, port } = this.#config;
    const bounds = new Bounds(within);
    const next = new Map<string, HostPort>();
    for (const found of this.#answering.filter((one) => one.hop === hop)) {
      for (const host of found.identity.neighbours.flatMap((neighbour) => neighbour.addresses)) {
        const key = addressOf({ host, port });
        if (this.#asked.has(key) || next.has(key)) continue;
        if (!bounds.holds(host) && !(beyond && isReachable(host))) continue;
        if (this.#followed >= MOST_FOLLOWED) {
          this.#followedAll = false;
          continue;
        }
        this.#followed += 1;
        next.set(key, { host, port });
      }
    }
    return [...next.values()];
  }

  #summary(targets: readonly HostPort[]): Pick<DiscoveryResult, 'devices' | 'refusing'> {
    const order = new Map(targets.map((target, at) => [addressOf(target), at]));
    const place = (one: { readonly address: HostPort }): number =>
      order.get(addressOf(one.address)) ?? Number.MAX_SAFE_INTEGER;
    const inOrder = this.#answering.toSorted((a, b) => a.hop - b.hop || place(a) - place(b));
    const known = new Map(this.#config.known.flatMap((one) => one.addresses.map((address) => [address, one.name])));
    const groups = groupSameDevices(inOrder).map((group) => {
      const configured = group.find((one) => known.has(addressOf(one.address)));
      return { first: configured ?? group[0], group, configuredAs: nameAt(known, configured) };
    });
    const taken = this.#config.known.map((one) => one.name);
    const fresh = groups.filter((one) => one.configuredAs === null);
    const names = proposeNames(
      fresh.map(({ first }) => ({
        sysName: first?.identity.sysName ?? null,
        address: first === undefined ? '' : addressOf(first.address),
      })),
      taken,
    );
    const nameOf = new Map(fresh.map((group, at) => [group, names[at] ?? '']));
    const devices = groups.flatMap((one): FoundDevice[] => {
      const { first, group, configuredAs } = one;
      if (first === undefined) return [];
      return [
        {
          name: configuredAs ?? nameOf.get(one) ?? '',
          address: addressOf(first.address),
          otherAddresses: group.filter((member) => member !== first).map((member) => addressOf(member.address)),
          credential: first.credential,
          hop: Math.min(...group.map((member) => member.hop)),
          identity: first.identity,
          configuredAs,
          adjacent: [],
          strangers: [],
        },
      ];
    });
    const refusing = this.#refusing
      .toSorted((a, b) => place(a) - place(b))
      .map((one) => ({ ...one, address: addressOf(one.address) }));
    return { devices: withAdjacency(devices), refusing };
  }
}

function nameAt(known: ReadonlyMap<string, string>, one: Answering | undefined): string | null {
  return one === undefined ? null : (known.get(addressOf(one.address)) ?? null);
}

/** Neighbours by management address, chassis MAC or, where it is only one device's, by name. */
function withAdjacency(devices: readonly FoundDevice[]): FoundDevice[] {
  const byMark = new Map<string, Set<FoundDevice>>();
  const mark = (key: string, device: FoundDevice): void => {
    byMark.set(key, (byMark.get(key) ?? new Set()).add(device));
  };
  for (const device of devices) {
    for (const address of [device.address, ...device.otherAddresses]) mark(`at ${hostOf(address)}`, device);
    for (const mac of device.identity.chassisMacs) mark(`mac ${mac}`, device);
    if (device.identity.sysName !== null) mark(`name ${device.identity.sysName.toLowerCase()}`, device);
  }
  const adjacent = new Map(devices.map((device) => [device, new Set<FoundDevice>()]));
  const strangers = new Map(devices.map((device) => [device, new Set<string>()]));
  for (const device of devices) {
    for (const { name, chassisMac, addresses } of device.identity.neighbours) {
      const keys = [
        ...addresses.map((address) => `at ${address}`),
        ...(chassisMac === null ? [] : [`mac ${chassisMac}`]),
        ...(name === null ? [] : [`name ${name.toLowerCase()}`]),
      ];
      const far = keys.map((key) => byMark.get(key)).find((found) => found?.size === 1);
      if (far === undefined) strangers.get(device)?.add(name ?? chassisMac ?? addresses[0] ?? '?');
      for (const other of far ?? []) {
        if (other === device) continue;
        adjacent.get(device)?.add(other);
        adjacent.get(other)?.add(device);
      }
    }
  }
  return devices.map((device) => ({
    ...device,
    adjacent: [...(adjacent.get(device) ?? [])].map((other) => other.name).toSorted(),
    strangers: [...(strangers.get(device) ?? [])].toSorted(),
  }));
}

function hostOf(address: string): string {
  if (isIP(address) !== 0) return address;
  return /^\[(.*)\]/.exec(address)?.[1] ?? address.replace(/:\d+$/, '');
}

/** As the configuration writes an address: the port only where it is not 161. */
export function addressOf({ host, port }: HostPort): string {
  const canonical = canonicalHost(host);
  if (port === SNMP_PORT) return canonical;
  return isIP(canonical) === 6 ? `[${canonical}]:${port}` : `${canonical}:${port}`;
}
