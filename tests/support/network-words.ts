// A network in a few words, and alarms of it, for tests of what looks for causes.
import { DEVICE_DEAD, LINK_DOWN, type RaisedAlarm } from '../../collector/faults/cause/causes.ts';
import { type GraphLink, type NetworkGraph, networkGraph } from '../../collector/faults/cause/network-graph.ts';

export const MINUTE_MS = 60_000;

export interface NetworkWords {
  /** `name`, `name@site`, `name:agent`, `name@site:agent`. */
  readonly devices: readonly string[];
  /** `child < parent`, `one port - other port`, `one - other`. */
  readonly links?: readonly string[];
  /** `device port lag`: the port is a member of the LAG. */
  readonly lags?: readonly string[];
  /** By agent. */
  readonly attached?: Readonly<Record<string, readonly string[]>>;
  readonly intervalMs?: number;
}

export function network(words: NetworkWords): NetworkGraph {
  const parents = new Map<string, string[]>();
  const links: GraphLink[] = [];
  for (const text of words.links ?? []) {
    const [left = '', right = ''] = text.split(/\s+[-<]\s+/);
    if (text.includes(' < ')) parents.set(left, [...(parents.get(left) ?? []), right]);
    else links.push({ a: endOf(left), b: endOf(right) });
  }
  const devices = words.devices.map((text) => {
    const [, name = '', site, agent = 'agent-1'] = /^([^@:]+)(?:@([^:]+))?(?::(.+))?$/.exec(text) ?? [];
    const intervalMs = words.intervalMs ?? MINUTE_MS;
    return { name, site: site ?? null, agent, intervalMs, parents: parents.get(name) ?? [] };
  });
  const lagOf = new Map(
    (words.lags ?? []).map((text) => {
      const [device = '', port = '', lag = ''] = text.split(' ');
      return [`${device}/${port}`, `${device}/${lag}`];
    }),
  );
  return networkGraph(devices, links, words.attached ?? {}, lagOf);
}

function endOf(text: string): GraphLink['a'] {
  const [device = '', interfaceKey] = text.trim().split(/\s+/);
  return { device, interfaceKey: interfaceKey ?? null };
}

/** `core1` is a device that does not answer, `core1/p1` a port that is down, `TYPE RESOURCE` anything; `… at 30` seconds. The text is the id. */
export function raised(text: string): RaisedAlarm {
  const [words = '', at = '0'] = text.split(' at ');
  const [first = '', second] = words.split(' ');
  const resource = second ?? first;
  const alarmType = second === undefined ? (resource.includes('/') ? LINK_DOWN : DEVICE_DEAD) : first;
  const device = resource.split('/')[0] ?? '';
  return {
    id: words,
    resource,
    alarmType,
    device: device.includes(':') ? null : device,
    raisedAtMs: Number(at) * 1000,
  };
}
