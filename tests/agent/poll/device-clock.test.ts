// hrSystemDate as devices send it, held against our clock.
import { describe, expect, test } from 'vitest';
import { deviceClock } from '../../../agent/poll/device-clock.ts';

const NOON = Date.UTC(2026, 10, 26, 12);
const segment = { firstRow: 0, sentAtMs: NOON - 20, receivedAtMs: NOON + 20, monotonicMs: 1, uptimeTicks: null };

describe('the clock of a device', () => {
  const cases: readonly [string, string, number | null][] = [
    ['UTC, exact', '07:ea:0b:1a:0c:00:00:00:2b:00:00', 0],
    ['UTC, 1.5 s ahead', '07:ea:0b:1a:0c:00:01:05:2b:00:00', 1500],
    ['an hour east, exact', '07:ea:0b:1a:0d:00:00:00:2b:01:00', 0],
    ['five and a half hours west, exact', '07:ea:0b:1a:06:1e:00:00:2d:05:1e', 0],
    ['a day behind', '07:ea:0b:19:0c:00:00:00:2b:00:00', -86_400_000],
    ['1970: a clock that was never set', '07:b2:01:01:00:00:00:00:2b:00:00', -NOON],
    ['without a zone nobody knows', '07:ea:0b:1a:0c:00:00:00', null],
    ['no date', '', null],
    ['something else', 'aa:bb', null],
  ];
  test.each(cases)('%s', (_, hex, skewMs) => {
    expect(deviceClock(hex, segment)?.skewMs ?? null).toBe(skewMs);
  });

  test('of a device that tells none is unknown', () => {
    expect(deviceClock(null, segment)).toBeNull();
    expect(deviceClock('07:ea:0b:1a:0c:00:00:00:2b:00:00', null)).toBeNull();
  });
});
