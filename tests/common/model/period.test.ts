// Periods of contracts: what a zone does to months, days and hours, and that they tile time without hole or overlap.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BILLING_CYCLES,
  type BillingCycle,
  coveredPart,
  localDate,
  nextPeriod,
  type Period,
  periodAt,
  periodNamed,
  previousPeriod,
  startOfDate,
  zoneKnown,
  zoneOffset,
} from '../../../common/model/period.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function named(name: string, zone: string, months: BillingCycle = 'month'): Period {
  const period = periodNamed(name, zone, months);
  if (period === null) throw new Error(`${name} is no period in ${zone}`);
  return period;
}

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

describe('the first instant of a date', () => {
  test.each([
    ['2026-11-24', 'UTC', '2026-11-24T00:00:00.000Z'],
    ['2026-07-01', 'Europe/Berlin', '2026-06-30T22:00:00.000Z'],
    ['2026-12-01', 'Europe/Berlin', '2026-11-30T23:00:00.000Z'],
    ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z'],
    ['2026-03-30', 'Europe/Berlin', '2026-03-29T22:00:00.000Z'],
    ['2026-10-26', 'Europe/Berlin', '2026-10-25T23:00:00.000Z'],
    ['2026-11-01', 'Asia/Kathmandu', '2026-10-31T18:15:00.000Z'],
    ['2026-11-01', 'Pacific/Kiritimati', '2026-10-31T10:00:00.000Z'],
    ['2026-11-01', 'Pacific/Pago_Pago', '2026-11-01T11:00:00.000Z'],
    // Daylight saving began at midnight: the day has no 00:00 and begins at 01:00.
    ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00.000Z'],
    // It ended at midnight, which came once: the hour before it came twice.
    ['2018-02-18', 'America/Sao_Paulo', '2018-02-18T03:00:00.000Z'],
    // It ends at 01:00, so that midnight comes twice: the first counts.
    ['2026-11-01', 'America/Havana', '2026-11-01T04:00:00.000Z'],
    // At 00:01 the clock went back into the day before: again the first.
    ['2009-11-01', 'America/St_Johns', '2009-11-01T02:30:00.000Z'],
    // The clock went from 00:00 to 00:15.
    ['1986-01-01', 'Asia/Kathmandu', '1985-12-31T18:30:00.000Z'],
    // It crossed the date line and left out 30 December.
    ['2011-12-29', 'Pacific/Apia', '2011-12-29T10:00:00.000Z'],
    ['2011-12-30', 'Pacific/Apia', '2011-12-30T10:00:00.000Z'],
    ['2011-12-31', 'Pacific/Apia', '2011-12-30T10:00:00.000Z'],
    ['2012-01-01', 'Pacific/Apia', '2011-12-31T10:00:00.000Z'],
  ])('%s in %s is %s', (date, zone, expected) => {
    expect(iso(startOfDate(date, zone))).toBe(expected);
  });

  test.each(['2026-02-29', '2026-02-30', '2026-13-01', '2026-00-01', '2026-1-1', '26-01-01', '2026-11', '', 'today'])(
    'no date: %j',
    (text) => {
      expect(startOfDate(text, 'Europe/Berlin')).toBeNull();
    },
  );

  test('29 February is one in leap years', () => {
    expect(iso(startOfDate('2028-02-29', 'UTC'))).toBe('2028-02-29T00:00:00.000Z');
  });

  test.each(['0001-01-01', '0050-06-01', '0999-12-31', '9999-12-31'])('%s, in years that nobody bills', (date) => {
    const start = startOfDate(date, 'Europe/Berlin') ?? Number.NaN;
    expect(Math.abs(start - Date.parse(`${date}T00:00:00Z`))).toBeLessThan(DAY);
    expect(localDate(start, 'Europe/Berlin')).toBe(date);
    expect(periodAt(start, 'month', 'Europe/Berlin').name).toBe(date.slice(0, 7));
  });
});

