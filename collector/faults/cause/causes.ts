// Of each raised alarm: whether it is a cause or a symptom, and of which other alarm. Pure, and the same in whatever order alarms came.
import type { EpochMs } from '../../../common/model/time.ts';
import { STATE_TYPES } from '../told-parts.ts';
import { deadRoots, type World } from './dead-regions.ts';
import { causeOfPart, type FailedParts, failedPartsOf } from './failed-parts.ts';
import { byName, type NetworkGraph } from './network-graph.ts';

/** An alarm that is not cleared. */
export interface RaisedAlarm {
  /** As the database numbers it. */
  readonly id: string;
  readonly resource: string;
  readonly alarmType: string;
  readonly device: string | null;
  readonly raisedAtMs: EpochMs;
}

export interface Cause {
  /** Id of the alarm that is the root. */
  readonly root: string;
  /** For people. */
  readonly reason: string;
}

export interface GoneSite {
  readonly site: string;
  readonly devices: readonly string[];
  /** Those of its devices whose alarms are roots. */
  readonly roots: readonly string[];
}

export interface Causes {
  /** By id; alarms that are roots are missing. */
  readonly symptoms: ReadonlyMap<string, Cause>;
  /** Sites of which no device answers, for no reason outside: each is to have an alarm of its own. */
  readonly goneSites: readonly GoneSite[];
  /** Sites of which no device answers, for whatever reason. */
  readonly darkSites: ReadonlySet<string>;
  /** Devices at the edges of regions of dead ones, and those of them that are cut off. */
  readonly regions: ReadonlyMap<string, number>;
  readonly cutOff: ReadonlySet<string>;
  /** What a later decision needs to know of the same moment. */
  readonly world: World;
}

/** Types of alarms that others may explain, or that explain others. Any other type is its own cause, always. */
export const DEVICE_DEAD = 'device-unreachable';
export const LINK_DOWN = 'interface-down';
export const FLAPPING = 'interface-flapping';
export const LAG_DEGRADED = 'lag-degraded';
export const NO_DATA = 'no-data';
export const AGENT_SILENT = 'agent-silent';
export const SITE_GONE = 'site-unreachable';
export const CAUSAL_TYPES: readonly string[] = [
  DEVICE_DEAD,
  LINK_DOWN,
  FLAPPING,
  LAG_DEGRADED,
  NO_DATA,
  AGENT_SILENT,
  SITE_GONE,
  ...STATE_TYPES,
];

/** A site with one device is that device. */
const LEAST_OF_A_SITE = 2;
const AGENT_PREFIX = 'agent:';
const SITE_PREFIX = 'site:';

export function siteResource(site: string): string {
  return `${SITE_PREFIX}${site}`;
}

export function siteOf(resource: string): string | null {
  return resource.startsWith(SITE_PREFIX) ? resource.slice(SITE_PREFIX.length) : null;
}

export function causesOf(graph: NetworkGraph, alarms: readonly RaisedAlarm[]): Causes {
  const state = stateOf(alarms);
  const { roots: rootDevices, regions, cutOff } = deadRoots(graph, state);
  const all = goneSitesOf(graph, rootDevices);
  const symptoms = new Map<string, Cause>();
  const roots = new Roots(state, rootDevices, all);
  for (const alarm of alarms) {
    const cause = causeOf(graph, state, roots, alarm);
    if (cause !== null && cause.root !== alarm.id) symptoms.set(alarm.id, cause);
  }
  return {
    symptoms,
    goneSites: all.filter(({ roots: own }) => own.length > 0),
    darkSites: new Set(all.map(({ site }) => site)),
    regions,
    cutOff,
    world: state,
  };
}

