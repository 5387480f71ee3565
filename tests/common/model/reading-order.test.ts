// Which of two readings is the older: one row of the table for each way in which clocks, uptimes and boots disagree.
import { expect, test } from 'vitest';
import type { CounterReading } from '../../../common/model/counter.ts';
import { isOlderThan } from '../../../common/model/reading-order.ts';

interface Words {
  readonly at: number;
  readonly value: bigint;
  readonly width?: 32 | 64;
  readonly uptime?: number | null;
  readonly mono?: number;
  readonly process?: string;
}

function reading({ at, value, width = 64, uptime, mono = at, process = 'p' }: Words): CounterReading {
  const uptimeTicks = uptime === undefined ? 1_000_000 + at / 10 : uptime;
  const clock = { observedAtMs: 1_790_000_000_000 + at, monotonicMs: mono, uptimeTicks, processId: process };
  return { ...clock, value, width, discontinuityTicks: null };
}

test.each<[string, Words, Words, boolean]>([
  [
    'one process: the monotonic clock, after its wall clock stepped',
    { at: 90_000, mono: 60_000, value: 5n },
    { at: 95_000, mono: 50_000, value: 4n },
    true,
  ],
  [
    'one process, one reading twice with another offset',
    { at: 0, mono: 7, value: 5n },
    { at: 12, mono: 7, value: 5n },
    true,
  ],
  ['one process, later', { at: 0, mono: 7, value: 5n }, { at: 12, mono: 8, value: 5n }, false],
  [
    'two agents, clocks two seconds apart: the uptime',
    { at: 0, value: 5n, uptime: 10_000 },
    { at: 500, value: 4n, uptime: 9_900, process: 'q' },
    true,
  ],
  [
    'two agents, later',
    { at: 0, value: 5n, uptime: 10_000 },
    { at: 500, value: 6n, uptime: 10_020, process: 'q' },
    false,
  ],
  [
    'two agents, a clock minutes off',
    { at: 0, value: 5n, uptime: 100_000 },
    { at: 10_000, value: 4n, uptime: 80_000, process: 'q' },
    true,
  ],
  [
    'a boot in between is no matter of order',
    { at: 0, value: 5n, uptime: 10_000 },
    { at: 60_000, value: 0n, uptime: 3_000, process: 'q' },
    false,
  ],
  [
    'a boot in between by a clock that is two seconds off',
    { at: 0, value: 5n, uptime: 18_000 },
    { at: 18_000, value: 0n, uptime: 1_950, process: 'q' },
    false,
  ],
  [
    'a boot of long ago neither',
    { at: 0, value: 5n, uptime: 9_000_000 },
    { at: 60_000, value: 0n, uptime: 3_000_000, process: 'q' },
    false,
  ],
  [
    'the uptime wrapped between two agents',
    { at: 0, value: 5n, uptime: 2 ** 32 - 10 },
    { at: 500, value: 6n, uptime: 30, process: 'q' },
    false,
  ],
  [
    'the other way round',
    { at: 0, value: 5n, uptime: 30 },
    { at: 500, value: 4n, uptime: 2 ** 32 - 10, process: 'q' },
    true,
  ],
  [
    'read before the boot that the other agent found, by a clock that is ahead',
    { at: 0, value: 0n, uptime: 0 },
    { at: 1, value: 5n, uptime: 18_000, process: 'q' },
    true,
  ],
  [
    'the same, by a clock a minute ahead, of a device that has been up for months',
    { at: 0, value: 9n, uptime: 2_000 },
    { at: 40_000, value: 5_000n, uptime: 900_000_000, process: 'q' },
    true,
  ],
  [
    'after the boot that the other agent found, by clocks two seconds apart',
    { at: 0, value: 9n, uptime: 300 },
    { at: 3_000, value: 10n, uptime: 800, process: 'q' },
    false,
  ],
  [
    "an uptime that jumps ahead long after the boot is the device's own affair",
    { at: 0, value: 9n, uptime: 100_000 },
    { at: 60_000, value: 10n, uptime: 200_000, process: 'q' },
    false,
  ],
  [
    "one process knows its order: an uptime that jumps ahead there is the device's own affair too",
    { at: 0, mono: 7, value: 9n, uptime: 0 },
    { at: 60_000, mono: 60_007, value: 10n, uptime: 200_000 },
    false,
  ],
  [
    'no uptime, within seconds: nothing tells',
    { at: 0, value: 5n, uptime: null },
    { at: 500, value: 4n, uptime: null, process: 'q' },
    true,
  ],
  [
    'one tick of the uptime, one agent each: nothing tells',
    { at: 0, value: 5n, uptime: 10_000, width: 32 },
    { at: 1, value: 2n ** 32n - 5n, uptime: 10_000, width: 32, process: 'q' },
    true,
  ],
  [
    'no uptime, later',
    { at: 0, value: 5n, uptime: null },
    { at: 60_000, value: 4n, uptime: null, process: 'q' },
    false,
  ],
])('%s', (_, last, observed, expected) => {
  expect(isOlderThan(reading(last), reading(observed))).toBe(expected);
});
