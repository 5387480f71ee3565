// What is decided of each raised alarm: a symptom, told by itself, or held a while until what lies before it has been polled. Pure. Its life:
//
//   raised ──nothing could explain it──► free        held ──what lies before answers, or the time is over──► free
//      │                                             held ──something that is dead explains it──► symptom
//      └──something could──► held (at most hold_ms)  symptom ──its root clears──► recovering (at most recovery_ms)
//                                                    recovering ──its own device was polled again──► free
//   A symptom that is explained no more while its root still stands is recovering too: something between them came back first.
import type { DurationMs, EpochMs } from '../../../common/model/time.ts';
import {
  AGENT_SILENT,
  type Causes,
  DEVICE_DEAD,
  FLAPPING,
  type GoneSite,
  LAG_DEGRADED,
  LINK_DOWN,
  NO_DATA,
  type RaisedAlarm,
  SITE_GONE,
  siteResource,
} from './causes.ts';
import { isPortDown, livingBefore } from './dead-regions.ts';
import type { NetworkGraph } from './network-graph.ts';

/** What is kept of an alarm (faults.cause); both null: it is told by itself. */
export interface Decision {
  readonly alarm: string;
  /** Of which raising it is: a decision dies with it. */
  readonly raisedAtMs: EpochMs;
  /** Without `heldUntilMs`: it is a symptom of that alarm. With it: it was, until that cleared. */
  readonly root: string | null;
  readonly heldUntilMs: EpochMs | null;
  readonly reason: string;
  readonly decidedAtMs: EpochMs;
}

/** The last poll of a device, or when an agent (`agent:NAME`) was last heard. */
export interface LastPoll {
  readonly atMs: EpochMs;
  readonly answered: boolean;
}

export interface DecideConfig {
  /** The longest that an alarm is held; less where its device is polled more often. */
  readonly holdMs: DurationMs;
  readonly recoveryMs: DurationMs;
}

export interface Moment {
  readonly graph: NetworkGraph;
  readonly causes: Causes;
  readonly alarms: readonly RaisedAlarm[];
  /** As decided before, by alarm. */
  readonly decided: ReadonlyMap<string, Decision>;
  /** When roots of earlier decisions cleared; those that have not are missing. */
  readonly clearedAtMs: ReadonlyMap<string, EpochMs>;
  /** Of what `askedOf` names. */
  readonly polls: ReadonlyMap<string, LastPoll>;
  readonly nowMs: EpochMs;
  readonly config: DecideConfig;
}

export interface Decided {
  readonly decisions: readonly Decision[];
  /** Devices to be polled at once, those nearest to an agent first: one of them explains the most. */
  readonly wanted: readonly string[];
  /** Sites whose alarm is due: nothing outside can explain it any more. */
  readonly goneSites: readonly GoneSite[];
}

/** Something that may still turn out to be the cause of an alarm. */
interface Suspect {
  /** It is not, once one of these has answered since the alarm was raised. */
  readonly unless: readonly string[];
  /** Devices whose poll would tell. */
  readonly ask: readonly string[];
}

/** Devices before one that are polled at once, and of its site: a few first, more once one of them is silent too. */
const MOST_BEFORE = 4;
const MOST_NEIGHBOURS = 12;
const FIRST_OF_SITE = 2;
const MOST_OF_SITE = 50;

/** Devices and agents (`agent:NAME`) whose last polls `decide` will want to know of. */
export function askedOf(moment: Omit<Moment, 'polls'>): Set<string> {
  const asked = new Set<string>();
  for (const alarm of moment.alarms) {
    const before = priorOf(moment, alarm);
    if (moment.causes.symptoms.has(alarm.id) || isFree(before)) continue;
    if (before !== null && before.root !== null) {
      if (alarm.device !== null) asked.add(alarm.device);
    } else for (const { unless } of suspectsOf(moment, alarm)) for (const name of unless) asked.add(name);
  }
  return asked;
}

export function decide(moment: Moment): Decided {
  const wanted = new Set<string>();
  const each = moment.alarms.map((alarm) => ({ alarm, decision: decideOne(moment, alarm, wanted) }));
  const open = new Set(each.filter(({ decision }) => isHeld(decision)).flatMap(({ alarm }) => groupsOf(moment, alarm)));
  const mayWait = (alarm: RaisedAlarm, group: string): boolean =>
    open.has(group) && (!group.startsWith(REGION) || moment.causes.cutOff.has(alarm.resource));
  const decisions = each.map(({ alarm, decision }) =>
    groupsOf(moment, alarm).some((group) => mayWait(alarm, group)) ? withGroup(moment, alarm, decision) : decision,
  );
  const held = new Set(decisions.filter(isHeld).map(({ alarm }) => alarm));
  const idOf = new Map(moment.alarms.filter(isDead).map(({ resource, id }) => [resource, id]));
  const known = new Set(moment.alarms.filter(({ alarmType }) => alarmType === SITE_GONE).map((one) => one.resource));
  const goneSites = moment.causes.goneSites.filter(
    ({ site, roots }) => !known.has(siteResource(site)) && !roots.some((root) => held.has(idOf.get(root) ?? '')),
  );
  const nearestFirst = [...wanted].toSorted((one, other) => moment.graph.compare(one, other));
  return { decisions, wanted: nearestFirst, goneSites };
}

