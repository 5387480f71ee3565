// Which alarms are diagnosed: a table of cases, and for any storm the bounds hold and nothing is lost from sight.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RepairLimits } from '../../../collector/repair/repair-config.ts';
import { type Candidate, PATIENCE_MS, runbookFor, runsDue } from '../../../collector/repair/run-decisions.ts';
import type { Runbook } from '../../../collector/repair/runbook.ts';
import { selectorOf } from '../../../collector/repair/selector.ts';

const LIMITS: RepairLimits = {
  runsAtOnce: 3,
  runsPerHour: 5,
  runsPerDevicePerHour: 2,
  actionsPerHour: 1,
  actionsPerDevicePerHour: 1,
  actionsPerDevicePerDay: 1,
};
const NOW = 10_000_000;

function runbook(name: string, alarmTypes: readonly string[], more: Partial<Runbook> = {}): Runbook {
  const words = {
    alarm_types: [...alarmTypes],
    severity: 'indeterminate',
    sites: [],
    tags: [],
    devices: [],
    profiles: [],
  };
  const selector = selectorOf(words as Parameters<typeof selectorOf>[0]);
  return { name, title: name, selector, holdMs: 10_000, steps: [], actions: [], ...more };
}
const BOOKS = [runbook('down', ['interface-down']), runbook('dead', ['device-unreachable'])];

function candidate(alarm: string, more: Partial<Candidate> = {}): Candidate {
  return {
    alarm,
    raisedAtMs: NOW - 60_000,
    alarmType: 'interface-down',
    severity: 'major',
    device: `d${alarm}`,
    known: true,
    site: null,
    tags: [],
    profile: null,
    ...more,
  };
}
const none = { running: 0, lately: 0, latelyOf: new Map<string, number>() };
const due = (candidates: readonly Candidate[], now: Parameters<typeof runsDue>[2]['now'] = none) => {
  const { start, passedOver } = runsDue(candidates, BOOKS, { now, limits: LIMITS, nowMs: NOW });
  return [start.map((one) => one.candidate.alarm), passedOver.map((one) => `${one.candidate.alarm} ${one.reason}`)];
};

test.for([
  ['one that has held is begun', [candidate('1')], none, [['1'], []]],
  ['one that has not held waits', [candidate('1', { raisedAtMs: NOW - 9999 })], none, [[], []]],
  ['no runbook is for it', [candidate('1', { alarmType: 'storage-full' })], none, [[], ['1 no_runbook']]],
  ['its device is configured no more', [candidate('1', { known: false })], none, [[], ['1 device_unknown']]],
  ['no place is free', [candidate('1')], { ...none, running: 3 }, [[], []]],
  [
    'no place was free for too long',
    [candidate('1', { raisedAtMs: NOW - 10_001 - PATIENCE_MS })],
    { ...none, running: 3 },
    [[], ['1 too_late']],
  ],
  ['the hour is full', [candidate('1')], { ...none, lately: 5 }, [[], ['1 hour_limit']]],
  [
    'the device had its share',
    [candidate('1')],
    { ...none, lately: 2, latelyOf: new Map([['d1', 2]]) },
    [[], ['1 device_limit']],
  ],
  [
    'a device that has many at once gets its share of them',
    ['1', '2', '3'].map((id) => candidate(id, { device: 'core1' })),
    none,
    [['1', '2'], ['3 device_limit']],
  ],
] as const)('%s', ([, candidates, now, expected]) => {
  expect(due(candidates, now)).toEqual(expected);
});

test("of two that fit the later counts: a folder of one's own goes before what comes along", () => {
  const own = runbook('own', ['interface-down'], { title: 'own' });
  expect(runbookFor([...BOOKS, own], candidate('1'))?.name).toBe('own');
  expect(runbookFor(BOOKS, candidate('1'))?.name).toBe('down');
});

test('whatever storm comes, the bounds hold, and every alarm is begun, waits or is passed over', () => {
  const one = fc.record({
    device: fc.constantFrom('a', 'b', 'c', 'd'),
    alarmType: fc.constantFrom('interface-down', 'device-unreachable', 'other'),
    agoMs: fc.integer({ min: 0, max: 2 * PATIENCE_MS }),
    known: fc.boolean(),
  });
  const counts = fc.record({ running: fc.nat(4), lately: fc.nat(6), ofA: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 40 }), counts, (words, { running, lately, ofA }) => {
      const candidates = words.map(({ agoMs, ...more }, at) =>
        candidate(String(at), { ...more, raisedAtMs: NOW - agoMs }),
      );
      const now = { running, lately, latelyOf: new Map([['a', ofA]]) };
      const { start, passedOver } = runsDue(candidates, BOOKS, { now, limits: LIMITS, nowMs: NOW });
      expect(start.length).toBeLessThanOrEqual(Math.max(0, LIMITS.runsAtOnce - running));
      expect(start.length).toBeLessThanOrEqual(Math.max(0, LIMITS.runsPerHour - lately));
      for (const device of ['a', 'b', 'c', 'd']) {
        const begun = start.filter((found) => found.candidate.device === device).length;
        const before = now.latelyOf.get(device) ?? 0;
        expect(begun === 0 || begun + before <= LIMITS.runsPerDevicePerHour).toBe(true);
      }
      const told = [...start, ...passedOver].map((found) => found.candidate.alarm);
      expect(new Set(told).size).toBe(told.length);
      // Who is in neither may still wait: it has not held, or has not waited for long.
      for (const waiting of candidates.filter(({ alarm }) => !told.includes(alarm)))
        expect(NOW - waiting.raisedAtMs).toBeLessThanOrEqual(10_000 + PATIENCE_MS);
    }),
  );
});