interface State extends World {
  readonly deadAlarms: ReadonlyMap<string, RaisedAlarm>;
  readonly linkAlarms: ReadonlyMap<string, RaisedAlarm>;
  readonly flapping: ReadonlyMap<string, RaisedAlarm>;
  readonly degraded: ReadonlyMap<string, RaisedAlarm>;
  readonly silentAgents: ReadonlyMap<string, RaisedAlarm>;
  /** That send, and do not poll. */
  readonly stuckAgents: ReadonlyMap<string, RaisedAlarm>;
  readonly siteAlarms: ReadonlyMap<string, RaisedAlarm>;
  readonly failedParts: FailedParts;
}

function stateOf(alarms: readonly RaisedAlarm[]): State {
  const of = (alarmType: string, nameOf: (alarm: RaisedAlarm) => string): Map<string, RaisedAlarm> =>
    new Map(alarms.filter((alarm) => alarm.alarmType === alarmType).map((alarm) => [nameOf(alarm), alarm]));
  const deadAlarms = of(DEVICE_DEAD, ({ resource }) => resource);
  const linkAlarms = of(LINK_DOWN, ({ resource }) => resource);
  return {
    deadAlarms,
    linkAlarms,
    flapping: of(FLAPPING, ({ resource }) => resource),
    degraded: of(LAG_DEGRADED, ({ resource }) => resource),
    silentAgents: of(AGENT_SILENT, ({ resource }) => resource.slice(AGENT_PREFIX.length)),
    stuckAgents: new Map(
      [...of(NO_DATA, ({ resource }) => resource)].flatMap(([name, alarm]) => agentEntry(name, alarm)),
    ),
    siteAlarms: of(SITE_GONE, ({ resource }) => siteOf(resource) ?? ''),
    failedParts: failedPartsOf(alarms),
    dead: new Map([...deadAlarms].map(([name, { raisedAtMs }]) => [name, raisedAtMs])),
    down: new Set(linkAlarms.keys()),
  };
}

function agentEntry(resource: string, alarm: RaisedAlarm): [string, RaisedAlarm][] {
  return resource.startsWith(AGENT_PREFIX) ? [[resource.slice(AGENT_PREFIX.length), alarm]] : [];
}

/** Sites of which every device is dead; `roots` is empty where the cause lies outside. */
function goneSitesOf(graph: NetworkGraph, rootDevices: ReadonlyMap<string, string>): GoneSite[] {
  const gone: GoneSite[] = [];
  for (const [site, devices] of graph.sites) {
    if (devices.length < LEAST_OF_A_SITE || !devices.every((name) => rootDevices.has(name))) continue;
    const own = new Set(devices);
    const roots = [...new Set(devices.map((name) => rootDevices.get(name) ?? name))];
    const within = roots.every((root) => own.has(root));
    gone.push({ site, devices, roots: within ? roots.toSorted((one, other) => graph.compare(one, other)) : [] });
  }
  return gone.toSorted((one, other) => byName(one.site, other.site));
}

/** From a dead device to the alarm that is the root of its silence: that of a site where the whole site is gone, else that of a device. */
class Roots {
  readonly #state: State;
  readonly #devices: ReadonlyMap<string, string>;
  /** By root device. */
  readonly #sites = new Map<string, RaisedAlarm>();
  readonly #foreign = new Map<string, string>();

  constructor(state: State, devices: ReadonlyMap<string, string>, gone: readonly GoneSite[]) {
    this.#state = state;
    this.#devices = devices;
    for (const { site, devices: own, roots } of gone) {
      const alarm = state.siteAlarms.get(site);
      if (alarm === undefined) continue;
      for (const root of roots) this.#sites.set(root, alarm);
      const [first] = own.map((name) => devices.get(name) ?? name).toSorted(byName);
      if (roots.length === 0 && first !== undefined) this.#foreign.set(site, first);
    }
  }

  ofDevice(device: string): { readonly alarm: RaisedAlarm; readonly what: string } | null {
    const root = this.#devices.get(device);
    if (root === undefined) return null;
    const site = this.#sites.get(root);
    if (site !== undefined) return { alarm: site, what: `no device of ${siteOf(site.resource) ?? ''} answers` };
    const alarm = this.#state.deadAlarms.get(root);
    return alarm === undefined ? null : { alarm, what: `${root} does not answer` };
  }

