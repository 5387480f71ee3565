// What the form shows of a rule is what the collector makes of it, on whatever days of the clock.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { monthDaysOf, nextOccurrences } from '../../../collector/dashboard/web/src/next-occurrences.ts';
import { type MaintenanceWindow, occurrences } from '../../../collector/maintenance/maintenance-window.ts';
import { WEEKDAYS } from '../../../common/model/local-time.ts';

const DAY = 86_400_000;
const rule = fc.record({
  zone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu'),
  weekdays: fc.subarray([...WEEKDAYS]),
  monthDays: fc.subarray([1, 7, 15, 31, -1]),
  start: fc.constantFrom('00:00', '02:30', '23:45'),
  durationMinutes: fc.integer({ min: 1, max: 3000 }),
});

test('as the collector finds them', () => {
  fc.assert(
    fc.property(rule, fc.integer({ min: 0, max: 1000 }), (times, day) => {
      const fromMs = Date.parse('2026-01-01T00:00:00Z') + day * DAY + 7_654_321;
      const window: MaintenanceWindow = {
        id: '1',
        version: 1,
        by: 'x',
        reason: 'x',
        upgrade: false,
        excludedFromKpis: false,
        validFromMs: 0,
        validUntilMs: null,
        targets: { devices: ['a'], sites: [], tags: [], services: [], resources: [] },
        times: { kind: 'recurring', ...times, fromMs: null, untilMs: null },
      };
      const expected = occurrences(window, { fromMs, toMs: fromMs + 60 * DAY });
      expect(nextOccurrences(times, fromMs, expected.length)).toEqual(expected);
    }),
    { numRuns: 40 },
  );
});

test.each([
  ['1, 15 -1', [1, 15, -1]],
  ['', []],
  ['0', null],
  ['32', null],
  ['monday', null],
])('%j are the days %j', (text, days) => {
  expect(monthDaysOf(text)).toEqual(days);
});