describe('names', () => {
  test.each([
    ['2026-11', 'month', 'UTC', '2026-11-01T00:00:00.000Z', 30 * 24],
    ['2028-02', 'month', 'UTC', '2028-02-01T00:00:00.000Z', 29 * 24],
    ['2026-12', 'month', 'UTC', '2026-12-01T00:00:00.000Z', 31 * 24],
    ['2026-03', 'month', 'Europe/Berlin', '2026-02-28T23:00:00.000Z', 31 * 24 - 1],
    ['2026-10', 'month', 'Europe/Berlin', '2026-09-30T22:00:00.000Z', 31 * 24 + 1],
    ['2011-12', 'month', 'Pacific/Apia', '2011-12-01T10:00:00.000Z', 30 * 24],
    ['2018-11', 'month', 'America/Sao_Paulo', '2018-11-01T03:00:00.000Z', 30 * 24 - 1],
    ['2026-03-29', 'day', 'Europe/Berlin', '2026-03-28T23:00:00.000Z', 23],
    ['2026-10-25', 'day', 'Europe/Berlin', '2026-10-24T22:00:00.000Z', 25],
    ['2018-11-04', 'day', 'America/Sao_Paulo', '2018-11-04T03:00:00.000Z', 23],
    ['2018-02-17', 'day', 'America/Sao_Paulo', '2018-02-17T02:00:00.000Z', 25],
    ['2011-12-29', 'day', 'Pacific/Apia', '2011-12-29T10:00:00.000Z', 24],
    ['2011-12-31', 'day', 'Pacific/Apia', '2011-12-30T10:00:00.000Z', 24],
    ['2019-04-07', 'day', 'Australia/Lord_Howe', '2019-04-06T13:00:00.000Z', 24.5],
    ['2026-11-24T08Z', 'hour', 'Asia/Kathmandu', '2026-11-24T08:00:00.000Z', 1],
    ['2026-11-24T23Z', 'hour', 'Europe/Berlin', '2026-11-24T23:00:00.000Z', 1],
  ])('%s is a %s in %s', (name, cycle, zone, start, hours) => {
    const period = named(name, zone);
    expect({ ...period, start: iso(period.startMs) }).toMatchObject({ name, cycle, zone, start });
    expect((period.endMs - period.startMs) / HOUR).toBe(hours);
  });

  test('an hour may be written without its Z, and is UTC all the same', () => {
    expect(named('2026-11-24T08', 'Asia/Kathmandu')).toEqual(named('2026-11-24T08Z', 'Asia/Kathmandu'));
  });

  test.each([
    '2026',
    '2026-13',
    '2026-00',
    '2026-11-31',
    '2026-02-30T05Z',
    '2026-11-24T24Z',
    '2026-11-24T25Z',
    '2026-11-24T8Z',
    '2026-11-24T08:00Z',
    '2026-11-24T08+01',
    ' 2026-11',
    '2026-11\n',
    '',
  ])('no period: %j', (name) => {
    expect(periodNamed(name, 'UTC')).toBeNull();
  });

  test('a day that a zone left out is no period there', () => {
    expect(periodNamed('2011-12-30', 'Pacific/Apia')).toBeNull();
    expect(nextPeriod(named('2011-12-29', 'Pacific/Apia')).name).toBe('2011-12-31');
    expect(previousPeriod(named('2011-12-31', 'Pacific/Apia')).name).toBe('2011-12-29');
  });

  test('an hour that a clock shows twice is two periods, with two names', () => {
    const first = periodAt(Date.parse('2026-10-25T00:30:00Z'), 'hour', 'Europe/Berlin');
    const second = nextPeriod(first);
    expect([first.name, second.name]).toEqual(['2026-10-25T00Z', '2026-10-25T01Z']);
    expect(localDate(first.startMs, 'Europe/Berlin')).toBe(localDate(second.startMs, 'Europe/Berlin'));
  });

  test('where a clock goes back over midnight, the day that ended stays over', () => {
    // 00:01 on 1 November becomes 23:01 on 31 October once more.
    const again = Date.parse('2009-11-01T03:00:00Z');
    expect(localDate(again, 'America/St_Johns')).toBe('2009-10-31');
    expect(periodAt(again, 'day', 'America/St_Johns').name).toBe('2009-11-01');
    expect(periodAt(again, 'month', 'America/St_Johns').name).toBe('2009-11');
    expect(previousPeriod(periodAt(again, 'month', 'America/St_Johns')).name).toBe('2009-10');
  });
});

