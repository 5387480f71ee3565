// Clock times in zones, over the days on which clocks are turned: every row was read off a calendar.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  instantOf,
  localDayOf,
  minuteOfDay,
  minutesOf,
  monthDayOf,
  weekdayOf,
} from '../../../common/model/local-time.ts';
import { isoTime } from '../../../common/model/time.ts';

const day = (date: string): number => Date.parse(`${date}T00:00:00Z`);

describe('instantOf', () => {
  test.each([
    // Europe/Paris leaps from 02:00 to 03:00 on 2026-03-29 and shows 02:00 to 03:00 twice on 2026-10-25.
    ['2026-03-28', '02:30', 'Europe/Paris', '2026-03-28T01:30:00.000Z'],
    ['2026-03-29', '01:59', 'Europe/Paris', '2026-03-29T00:59:00.000Z'],
    ['2026-03-29', '02:30', 'Europe/Paris', '2026-03-29T01:00:00.000Z'],
    ['2026-03-29', '03:00', 'Europe/Paris', '2026-03-29T01:00:00.000Z'],
    ['2026-10-25', '02:30', 'Europe/Paris', '2026-10-25T00:30:00.000Z'],
    ['2026-10-25', '03:00', 'Europe/Paris', '2026-10-25T02:00:00.000Z'],
    // New York: 2026-03-08 and 2026-11-01.
    ['2026-03-08', '02:15', 'America/New_York', '2026-03-08T07:00:00.000Z'],
    ['2026-03-08', '03:15', 'America/New_York', '2026-03-08T07:15:00.000Z'],
    ['2026-11-01', '01:30', 'America/New_York', '2026-11-01T05:30:00.000Z'],
    ['2026-11-01', '23:00', 'America/New_York', '2026-11-02T04:00:00.000Z'],
    // Lord Howe Island turns its clocks by half an hour, in the southern spring: 2026-10-04.
    ['2026-10-04', '02:10', 'Australia/Lord_Howe', '2026-10-03T15:30:00.000Z'],
    ['2026-10-04', '02:40', 'Australia/Lord_Howe', '2026-10-03T15:40:00.000Z'],
    ['2026-11-28', '24:00', 'UTC', '2026-11-29T00:00:00.000Z'],
  ])('%s %s in %s is %s', (date, clock, zone, expected) => {
    expect(isoTime(instantOf(day(date), minutesOf(clock) ?? -1, zone))).toBe(expected);
  });

  test('is read back from the clock, wherever the clock shows it', () => {
    const zones = fc.constantFrom('Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC');
    fc.assert(
      fc.property(
        zones,
        fc.integer({ min: 0, max: 1800 }),
        fc.integer({ min: 0, max: 1439 }),
        (zone, days, minutes) => {
          const at = instantOf(day('2025-01-01') + days * 86_400_000, minutes, zone);
          const shown = localDayOf(at, zone) + minuteOfDay(at, zone) * 60_000;
          const wanted = day('2025-01-01') + days * 86_400_000 + minutes * 60_000;
          // Later only where the clock jumped over it, and by no more than it jumped.
          expect(shown).toBeGreaterThanOrEqual(wanted);
          expect(shown - wanted).toBeLessThanOrEqual(3_600_000);
        },
      ),
    );
  });
});

test('days of the week and of the month', () => {
  expect(weekdayOf(day('2026-11-28'))).toBe('saturday');
  expect(weekdayOf(day('1969-12-31'))).toBe('wednesday');
  expect(monthDayOf(day('2026-11-28'))).toEqual({ fromStart: 28, fromEnd: -3 });
  expect(monthDayOf(day('2028-02-29'))).toEqual({ fromStart: 29, fromEnd: -1 });
  expect(monthDayOf(day('2026-12-01'))).toEqual({ fromStart: 1, fromEnd: -31 });
});

test.each(['7:00', '24:01', '12:60', '', '12:00:00'])('%s is no clock time', (text) => {
  expect(minutesOf(text)).toBeNull();
});
