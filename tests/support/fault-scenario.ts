// Fault scenarios as text: what happens to a small network and when it is polled, and every alarm change that must come of it, no more and no less.
//
//   rules interface_down.raise_after_polls=2     thresholds other than the defaults (collector/faults/fault-rules.ts)
//   override tag=access interface_down.severity="minor"     rules of some devices: device=, site=, tag=
//   labels core1 site=north tags=access,poe      what overrides choose by
//   poll core1 every 60s from 0s until 600s      polls; `by agent-2` where it is another agent
//   at 5s poll core1                             one poll
//   at 5s poll core1 arrives at 90s              one whose batch comes late
//   at 5s core1 ge-0/0/1 up                      up, down, lowerLayerDown, notPresent, dormant, testing, unknown, shut, gone
//   at 5s core1 ge-0/0/1 speed 1000000000        bit/s
//   at 5s core1 ge-0/0/1 in 95%                  of its speed from now on; in-errors 5, in-discards 5 are packets a second
//   at 5s core1 silent                           polls fail from now on, until `answers`
//   at 5s core1 reboots                          uptime and counters begin anew
//   at 5s core1 unnamed ge-0/0/1                 left out of the next poll as an interface without a name is
//   at 5s core1 tells linkDown ge-0/0/1          a trap about an interface, `-` where it is about none; name=value are varbinds
//   at 5s agent-1 thins                          its batches are thinned from now on, until `whole`; `gives-up 4`: so many are lost before the next
//   at 5s core1 partial                          polls are cut short from now on, until `whole`
//   at 5s core1 sensor:12 value=45               a row of another table (tests/support/fault-scenario-parts.ts)
//   at 5s agent-1 clock +3s                      its clock is off from now on
//   managed core2                                a device of ours is called so by its neighbours
//   bound core1/ge-0/0/1                         a service is bound to the interface
//   by-hand core1/ge-0/0/1 wanted                or unwanted, as somebody has said
//   watch until 900s                             looks for silent agents every 5 s
//   expect raised interface-down core1/ge-0/0/1 major at 120s
//   expect raised high-utilisation core1/ge-0/0/1 in minor at 120s
//   expect cleared interface-down core1/ge-0/0/1 at 180s
import type { DeviceEvent } from '../../common/model/event.ts';
import type { JournaledBatch } from '../../collector/project/projection.ts';
import { type FaultsConfig, faultsConfigOf, faultsSchema } from '../../collector/faults/fault-rules.ts';
import type { Surroundings } from '../../collector/faults/surroundings.ts';
import type { AlarmChange } from '../../collector/faults/alarm-machine.ts';
import { changePart, newParts, type Parts, tablesOf } from './fault-scenario-parts.ts';
import { interfacePoll, journalEntry } from './poll-builder.ts';

export const SCENARIO_START_MS = 1_790_000_000_000;
const TICK_MS = 5000;
const OPER = { up: 1, down: 2, testing: 3, unknown: 4, dormant: 5, notPresent: 6, lowerLayerDown: 7 } as const;

interface Labels {
  readonly site: string | null;
  readonly tags: readonly string[];
}

export interface Scenario {
  readonly config: FaultsConfig;
  readonly labels: ReadonlyMap<string, Labels>;
  readonly around: Surroundings;
  /** In the order of their arrival. */
  readonly entries: readonly JournaledBatch[];
  /** When it is looked for silent agents. */
  readonly ticks: readonly number[];
  readonly expected: readonly string[];
}

const COUNTERS = ['in', 'out', 'in-errors', 'in-discards'] as const;
type Counted = Record<(typeof COUNTERS)[number], number>;
const NOTHING: Counted = { in: 0, out: 0, 'in-errors': 0, 'in-discards': 0 };

interface Port {
  oper: number;
  admin: number;
  gone: boolean;
  speedBps: number;
  readonly rates: Counted;
  readonly counters: Counted;
}

interface Device {
  readonly ports: Map<string, Port>;
  readonly parts: Parts;
  partial: boolean;
  silent: boolean;
  bootMs: number;
  unnamed: string | null;
}

interface Event {
  readonly atMs: number;
  readonly words: readonly string[];
}

