// Restart or not, from two looks at sysUpTime.
import { describe, expect, test } from 'vitest';
import { lastUptime, restarted, restartedDuring } from '../../../agent/poll/uptime.ts';
import type { Segment } from '../../../common/model/poll.ts';

const look = (ticks: number, seconds: number): { ticks: number; monotonicMs: number } => ({
  ticks,
  monotonicMs: seconds * 1000,
});
const segment = (uptimeTicks: number | null, seconds: number): Segment => ({
  firstRow: 0,
  sentAtMs: 0,
  receivedAtMs: 0,
  monotonicMs: seconds * 1000,
  uptimeTicks,
});

describe('restarted', () => {
  test('uptime that goes on is no restart, also by a slow clock and in answers of the same tick', () => {
    expect(restarted(look(100, 0), look(6100, 60))).toBe(false);
    expect(restarted(look(0, 0), look(5850, 60))).toBe(false);
    expect(restarted(look(500, 1), look(500, 1.02))).toBe(false);
  });

  test('uptime that went back is one', () => {
    expect(restarted(look(6100, 0), look(6099, 60))).toBe(true);
  });

  test('after a long silence the uptime may be larger than before and the boot another', () => {
    // Up for a minute, then silent for an hour; now up for 20 minutes.
    expect(restarted(look(6000, 0), look(120_000, 3600))).toBe(true);
    expect(restarted(look(6000, 0), look(366_000, 3600))).toBe(false);
  });

  test('a restart between two answers of one walk is seen; answers without uptime say nothing', () => {
    expect(restartedDuring(look(900_000, 0), [segment(900_100, 1), segment(50, 2)])).toBe(true);
    expect(restartedDuring(look(900_000, 0), [segment(900_100, 1), segment(null, 2), segment(900_300, 3)])).toBe(false);
    expect(restartedDuring(null, [segment(10, 5)])).toBe(false);
    expect(lastUptime([segment(7, 1), segment(null, 2)])).toEqual(look(7, 1));
    expect(lastUptime([segment(null, 2)])).toBeNull();
  });
});
