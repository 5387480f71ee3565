// Telling under anything: random faults, shelves, windows, acknowledgements and channels that fail, on a clock that runs as told. Seeded: a failure names its seed.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Severity } from '../../../collector/faults/alarm.ts';
import type { Route } from '../../../collector/tell/route.ts';
import { SEVERITY_RANK, whyTooMild } from '../../../collector/tell/route.ts';
import { type Mood, QUIET_STORM, route, TellingMachine } from '../../support/telling-machine.ts';

const START_MS = 1_790_000_000_000;
const TICK_MS = 5000;
const IDS = ['1', '2', '3', '4', '5'];
const CHANNELS = ['noc', 'chat', 'oncall'];

const ROUTES: readonly Route[] = [
  route({ name: 'noc', channels: ['noc'], groupWaitMs: 10_000, repeatMs: 300_000 }),
  route({ name: 'chat', channels: ['chat'], severity: 'major', groupBy: 'none', groupWaitMs: 0 }),
  route({
    name: 'north',
    channels: ['chat'],
    sites: ['north'],
    groupWaitMs: 30_000,
    escalation: [{ afterMs: 60_000, channels: ['oncall'] }],
  }),
];
const STORM = { messages: 3, spanMs: 120_000, digestMs: 30_000 };

const severity = fc.constantFrom<Severity>('critical', 'major', 'minor', 'warning', 'indeterminate');
const id = fc.constantFrom(...IDS);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('raise' as const), id, severity }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('clear' as const), id }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('silence' as const),
      id,
      kind: fc.constantFrom('shelved' as const, 'maintenance' as const, 'symptom' as const, 'held' as const),
      ms: fc.option(fc.integer({ min: 1, max: 200_000 })),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('speak' as const), id }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('operate' as const),
      id,
      state: fc.constantFrom('none' as const, 'ack' as const, 'closed' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('mood' as const),
      channel: fc.constantFrom(...CHANNELS),
      mood: fc.constantFrom<Mood>('works', 'refuses', 'unsure', 'unsure-but-taken'),
    }),
  },
);
const script = fc.array(fc.record({ waitTicks: fc.integer({ min: 0, max: 12 }), step }), { maxLength: 60 });
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function happen(machine: TellingMachine, what: Step, nowMs: number): void {
  if (what.do === 'raise') machine.raise(what.id, what.severity, nowMs);
  else if (what.do === 'clear') machine.clear(what.id, nowMs);
  else if (what.do === 'silence')
    machine.alarm(what.id).silence = {
      kind: what.kind,
      text: what.kind,
      untilMs: what.ms === null ? null : nowMs + what.ms,
    };
  else if (what.do === 'speak') machine.alarm(what.id).silence = null;
  else if (what.do === 'operate') machine.change(what.id, { operator_state: what.state, operator: 'anna' });
  else machine.moods.set(what.channel, what.mood);
}

/** What is wrong once all is quiet: each subscriber believes what is so. */
function wrongBeliefs(machine: TellingMachine): string[] {
  return [...machine.receivers].flatMap(([channel, { believed }]) =>
    IDS.flatMap((alarm) => {
      const { row, site, silence } = machine.alarm(alarm);
      const belief = believed.get(alarm);
      if (row.is_cleared) return belief === undefined ? [] : [`${channel} believes ${alarm}, which is over`];
      if (belief !== undefined) {
        const same = belief.severity === row.severity && belief.operatorState === row.operator_state;
        return same ? [] : [`${channel} believes ${alarm} is ${JSON.stringify(belief)}`];
      }
      const now = { id: alarm, row, site, tags: [], customers: [], silence };
      const wanted = ROUTES.some(
        (one) =>
          one.channels.includes(channel) &&
          (one.sites.length === 0 || site === 'north') &&
          whyTooMild(one, now) === null,
      );
      return wanted && row.operator_state !== 'closed' ? [`${channel} knows nothing of ${alarm}`] : [];
    }),
  );
}

function play(
  steps: readonly { readonly waitTicks: number; readonly step: Step }[],
  maxAttempts: number,
): TellingMachine {
  const storms = new Map(CHANNELS.map((name) => [name, name === 'noc' ? STORM : QUIET_STORM]));
  const machine = new TellingMachine(ROUTES, storms, maxAttempts);
  for (const one of IDS) machine.alarm(one, Number(one) % 2 === 0 ? 'north' : 'south');
  let nowMs = START_MS;
  for (const { waitTicks, step: what } of steps) {
    happen(machine, what, nowMs);
    for (let tick = 0; tick <= waitTicks; tick += 1, nowMs += TICK_MS) machine.tick(nowMs);
  }
  // Then nothing happens any more, nothing is silent, and every channel works.
  for (const one of IDS) machine.alarm(one).silence = null;
  for (const name of CHANNELS) machine.moods.set(name, 'works');
  for (let tick = 0; tick < 120; tick += 1, nowMs += TICK_MS) machine.tick(nowMs);
  return machine;
}

describe('telling under anything', () => {
  test('once all is quiet every subscriber believes what is so, and nobody was ever told the end of what it was not told', () => {
    fc.assert(
      fc.property(script, (steps) => {
        const machine = play(steps, 1000);
        expect(wrongBeliefs(machine)).toEqual([]);
        expect([...machine.receivers.values()].flatMap(({ complaints }) => complaints)).toEqual([]);
        expect(machine.waiting).toBe(0);
      }),
      { numRuns: 400 },
    );
  });

  test('no message says anything new once all is quiet, but for reminders', () => {
    fc.assert(
      fc.property(script, (steps) => {
        const machine = play(steps, 1000);
        const lastMs = Math.max(START_MS, ...machine.heard.map(({ atMs }) => atMs));
        const late = machine.heard.filter(({ atMs, text }) => atMs > lastMs - 120_000 && !text.includes('reminder'));
        // All is settled within eight minutes of the ten that are quiet; what is heard in the last two can only be a reminder.
        const endMs = START_MS + steps.reduce((sum, { waitTicks }) => sum + waitTicks + 1, 0) * TICK_MS + 600_000;
        expect(late.filter(({ atMs }) => atMs > endMs - 120_000)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test('the machine itself finds what is wrong', () => {
    const machine = new TellingMachine([], new Map([['noc', QUIET_STORM]]));
    machine.receivers.get('noc')?.take({ key: 'a', covers: [{ alarm: '1', kind: 'cleared', belief: null }] });
    expect(machine.receivers.get('noc')?.complaints).toEqual(['cleared 1, which was never raised']);
    machine.raise('1', 'critical', START_MS);
    expect(wrongBeliefs(machine)).toEqual(['noc knows nothing of 1']);
    expect(SEVERITY_RANK.critical).toBeGreaterThan(SEVERITY_RANK.major);
  });
});
