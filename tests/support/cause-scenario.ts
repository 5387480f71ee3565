// Scenarios of causes as text: a network, what fails in it and when; and what people are told, in whatever order its devices are polled.
//
//   device core1                            a device; the first is where the agent is plugged in
//   device access1 at shop under core1      of a site, reached through a parent (several: `under core1 core2`)
//   link core1 p1 - access1 up              told by LLDP; ports that are down are alarms
//   agent at core1                          the operator says where the agent is plugged in; without it nobody knows
//   hold 0s                                 other than 60 s
//   at 10s core1 dies                       it answers no more, nor does what is reached through it alone; `lives` again
//   at 10s core1 is deaf                    it forwards and answers no SNMP; `hears` again
//   at 10s cut core1 p1                     the link at that port; `mend` again
//   at 10s core1 p9 down                    a port that leads nowhere known; `up` again
//   until 600s
//   roots 300s core1 access7/p1             alarms told and active then, by resource (sites as site:NAME); none: `roots 300s`
//   told core1 access7/p1                   all that people were told from the first to the last
import {
  causesOf,
  DEVICE_DEAD,
  LINK_DOWN,
  type RaisedAlarm,
  SITE_GONE,
  siteOf,
} from '../../collector/faults/cause/causes.ts';
import { askedOf, decide, type Decision, type LastPoll } from '../../collector/faults/cause/decisions.ts';
import {
  type GraphDevice,
  type GraphLink,
  type NetworkGraph,
  networkGraph,
} from '../../collector/faults/cause/network-graph.ts';

const INTERVAL_MS = 60_000;
const AGENT = 'agent-1';
const POLL_TAKES_MS = 1000;
const MOST_HELD_MS = 60_000;

interface Happening {
  readonly atMs: number;
  readonly words: readonly string[];
}

export interface CauseScenario {
  readonly graph: NetworkGraph;
  readonly links: readonly GraphLink[];
  readonly place: string;
  readonly holdMs: number;
  readonly happenings: readonly Happening[];
  readonly untilMs: number;
  readonly roots: readonly { readonly atMs: number; readonly resources: readonly string[] }[];
  readonly told: readonly string[];
}

export interface Played {
  /** By the moments of the scenario. */
  readonly roots: ReadonlyMap<number, readonly string[]>;
  readonly told: readonly string[];
  readonly longestHeldMs: number;
}

