// The steps of a diagnosis: what each asks of agents, and what is made of their answers and of what the collector knows.
import { type EpochMs, isoTime } from '../../common/model/time.ts';
import type { WorkRequest } from '../agents/work-item.ts';
import { type Entry, type Finding, finding } from './entry.ts';
import { type AlarmFacts, type Facts, placesOf, splitResource, statusText } from './facts.ts';
import { agentsFinding, projectionsFinding } from './own-facts.ts';
import { agentsAround, devicesBefore, devicesOfPlace, type OwnPlace, ownPlaceOf } from './own-place.ts';
import type { NamedValue, Step } from './runbook.ts';
import { filled, missingPlaces } from './template.ts';
import {
  type ClosedWork,
  failureOf,
  pingFinding,
  pollFinding,
  readFinding,
  routeFinding,
  saidOf,
} from './work-findings.ts';

export interface AskedWork {
  readonly agent: string;
  readonly request: Pick<WorkRequest, 'kind' | 'device' | 'oids'>;
}

/** What a step has to ask first, or what is to be said of it without. */
export type Beginning = { readonly works: readonly AskedWork[] } | { readonly finding: Finding };

/** What became of it; null where it is nowhere any more. */
export interface EndedWork {
  readonly device: string;
  readonly work: ClosedWork | null;
}

interface Neighbour {
  readonly device: string;
  /** Its port that leads here, where that is known. */
  readonly resource: string | null;
}

export type DiagnosedAlarm = Pick<AlarmFacts, 'id' | 'resource'> & { readonly device: string };

/** Of one alarm: more are not asked. */
const MOST_NEIGHBOURS = 4;
const MOST_LINES = 25;