const REGION = 'region ';

function isHeld({ heldUntilMs }: Decision): boolean {
  return heldUntilMs !== null;
}

/** What a root may still become one problem with: the other side of a ring that was cut, or the rest of a site that is gone. */
function groupsOf({ graph, causes }: Moment, alarm: RaisedAlarm): string[] {
  if (!isDead(alarm) || causes.symptoms.has(alarm.id)) return [];
  const region = causes.regions.get(alarm.resource);
  const site = graph.devices.get(alarm.resource)?.site ?? null;
  return [
    ...(region === undefined ? [] : [`${REGION}${region}`]),
    ...(site === null || !causes.darkSites.has(site) ? [] : [siteResource(site)]),
  ];
}

/** What could be told by itself now waits for the others of its group, as long as it may be held at all. */
function withGroup(moment: Moment, alarm: RaisedAlarm, decision: Decision): Decision {
  const prior = priorOf(moment, alarm);
  if (!isFree(decision) || isFree(prior) || (prior !== null && prior.root !== null)) return decision;
  const heldUntilMs = prior?.heldUntilMs ?? moment.nowMs + holdMs(moment, alarm);
  if (moment.nowMs >= heldUntilMs) return decision;
  const reason = 'waiting for what fell with it';
  if (prior !== null && prior.reason === reason) return prior;
  return { ...decision, heldUntilMs, reason, decidedAtMs: moment.nowMs };
}

function isDead({ alarmType }: RaisedAlarm): boolean {
  return alarmType === DEVICE_DEAD;
}

/** The decision before, where it is of this raising. */
function priorOf({ decided }: Pick<Moment, 'decided'>, alarm: RaisedAlarm): Decision | null {
  const prior = decided.get(alarm.id);
  return prior !== undefined && prior.raisedAtMs === alarm.raisedAtMs ? prior : null;
}

function isFree(decision: Decision | null): boolean {
  return decision !== null && decision.root === null && decision.heldUntilMs === null;
}

function decideOne(moment: Moment, alarm: RaisedAlarm, wanted: Set<string>): Decision {
  const { causes, nowMs } = moment;
  const prior = priorOf(moment, alarm);
  const made = (root: string | null, heldUntilMs: EpochMs | null, reason: string): Decision => {
    const same = prior !== null && prior.root === root && prior.heldUntilMs === heldUntilMs && prior.reason === reason;
    if (same) return prior;
    return { alarm: alarm.id, raisedAtMs: alarm.raisedAtMs, root, heldUntilMs, reason, decidedAtMs: nowMs };
  };
  const cause = causes.symptoms.get(alarm.id);
  if (cause !== undefined) return made(cause.root, null, cause.reason);
  if (prior !== null && isFree(prior)) return prior;
  if (prior !== null && prior.root !== null) return recovering(moment, alarm, prior, made, wanted);
  const suspects = suspectsOf(moment, alarm);
  const open = suspects.filter(({ unless }) => !unless.some((name) => answeredSince(moment, name, alarm)));
  if (open.length === 0) {
    const { polls: _polls, ...before } = moment;
    return made(null, null, suspectsOf(before, alarm).length === 0 ? NOTHING_BEFORE : ALL_ANSWER);
  }
  const heldUntilMs = prior?.heldUntilMs ?? nowMs + holdMs(moment, alarm);
  if (nowMs >= heldUntilMs) return made(null, null, TIME_IS_OVER);
  for (const { ask } of open) for (const name of ask) wanted.add(name);
  const awaited = [...new Set(open.map(({ ask, unless }) => ask[0] ?? unless[0] ?? ''))];
  return made(null, heldUntilMs, `waiting to hear of ${awaited.join(' and ')}`);
}

const NOTHING_BEFORE = 'nothing that is watched lies before it';
const ALL_ANSWER = 'what lies before it answers';
const TIME_IS_OVER = 'nothing was found that explains it';