export function parseScenario(text: string): Scenario {
  const events: Event[] = [];
  const expected: string[] = [];
  const rules: Record<string, Record<string, unknown>> = {};
  const [managed, bound] = [new Set<string>(), new Set<string>()];
  const overrides: unknown[] = [];
  const labels = new Map<string, Labels>();
  const byHand = new Map<string, boolean>();
  let watchUntilMs = 0;
  for (const [number, raw] of text.split('\n').entries()) {
    const line = raw.replace(/#.*/, '').trim();
    const words = line.split(/\s+/);
    const fail = (): never => {
      throw new Error(`line ${number + 1} is no line of a scenario: ${raw}`);
    };
    if (line === '') continue;
    if (words[0] === 'expect') expected.push(words.slice(1).join(' '));
    else if (words[0] === 'rules') {
      for (const word of words.slice(1)) {
        const match = /^([a-z_]+)\.([a-z_]+)=(.+)$/.exec(word) ?? fail();
        const [, rule = '', field = '', value = ''] = match;
        const held = rules[rule] ?? {};
        rules[rule] = { ...held, [field]: JSON.parse(value) as unknown };
      }
    } else if (words[0] === 'override') overrides.push(overrideOf(words.slice(1)));
    else if (words[0] === 'labels') {
      const { site, tags } = textsOf(words.slice(2));
      labels.set(words[1] ?? '', { site: site ?? null, tags: tags?.split(',') ?? [] });
    } else if (words[0] === 'managed') for (const name of words.slice(1)) managed.add(name);
    else if (words[0] === 'bound') for (const name of words.slice(1)) bound.add(name).add(name.split('/')[0] ?? '');
    else if (words[0] === 'by-hand') byHand.set(words[1] ?? '', words[2] === 'wanted');
    else if (words[0] === 'watch') watchUntilMs = timeOf(words[2] ?? fail());
    else if (words[0] === 'poll') events.push(...pollsOf(words, fail));
    else if (words[0] === 'at') events.push({ atMs: timeOf(words[1] ?? fail()), words: words.slice(2) });
    else fail();
  }
  const ticks: number[] = [];
  for (let atMs = TICK_MS; atMs <= watchUntilMs; atMs += TICK_MS) ticks.push(SCENARIO_START_MS + atMs);
  const around = {
    isManaged: (name: string) => managed.has(name),
    isBound: (resource: string) => bound.has(resource),
    byHand: (device: string, key: string) => byHand.get(`${device}/${key}`) ?? null,
  };
  const config = faultsConfigOf(faultsSchema.parse({ ...rules, overrides }));
  return { config, labels, around, entries: live(events), ticks, expected };
}

function textsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
}

function overrideOf(words: readonly string[]): unknown {
  const rules: Record<string, Record<string, unknown>> = {};
  const chosen: Record<string, string> = {};
  for (const [name, value] of Object.entries(textsOf(words))) {
    const [rule = '', field] = name.split('.');
    if (field === undefined) chosen[rule] = value;
    else rules[rule] = { ...rules[rule], [field]: JSON.parse(value) as unknown };
  }
  return { ...chosen, rules };
}

/** How an expectation is written. */
export function describeChange(
  change: Pick<AlarmChange, 'kind' | 'alarmType' | 'resource' | 'qualifier' | 'severity' | 'atMs'>,
): string {
  const { kind, alarmType, resource, qualifier, severity, atMs } = change;
  // The words of a neighbour are one resource, those of a condition one qualifier.
  const [of, which] = [resource.replaceAll(' ', '_'), qualifier.replaceAll(' ', '_')];
  const words = [kind, alarmType, of, which, kind === 'cleared' ? '' : severity];
  return `${words.filter((word) => word !== '').join(' ')} at ${(atMs - SCENARIO_START_MS) / 1000}s`;
}

function pollsOf(words: readonly string[], fail: () => never): Event[] {
  const after = (word: string): string => words[words.indexOf(word) + 1] ?? fail();
  const [every, from, until] = [timeOf(after('every')), timeOf(after('from')), timeOf(after('until'))];
  const by = words.includes('by') ? ['by', after('by')] : [];
  const polls: Event[] = [];
  for (let atMs = from; atMs <= until; atMs += every)
    polls.push({ atMs, words: ['poll', words[1] ?? fail(), 'every', after('every'), ...by] });
  return polls;
}

