// What alarms without a device are of: an agent, a site, a collector. Pure.
import type { NetworkGraph } from '../faults/cause/network-graph.ts';

export interface OwnPlace {
  readonly kind: 'agent' | 'site' | 'collector';
  readonly name: string;
}

/** Of one finding: more are not looked at. */
const MOST_AGENTS = 20;
const MOST_DEVICES = 50;

/** Null for a device or a part of one, and for what other systems enter. */
export function ownPlaceOf(resource: string): OwnPlace | null {
  const [, kind, name = ''] = /^(agent|site|collector):(.+)$/s.exec(resource) ?? [];
  return kind === undefined ? null : { kind: kind as OwnPlace['kind'], name };
}

/** What a diagnosis is counted and bounded by. */
export function subjectName({
  device,
  resource,
}: {
  readonly device: string | null;
  readonly resource: string;
}): string {
  return device ?? resource;
}

/** Devices that are of the place: of a site those on it, of an agent those that it polls. */
export function devicesOfPlace(graph: NetworkGraph, { kind, name }: OwnPlace): readonly string[] {
  if (kind === 'site') return (graph.sites.get(name) ?? []).slice(0, MOST_DEVICES);
  if (kind === 'collector') return [];
  return [...graph.devices.values()].filter(({ agent }) => agent === name).map((device) => device.name);
}

/** Devices that lie before it: those that an agent is plugged into, those outside a site that lead into it. */
export function devicesBefore(graph: NetworkGraph, place: OwnPlace): readonly string[] {
  if (place.kind === 'agent') return graph.attached.get(place.name) ?? [];
  const own = new Set(devicesOfPlace(graph, place));
  const before = [...own].flatMap((device) => graph.before.get(device) ?? []).filter((device) => !own.has(device));
  return [...new Set(before)].toSorted((one, other) => graph.compare(one, other));
}

/** The agent itself first, then those of the same sites; of a site those that poll it; of a collector all. */
export function agentsAround(graph: NetworkGraph, place: OwnPlace | null, device: string): readonly string[] {
  const agentOf = (name: string): string[] => {
    const found = graph.devices.get(name);
    return found === undefined ? [] : [found.agent];
  };
  const all = [...graph.devices.values()];
  const around = (): string[] => {
    if (place === null) return agentOf(device);
    if (place.kind === 'collector') return all.map(({ agent }) => agent);
    if (place.kind === 'site') return devicesOfPlace(graph, place).flatMap(agentOf);
    const sites = new Set(all.filter(({ agent }) => agent === place.name).flatMap(({ site }) => site ?? []));
    return [place.name, ...all.filter(({ site }) => site !== null && sites.has(site)).map(({ agent }) => agent)];
  };
  return [...new Set(around())].slice(0, MOST_AGENTS);
}
