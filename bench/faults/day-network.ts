// The network of the day of failures: a core, a ring of distribution switches, sites behind them; what works of it, and what a poll then reads.
import type { GraphDevice, GraphLink } from '../../collector/faults/cause/network-graph.ts';
import type { PortState } from './day-polls.ts';

export const RING = 4;
export const PER_SITE = 3;
export const INTERVAL_MS = 60_000;
export const AGENTS = ['agent-1', 'agent-2'] as const;

/** Links as `a/b`, ports as the name of the far end; `srv` is a server's port, `edge` a user's. */
export class DayNetwork {
  readonly devices: readonly GraphDevice[];
  readonly links: readonly GraphLink[];
  readonly dead = new Set<string>();
  readonly cut = new Set<string>();
  /** Ports that are down by themselves. */
  readonly down = new Set<string>();
  readonly #ends = new Map<string, string[]>();

  constructor(sites: number) {
    const devices: GraphDevice[] = [];
    const links: GraphLink[] = [];
    const add = (name: string, site: string | null, agent: string = AGENTS[0]): void =>
      void devices.push({ name, site, agent, intervalMs: INTERVAL_MS, parents: [] });
    const link = (one: string, other: string): void => {
      links.push({ a: { device: one, interfaceKey: other }, b: { device: other, interfaceKey: one } });
      this.#ends.set(one, [...(this.#ends.get(one) ?? []), other]);
      this.#ends.set(other, [...(this.#ends.get(other) ?? []), one]);
    };
    add('core', null);
    for (let at = 1; at <= RING; at += 1) {
      add(`d${at}`, null);
      link(at === 1 ? 'core' : `d${at - 1}`, `d${at}`);
    }
    link(`d${RING}`, 'core');
    for (let site = 0; site < sites; site += 1) {
      // The second agent polls the sites of the last distribution switch.
      const above = `d${(site % RING) + 1}`;
      const agent = above === `d${RING}` ? AGENTS[1] : AGENTS[0];
      for (let at = 0; at < PER_SITE; at += 1) {
        const name = deviceOf(site, at);
        add(name, `site${site}`, agent);
        link(at === 0 ? above : deviceOf(site, 0), name);
      }
    }
    [this.devices, this.links] = [devices, links];
  }

  /** What answers its agent: both are plugged into the core. */
  answering(): Set<string> {
    const reached = new Set(this.dead.has('core') ? [] : ['core']);
    for (const name of reached)
      for (const far of this.#ends.get(name) ?? []) if (!this.dead.has(far) && !this.isCut(name, far)) reached.add(far);
    return reached;
  }

  isCut(one: string, other: string): boolean {
    return this.cut.has(`${one}/${other}`) || this.cut.has(`${other}/${one}`);
  }

  /** Every interface of a device, as it is now; `edge` ports come and go with their users. */
  interfaces(name: string, minute: number): PortState[] {
    const row = (key: string, isUp: boolean): PortState => ({ key, isUp, inOctets: BigInt(minute) * 1_000_000n });
    const ends = this.#ends.get(name) ?? [];
    return [
      ...ends.map((far) => row(far, !this.dead.has(far) && !this.isCut(name, far))),
      row('srv', !this.down.has(`${name}/srv`)),
      row('edge', (minute + name.length) % 7 < 4),
    ];
  }
}

export function deviceOf(site: number, at: number): string {
  return `s${site}${at === 0 ? 'r' : `a${at}`}`;
}

/** Ports between devices and those of servers are wanted up, users' are not. */
export function isWantedPort(key: string): boolean {
  return key !== 'edge';
}
