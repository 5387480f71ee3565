// What windows say of a resource: targets as a table, recurrences in three zones over the days on which clocks are turned.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  announcedAtMs,
  concerns,
  type MaintenanceSubject,
  type MaintenanceTargets,
  type MaintenanceWindow,
  occurrenceAt,
  occurrences,
  overAtMs,
  type RecurringTimes,
  windowAt,
} from '../../../collector/maintenance/maintenance-window.ts';
import { isoTime } from '../../../common/model/time.ts';

const NONE: MaintenanceTargets = { devices: [], sites: [], tags: [], services: [], resources: [] };
const at = (text: string): number => Date.parse(text);

function windowOf(words: Partial<MaintenanceWindow>): MaintenanceWindow {
  return {
    id: '1',
    version: 1,
    by: 'noc',
    validFromMs: 0,
    validUntilMs: null,
    targets: { ...NONE, devices: ['core1'] },
    times: { kind: 'once', fromMs: 1000, toMs: 2000 },
    reason: 'test',
    upgrade: false,
    excludedFromKpis: false,
    ...words,
  };
}

function weekly(words: Partial<RecurringTimes>): RecurringTimes {
  return {
    kind: 'recurring',
    zone: 'UTC',
    weekdays: [],
    monthDays: [],
    start: '02:30',
    durationMinutes: 90,
    fromMs: null,
    untilMs: null,
    ...words,
  };
}

function spans(times: RecurringTimes, from: string, to: string): string[] {
  return occurrences(windowOf({ times }), { fromMs: at(from), toMs: at(to) }).map(
    ({ fromMs, toMs }) => `${isoTime(fromMs).slice(0, 16)} ${isoTime(toMs).slice(0, 16)}`,
  );
}

const PORT: MaintenanceSubject = {
  resource: 'core1/ge-0',
  device: 'core1',
  site: 'north',
  tags: ['edge'],
  services: ['s1'],
};

test.each<[string, Partial<MaintenanceTargets>, boolean]>([
  ['its device', { devices: ['core1'] }, true],
  ['another device', { devices: ['core2'] }, false],
  ['its site', { sites: ['south', 'north'] }, true],
  ['its tag', { tags: ['edge'] }, true],
  ['a service bound to it', { services: ['s1'] }, true],
  ['another service', { services: ['s2'] }, false],
  ['itself', { resources: ['core1/ge-0'] }, true],
  ['another port', { resources: ['core1/ge-1'] }, false],
])('a window on %s', (_name, targets, expected) => {
  expect(concerns({ ...NONE, ...targets }, PORT)).toBe(expected);
});

test('an alarm of no device is in no window, whatever the others are', () => {
  const agent: MaintenanceSubject = { resource: 'agent:a', device: null, site: null, tags: [], services: [] };
  expect(
    concerns({ devices: ['core1'], sites: ['north'], tags: ['t'], services: ['s'], resources: ['x'] }, agent),
  ).toBe(false);
});

describe('recurring windows', () => {
  test('every Sunday at half past two in Paris, over both turns of the clock', () => {
    const times = weekly({ zone: 'Europe/Paris', weekdays: ['sunday'] });
    expect(spans(times, '2026-03-20T00:00Z', '2026-04-06T00:00Z')).toEqual([
      '2026-03-22T01:30 2026-03-22T03:00',
      // Half past two does not exist: it begins where the clock jumps.
      '2026-03-29T01:00 2026-03-29T02:30',
      '2026-04-05T00:30 2026-04-05T02:00',
    ]);
    expect(spans(times, '2026-10-24T00:00Z', '2026-11-02T00:00Z')).toEqual([
      // It is half past two twice: once is enough.
      '2026-10-25T00:30 2026-10-25T02:00',
      '2026-11-01T01:30 2026-11-01T03:00',
    ]);
  });

  test('the first Saturday of the month in New York, and the last day of the month on Lord Howe', () => {
    const first = weekly({
      zone: 'America/New_York',
      weekdays: ['saturday'],
      monthDays: [1, 2, 3, 4, 5, 6, 7],
      start: '23:00',
      durationMinutes: 240,
    });
    expect(spans(first, '2026-10-01T00:00Z', '2026-12-31T00:00Z')).toEqual([
      '2026-10-04T03:00 2026-10-04T07:00',
      '2026-11-08T04:00 2026-11-08T08:00',
      '2026-12-06T04:00 2026-12-06T08:00',
    ]);
    const last = weekly({ zone: 'Australia/Lord_Howe', monthDays: [-1], start: '00:00', durationMinutes: 60 });
    expect(spans(last, '2026-09-01T00:00Z', '2026-11-01T00:00Z')).toEqual([
      '2026-09-29T13:30 2026-09-29T14:30',
      '2026-10-30T13:00 2026-10-30T14:00',
    ]);
  });

  test('from and until are about the beginning; the last occurrence runs to its end', () => {
    const times = weekly({ fromMs: at('2026-11-02T00:00Z'), untilMs: at('2026-11-04T02:31Z') });
    expect(spans(times, '2026-11-01T00:00Z', '2026-11-10T00:00Z')).toEqual([
      '2026-11-02T02:30 2026-11-02T04:00',
      '2026-11-03T02:30 2026-11-03T04:00',
      '2026-11-04T02:30 2026-11-04T04:00',
    ]);
    const exact = weekly({ untilMs: at('2026-11-04T02:30Z') });
    expect(spans(exact, '2026-11-03T12:00Z', '2026-11-10T00:00Z')).toEqual([]);
    expect(overAtMs(windowOf({ times: exact }))).toBe(at('2026-11-04T04:00Z'));
    expect(overAtMs(windowOf({ times: weekly({}) }))).toBeNull();
  });
});