/** Its root has cleared, or something between them: nothing is said before its own device was polled again. */
function recovering(
  moment: Moment,
  alarm: RaisedAlarm,
  prior: Decision,
  made: (root: string | null, heldUntilMs: EpochMs | null, reason: string) => Decision,
  wanted: Set<string>,
): Decision {
  const { nowMs, config, polls, clearedAtMs } = moment;
  const sinceMs = clearedAtMs.get(prior.root ?? '') ?? (prior.heldUntilMs === null ? nowMs : prior.decidedAtMs);
  const polled = alarm.device === null ? undefined : polls.get(alarm.device);
  if (polled !== undefined && polled.atMs > sinceMs) return made(null, null, 'it stays, though its root has ended');
  const heldUntilMs = prior.heldUntilMs ?? nowMs + config.recoveryMs;
  if (nowMs >= heldUntilMs) return made(null, null, 'it stays, though its root has ended; no poll came meanwhile');
  if (alarm.device !== null) wanted.add(alarm.device);
  return made(prior.root, heldUntilMs, `its root has ended; waiting for a poll of ${alarm.device ?? alarm.resource}`);
}

function holdMs({ graph, config }: Moment, alarm: RaisedAlarm): DurationMs {
  const interval = alarm.device === null ? undefined : graph.devices.get(alarm.device)?.intervalMs;
  return Math.min(config.holdMs, interval ?? config.holdMs);
}

function answeredSince({ polls }: Pick<Moment, 'polls'>, name: string, { raisedAtMs }: RaisedAlarm): boolean {
  const poll = polls.get(name);
  return poll !== undefined && poll.answered && poll.atMs > raisedAtMs;
}

type Known = Omit<Moment, 'polls'> & Partial<Pick<Moment, 'polls'>>;

function suspectsOf(moment: Known, alarm: RaisedAlarm): Suspect[] {
  const { graph, causes } = moment;
  switch (alarm.alarmType) {
    case DEVICE_DEAD:
      return [...pathTo(moment, alarm), ...siteOfDevice(moment, alarm)];
    case LINK_DOWN:
    case FLAPPING:
    case LAG_DEGRADED: {
      const far = (graph.farEnds.get(alarm.resource) ?? []).map(({ device }) => device);
      return polledOnes(far.filter((name) => !causes.world.dead.has(name)).slice(0, MOST_BEFORE));
    }
    case NO_DATA: {
      const agent = graph.devices.get(alarm.device ?? '')?.agent;
      const heard = agent === undefined ? [] : [{ unless: [`agent:${agent}`], ask: [] }];
      return [...heard, ...polledOnes(alarm.device === null ? [] : [alarm.device])];
    }
    case AGENT_SILENT:
      return polledOnes((graph.attached.get(alarm.resource.slice('agent:'.length)) ?? []).slice(0, MOST_BEFORE));
    default:
      return [];
  }
}

function polledOnes(names: readonly string[]): Suspect[] {
  return names.length === 0 ? [] : [{ unless: names, ask: names }];
}

/**
 * Where an agent is plugged in nothing lies before the device. One that answers beside it, with no port down towards it, shows that the
 * device failed by itself. Where all ports towards it are down, it may be one side of a ring that was cut elsewhere too: then each
 * neighbour that has another way is heard first.
 */
function pathTo(moment: Known, alarm: RaisedAlarm): Suspect[] {
  const { graph, causes, polls } = moment;
  const agent = graph.devices.get(alarm.resource)?.agent ?? '';
  if (graph.attached.get(agent)?.includes(alarm.resource) === true) return [];
  const living = livingBefore(graph, causes.world, alarm.resource)
    .toSorted((one, other) => graph.compare(one, other))
    .slice(0, MOST_NEIGHBOURS);
  if (polls === undefined) return polledOnes(living);
  const answers = (name: string): boolean => answeredSince({ polls }, name, alarm);
  const answered = living.filter(answers);
  if (answered.length === 0) return living.length === 0 ? [] : [{ unless: living, ask: living.slice(0, MOST_BEFORE) }];
  if (!answered.every((name) => isPortDown(graph, causes.world, name, alarm.resource))) return [];
  const hasOtherWay = (name: string): boolean => (graph.before.get(name) ?? []).some((one) => one !== alarm.resource);
  const awaited = living.filter((name) => !answers(name) && hasOtherWay(name));
  return awaited.length === 0 ? [] : [{ unless: [], ask: awaited }];
}

/** The others of its site: it may be gone as a whole. A few are asked first, the others once one of them is silent too. */
function siteOfDevice({ graph, causes, polls }: Known, alarm: RaisedAlarm): Suspect[] {
  const site = graph.devices.get(alarm.resource)?.site ?? null;
  const mates = (site === null ? [] : (graph.sites.get(site) ?? []))
    .filter((name) => !causes.world.dead.has(name))
    .slice(0, MOST_OF_SITE);
  if (mates.length === 0) return [];
  const silent = mates.some((name) => {
    const poll = polls?.get(name);
    return poll !== undefined && !poll.answered && poll.atMs > alarm.raisedAtMs;
  });
  return [{ unless: mates, ask: silent ? mates : mates.slice(0, FIRST_OF_SITE) }];
}