/** Lives through the events and gives the batches that agents send meanwhile. */
function live(events: readonly Event[]): JournaledBatch[] {
  const devices = new Map<string, Device>();
  const clocks = new Map<string, number>();
  const spools = new Map<string, { readonly thinned: boolean; readonly lost: number }>();
  const sent: { readonly arrivesMs: number; readonly entry: Parameters<typeof journalEntry>[0] }[] = [];
  let nowMs = 0;
  const ordered = events.toSorted(
    (a, b) => a.atMs - b.atMs || Number(a.words[0] === 'poll') - Number(b.words[0] === 'poll'),
  );
  for (const { atMs, words } of ordered) {
    for (const device of devices.values()) pass(device, atMs - nowMs);
    nowMs = atMs;
    const [first = '', second = '', third = '', fourth = ''] = words;
    if (first !== 'poll' && second === 'clock') {
      clocks.set(first, timeOf(third.replace('+', '')));
      continue;
    }
    if (second === 'thins' || second === 'gives-up' || (second === 'whole' && spools.has(first))) {
      spools.set(first, { thinned: second === 'thins', lost: second === 'gives-up' ? Number(third) : 0 });
      continue;
    }
    const name = first === 'poll' ? second : first;
    const device: Device = devices.get(name) ?? newDevice();
    devices.set(name, device);
    if (first === 'poll') {
      const agent = words.includes('by') ? (words[words.indexOf('by') + 1] ?? '') : 'agent-1';
      const every = words.includes('every') ? timeOf(words[words.indexOf('every') + 1] ?? '') : 60_000;
      const arrivesMs = words.includes('arrives') ? timeOf(words.at(-1) ?? '') : atMs;
      const offsetMs = clocks.get(agent) ?? 0;
      const poll = pollOf(name, device, atMs, offsetMs, every);
      const receivedAtMs = SCENARIO_START_MS + arrivesMs;
      const { thinned = false, lost = 0 } = spools.get(agent) ?? {};
      const gaps = lost === 0 ? [] : [{ firstSequence: 1, lastSequence: lost, reason: 'bytes' }];
      if (lost > 0) spools.set(agent, { thinned, lost: 0 });
      const entry = { position: 0, polls: [poll], agent, clockOffsetMs: offsetMs, receivedAtMs, thinned, gaps };
      sent.push({ arrivesMs, entry });
      device.unnamed = null;
    } else if (second === 'silent' || second === 'answers') device.silent = second === 'silent';
    else if (second === 'reboots') {
      device.bootMs = atMs;
      for (const port of device.ports.values()) Object.assign(port.counters, NOTHING);
    } else if (second === 'tells') {
      const event = trapOf(sent.length, name, SCENARIO_START_MS + atMs, words.slice(2));
      const receivedAtMs = SCENARIO_START_MS + atMs;
      sent.push({ arrivesMs: atMs, entry: { position: 0, polls: [], events: [event], receivedAtMs } });
    } else if (second === 'unnamed') device.unnamed = third;
    else if (second === 'partial' || second === 'whole') device.partial = second === 'partial';
    else if (!changePart(device.parts, words.slice(1))) change(device, second, third, fourth);
  }
  return sent
    .toSorted((a, b) => a.arrivesMs - b.arrivesMs)
    .map(({ entry }, at) => journalEntry({ ...entry, position: at + 1 }));
}

function trapOf(id: number, device: string, observedAtMs: number, words: readonly string[]): DeviceEvent {
  const [name = '', interfaceKey = '-', ...varbinds] = words;
  const details = Object.entries(textsOf(varbinds)).map(([object, value]) => ({ name: object, value }));
  return {
    id: `event-${id}`,
    device,
    source: null,
    origin: 'trap',
    name,
    observedAtMs,
    uptimeTicks: null,
    interfaceKey: interfaceKey === '-' ? null : interfaceKey,
    details,
  };
}

function newDevice(): Device {
  return { ports: new Map(), parts: newParts(), partial: false, silent: false, bootMs: -1e8, unnamed: null };
}

function change(device: Device, key: string, what: string, value: string): void {
  const port = device.ports.get(key) ?? {
    oper: 1,
    admin: 1,
    gone: false,
    speedBps: 1e9,
    rates: { ...NOTHING },
    counters: { ...NOTHING },
  };
  device.ports.set(key, port);
  if (what in OPER) Object.assign(port, { oper: OPER[what as keyof typeof OPER], admin: 1, gone: false });
  else if (what === 'shut') Object.assign(port, { oper: 2, admin: 2, gone: false });
  else if (what === 'gone') port.gone = true;
  else if (what === 'speed') port.speedBps = Number(value);
  else if (what === 'in' || what === 'out') port.rates[what] = (Number(value.replace('%', '')) * port.speedBps) / 800;
  else if (what === 'in-errors' || what === 'in-discards') port.rates[what] = Number(value);
  else throw new Error(`${key} cannot be ${what}`);
}

function pass(device: Device, ms: number): void {
  for (const { rates, counters } of device.ports.values())
    for (const name of COUNTERS) counters[name] += (rates[name] * ms) / 1000;
}

function pollOf(
  name: string,
  device: Device,
  atMs: number,
  offsetMs: number,
  intervalMs: number,
): JournaledBatch['batch']['polls'][number] {
  const wallMs = SCENARIO_START_MS + atMs + offsetMs;
  const base = { device: name, atMs: wallMs, monotonicMs: atMs + 1000, intervalMs };
  if (device.silent) return interfacePoll({ ...base, failure: 'snmp_timeout' });
  const ports = [...device.ports].filter(([key, port]) => !port.gone && key !== device.unnamed);
  const interfaces = ports.map(([key, port]) => ({
    key,
    oper: port.oper,
    admin: port.admin,
    speedBps: port.speedBps,
    inOctets: BigInt(Math.floor(port.counters.in)),
    outOctets: BigInt(Math.floor(port.counters.out)),
    inErrors: BigInt(Math.floor(port.counters['in-errors'])),
    inDiscards: BigInt(Math.floor(port.counters['in-discards'])),
  }));
  const clocks = { ...base, uptimeTicks: Math.round((atMs - device.bootMs) / 10) };
  const tables = tablesOf(device.parts, clocks);
  return interfacePoll({ ...clocks, interfaces, tables, complete: !device.partial });
}

function timeOf(word: string): number {
  const match = /^(-?\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(word);
  if (match === null) throw new Error(`${word} is no time`);
  return Number(match[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] as 'ms' | 's' | 'm' | 'h'];
}