export class DiagnosisSteps {
  readonly #facts: Facts;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  async begin(step: Step, alarm: DiagnosedAlarm): Promise<Beginning> {
    const place = ownPlaceOf(alarm.resource);
    if (step.kind === 'agents' || step.kind === 'projections' || (place !== null && step.kind === 'changes'))
      return { works: [] };
    if (step.kind === 'neighbour') return this.#beginNeighbours(alarm, place);
    if (place !== null) return { finding: finding('skipped', 'it is of no device that could be asked') };
    const device = this.#facts.deviceOf(alarm.device);
    if (device === null)
      return { finding: finding('skipped', `the device ${alarm.device} is not configured any more`) };
    const work = (kind: WorkRequest['kind'], oids: readonly string[] = []): Beginning => ({
      works: [{ agent: device.agent, request: { kind, device: alarm.device, oids } }],
    });
    switch (step.kind) {
      case 'poll':
      case 'ping':
      case 'traceroute':
        return work(step.kind);
      case 'changes':
        return { works: [] };
      case 'read': {
        const values = await this.#valuesOf(step, alarm);
        if (typeof values === 'string') return { finding: finding('skipped', values) };
        return work(
          'read',
          values.map(({ oid }) => oid),
        );
      }
    }
  }

  async #beginNeighbours(alarm: DiagnosedAlarm, place: OwnPlace | null): Promise<Beginning> {
    const neighbours = await this.#neighbours(alarm);
    if (neighbours.length === 0)
      return {
        finding: finding(
          'skipped',
          place?.kind === 'agent'
            ? 'nobody has said where the agent is plugged in (collector.faults.cause.attached)'
            : 'no device of ours is known at the other end',
        ),
      };
    return {
      works: [...new Set(neighbours.map((one) => one.device))].flatMap((name) => {
        const agent = this.#facts.deviceOf(name)?.agent;
        // An agent that is the matter itself is not asked.
        const asked = agent !== undefined && !(place?.kind === 'agent' && place.name === agent);
        return asked ? [{ agent, request: { kind: 'poll' as const, device: name } }] : [];
      }),
    };
  }

  async gather(
    step: Step,
    alarm: DiagnosedAlarm,
    works: readonly EndedWork[],
    { timedOut, nowMs }: { readonly timedOut: boolean; readonly nowMs: EpochMs },
  ): Promise<Finding> {
    if (step.kind === 'changes') return this.#changes(step, alarm, nowMs);
    if (step.kind === 'neighbour') return this.#neighbourFinding(alarm, works, timedOut);
    if (step.kind === 'agents') return this.#agents(alarm, nowMs);
    if (step.kind === 'projections') return this.#projections(alarm);
    const work = works[0]?.work ?? null;
    const failure = failureOf(work, timedOut);
    if (failure !== null || work === null) return failure ?? finding('failed', 'the work is nowhere');
    const said = saidOf(work);
    switch (step.kind) {
      case 'poll':
        return pollFinding(said, alarm.device);
      case 'ping':
        return pingFinding(said);
      case 'traceroute':
        return routeFinding(said, alarm.device);
      case 'read': {
        const values = await this.#valuesOf(step, alarm);
        return typeof values === 'string' ? finding('skipped', values) : readFinding(said, values, alarm.resource);
      }
    }
  }

  /** With their identifiers filled; a sentence where that cannot be. */
  async #valuesOf(step: Step, alarm: DiagnosedAlarm): Promise<readonly NamedValue[] | string> {
    const known = placesOf(alarm.resource, await this.#facts.port(alarm.resource));
    const missing = [...new Set(step.values.flatMap(({ oid }) => missingPlaces(oid, known)))];
    if (missing.length > 0) return `not known of ${alarm.resource}: ${missing.join(', ')}`;
    const values = step.values.map((value) => ({ ...value, oid: filled(value.oid, known) }));
    const odd = values.find(({ oid }) => !/^[0-2](\.\d{1,10}){1,127}(\.\*)?$/.test(oid));
    return odd === undefined ? values : `${odd.name} is no object of this resource`;
  }

  /** At the other end of the port; of a device all that it hangs on, and that hangs on it. */
  async #neighbours(alarm: DiagnosedAlarm): Promise<readonly Neighbour[]> {
    const graph = await this.#facts.graph();
    const place = ownPlaceOf(alarm.resource);
    if (place !== null)
      return devicesBefore(graph, place)
        .slice(0, MOST_NEIGHBOURS)
        .map((device) => ({ device, resource: null }));
    const far = graph.farEnds.get(alarm.resource);
    const around = [...(graph.before.get(alarm.device) ?? []), ...(graph.next.get(alarm.device) ?? [])];
    const ofDevice = alarm.resource === alarm.device || splitResource(alarm.resource)[1].includes(':');
    const found =
      far ??
      (ofDevice ? around : []).flatMap((device): Neighbour[] => {
        const ports = graph.portsTo(device, alarm.device);
        return ports.length === 0 ? [{ device, resource: null }] : ports.map((resource) => ({ device, resource }));
      });
    const once = new Map(found.map((one) => [`${one.device} ${one.resource}`, one]));
    return [...once.values()].slice(0, MOST_NEIGHBOURS);
  }

  async #neighbourFinding(alarm: DiagnosedAlarm, works: readonly EndedWork[], timedOut: boolean): Promise<Finding> {
    const neighbours = await this.#neighbours(alarm);
    const ports = await this.#facts.ports(neighbours.flatMap(({ resource }) => resource ?? []));
    const dead = await this.#facts.unreachable(neighbours.map(({ device }) => device));
    const entries: Entry[] = [];
    for (const { device, resource } of neighbours) {
      const about = resource ?? device;
      const asked = works.find((one) => one.device === device);
      const failure = failureOf(asked?.work ?? null, timedOut);
      const polled =
        failure === null ? (saidOf(asked?.work ?? { result: null }).get('outcome') ?? '?') : failure.summary;
      const now = asked === undefined ? 'nobody else polls it' : `polled now: ${polled}`;
      entries.push({ about, name: device, value: `${now}${dead.has(device) ? '; it does not answer' : ''}` });
      const port = ports.find((one) => one.resource === resource);
      if (port === undefined) continue;
      const status = `admin ${statusText(port.adminStatus)}, oper ${statusText(port.operStatus)}`;
      entries.push({ about, name: port.resource, value: `${status} at ${isoTime(port.seenAtMs)}` });
      for (const told of await this.#facts.toldAt(device, port.key))
        entries.push({ about, name: port.resource, value: `says that its neighbour is ${told}` });
    }
    const names = [...new Set(neighbours.map(({ device }) => device))];
    // Names of neighbours are not for everybody: they stand in the entries, which are filtered.
    return finding('done', `${names.length} at the other end, ${dead.size} of them without an answer`, entries);
  }

  async #agents(alarm: DiagnosedAlarm, nowMs: EpochMs): Promise<Finding> {
    const graph = await this.#facts.graph();
    const agents = agentsAround(graph, ownPlaceOf(alarm.resource), alarm.device);
    const polled = [...graph.devices.values()].filter(({ agent }) => agents.includes(agent));
    const dead = await this.#facts.unreachable(polled.map(({ name }) => name));
    const devices = new Map(
      agents.map((agent) => {
        const own = polled.filter((one) => one.agent === agent);
        return [agent, { all: own.length, silent: own.filter(({ name }) => dead.has(name)).length }];
      }),
    );
    return agentsFinding(agents, await this.#facts.contacts(agents), devices, nowMs);
  }

  async #projections(alarm: DiagnosedAlarm): Promise<Finding> {
    const place = ownPlaceOf(alarm.resource);
    if (place?.kind !== 'collector') return finding('skipped', 'it is of no collector');
    return projectionsFinding(place.name, await this.#facts.projections(place.name));
  }

  async #changes(step: Step, alarm: DiagnosedAlarm, nowMs: EpochMs): Promise<Finding> {
    const neighbours = (await this.#neighbours(alarm)).map(({ device }) => device);
    const place = ownPlaceOf(alarm.resource);
    const own = place?.kind === 'site' ? devicesOfPlace(await this.#facts.graph(), place) : [alarm.device];
    const devices = [...new Set([...own, ...neighbours])];
    const sinceMs = nowMs - step.sinceMs;
    const changes = await this.#facts.changes(devices, sinceMs, MOST_LINES);
    const alarms = (await this.#facts.alarmsOf(devices, sinceMs, MOST_LINES)).filter(({ id }) => id !== alarm.id);
    const lines = [
      ...changes.map(({ device, part, kind, before, after, atMs }) => ({
        atMs,
        about: part === '' || part.includes(':') ? device : `${device}/${part}`,
        name: 'change',
        value: `${kind}: ${before ?? ''} → ${after ?? ''}`,
      })),
      ...alarms.map(({ resource, alarmType, severity, isCleared, text, raisedAtMs, clearedAtMs }) => ({
        atMs: clearedAtMs ?? raisedAtMs,
        about: resource,
        name: isCleared ? 'alarm that has ended' : 'alarm',
        value: `${severity} ${alarmType}: ${text}`,
      })),
    ].toSorted((one, other) => other.atMs - one.atMs);
    const entries = lines.map(
      ({ atMs, about, name, value }): Entry => ({
        about,
        name: `${isoTime(atMs)} ${name}`,
        value: `${about} ${value}`,
      }),
    );
    return finding(
      'done',
      `${changes.length} changes and ${alarms.length} other alarms in ${step.sinceMs / 3_600_000} hours`,
      entries,
    );
  }
}