  /** Of a site whose cause lies outside. */
  ofSite(site: string): ReturnType<Roots['ofDevice']> {
    const device = this.#foreign.get(site);
    return device === undefined ? null : this.ofDevice(device);
  }
}

function causeOf(graph: NetworkGraph, state: State, roots: Roots, alarm: RaisedAlarm): Cause | null {
  switch (alarm.alarmType) {
    case DEVICE_DEAD: {
      const root = roots.ofDevice(alarm.resource);
      return root === null ? null : because(root, `nothing else leads to ${alarm.resource}`);
    }
    case SITE_GONE: {
      const root = roots.ofSite(siteOf(alarm.resource) ?? '');
      return root === null ? null : because(root, `${alarm.resource} lies behind it`);
    }
    case LINK_DOWN:
      return causeOfLink(graph, state, roots, alarm);
    case FLAPPING:
    case LAG_DEGRADED:
      return causeOfTrouble(graph, state, roots, alarm);
    case NO_DATA:
      return causeOfNoData(graph, state, roots, alarm);
    case AGENT_SILENT:
      return causeOfSilence(graph, state, roots, alarm.resource.slice(AGENT_PREFIX.length));
    default:
      return causeOfPart(state.failedParts, alarm);
  }
}

function because(root: { readonly alarm: RaisedAlarm; readonly what: string }, why: string): Cause {
  return { root: root.alarm.id, reason: `${root.what}: ${why}` };
}

/**
 * A port that is down towards a device that does not answer is a symptom of that device, never the other way: whether the cable or the box
 * failed cannot be seen from this side, and the device carries more than the port. Where the device turns out to be alive, its alarm clears
 * and the port's becomes the root.
 */
function causeOfLink(graph: NetworkGraph, state: State, roots: Roots, alarm: RaisedAlarm): Cause | null {
  return (
    causeOfEnd(graph, roots, alarm) ??
    causeInLag(graph, state, roots, alarm) ??
    causeOfOtherEnd(graph, state, roots, alarm, (resource) => state.linkAlarms.get(resource)) ??
    causeInFlapping(graph, state, roots, alarm)
  );
}

/** A link that flaps, or a LAG that has lost members, says so at both ends: that end tells it which said it first, of the same moment the nearer. */
function causeOfTrouble(graph: NetworkGraph, state: State, roots: Roots, alarm: RaisedAlarm): Cause | null {
  const told = alarm.alarmType === FLAPPING ? state.flapping : state.degraded;
  return (
    causeOfEnd(graph, roots, alarm) ?? causeOfOtherEnd(graph, state, roots, alarm, (resource) => told.get(resource))
  );
}

/** A device that does not answer, at either end. */
function causeOfEnd(graph: NetworkGraph, roots: Roots, alarm: RaisedAlarm): Cause | null {
  const ends = graph.farEnds.get(alarm.resource) ?? [];
  if (ends.length === 0) return null;
  const own = alarm.device === null ? null : roots.ofDevice(alarm.device);
  if (own !== null) return because(own, `the status of ${alarm.resource} is that of before`);
  const dead = ends.map(({ device }) => roots.ofDevice(device)).filter((root) => root !== null);
  const [first] = dead.toSorted((one, other) => byName(one.alarm.resource, other.alarm.resource));
  // Behind one port there may be several devices: while one of them answers, another's silence explains nothing.
  if (first !== undefined && dead.length === ends.length) return because(first, `${alarm.resource} leads to it`);
  return null;
}

