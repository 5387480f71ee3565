// Which line a device stands behind, and what a line is bound to where the configuration leaves it open.
import { describe, expect, test } from 'vitest';
import { lineConfigs, lineFinder, linesSchema } from '../../../agent/line/config.ts';

const lines = (given: object) => lineConfigs(linesSchema.parse(given), 2000);

describe('a device', () => {
  const lineOf = lineFinder(
    lines({
      mountain: {},
      islands: { sites: ['north island', 'south island'] },
      modem: { devices: ['radio7'] },
    }),
  );

  test.each([
    [{ name: 'sw1', site: 'mountain' }, 'mountain'],
    [{ name: 'sw2', site: 'south island' }, 'islands'],
    [{ name: 'sw3', site: 'islands' }, null],
    [{ name: 'sw4', site: 'modem' }, null],
    [{ name: 'radio7', site: 'mountain' }, 'modem'],
    [{ name: 'radio7' }, 'modem'],
    [{ name: 'sw5' }, null],
  ])('%o is behind %s', (device, line) => {
    expect(lineOf(device)).toBe(line);
  });
});

describe('a line', () => {
  test.each([
    [{}, { requestsPerSecond: null, inFlight: null, answerBytes: 1400, timeoutMs: 10_000 }],
    [{ requests_per_second: 2.5 }, { requestsPerSecond: 2.5, inFlight: 3 }],
    [
      { requests_per_second: 50, in_flight: 2, answer_bytes: 484 },
      { inFlight: 2, answerBytes: 484 },
    ],
    [{ timeout_ms: 30_000 }, { timeoutMs: 30_000 }],
    // It never makes a device be waited for shorter than elsewhere.
    [{ timeout_ms: 100 }, { timeoutMs: 2000 }],
  ])('%o', (given, expected) => {
    expect(lines({ one: given })[0]).toMatchObject({ name: 'one', sites: ['one'], ...expected });
  });

  test.each([
    [{ a: {}, b: { sites: ['x', 'a'] } }, 'b.sites.1: a is behind the line a already'],
    [{ a: { devices: ['r'] }, b: { devices: ['r'] } }, 'b.devices.0: r is behind the line a already'],
    [{ a: { answer_bytes: 483 } }, 'a.answer_bytes'],
    [{ a: { requests_per_second: 0 } }, 'a.requests_per_second'],
    [Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`l${at}`, {}])), 'expected at most 1000 lines'],
  ])('%#: what does not fit is told with its place', (given, told) => {
    const result = linesSchema.safeParse(given);
    const issues = (result.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
    expect(issues.join('\n')).toContain(told);
  });

  test('a site and a device may be called the same', () => {
    expect(linesSchema.safeParse({ a: { sites: ['x'] }, b: { devices: ['x'] } }).success).toBe(true);
  });
});
