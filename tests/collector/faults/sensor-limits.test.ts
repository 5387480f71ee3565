// Limits of sensors: which of them make sense, and that a value on its way out and back raises and clears once.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stateTypeOf } from '../../../collector/faults/judge-sensors.ts';
import { sideOf, soundLimits } from '../../../collector/faults/sensor-limits.ts';

describe('limits of a device', () => {
  test.each<[name: string, levels: Parameters<typeof soundLimits>, first: [low: number | null, high: number | null]]>([
    ['all four', [0, 5, 60, 75], [5, 60]],
    ['only limits', [0, null, null, 75], [0, 75]],
    ['only one warning', [null, null, 60, null], [null, 60]],
    ['noughts', [0, 0, 0, 0], [null, null]],
    ['one nought is a limit: a fan that stands still', [0, null, null, null], [0, null]],
    ['low above high', [10, null, null, 5], [null, null]],
    ['a warning beyond its limit', [null, null, 80, 75], [null, 75]],
    ['negative, as light is', [-14, -12, 0, 1], [-12, 0]],
    ['none', [null, null, null, null], [null, null]],
  ])('%s', (_, levels, [low, high]) => {
    const found = soundLimits(...levels);
    expect([found?.low?.first ?? null, found?.high?.first ?? null]).toEqual([low, high]);
  });

  test('what a value is beyond grows with the value, and an alarm that is held never makes it less', () => {
    const level = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    const rank = { limit: 2, warning: 1, none: 0 };
    fc.assert(
      fc.property(
        level,
        level,
        level,
        level,
        fc.double({ min: 0, max: 100, noNaN: true }),
        (a, b, one, other, margin) => {
          const high = soundLimits(null, null, a, b)?.high;
          if (high === null || high === undefined) return;
          const at = (value: number, held: 'warning' | 'limit' | null): number =>
            rank[sideOf(high, 'high', value, { margin, held }) ?? 'none'];
          const [less, more] = [Math.min(one, other), Math.max(one, other)];
          for (const held of [null, 'warning', 'limit'] as const)
            expect(at(less, held)).toBeLessThanOrEqual(at(more, held));
          expect(at(more, 'limit')).toBeGreaterThanOrEqual(at(more, null));
        },
      ),
    );
  });
});

test.each([
  ['Fan tray 1', 'fan-failed'],
  ['FAN3', 'fan-failed'],
  ['Chassis fans', 'fan-failed'],
  ['PSU 1', 'power-supply-failed'],
  ['PS1 status', 'power-supply-failed'],
  ['Power Supply A', 'power-supply-failed'],
  ['infant mortality', 'sensor-state'],
  ['Temperature of PoE module', 'sensor-state'],
  ['', 'sensor-state'],
])('%j is told as %s', (description, type) => {
  expect(stateTypeOf(description)).toBe(type);
});
