// Telling scenarios as text: what happens to alarms and channels, and every message that must come of it, no more and no less.
//
//   route channels=noc severity=major wait=10s by=site repeat=30m escalate=15m:oncall no=clear
//   storm noc 3 in 10m digest 5m
//   at 0s raise 1 major              raised or another severity; `of north` says its site
//   at 5s clear 1
//   at 5s shelve 1 until 60s         also maintenance, symptom and held; `until ever` until `tell 1`
//   at 5s tell 1                     nothing silences it any more
//   at 5s ack 1                      also unack, close
//   at 5s noc refuses                also works, unsure, unsure-but-taken
//   until 600s
//   expect noc raised 1 at 10s
import { SEVERITY_RANK, type Route } from '../../collector/tell/route.ts';
import type { Severity } from '../../collector/faults/alarm.ts';
import type { Storm } from '../../collector/tell/messages-due.ts';
import { type Mood, QUIET_STORM, route, TellingMachine } from './telling-machine.ts';

const START_MS = 1_790_000_000_000;
const TICK_MS = 5000;
const MOODS: readonly Mood[] = ['works', 'refuses', 'unsure', 'unsure-but-taken'];

export interface PlayedTelling {
  readonly heard: readonly string[];
  readonly expected: readonly string[];
  readonly complaints: readonly string[];
}

export function playTelling(text: string): PlayedTelling {
  const routes: Route[] = [];
  const storms = new Map<string, Storm>();
  const events: { readonly atMs: number; readonly words: readonly string[] }[] = [];
  const expected: string[] = [];
  let untilMs = 600_000;
  for (const [number, raw] of text.split('\n').entries()) {
    const line = raw.replace(/#.*/, '').trim();
    const words = line.split(/\s+/);
    if (line === '') continue;
    if (words[0] === 'route') routes.push(routeOf(words.slice(1), routes.length));
    else if (words[0] === 'storm')
      storms.set(words[1] ?? '', {
        messages: Number(words[2]),
        spanMs: timeOf(words[4] ?? ''),
        digestMs: timeOf(words[6] ?? ''),
      });
    else if (words[0] === 'until') untilMs = timeOf(words[1] ?? '');
    else if (words[0] === 'expect') expected.push(words.slice(1).join(' '));
    else if (words[0] === 'at') events.push({ atMs: timeOf(words[1] ?? ''), words: words.slice(2) });
    else throw new Error(`line ${number + 1} is no line of a scenario: ${raw}`);
  }
  for (const name of routes.flatMap((one) => [...one.channels, ...one.escalation.flatMap(({ channels }) => channels)]))
    if (!storms.has(name)) storms.set(name, QUIET_STORM);
  const machine = new TellingMachine(routes, storms);
  for (let atMs = 0; atMs <= untilMs; atMs += TICK_MS) {
    for (const event of events) if (event.atMs > atMs - TICK_MS && event.atMs <= atMs) happen(machine, event);
    machine.tick(START_MS + atMs);
  }
  return {
    heard: machine.heard.map(({ atMs, text: said }) => `${said} at ${(atMs - START_MS) / 1000}s`),
    expected,
    complaints: [...machine.receivers.values()].flatMap(({ complaints }) => complaints),
  };
}

function happen(
  machine: TellingMachine,
  { atMs, words }: { readonly atMs: number; readonly words: readonly string[] },
): void {
  const [verb = '', id = '', third = '', fourth = '', fifth = ''] = words;
  const nowMs = START_MS + atMs;
  const mood = MOODS.find((one) => one === id);
  if (mood !== undefined && machine.moods.has(verb)) machine.moods.set(verb, mood);
  else if (verb === 'raise') {
    if (fourth === 'of') machine.alarm(id, fifth);
    if (!(third in SEVERITY_RANK)) throw new Error(`${third} is no severity`);
    machine.raise(id, third as Severity, nowMs);
  } else if (verb === 'clear') machine.clear(id, nowMs);
  else if (verb === 'ack' || verb === 'unack' || verb === 'close')
    machine.change(id, {
      operator_state: verb === 'ack' ? 'ack' : verb === 'close' ? 'closed' : 'none',
      operator: verb === 'unack' ? null : 'anna',
    });
  else if (verb === 'tell') machine.alarm(id).silence = null;
  else if (verb === 'shelve' || verb === 'maintenance' || verb === 'symptom' || verb === 'held') {
    const kind = verb === 'shelve' ? 'shelved' : verb;
    const untilMs = fourth === 'ever' ? null : START_MS + timeOf(fourth);
    machine.alarm(id).silence = { kind, text: kind, untilMs };
  } else throw new Error(`nothing is known of ${words.join(' ')}`);
}

function routeOf(words: readonly string[], number: number): Route {
  const given = new Map(words.map((word) => [word.split('=')[0] ?? '', word.split('=')[1] ?? '']));
  const list = (name: string): string[] => given.get(name)?.split(',') ?? [];
  const severity = given.get('severity') ?? 'indeterminate';
  if (!(severity in SEVERITY_RANK)) throw new Error(`${severity} is no severity`);
  return route({
    name: `route-${number + 1}`,
    channels: list('channels'),
    severity: severity as Severity,
    sites: list('sites'),
    groupBy: (given.get('by') ?? 'site') as Route['groupBy'],
    groupWaitMs: timeOf(given.get('wait') ?? '10s'),
    repeatMs: timeOf(given.get('repeat') ?? '0s'),
    updates: {
      severity: !list('no').includes('severity'),
      acknowledgement: !list('no').includes('ack'),
      clear: !list('no').includes('clear'),
    },
    escalation: list('escalate').map((step) => ({
      afterMs: timeOf(step.split(':')[0] ?? ''),
      channels: [step.split(':')[1] ?? ''],
    })),
  });
}

function timeOf(word: string): number {
  const match = /^(\d+)(s|m|h)$/.exec(word);
  if (match === null) throw new Error(`${word} is no time`);
  return Number(match[1]) * { s: 1000, m: 60_000, h: 3_600_000 }[match[2] as 's' | 'm' | 'h'];
}
