// What a port carries: whether the device itself, and which others, are reached over it alone. Pure, over the network as causes are looked for in it.
import type { NetworkGraph } from '../faults/cause/network-graph.ts';
import { splitResource } from './facts.ts';

export interface PathCheck {
  /**
   * kept: its agent reaches the device without the port; cut: it does not; unsure: nobody has said where the agent is plugged in, and the port
   * leads to something that is reached no other way; unknown: nothing is known of how the device is reached.
   */
  readonly own: 'kept' | 'cut' | 'unsure' | 'unknown';
  /** Devices that are reached over this port alone, but for those that do not answer anyway. */
  readonly others: readonly string[];
}

const NOBODY: readonly string[] = [];

/** `unreachable`: devices that do not answer now. */
export function pathCheck(graph: NetworkGraph, port: string, unreachable: ReadonlySet<string>): PathCheck {
  const [device] = splitResource(port);
  const agent = graph.devices.get(device)?.agent ?? '';
  const without = severedBy(graph, device, port);
  const starts = startsOf(graph, agent);
  if (starts.length === 0 || !reached(graph, starts, new Set()).has(device))
    return withoutStart(graph, device, { without, unreachable });
  const before = reached(graph, starts, new Set());
  const after = reached(graph, starts, without);
  const lost = [...before].filter((name) => !after.has(name) && name !== device && !unreachable.has(name));
  return { own: after.has(device) ? 'kept' : 'cut', others: lost.toSorted() };
}

/** Links that are gone without the port, as `FROM TO`: where another port leads to the same device, none. */
function severedBy(graph: NetworkGraph, device: string, port: string): ReadonlySet<string> {
  const severed = new Set<string>();
  for (const { device: far } of graph.farEnds.get(port) ?? NO_ENDS) {
    if (graph.portsTo(device, far).some((other) => other !== port)) continue;
    severed.add(`${device} ${far}`);
    severed.add(`${far} ${device}`);
  }
  return severed;
}

const NO_ENDS: readonly { readonly device: string }[] = [];

/** Where the agent is plugged in; where nobody says it, devices that only lead to others. */
function startsOf(graph: NetworkGraph, agent: string): readonly string[] {
  const attached = graph.attached.get(agent);
  if (attached !== undefined && attached.length > 0) return attached;
  return [...graph.devices.keys()].filter((name) => graph.next.has(name) && !graph.before.has(name));
}

function reached(graph: NetworkGraph, starts: readonly string[], severed: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set(starts);
  // A set gives what is put into it meanwhile, too.
  for (const name of found)
    for (const far of graph.next.get(name) ?? NOBODY) if (!severed.has(`${name} ${far}`)) found.add(far);
  return found;
}

/** Nobody knows on which side the agent is; a side that does not answer while this device does has it not. */
function withoutStart(
  graph: NetworkGraph,
  device: string,
  { without, unreachable }: { readonly without: ReadonlySet<string>; readonly unreachable: ReadonlySet<string> },
): PathCheck {
  const around = (name: string): readonly string[] => [
    ...(graph.next.get(name) ?? NOBODY),
    ...(graph.before.get(name) ?? NOBODY),
  ];
  if (around(device).length === 0) return { own: 'unknown', others: [] };
  const flood = (severed: ReadonlySet<string>): Set<string> => {
    const found = new Set([device]);
    for (const name of found) for (const far of around(name)) if (!severed.has(`${name} ${far}`)) found.add(far);
    return found;
  };
  const near = flood(without);
  const far = [...flood(new Set())].filter((name) => !near.has(name));
  const living = far.filter((name) => !unreachable.has(name));
  if (living.length === 0) return { own: 'kept', others: [] };
  return { own: 'unsure', others: living.toSorted() };
}
