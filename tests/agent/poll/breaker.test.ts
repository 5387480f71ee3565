// The breaker: three silences open it, pauses grow to a bound, the probe falls on the turn that is meant.
import { describe, expect, test } from 'vitest';
import { afterFailure, type Breaker, CLOSED, decide, isOpen } from '../../../agent/poll/breaker.ts';

const MINUTE = 60_000;

/** What a device is asked in its turns, an interval apart, while it never answers. */
function turnsOf(count: number, intervalMs: number, lateMs: (turn: number) => number): string[] {
  let breaker: Breaker = CLOSED;
  return Array.from({ length: count }, (_, turn) => {
    const atMs = turn * intervalMs + lateMs(turn);
    const decision = decide(breaker, atMs);
    if (decision !== 'rest') breaker = afterFailure(breaker, 'snmp_timeout', intervalMs, atMs);
    return decision;
  });
}

describe('breaker', () => {
  test('three polls, then probes after one, two, four and at most five intervals', () => {
    const expected = 'poll poll poll probe rest probe rest rest rest probe rest rest rest rest probe';
    expect(turnsOf(15, MINUTE, () => 0)).toEqual(expected.split(' '));
  });

  test('turns that come a little early or late change nothing', () => {
    const steady = turnsOf(40, MINUTE, () => 0);
    expect(turnsOf(40, MINUTE, (turn) => ((turn * 7919) % 4000) - 2000)).toEqual(steady);
  });

  test('a long interval is never stretched beyond itself; a pause is at most five minutes or one interval', () => {
    expect(turnsOf(8, 600_000, () => 0)).toEqual([
      ...Array.from({ length: 3 }, () => 'poll'),
      ...Array.from({ length: 5 }, () => 'probe'),
    ]);
    let breaker: Breaker = CLOSED;
    for (let turn = 0; turn < 30; turn += 1) breaker = afterFailure(breaker, 'snmp_timeout', MINUTE, turn * MINUTE);
    expect(breaker).toMatchObject({ pauseMs: 300_000, failure: 'snmp_timeout' });
    expect(isOpen(breaker)).toBe(true);
  });
});