describe('zones', () => {
  test('are known by their IANA names', () => {
    expect(['UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/Argentina/Ushuaia'].every(zoneKnown)).toBe(true);
    expect(['', 'Berlin', 'Europe/Atlantis', 'UTC+25', '../etc'].some(zoneKnown)).toBe(false);
  });

  test('add what their clocks show', () => {
    expect(zoneOffset(Date.parse('2026-07-01T00:00:00Z'), 'Europe/Berlin')).toBe(2 * HOUR);
    expect(zoneOffset(Date.parse('2026-12-01T00:00:00.999Z'), 'Europe/Berlin')).toBe(HOUR);
    expect(zoneOffset(Date.parse('1969-12-31T23:59:59.001Z'), 'Asia/Kolkata')).toBe(5.5 * HOUR);
    expect(zoneOffset(0, 'UTC')).toBe(0);
  });
});

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Europe/Lisbon',
  'America/New_York',
  'America/St_Johns',
  'America/Sao_Paulo',
  'America/Havana',
  'America/Nuuk',
  'Asia/Kathmandu',
  'Asia/Tehran',
  'Asia/Beirut',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'Pacific/Chatham',
] as const;
const zone = fc.constantFrom(...ZONES);
const cycle = fc.constantFrom<BillingCycle[]>(...BILLING_CYCLES, 'month-15', 'month-29', 'month-30', 'month-31');
const instant = fc.oneof(
  fc.integer({ min: Date.parse('1971-01-01'), max: Date.parse('2040-01-01') }),
  // Around the turns of months and of clocks, where mistakes live.
  fc
    .tuple(fc.integer({ min: 1975, max: 2037 }), fc.integer({ min: 0, max: 11 }), fc.integer({ min: -DAY, max: DAY }))
    .map(([year, month, off]) => Date.UTC(year, month, 1) + off),
  fc
    .tuple(fc.integer({ min: 1975, max: 2037 }), fc.constantFrom(2, 3, 9, 10), fc.integer({ min: 0, max: 31 * DAY }))
    .map(([year, month, off]) => Date.UTC(year, month, 1) + off),
  fc.integer({ min: Date.parse('2011-12-27'), max: Date.parse('2012-01-03') }),
);

describe('laws of periods', () => {
  test('each instant is in the period it is given', () => {
    fc.assert(
      fc.property(instant, cycle, zone, (at, of, where) => {
        const period = periodAt(at, of, where);
        expect(period.startMs).toBeLessThanOrEqual(at);
        expect(at).toBeLessThan(period.endMs);
        expect(period).toMatchObject({ cycle: of, zone: where });
      }),
      { numRuns: 3000 },
    );
  });

  test('one ends where the next begins, there and back', () => {
    fc.assert(
      fc.property(instant, cycle, zone, (at, of, where) => {
        const period = periodAt(at, of, where);
        const next = nextPeriod(period);
        expect(next.startMs).toBe(period.endMs);
        expect(next.name > period.name).toBe(true);
        expect(previousPeriod(next)).toEqual(period);
        expect(nextPeriod(previousPeriod(period))).toEqual(period);
      }),
      { numRuns: 3000 },
    );
  });

  test('a name means the period that bears it', () => {
    fc.assert(
      fc.property(instant, cycle, zone, (at, of, where) => {
        const period = periodAt(at, of, where);
        expect(periodNamed(period.name, where, of)).toEqual(period);
        expect(periodAt(period.startMs, of, where)).toEqual(period);
        expect(periodAt(period.endMs - 1, of, where)).toEqual(period);
      }),
      { numRuns: 2000 },
    );
  });

  test('the days of a month are all of it', () => {
    fc.assert(
      fc.property(instant, zone, (at, where) => {
        const month = periodAt(at, 'month', where);
        let day = periodAt(month.startMs, 'day', where);
        expect(day.startMs).toBe(month.startMs);
        while (day.endMs < month.endMs) day = nextPeriod(day);
        expect(day.endMs).toBe(month.endMs);
      }),
      { numRuns: 60 },
    );
  });
});

