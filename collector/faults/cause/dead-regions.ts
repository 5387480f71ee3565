// Which of the devices that do not answer are causes, and which are only behind them: reachability with the dead removed (docs/decisions/causes.md): pure.
import type { EpochMs } from '../../../common/model/time.ts';
import { byName, type NetworkGraph } from './network-graph.ts';

export interface World {
  /** Devices that do not answer, and when that was raised. */
  readonly dead: ReadonlyMap<string, EpochMs>;
  /** Ports (`device/interfaceKey`) that are down. */
  readonly down: ReadonlySet<string>;
}

const NOBODY: readonly string[] = [];
/** Devices that fall together are found within so many of their intervals: two polls fail until an alarm is raised. */
const TOGETHER_INTERVALS = 2;

export interface DeadRoots {
  /** Of each dead device the device that is its root: itself where nothing else that is dead explains it. */
  readonly roots: ReadonlyMap<string, string>;
  /** Of devices at the edge of a region of dead ones which region it is; and those to which every port is down, which may be one problem. */
  readonly regions: ReadonlyMap<string, number>;
  readonly cutOff: ReadonlySet<string>;
}

export function deadRoots(graph: NetworkGraph, world: World): DeadRoots {
  const isReached = reachedBy(graph, world);
  const entries = new Map<string, string>();
  const regions = new Map<string, number>();
  const cutOff = new Set<string>();
  for (const [number, region] of regionsOf(graph, world).entries()) {
    const found = region.filter((name) => isEntry(graph, world, isReached, name));
    const cut = found.filter((name) => isCutOff(graph, world, isReached, name));
    for (const name of found) regions.set(name, number);
    for (const name of cut) cutOff.add(name);
    if (found.length > 0) for (const [entry, lead] of leadsOf(graph, world, found, cut)) entries.set(entry, lead);
    else {
      // Nothing that answers leads into it, and no agent is known to be there: the one with the most links is the likeliest.
      const [likeliest] = region.toSorted((one, other) => graph.compare(one, other));
      if (likeliest !== undefined) entries.set(likeliest, likeliest);
    }
  }
  return { roots: spread(graph, world, entries), regions, cutOff };
}

/** Devices that lead to this one, answer, and are reached by its agent. */
export function livingBefore(graph: NetworkGraph, world: World, name: string): string[] {
  return (graph.before.get(name) ?? NOBODY).filter((one) => !world.dead.has(one));
}

type Reached = (device: string, agent: string) => boolean;

/** An agent reaches what it polls and what answers, where it is plugged in, and what hangs together with these over devices that answer. */
function reachedBy(graph: NetworkGraph, world: World): Reached {
  const part = new Map<string, number>();
  const agents: Set<string>[] = [];
  for (const start of graph.devices.keys()) {
    if (part.has(start) || world.dead.has(start)) continue;
    const own = new Set<string>();
    for (const name of flood(graph, start, (one) => !world.dead.has(one))) {
      part.set(name, agents.length);
      const agent = graph.devices.get(name)?.agent;
      if (agent !== undefined) own.add(agent);
    }
    agents.push(own);
  }
  for (const [agent, places] of graph.attached) for (const place of places) agents[part.get(place) ?? -1]?.add(agent);
  return (device, agent) => agents[part.get(device) ?? -1]?.has(agent) === true;
}

/** Dead devices that hang together. */
function regionsOf(graph: NetworkGraph, world: World): string[][] {
  const seen = new Set<string>();
  const regions: string[][] = [];
  for (const start of [...world.dead.keys()].toSorted(byName)) {
    if (seen.has(start)) continue;
    const region = flood(graph, start, (one) => world.dead.has(one));
    for (const name of region) seen.add(name);
    regions.push(region);
  }
  return regions;
}

/** Everything that hangs together with the start over devices that fit, whichever way links lead. */
function flood(graph: NetworkGraph, start: string, fits: (name: string) => boolean): string[] {
  const found = new Set([start]);
  // A set gives what is added meanwhile, too.
  for (const name of found)
    for (const far of [...(graph.next.get(name) ?? NOBODY), ...(graph.before.get(name) ?? NOBODY)])
      if (fits(far)) found.add(far);
  return [...found];
}

/** Whether there is a way from its agent to the device that no other dead device lies on. */
function isEntry(graph: NetworkGraph, world: World, isReached: Reached, name: string): boolean {
  const agent = graph.devices.get(name)?.agent ?? '';
  if (graph.attached.get(agent)?.includes(name) === true) return true;
  const before = graph.before.get(name) ?? NOBODY;
  return before.length === 0 || before.some((one) => !world.dead.has(one) && isReached(one, agent));
}

/**
 * Entries of one region that are cut off and fell together are one problem, as the two sides of a ring that was cut twice: of each the one
 * that leads. One whose link is still up, or that fell at another time, failed by itself and is told by itself.
 */
function leadsOf(
  graph: NetworkGraph,
  world: World,
  entries: readonly string[],
  cutOff: readonly string[],
): Map<string, string> {
  const leads = new Map(entries.map((name) => [name, name]));
  const fellAt = (name: string): EpochMs => world.dead.get(name) ?? 0;
  const cut = cutOff.toSorted((one, other) => fellAt(one) - fellAt(other) || byName(one, other));
  let group: string[] = [];
  const close = (): void => {
    const [lead] = group.toSorted((one, other) => graph.compare(one, other));
    for (const name of group) if (lead !== undefined) leads.set(name, lead);
    group = [];
  };
  for (const name of cut) {
    const last = group.at(-1);
    if (last !== undefined && fellAt(name) - fellAt(last) > togetherMs(graph, last, name)) close();
    group.push(name);
  }
  close();
  return leads;
}

function togetherMs(graph: NetworkGraph, one: string, other: string): number {
  const interval = (name: string): number => graph.devices.get(name)?.intervalMs ?? 0;
  return TOGETHER_INTERVALS * Math.max(interval(one), interval(other));
}

/** Every port that leads to it from a device that answers is down. */
function isCutOff(graph: NetworkGraph, world: World, isReached: Reached, name: string): boolean {
  const agent = graph.devices.get(name)?.agent ?? '';
  if (graph.attached.get(agent)?.includes(name) === true) return false;
  const living = livingBefore(graph, world, name).filter((one) => isReached(one, agent));
  return living.length > 0 && living.every((one) => isPortDown(graph, world, one, name));
}

/** Whether every port of the first device that leads to the second is known, and down. */
export function isPortDown(graph: NetworkGraph, world: World, from: string, to: string): boolean {
  const ports = graph.portsTo(from, to);
  return ports.length > 0 && ports.every((port) => world.down.has(port));
}

/** From the entries inwards: each dead device has the root of the entry that is nearest to it. */
function spread(graph: NetworkGraph, world: World, entries: ReadonlyMap<string, string>): Map<string, string> {
  const order = [...entries].toSorted(
    ([one, oneLead], [other, otherLead]) => graph.compare(oneLead, otherLead) || graph.compare(one, other),
  );
  const roots = new Map(order);
  for (const [name, root] of roots)
    for (const far of graph.next.get(name) ?? NOBODY) if (world.dead.has(far) && !roots.has(far)) roots.set(far, root);
  for (const name of world.dead.keys()) if (!roots.has(name)) roots.set(name, name);
  return roots;
}
