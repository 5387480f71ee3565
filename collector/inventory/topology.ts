// Joins what devices say of their neighbours (LLDP, CDP) into links between the devices that are known: pure.
import type { EpochMs } from '../../common/model/time.ts';

/** One device's word on one neighbour. */
export interface NeighbourReport {
  readonly device: string;
  readonly localInterface: string | null;
  readonly remoteDevice: string;
  readonly remotePort: string | null;
  readonly protocol: string | null;
  readonly lastSeenMs: EpochMs;
}

/** What a device may be called by its neighbours. */
export interface DeviceNames {
  readonly name: string;
  readonly sysName: string | null;
}

export interface LinkEnd {
  /** As configured; null where it is none of ours, or several may be meant. */
  readonly device: string | null;
  /** As it calls itself, or its address. */
  readonly remoteName: string;
  /** Key of the interface; null where it is not known which one. */
  readonly interfaceKey: string | null;
  /** As it was told. */
  readonly port: string | null;
}

export interface Link {
  readonly a: LinkEnd;
  readonly b: LinkEnd;
  readonly protocols: readonly string[];
  /** Which of its ends has told of it; a link that both tell of is surely wired so. */
  readonly toldBy: readonly ('a' | 'b')[];
  readonly lastSeenMs: EpochMs;
}

/** Answers which device is meant by what a neighbour is called; null where none or more than one is. */
export function deviceFinder(
  devices: readonly DeviceNames[],
  byMac: ReadonlyMap<string, string | null>,
): (text: string) => string | null {
  const exact = new Map<string, string | null>();
  const short = new Map<string, string | null>();
  const add = (map: Map<string, string | null>, key: string, name: string): void => {
    const there = map.get(key);
    map.set(key, there === undefined || there === name ? name : null);
  };
  for (const { name, sysName } of devices) {
    for (const text of [name, sysName]) {
      const key = text?.trim().toLowerCase() ?? '';
      if (key === '') continue;
      add(exact, key, name);
      add(short, shortName(key), name);
    }
  }
  return (text) => {
    // NX-OS puts its serial number in brackets behind its name in CDP.
    const key = text
      .trim()
      .toLowerCase()
      .replace(/\([^()]*\)$/, '');
    const found = exact.get(key);
    if (found !== undefined) return found;
    const mac = byMac.get(macText(text) ?? '');
    if (mac !== undefined) return mac;
    return short.get(shortName(key)) ?? null;
  };
}

/** `interfaceOf` finds the key of a device's interface by how a neighbour calls it. */
export function linksOf(
  reports: readonly NeighbourReport[],
  deviceNamed: (text: string) => string | null,
  interfaceOf: (device: string, port: string) => string | null,
): Link[] {
  const links = new Map<string, Link>();
  for (const report of reports) {
    const far = deviceNamed(report.remoteDevice);
    const near: LinkEnd = {
      device: report.device,
      remoteName: report.device,
      interfaceKey: report.localInterface,
      port: report.localInterface,
    };
    const other: LinkEnd = {
      device: far,
      remoteName: report.remoteDevice,
      interfaceKey: far === null || report.remotePort === null ? null : interfaceOf(far, report.remotePort),
      port: report.remotePort,
    };
    const nearFirst = compareEnds(near, other) <= 0;
    const [a, b] = nearFirst ? [near, other] : [other, near];
    const name = JSON.stringify([endName(a), endName(b)]);
    const there = links.get(name);
    const teller = nearFirst ? ('a' as const) : ('b' as const);
    links.set(name, {
      a: there === undefined ? a : known(there.a, a),
      b: there === undefined ? b : known(there.b, b),
      protocols: [
        ...new Set([...(there?.protocols ?? []), ...(report.protocol === null ? [] : [report.protocol])]),
      ].sort(),
      toldBy: [...new Set([...(there?.toldBy ?? []), teller])].sort(),
      lastSeenMs: Math.max(there?.lastSeenMs ?? 0, report.lastSeenMs),
    });
  }
  const sorted = [...links.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, link]) => link);
  return joined(sorted);
}

/**
 * Some devices call their ports by a number that only they know (a port id of subtype local), so that one end's word names no interface
 * of the other. Where the other tells of exactly one link to that very port, the two are the same.
 */
function joined(links: readonly Link[]): Link[] {
  const bySure = new Map<string, Link[]>();
  for (const link of links) {
    if (link.a.interfaceKey === null || link.b.interfaceKey === null) continue;
    for (const [sure, far] of [
      [link.a, link.b],
      [link.b, link.a],
    ] as const) {
      const name = sureName(sure, far);
      bySure.set(name, [...(bySure.get(name) ?? []), link]);
    }
  }
  const more = new Map<Link, Link[]>();
  const kept = links.filter((link) => {
    const { a, b } = link;
    if (a.device === b.device || (a.interfaceKey === null) === (b.interfaceKey === null)) return true;
    const [sure, far] = a.interfaceKey === null ? [b, a] : [a, b];
    const [found, ...others] = far.device === null ? [] : (bySure.get(sureName(sure, far)) ?? []);
    if (found === undefined || others.length > 0) return true;
    more.set(found, [...(more.get(found) ?? []), link]);
    return false;
  });
  return kept.map((link) => (more.get(link) ?? []).reduce(withWordsOf, link));
}

function sureName(sure: LinkEnd, far: LinkEnd): string {
  return JSON.stringify([sure.device, sure.interfaceKey, far.device]);
}

function withWordsOf(link: Link, other: Link): Link {
  // Between two devices their ends may stand in either order: only a port that is known decides that of a link.
  const turned = link.a.device !== other.a.device;
  const toldBy = turned ? other.toldBy.map((end) => (end === 'a' ? ('b' as const) : ('a' as const))) : other.toldBy;
  return {
    ...link,
    protocols: [...new Set([...link.protocols, ...other.protocols])].sort(),
    toldBy: [...new Set([...link.toldBy, ...toldBy])].sort(),
    lastSeenMs: Math.max(link.lastSeenMs, other.lastSeenMs),
  };
}

/** `00:1b:…`, however it is written; null for what is no address. */
export function macText(text: string): string | null {
  const digits = text
    .trim()
    .toLowerCase()
    .replaceAll(/[:.\s-]/g, '');
  return /^[0-9a-f]{12}$/.test(digits) ? (digits.match(/../g)?.join(':') ?? null) : null;
}

function shortName(name: string): string {
  return /^[\d.]+$/.test(name) ? name : (name.split('.')[0] ?? name);
}

/** Known devices first, then by name and port, so that both ends' words come to the same order. */
function compareEnds(one: LinkEnd, other: LinkEnd): number {
  if ((one.device === null) !== (other.device === null)) return one.device === null ? 1 : -1;
  const [left, right] = [endName(one), endName(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function endName({ device, remoteName, interfaceKey, port }: LinkEnd): string {
  const place = interfaceKey ?? (port === null ? '' : `?${port.toLowerCase()}`);
  return device === null ? `? ${remoteName.toLowerCase()} ${place}` : `= ${device} ${place}`;
}

/** Of two words on one end the one that knows its interface. */
function known(one: LinkEnd, other: LinkEnd): LinkEnd {
  return one.interfaceKey === null && other.interfaceKey !== null ? other : one;
}