export function parseCauseScenario(text: string): CauseScenario {
  const devices: GraphDevice[] = [];
  const links: GraphLink[] = [];
  const happenings: Happening[] = [];
  const roots: { atMs: number; resources: string[] }[] = [];
  let [attached, told, untilMs, holdMs]: [string[], string[], number, number] = [[], [], 0, INTERVAL_MS];
  for (const [number, raw] of text.split('\n').entries()) {
    const words = raw.replace(/#.*/, '').trim().split(/\s+/);
    const [first = '', second = '', ...rest] = words;
    const after = (word: string): string[] => (words.includes(word) ? words.slice(words.indexOf(word) + 1) : []);
    if (first === '') continue;
    if (first === 'device')
      devices.push({
        name: second,
        site: after('at')[0] ?? null,
        agent: AGENT,
        intervalMs: INTERVAL_MS,
        parents: after('under'),
      });
    else if (first === 'link')
      links.push({
        a: { device: second, interfaceKey: rest[0] ?? null },
        b: { device: rest[2] ?? null, interfaceKey: rest[3] ?? null },
      });
    else if (first === 'agent') attached = rest;
    else if (first === 'hold') holdMs = timeOf(second);
    else if (first === 'until') untilMs = timeOf(second);
    else if (first === 'roots') roots.push({ atMs: timeOf(second), resources: rest.toSorted() });
    else if (first === 'told') told = words.slice(1);
    else if (first === 'at') happenings.push({ atMs: timeOf(second), words: rest });
    else throw new Error(`line ${number + 1} is no line of a scenario: ${raw}`);
  }
  const graph = networkGraph(devices, links, attached.length === 0 ? {} : { [AGENT]: attached });
  return { graph, links, place: devices[0]?.name ?? '', holdMs, happenings, untilMs, roots, told: told.toSorted() };
}

/** What is true of the network, whoever knows it. */
class Truth {
  readonly dead = new Set<string>();
  readonly deaf = new Set<string>();
  readonly cut = new Set<string>();
  readonly down = new Set<string>();
  readonly #scenario: CauseScenario;

  constructor(scenario: CauseScenario) {
    this.#scenario = scenario;
  }

  happen([first = '', second = '', third = '']: readonly string[]): void {
    if (first === 'cut') this.cut.add(`${second}/${third}`);
    else if (first === 'mend') this.cut.delete(`${second}/${third}`);
    else if (second === 'dies') this.dead.add(first);
    else if (second === 'lives') this.dead.delete(first);
    else if (second === 'is') this.deaf.add(first);
    else if (second === 'hears') this.deaf.delete(first);
    else if (third === 'down') this.down.add(`${first}/${second}`);
    else if (third === 'up') this.down.delete(`${first}/${second}`);
    else throw new Error(`${first} ${second} ${third} cannot happen`);
  }

  /** Devices that answer the agent. */
  answering(): Set<string> {
    const { graph, place, links } = this.#scenario;
    const reached = new Set(this.dead.has(place) ? [] : [place]);
    const neighbours = (name: string): string[] => [
      ...[...graph.devices.values()].flatMap((one) =>
        one.parents.includes(name) ? [one.name] : one.name === name ? one.parents : [],
      ),
      ...links.flatMap((link) => (this.#isCut(link) ? [] : otherEnd(link, name))),
    ];
    for (const name of reached) for (const far of neighbours(name)) if (!this.dead.has(far)) reached.add(far);
    return new Set([...reached].filter((name) => !this.deaf.has(name)));
  }

  portsDown(device: string): Set<string> {
    const own = new Set([...this.down].filter((port) => port.startsWith(`${device}/`)));
    for (const link of this.#scenario.links)
      for (const [near, far] of [
        [link.a, link.b],
        [link.b, link.a],
      ] as const)
        if (near.device === device && (this.#isCut(link) || this.dead.has(far.device ?? '')))
          own.add(`${device}/${near.interfaceKey}`);
    return own;
  }

  #isCut({ a, b }: GraphLink): boolean {
    return this.cut.has(`${a.device}/${a.interfaceKey}`) || this.cut.has(`${b.device}/${b.interfaceKey}`);
  }
}

function otherEnd({ a, b }: GraphLink, name: string): string[] {
  return [a.device === name ? b.device : b.device === name ? a.device : null].filter((one) => one !== null);
}

/** Lives through a scenario second by second; `order` says which device is polled when. */
export function playCauseScenario(scenario: CauseScenario, order: (device: string, at: number) => number): Played {
  const player = new Player(scenario, order);
  const roots = new Map<number, readonly string[]>();
  for (let nowMs = 0; nowMs <= scenario.untilMs; nowMs += 1000) {
    player.second(nowMs);
    if (scenario.roots.some(({ atMs }) => atMs === nowMs)) roots.set(nowMs, player.rootsNow());
  }
  return { roots, told: [...player.told].toSorted(), longestHeldMs: player.longestHeldMs };
}

class Player {
  readonly told = new Set<string>();
  longestHeldMs = 0;
  readonly #scenario: CauseScenario;
  readonly #truth: Truth;
  readonly #dueMs: Map<string, number>;
  readonly #failures = new Map<string, number>();
  readonly #polls = new Map<string, LastPoll>();
  readonly #alarms = new Map<string, RaisedAlarm>();
  readonly #heldSinceMs = new Map<string, number>();
  readonly #clearedAtMs = new Map<string, number>();
  #decided = new Map<string, Decision>();

  constructor(scenario: CauseScenario, order: (device: string, at: number) => number) {
    this.#scenario = scenario;
    this.#truth = new Truth(scenario);
    this.#dueMs = new Map(
      [...scenario.graph.devices.keys()].map((name, at) => [name, Math.floor(order(name, at) * 60) * 1000]),
    );
  }

  rootsNow(): string[] {
    const free = [...this.#decided.values()].filter(({ root, heldUntilMs }) => root === null && heldUntilMs === null);
    return free.map(({ alarm }) => this.#alarms.get(alarm)?.resource ?? alarm).toSorted();
  }

  second(nowMs: number): void {
    for (const { atMs, words } of this.#scenario.happenings) if (atMs === nowMs) this.#truth.happen(words);
    const answering = this.#truth.answering();
    for (const [device, dueMs] of this.#dueMs)
      if (dueMs <= nowMs) {
        this.#poll(device, answering.has(device), nowMs);
        this.#dueMs.set(device, nowMs + INTERVAL_MS);
      }
    for (const device of this.#correlate(nowMs)) {
      // Asked again only after a while, as the correlator does.
      const last = this.#polls.get(device)?.atMs ?? 0;
      const soonMs = Math.max(nowMs + POLL_TAKES_MS, last + 5000);
      this.#dueMs.set(device, Math.min(soonMs, this.#dueMs.get(device) ?? soonMs));
    }
  }

  #poll(device: string, answers: boolean, nowMs: number): void {
    this.#polls.set(device, { atMs: nowMs, answered: answers });
    const failures = answers ? 0 : (this.#failures.get(device) ?? 0) + 1;
    this.#failures.set(device, failures);
    if (failures === 2) this.#set(DEVICE_DEAD, device, device, nowMs, true);
    if (!answers) return;
    this.#set(DEVICE_DEAD, device, device, nowMs, false);
    const down = this.#truth.portsDown(device);
    for (const { alarmType, resource } of this.#alarms.values())
      if (alarmType === LINK_DOWN && resource.startsWith(`${device}/`) && !down.has(resource))
        this.#set(LINK_DOWN, resource, device, nowMs, false);
    for (const port of down) this.#set(LINK_DOWN, port, device, nowMs, true);
  }

  #set(alarmType: string, resource: string, device: string | null, nowMs: number, active: boolean): void {
    const id = `${alarmType} ${resource}`;
    if (this.#alarms.has(id) === active) return;
    if (active) {
      this.#alarms.set(id, { id, alarmType, resource, device, raisedAtMs: nowMs });
      this.#clearedAtMs.delete(id);
    } else {
      this.#alarms.delete(id);
      this.#clearedAtMs.set(id, nowMs);
    }
  }

  /** Devices that are wanted at once. */
  #correlate(nowMs: number): readonly string[] {
    const { graph, holdMs } = this.#scenario;
    const config = { holdMs, recoveryMs: MOST_HELD_MS };
    const round = () => {
      const alarms = [...this.#alarms.values()];
      const causes = causesOf(graph, alarms);
      const moment = { graph, causes, alarms, decided: this.#decided, clearedAtMs: this.#clearedAtMs, nowMs, config };
      const asked = askedOf(moment);
      const polls = new Map([...this.#polls].filter(([name]) => asked.has(name)));
      return { causes, decided: decide({ ...moment, polls }) };
    };
    let { causes, decided } = round();
    for (const { site } of decided.goneSites) this.#set(SITE_GONE, `site:${site}`, null, nowMs, true);
    for (const { alarmType, resource } of this.#alarms.values())
      if (alarmType === SITE_GONE && !causes.darkSites.has(siteOf(resource) ?? ''))
        this.#set(SITE_GONE, resource, null, nowMs, false);
    ({ causes, decided } = round());
    this.#decided = new Map(decided.decisions.map((decision) => [decision.alarm, decision]));
    for (const decision of decided.decisions) this.#note(decision, nowMs);
    return decided.wanted;
  }

  #note({ alarm, root, heldUntilMs }: Decision, nowMs: number): void {
    if (heldUntilMs === null) this.#heldSinceMs.delete(alarm);
    else {
      const sinceMs = this.#heldSinceMs.get(alarm) ?? nowMs;
      this.#heldSinceMs.set(alarm, sinceMs);
      this.longestHeldMs = Math.max(this.longestHeldMs, nowMs - sinceMs);
    }
    if (root === null && heldUntilMs === null) this.told.add(this.#alarms.get(alarm)?.resource ?? alarm);
  }
}

function timeOf(word: string): number {
  const match = /^(\d+)(s|m)$/.exec(word);
  if (match === null) throw new Error(`${word} is no time`);
  return Number(match[1]) * (match[2] === 'm' ? 60_000 : 1000);
}