test('an instant is in a window exactly where its occurrences say so', () => {
  const zone = fc.constantFrom('Europe/Paris', 'America/New_York', 'Australia/Lord_Howe');
  const anyTimes = fc.record({
    zone,
    weekdays: fc.subarray(['monday', 'saturday', 'sunday'] as const),
    monthDays: fc.subarray([1, 8, 25, 29, -1]),
    start: fc.constantFrom('00:00', '01:30', '02:30', '23:30'),
    durationMinutes: fc.integer({ min: 1, max: 3 * 1440 }),
  });
  const from = at('2026-10-20T00:00Z');
  fc.assert(
    fc.property(anyTimes, fc.integer({ min: 0, max: 20 * 1440 }), (words, minute) => {
      const window = windowOf({ times: weekly(words) });
      const now = from + minute * 60_000;
      const all = occurrences(window, { fromMs: from - 10 * 86_400_000, toMs: from + 30 * 86_400_000 });
      const inside = all.some(({ fromMs, toMs }) => fromMs <= now && now < toMs);
      expect(occurrenceAt(window, now) !== null).toBe(inside);
    }),
    { numRuns: 300 },
  );
});

describe('windowAt', () => {
  const late = windowOf({ id: '2', times: { kind: 'once', fromMs: 1500, toMs: 3000 } });

  test('of several the one that ends last', () => {
    expect(windowAt([windowOf({}), late], PORT, 1600)?.window.id).toBe('2');
    expect(windowAt([windowOf({}), late], PORT, 1400)?.window.id).toBe('1');
    expect(windowAt([windowOf({}), late], PORT, 3000)).toBeNull();
    expect(windowAt([windowOf({})], { ...PORT, device: 'core2' }, 1400)).toBeNull();
  });

  test('a window counts from when it was made until it was taken away', () => {
    const cut = windowOf({ validFromMs: 1200, validUntilMs: 1800 });
    expect(occurrences(cut, { fromMs: 0, toMs: 9000 })).toEqual([{ fromMs: 1200, toMs: 1800 }]);
    expect(windowAt([cut], PORT, 1100)).toBeNull();
    expect(windowAt([cut], PORT, 1800)).toBeNull();
  });
});

test('an occurrence is announced by the first version that said so without a break', () => {
  const once = (fromMs: number, toMs: number) => ({ kind: 'once' as const, fromMs, toMs });
  const version = (number: number, validFromMs: number, words: Partial<MaintenanceWindow> = {}) =>
    windowOf({ version: number, validFromMs, excludedFromKpis: true, times: once(1000, 2000), ...words });
  const announced = (...versions: MaintenanceWindow[]): number =>
    announcedAtMs([...versions, windowOf({ id: '2', version: 1 })], versions.at(-1) ?? version(1, 0), {
      fromMs: 1000,
      toMs: 2000,
    });
  expect(announced(version(1, 100))).toBe(100);
  // Another reason is no other time.
  expect(announced(version(1, 100), version(2, 900, { reason: 'other' }))).toBe(100);
  expect(announced(version(1, 100, { times: once(1000, 1500) }), version(2, 900))).toBe(900);
  expect(announced(version(1, 100), version(2, 200, { times: once(5000, 6000) }), version(3, 900))).toBe(900);
  expect(announced(version(1, 100, { excludedFromKpis: false }), version(2, 900))).toBe(900);
});
