// The network as the correlator sees it: configured devices, and links read again now and then; the same graph while both are the same.
import type { DurationMs, EpochMs } from '../../../common/model/time.ts';
import type { Clock } from '../../../common/runtime/clock.ts';
import type { GaugeMetric, Reporter } from '../../../common/runtime/reporter.ts';
import type { ConfiguredDevices } from '../../agents/configured-devices.ts';
import type { Topology } from '../../inventory/topology-book.ts';
import { type GraphLink, type NetworkGraph, networkGraph } from './network-graph.ts';

export interface NetworkViewDeps {
  readonly clock: Clock;
  readonly devices: Pick<ConfiguredDevices, 'names' | 'all'>;
  /** Links between all devices; also those that were lost since. */
  readonly topology: (goneSinceMs: EpochMs) => Promise<Pick<Topology, 'links' | 'cut'>>;
  /** By port the LAG that it is a member of, both `device/interfaceKey`. Default none. */
  readonly lags?: () => Promise<ReadonlyMap<string, string>>;
}

interface Wires {
  readonly links: readonly GraphLink[];
  readonly lagOf: ReadonlyMap<string, string>;
  /** Of both, to see whether anything changed. */
  readonly text: string;
}

const READ_EVERY_MS: DurationMs = 60_000;
/** The ends of a link that has failed soon tell of it no more: it stays known for a day. */
const REMEMBER_LINKS_MS: DurationMs = 86_400_000;

export class NetworkView {
  readonly #deps: NetworkViewDeps;
  readonly #attached: Readonly<Record<string, readonly string[]>>;
  readonly #links: GaugeMetric;
  readonly #cut: GaugeMetric;
  #read: (Wires & { readonly atMs: number }) | null = null;
  #made: { readonly graph: NetworkGraph; readonly names: readonly string[]; readonly text: string } | null = null;

  constructor(reporter: Reporter, attached: Readonly<Record<string, readonly string[]>>, deps: NetworkViewDeps) {
    this.#deps = deps;
    this.#attached = attached;
    this.#links = reporter.gauge('cause_links', 'Links between devices by which causes are looked for');
    this.#cut = reporter.gauge('cause_links_cut', '1 where there are more words of neighbours than are read for it');
  }

  async graph(): Promise<NetworkGraph> {
    const { devices } = this.#deps;
    const { links, lagOf, text } = await this.#wiresNow();
    // A list that is replaced has other names: the array is made with it.
    if (this.#made === null || this.#made.names !== devices.names || this.#made.text !== text)
      this.#made = { graph: networkGraph(devices.all(), links, this.#attached, lagOf), names: devices.names, text };
    return this.#made.graph;
  }

  async #wiresNow(): Promise<Wires> {
    const { clock, topology, lags } = this.#deps;
    const nowMs = clock.monotonicMs();
    if (this.#read !== null && nowMs - this.#read.atMs < READ_EVERY_MS) return this.#read;
    const { links, cut } = await topology(clock.now() - REMEMBER_LINKS_MS);
    const ends = links.map(({ a, b }) => ({ a: endOf(a), b: endOf(b) }));
    const lagOf = (await lags?.()) ?? new Map<string, string>();
    this.#read = { links: ends, lagOf, text: JSON.stringify([ends, [...lagOf]]), atMs: nowMs };
    this.#links.set(links.length);
    this.#cut.set(cut ? 1 : 0);
    return this.#read;
  }
}

function endOf({ device, interfaceKey }: GraphLink['a']): GraphLink['a'] {
  return { device, interfaceKey };
}
