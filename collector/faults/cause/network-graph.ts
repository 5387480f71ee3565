// The network as causes are looked for in it: who is reached through whom, by configured parents and by links of LLDP and CDP: pure.
import type { DurationMs } from '../../../common/model/time.ts';

export interface GraphDevice {
  readonly name: string;
  readonly site: string | null;
  readonly agent: string;
  readonly intervalMs: DurationMs;
  /** Through any one of which it is reached. */
  readonly parents: readonly string[];
}

export interface GraphLinkEnd {
  readonly device: string | null;
  readonly interfaceKey: string | null;
}

export interface GraphLink {
  readonly a: GraphLinkEnd;
  readonly b: GraphLinkEnd;
}

/** One end of a link, as the other sees it. */
export interface FarEnd {
  readonly device: string;
  /** As alarms call it; null where its port is not known. */
  readonly resource: string | null;
}

export interface NetworkGraph {
  readonly devices: ReadonlyMap<string, GraphDevice>;
  /** Devices that a device leads to, and devices that lead to it. A configured parent leads to its child and never back; a link leads both ways. */
  readonly next: ReadonlyMap<string, readonly string[]>;
  readonly before: ReadonlyMap<string, readonly string[]>;
  /** By port (`device/interfaceKey`): what is at the other end; several behind a switch that is not watched. */
  readonly farEnds: ReadonlyMap<string, readonly FarEnd[]>;
  /** By port: the LAG that it is a member of. */
  readonly lagOf: ReadonlyMap<string, string>;
  /** Where each agent is plugged in, as far as it was said. */
  readonly attached: ReadonlyMap<string, readonly string[]>;
  readonly sites: ReadonlyMap<string, readonly string[]>;
  /** Ports of the first device that lead to the second. */
  portsTo(from: string, to: string): readonly string[];
  /** Which of two devices is the root where both may be: nearer to an agent, then with more links, then by name. */
  compare(one: string, other: string): number;
}

const NOBODY: readonly string[] = [];

/** `attached`: by agent, what the operator says of where it is plugged in; `lagOf`: by port the LAG that it is a member of, both `device/interfaceKey`. */
export function networkGraph(
  devices: Iterable<GraphDevice>,
  links: Iterable<GraphLink>,
  attached: Readonly<Record<string, readonly string[]>>,
  lagOf: ReadonlyMap<string, string> = new Map(),
): NetworkGraph {
  const known = new Map([...devices].map((device) => [device.name, device]));
  const edges = new Edges();
  for (const { name, parents } of known.values())
    for (const parent of parents) if (known.has(parent) && parent !== name) edges.lead(parent, name);
  const farEnds = new Map<string, FarEnd[]>();
  const ports = new Map<string, string[]>();
  for (const link of links) {
    const [a, b] = [link.a.device, link.b.device];
    if (a === null || b === null || a === b || !known.has(a) || !known.has(b)) continue;
    // The operator's word turns a link between a device and its parent into one direction.
    if (!isParent(known, b, a)) edges.lead(a, b);
    if (!isParent(known, a, b)) edges.lead(b, a);
    for (const [near, far] of [
      [link.a, link.b],
      [link.b, link.a],
    ] as const) {
      const resource = resourceOf(near);
      if (resource === null || near.device === null || far.device === null) continue;
      put(farEnds, resource, { device: far.device, resource: resourceOf(far) });
      put(ports, `${near.device} ${far.device}`, resource);
    }
  }
  // A LAG is no member of another, whatever a device says.
  const membership = new Map([...lagOf].filter(([member, lag]) => !lagOf.has(lag) && member !== lag));
  for (const [lag, ends] of farEndsOfLags(farEnds, membership)) if (!farEnds.has(lag)) farEnds.set(lag, ends);
  const [next, before] = [edges.next(), edges.before()];
  const places = placesOf(known, attached);
  const distance = distances(startsOf(known, places, next, before), next);
  return {
    devices: known,
    next,
    before,
    farEnds,
    lagOf: membership,
    attached: places,
    sites: sitesOf(known),
    portsTo: (from, to) => ports.get(`${from} ${to}`) ?? NOBODY,
    compare: (one, other) =>
      closer(distance.get(one), distance.get(other)) ||
      (next.get(other)?.length ?? 0) - (next.get(one)?.length ?? 0) ||
      byName(one, other),
  };
}