/** A member is folded under its LAG, whether that is down with all of them or carries on with less. */
function causeInLag(graph: NetworkGraph, state: State, roots: Roots, alarm: RaisedAlarm): Cause | null {
  const lag = graph.lagOf.get(alarm.resource);
  if (lag === undefined) return null;
  const down = state.linkAlarms.get(lag);
  const told = down ?? state.degraded.get(lag);
  if (told === undefined) return null;
  const reason = `${alarm.resource} is a member of ${lag}, which is ${down === undefined ? 'degraded' : 'down'}`;
  return causeOf(graph, state, roots, told) ?? { root: told.id, reason };
}

/** Both ends of a link say the same: the nearer end tells it, of what takes time to be seen the one that said it first. */
function causeOfOtherEnd(
  graph: NetworkGraph,
  state: State,
  roots: Roots,
  alarm: RaisedAlarm,
  toldAt: (resource: string) => RaisedAlarm | undefined,
): Cause | null {
  const end = onlyEnd(graph, alarm);
  const far = end === null ? undefined : toldAt(end.resource);
  if (end === null || far === undefined || alarm.device === null) return null;
  const later = alarm.alarmType === LINK_DOWN ? 0 : alarm.raisedAtMs - far.raisedAtMs;
  if ((later || graph.compare(alarm.device, end.device) || byName(alarm.resource, far.resource)) <= 0) return null;
  const what = { [FLAPPING]: 'flaps', [LAG_DEGRADED]: 'is degraded' }[alarm.alarmType] ?? 'is down';
  const reason = `${far.resource} ${what}: it is the other end of this link`;
  // It may be folded itself, into its LAG.
  return causeOf(graph, state, roots, far) ?? { root: far.id, reason };
}

/** While one end flaps and tells nothing else of its status, the other may be seen down. */
function causeInFlapping(graph: NetworkGraph, state: State, roots: Roots, alarm: RaisedAlarm): Cause | null {
  const end = onlyEnd(graph, alarm);
  const far = end === null ? undefined : state.flapping.get(end.resource);
  if (end === null || far === undefined) return null;
  const reason = `${end.resource} flaps: it is the other end of this link`;
  return causeOf(graph, state, roots, far) ?? { root: far.id, reason };
}

/** The other end, where both ends know of nothing else there. */
function onlyEnd(
  graph: NetworkGraph,
  alarm: RaisedAlarm,
): { readonly device: string; readonly resource: string } | null {
  const [end, ...others] = graph.farEnds.get(alarm.resource) ?? [];
  if (end === undefined || end.resource === null || others.length > 0) return null;
  return graph.farEnds.get(end.resource)?.length === 1 ? { device: end.device, resource: end.resource } : null;
}

function causeOfNoData(graph: NetworkGraph, state: State, roots: Roots, { device }: RaisedAlarm): Cause | null {
  if (device === null) return null;
  const agent = graph.devices.get(device)?.agent ?? '';
  const silent = state.silentAgents.get(agent);
  if (silent !== undefined) {
    const further = causeOfSilence(graph, state, roots, agent);
    return further ?? { root: silent.id, reason: `the agent ${agent} is silent: it polls ${device}` };
  }
  const stuck = state.stuckAgents.get(agent);
  if (stuck !== undefined) return { root: stuck.id, reason: `the agent ${agent} does not poll what it has to` };
  const root = roots.ofDevice(device);
  return root === null ? null : because(root, `${device} cannot be read meanwhile`);
}

/** An agent falls silent with the devices that it is plugged into, where another agent sees that these are gone. */
function causeOfSilence(graph: NetworkGraph, state: State, roots: Roots, agent: string): Cause | null {
  const places = graph.attached.get(agent) ?? [];
  if (places.length === 0 || !places.every((name) => state.dead.has(name))) return null;
  const [first] = places
    .map((name) => roots.ofDevice(name))
    .filter((root) => root !== null)
    .toSorted((one, other) => byName(one.alarm.resource, other.alarm.resource));
  return first === undefined ? null : because(first, `the agent ${agent} is plugged in there`);
}