describe('months that begin on another day', () => {
  test.each([
    // A month that is too short for the day begins on its last.
    ['month-15', '2026-11-15', '2026-11', '2026-11-15', '2026-12-15'],
    ['month-15', '2026-11-14', '2026-10', '2026-10-15', '2026-11-15'],
    ['month-29', '2026-02-28', '2026-02', '2026-02-28', '2026-03-29'],
    ['month-29', '2028-02-28', '2028-01', '2028-01-29', '2028-02-29'],
    ['month-30', '2026-02-28', '2026-02', '2026-02-28', '2026-03-30'],
    ['month-30', '2026-01-31', '2026-01', '2026-01-30', '2026-02-28'],
    ['month-31', '2026-04-29', '2026-03', '2026-03-31', '2026-04-30'],
    ['month-31', '2026-04-30', '2026-04', '2026-04-30', '2026-05-31'],
    ['month-31', '2026-01-01', '2025-12', '2025-12-31', '2026-01-31'],
    ['month-31', '2027-02-28', '2027-02', '2027-02-28', '2027-03-31'],
  ] as const)('%s: %s is in %s, from %s to %s', (of, date, name, from, to) => {
    const where = 'Europe/Berlin';
    const start = (text: string): number => startOfDate(text, where) ?? 0;
    const period = periodAt(start(date), of, where);
    expect(period).toEqual({ name, cycle: of, zone: where, startMs: start(from), endMs: start(to) });
    expect(periodNamed(name, where, of)).toEqual(period);
  });

  test('a whole one is all of it, by its own days', () => {
    const period = named('2026-02', 'UTC', 'month-30');
    expect(coveredPart(period, period.startMs, period.endMs)).toEqual({ covered: 30n, whole: 30n });
    expect(coveredPart(period, Date.parse('2026-03-15'), period.endMs)).toEqual({ covered: 15n, whole: 30n });
  });
});

describe('the part that a span covers', () => {
  const november = named('2026-11', 'Europe/Berlin');
  const at = (text: string): number => Date.parse(text);

  test.each([
    ['all of it', '2026-01-01', '2027-01-01', 30n],
    ['from the 16th', '2026-11-16T00:00:00+01:00', '2027-01-01', 15n],
    ['until the 15th', '2026-01-01', '2026-11-15T00:00:00+01:00', 14n],
    ['a day that is touched counts', '2026-11-10T23:59:59+01:00', '2026-11-11T00:00:01+01:00', 2n],
    ['one millisecond', '2026-11-30T23:59:59.999+01:00', '2026-12-24', 1n],
    ['nothing before', '2026-01-01', '2026-11-01T00:00:00+01:00', 0n],
    ['nothing after', '2026-12-01T00:00:00+01:00', '2027-01-01', 0n],
    ['no span', '2026-11-10T12:00:00Z', '2026-11-10T12:00:00Z', 0n],
    ['a span that ends before it begins', '2026-11-20', '2026-11-10', 0n],
  ])('of a month: %s', (_name, from, to, covered) => {
    expect(coveredPart(november, at(from), at(to))).toEqual({ covered, whole: 30n });
  });

  test('of a day of 23 hours: to the millisecond', () => {
    const day = named('2026-03-29', 'Europe/Berlin');
    expect(coveredPart(day, day.startMs + HOUR, day.endMs)).toEqual({
      covered: BigInt(22 * HOUR),
      whole: BigInt(23 * HOUR),
    });
    expect(coveredPart(day, day.endMs, day.endMs + 1)).toEqual({ covered: 0n, whole: BigInt(23 * HOUR) });
  });

  test('is never more than all, and all of it is one', () => {
    fc.assert(
      fc.property(instant, instant, instant, cycle, zone, (one, two, three, of, where) => {
        const period = periodAt(one, of, where);
        const { covered, whole } = coveredPart(period, two, three);
        expect(covered).toBeGreaterThanOrEqual(0n);
        expect(covered).toBeLessThanOrEqual(whole);
        const all = coveredPart(period, period.startMs, period.endMs);
        expect(all.covered).toBe(all.whole);
        expect(all.whole).toBeGreaterThan(0n);
      }),
      { numRuns: 2000 },
    );
  });
});