/** Neighbours are told by the members: a LAG leads where they do, to the LAG that theirs are members of. */
function farEndsOfLags(
  farEnds: ReadonlyMap<string, readonly FarEnd[]>,
  lagOf: ReadonlyMap<string, string>,
): Map<string, FarEnd[]> {
  const found = new Map<string, Map<string, FarEnd>>();
  for (const [member, lag] of lagOf)
    for (const { device, resource } of farEnds.get(member) ?? []) {
      const ends = found.get(lag) ?? new Map<string, FarEnd>();
      found.set(lag, ends);
      const far = resource === null ? null : (lagOf.get(resource) ?? null);
      // Members may end at different LAGs of a pair of switches, or at one whose LAG nobody tells of.
      ends.set(`${device} ${far}`, { device, resource: far });
    }
  return new Map([...found].map(([lag, ends]) => [lag, [...ends.values()]]));
}

export function byName(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

class Edges {
  readonly #next = new Map<string, Set<string>>();
  readonly #before = new Map<string, Set<string>>();

  lead(from: string, to: string): void {
    add(this.#next, from, to);
    add(this.#before, to, from);
  }

  next(): Map<string, readonly string[]> {
    return sortedLists(this.#next);
  }

  before(): Map<string, readonly string[]> {
    return sortedLists(this.#before);
  }
}

function add(into: Map<string, Set<string>>, key: string, value: string): void {
  const held = into.get(key);
  if (held === undefined) into.set(key, new Set([value]));
  else held.add(value);
}

function put<Item>(into: Map<string, Item[]>, key: string, item: Item): void {
  const held = into.get(key);
  if (held === undefined) into.set(key, [item]);
  else held.push(item);
}

function sortedLists(sets: ReadonlyMap<string, ReadonlySet<string>>): Map<string, readonly string[]> {
  return new Map([...sets].map(([key, set]) => [key, [...set].toSorted(byName)]));
}

function isParent(known: ReadonlyMap<string, GraphDevice>, parent: string, child: string): boolean {
  return known.get(child)?.parents.includes(parent) === true;
}

function resourceOf({ device, interfaceKey }: GraphLinkEnd): string | null {
  return device === null || interfaceKey === null ? null : `${device}/${interfaceKey}`;
}

function placesOf(
  known: ReadonlyMap<string, GraphDevice>,
  attached: Readonly<Record<string, readonly string[]>>,
): Map<string, readonly string[]> {
  return new Map(
    Object.entries(attached)
      .map(([agent, names]) => [agent, names.filter((name) => known.has(name)).toSorted(byName)] as const)
      .filter(([, names]) => names.length > 0),
  );
}

/** Where distances are counted from: places of agents, and devices that nothing leads to. */
function startsOf(
  known: ReadonlyMap<string, GraphDevice>,
  places: ReadonlyMap<string, readonly string[]>,
  next: ReadonlyMap<string, readonly string[]>,
  before: ReadonlyMap<string, readonly string[]>,
): string[] {
  const tops = [...known.keys()].filter((name) => next.has(name) && !before.has(name));
  return [...new Set([...places.values()].flat().concat(tops))];
}

function distances(starts: readonly string[], next: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const found = new Map(starts.map((name) => [name, 0]));
  // A map gives what is put into it meanwhile, too: it is the queue.
  for (const [name, steps] of found)
    for (const far of next.get(name) ?? NOBODY) if (!found.has(far)) found.set(far, steps + 1);
  return found;
}

function closer(one: number | undefined, other: number | undefined): number {
  if (one === other) return 0;
  if (one === undefined) return 1;
  return other === undefined ? -1 : one - other;
}

function sitesOf(known: ReadonlyMap<string, GraphDevice>): Map<string, readonly string[]> {
  const sites = new Map<string, string[]>();
  for (const { name, site } of known.values()) if (site !== null) put(sites, site, name);
  return sites;
}
