// Cron in time zones: tables of fields, both turns of the clock in three zones, and laws that hold for any pattern.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Cron, lastDue, nextDue, parseCron } from '../../../common/model/cron.ts';
import { minuteOfDay } from '../../../common/model/local-time.ts';
import { isoTime } from '../../../common/model/time.ts';

function cron(text: string): Cron {
  const parsed = parseCron(text);
  if (parsed === null) throw new Error(`${text} is no cron`);
  return parsed;
}

function due(text: string, zone: string, after: string, count: number): string[] {
  const found: string[] = [];
  for (let at: number | null = Date.parse(after); found.length < count; ) {
    at = nextDue(cron(text), zone, at);
    if (at === null) break;
    found.push(isoTime(at).slice(0, 16));
  }
  return found;
}

describe('fields', () => {
  test.each([
    ['0 6 1 * *', '2026-11-28T00:00:00Z', ['2026-12-01T06:00', '2027-01-01T06:00']],
    ['*/20 0-1 * * *', '2026-11-28T00:30:00Z', ['2026-11-28T00:40', '2026-11-28T01:00', '2026-11-28T01:20']],
    ['30 2 29 2 *', '2026-11-28T00:00:00Z', ['2028-02-29T02:30', '2032-02-29T02:30']],
    ['0 0 * * mon-wed', '2026-11-28T00:00:00Z', ['2026-11-30T00:00', '2026-12-01T00:00', '2026-12-02T00:00']],
    ['0 0 * * 7', '2026-11-28T00:00:00Z', ['2026-11-29T00:00', '2026-12-06T00:00']],
    ['0 0 13 * fri', '2026-11-28T00:00:00Z', ['2026-12-04T00:00', '2026-12-11T00:00', '2026-12-13T00:00']],
    ['5/30 12 1 jan,jul *', '2026-11-28T00:00:00Z', ['2027-01-01T12:05', '2027-01-01T12:35', '2027-07-01T12:05']],
    ['0 6 1 * *', '2026-12-01T06:00:00Z', ['2027-01-01T06:00']],
  ])('%s after %s', (text, after, expected) => {
    expect(due(text, 'UTC', after, expected.length)).toEqual(expected);
  });

  test.each([
    '',
    '* * * *',
    '* * * * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    '5-1 * * * *',
    '*/0 * * * *',
    '1-2-3 * * * *',
    'x * * * *',
    '0 0 30 2 *',
  ])('"%s" is none', (text) => {
    expect(parseCron(text)).toBeNull();
  });
});

describe('turns of the clock', () => {
  test.each<[string, string, string, string, string[]]>([
    // The clock jumps over 02:30: due at the jump, and not left out.
    ['Europe/Berlin', 'spring', '30 2 * * *', '2026-03-28T12:00:00Z', ['2026-03-29T01:00', '2026-03-30T00:30']],
    // The clock shows 02:30 twice: due once.
    ['Europe/Berlin', 'autumn', '30 2 * * *', '2026-10-24T12:00:00Z', ['2026-10-25T00:30', '2026-10-26T01:30']],
    ['America/Chicago', 'spring', '30 2 * * *', '2026-03-07T18:00:00Z', ['2026-03-08T08:00', '2026-03-09T07:30']],
    ['America/Chicago', 'autumn', '30 1 * * *', '2026-10-31T18:00:00Z', ['2026-11-01T06:30', '2026-11-02T07:30']],
    // Half an hour of daylight saving.
    ['Australia/Lord_Howe', 'spring', '10 2 * * *', '2026-10-03T00:00:00Z', ['2026-10-03T15:30', '2026-10-04T15:10']],
    ['Australia/Lord_Howe', 'autumn', '40 1 * * *', '2026-04-04T00:00:00Z', ['2026-04-04T14:40', '2026-04-05T15:10']],
    // What is due every hour goes on through it.
    ['Europe/Berlin', 'autumn', '30 * * * *', '2026-10-24T23:40:00Z', ['2026-10-25T00:30', '2026-10-25T01:30']],
    ['Europe/Berlin', 'spring', '30 * * * *', '2026-03-29T00:00:00Z', ['2026-03-29T00:30', '2026-03-29T01:30']],
    ['Europe/Berlin', 'a month', '0 6 1 * *', '2026-03-01T06:00:00Z', ['2026-04-01T04:00', '2026-05-01T04:00']],
  ])('%s in %s: %s', (zone, _season, text, after, expected) => {
    expect(due(text, zone, after, expected.length)).toEqual(expected);
  });
});

const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/Chicago', 'Australia/Lord_Howe', 'Asia/Kathmandu');
const instants = fc.integer({ min: Date.parse('2026-01-01T00:00:00Z'), max: Date.parse('2027-12-31T00:00:00Z') });

test('each is later than the one before, none lies between, and the last one before an instant is found again', () => {
  const patterns = fc.constantFrom('15 4 * * *', '0 */6 * * *', '*/30 * * * *', '0 6 1 * *', '45 23 * * sun');
  fc.assert(
    fc.property(patterns, zones, instants, (text, zone, at) => {
      const parsed = cron(text);
      const first = nextDue(parsed, zone, at);
      if (first === null) throw new Error('it comes again');
      const second = nextDue(parsed, zone, first);
      if (second === null) throw new Error('and again');
      expect(first).toBeGreaterThan(at);
      expect(second).toBeGreaterThan(first);
      expect(nextDue(parsed, zone, first - 1)).toBe(first);
      expect(lastDue(parsed, zone, at, second - 1)).toBe(first);
      expect(lastDue(parsed, zone, first, second - 1)).toBeNull();
      if (text === '*/30 * * * *') expect(minuteOfDay(first, zone) % 30).toBe(0);
    }),
    { numRuns: 200 },
  );
});
