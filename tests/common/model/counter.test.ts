// The one subtraction of Weir: a table of every class, and the laws that hold for any two readings.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CounterReading,
  type Difference,
  difference,
  type DifferenceLimits,
  rebooted,
  spanDuration,
} from '../../../common/model/counter.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WRAP32 = 2n ** 32n;
const WRAP64 = 2n ** 64n;
const TICKS = 2 ** 32;
const NOON = Date.parse('2026-11-25T12:00:00Z');

interface Words extends Partial<CounterReading> {
  /** After noon, on both clocks of the agent. */
  readonly at?: number;
}

function reading({ at = 0, ...more }: Words): CounterReading {
  return {
    observedAtMs: NOON + at,
    monotonicMs: 1000 + at,
    processId: 'process-1',
    value: 0n,
    width: 64,
    uptimeTicks: 5_000_000 + at / 10,
    discontinuityTicks: 0,
    ...more,
  };
}

const LIMITS: DifferenceLimits = { speedBps: 1_000_000_000n, intervalMs: MINUTE };

interface Case {
  readonly name: string;
  readonly previous?: Words;
  readonly observed: Words;
  readonly limits?: Partial<DifferenceLimits>;
  readonly expected: Partial<Difference>;
}

const GOOD: readonly Case[] = [
  {
    name: 'an increase within an interval',
    previous: { value: 100n },
    observed: { at: MINUTE, value: 1100n },
    expected: { kind: 'good', delta: 1000n, durationMs: MINUTE, wrapped: false },
  },
  { name: 'no traffic', observed: { at: MINUTE }, expected: { kind: 'good', delta: 0n } },
  {
    name: 'exactly 1.5 intervals is no gap',
    observed: { at: 90_000, value: 5n },
    expected: { kind: 'good', delta: 5n },
  },
  {
    name: 'no uptime and no discontinuity time are no proof of anything',
    previous: { uptimeTicks: null, discontinuityTicks: null },
    observed: { at: MINUTE, value: 5n },
    expected: { kind: 'good', delta: 5n },
  },
  {
    name: 'a discontinuity time that comes for the first time',
    previous: { discontinuityTicks: null },
    observed: { at: MINUTE, value: 5n, discontinuityTicks: 77 },
    expected: { kind: 'good', delta: 5n },
  },
  {
    name: 'a Counter64 up to its last value',
    previous: { value: WRAP64 - 1001n },
    observed: { at: MINUTE, value: WRAP64 - 1n },
    expected: { kind: 'good', delta: 1000n },
  },
  {
    name: 'above 2^63, where signed integers end',
    previous: { value: 2n ** 63n - 1n },
    observed: { at: MINUTE, value: 2n ** 63n + 9n },
    expected: { kind: 'good', delta: 10n },
  },
  {
    name: 'as much as the line carries in the time, a tenth more and the refresh of the device',
    observed: { at: MINUTE, value: 9_625_000_000n },
    expected: { kind: 'good', delta: 9_625_000_000n },
  },
  {
    name: 'any rate where the speed is not known',
    observed: { at: MINUTE, value: 2n ** 50n },
    limits: { speedBps: null },
    expected: { kind: 'good', delta: 2n ** 50n },
  },
  {
    name: 'a speed of 0 is one that is not known',
    observed: { at: MINUTE, value: 2n ** 50n },
    limits: { speedBps: 0n },
    expected: { kind: 'good', delta: 2n ** 50n },
  },
  {
    name: 'the wall clock steps back an hour: the monotonic one counts',
    observed: { at: MINUTE, value: 5n, observedAtMs: NOON - HOUR },
    expected: { kind: 'good', delta: 5n, durationMs: MINUTE },
  },
  {
    name: 'the wall clock steps ahead an hour: no gap',
    observed: { at: MINUTE, value: 5n, observedAtMs: NOON + HOUR },
    expected: { kind: 'good', delta: 5n, durationMs: MINUTE },
  },
  {
    name: 'another process read it: the wall clock counts',
    previous: { monotonicMs: 9e9 },
    observed: { at: MINUTE, value: 5n, processId: 'process-2', monotonicMs: 3 },
    expected: { kind: 'good', delta: 5n, durationMs: MINUTE },
  },
  {
    name: 'the uptime wraps at 497 days',
    previous: { uptimeTicks: TICKS - 1000 },
    observed: { at: MINUTE, value: 5n, uptimeTicks: 5000 },
    expected: { kind: 'good', delta: 5n },
  },
];

const OTHERS: readonly Case[] = [
  {
    name: 'a Counter32 wraps once',
    previous: { width: 32, value: WRAP32 - 100n },
    observed: { at: MINUTE, width: 32, value: 50n },
    limits: { speedBps: 100_000_000n },
    expected: { kind: 'wrap32', delta: 150n, wrapped: true },
  },
  {
    name: 'a Counter32 wraps from its last value to 0',
    previous: { width: 32, value: WRAP32 - 1n },
    observed: { at: MINUTE, width: 32, value: 0n },
    limits: { speedBps: 100_000_000n },
    expected: { kind: 'wrap32', delta: 1n, wrapped: true },
  },
  {
    name: 'a Counter32 of an unknown speed is believed to wrap once',
    previous: { width: 32, value: 100n },
    observed: { at: MINUTE, width: 32, value: 99n },
    limits: { speedBps: null },
    expected: { kind: 'wrap32', delta: WRAP32 - 1n },
  },
  {
    name: 'longer than 1.5 intervals is a gap, its octets exact',
    observed: { at: 90_001, value: 5n },
    expected: { kind: 'gap', delta: 5n, wrapped: false },
  },
  {
    name: 'a wrap in a gap',
    previous: { width: 32, value: WRAP32 - 100n },
    observed: { at: 5 * MINUTE, width: 32, value: 50n },
    limits: { speedBps: 10_000_000n },
    expected: { kind: 'gap', delta: 150n, wrapped: true },
  },
  {
    name: 'one octet more than the line carries',
    observed: { at: MINUTE, value: 9_625_000_001n },
    expected: { kind: 'implausible', delta: 9_625_000_001n },
  },
  {
    name: 'above line rate in a gap is implausible too',
    observed: { at: HOUR, value: 2n ** 60n },
    expected: { kind: 'implausible' },
  },
  {
    name: 'the device booted: its uptime went back',
    observed: { at: MINUTE, value: 5n, uptimeTicks: 3000 },
    expected: { kind: 'lost', end: 'reboot', durationMs: MINUTE },
  },
  {
    name: 'a boot is one although the counter went on',
    previous: { value: 100n },
    observed: { at: MINUTE, value: 200n, uptimeTicks: 3000 },
    expected: { kind: 'lost', end: 'reboot' },
  },
  {
    name: 'a young device booted: its uptime went on, but by less than the time',
    previous: { uptimeTicks: 1000 },
    observed: { at: HOUR, value: 5n, uptimeTicks: 180_000 },
    expected: { kind: 'lost', end: 'reboot' },
  },
  {
    name: 'an uptime near 2^32 that begins anew too early is a boot',
    previous: { uptimeTicks: TICKS - 1_000_000 },
    observed: { at: MINUTE, value: 5n, uptimeTicks: 100 },
    expected: { kind: 'lost', end: 'reboot' },
  },
  {
    name: 'the discontinuity time moved',
    previous: { discontinuityTicks: 10 },
    observed: { at: MINUTE, value: 5n, discontinuityTicks: 11 },
    expected: { kind: 'lost', end: 'discontinuity' },
  },
  {
    name: 'from Counter32 to Counter64',
    previous: { width: 32, value: 5n },
    observed: { at: MINUTE, width: 64, value: 10n },
    expected: { kind: 'lost', end: 'width' },
  },
  {
    name: 'a Counter64 that went down was set back',
    previous: { value: 5n },
    observed: { at: MINUTE, value: 4n },
    expected: { kind: 'lost', end: 'decrease' },
  },
  {
    name: 'a Counter64 never wraps, also not near 2^64',
    previous: { value: WRAP64 - 1n },
    observed: { at: MINUTE, value: 0n },
    limits: { speedBps: null },
    expected: { kind: 'lost', end: 'decrease' },
  },
  {
    name: 'a Counter32 that one wrap at line rate cannot explain was set back',
    previous: { width: 32, value: 2_000_000_000n },
    observed: { at: MINUTE, width: 32, value: 1_999_999_999n },
    limits: { speedBps: 100_000_000n },
    expected: { kind: 'lost', end: 'decrease' },
  },
  {
    name: 'a Counter32 that may have wrapped twice',
    previous: { width: 32 },
    observed: { at: MINUTE, width: 32, value: 100n },
    limits: { speedBps: 1_000_000_000n },
    expected: { kind: 'lost', end: 'wraps' },
  },
  {
    name: 'a Counter32 over a gap in which it may have wrapped unseen',
    previous: { width: 32, value: 100n },
    observed: { at: 10 * MINUTE, width: 32, value: 200n },
    limits: { speedBps: 100_000_000n },
    expected: { kind: 'lost', end: 'wraps' },
  },
];

test.each([...GOOD, ...OTHERS])('$name', ({ previous = {}, observed, limits, expected }) => {
  expect(difference(reading(previous), reading(observed), { ...LIMITS, ...limits })).toMatchObject(expected);
});

describe('a boot', () => {
  test.each([
    ['the next poll of a device that is up', 1000, 7000, MINUTE, false],
    ['the same answer read twice', 1000, 1000, 0, false],
    ['less than five seconds off', 100_000, 105_501, MINUTE, false],
    ['an old device whose clock stands still: our own clock stepped', 50_000_000, 50_000_000, HOUR, false],
    ['an old device that lost an hour: no boot fits into the span', 50_000_000, 50_360_000, 2 * HOUR, false],
    ['back by one tick', 7000, 6999, MINUTE, true],
    ['from the very end to the very beginning', TICKS - 1, 0, 10, false],
    ['from the very end, a minute on', TICKS - 1, 5999, MINUTE, false],
    ['near the end, but a second boot is nearer than the wrap', TICKS - 20_000, 5999, MINUTE, true],
    ['an hour of silence around the wrap', TICKS - 180_000, 180_000, HOUR, false],
    ['a young device after a day of silence, booted in its first minutes', 60_000, 8_616_000, DAY, true],
    ['a device that went on through a day of silence', 60_000, 8_700_000, DAY, false],
    ['the same with a clock that is half a per mille slow', 60_000, 8_695_680, DAY, false],
  ])('%s', (_name, previous, observed, elapsed, expected) => {
    expect(rebooted(previous, observed, elapsed)).toBe(expected);
  });
});

const counter = (width: 32 | 64): fc.Arbitrary<bigint> =>
  fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** BigInt(width) - 1n }),
    fc.bigInt({ min: 0n, max: 1000n }),
    fc.bigInt({ min: 0n, max: 1000n }).map((below) => 2n ** BigInt(width) - 1n - below),
  );
const ticks = fc.oneof(
  fc.integer({ min: 0, max: TICKS - 1 }),
  fc.integer({ min: 0, max: 100_000 }),
  fc.integer({ min: 0, max: 100_000 }).map((below) => TICKS - 1 - below),
);
const anyReading = fc.constantFrom<(32 | 64)[]>(32, 64).chain((width) =>
  fc.record({
    value: counter(width),
    width: fc.constant(width),
    at: fc.oneof(fc.integer({ min: 0, max: 10 * MINUTE }), fc.integer({ min: 0, max: 30 * DAY })),
    uptimeTicks: fc.option(ticks),
    discontinuityTicks: fc.option(fc.constantFrom(0, 17)),
    processId: fc.constantFrom('process-1', 'process-2'),
  }),
);
const anyLimits = fc.record({
  speedBps: fc.option(fc.bigInt({ min: 0n, max: 800_000_000_000n })),
  intervalMs: fc.integer({ min: 1000, max: HOUR }),
});

/** Two readings, the earlier first, on one time line. */
const pair = fc
  .tuple(anyReading, anyReading)
  .map(([one, other]): [CounterReading, CounterReading] =>
    one.at <= other.at ? [reading(one), reading(other)] : [reading(other), reading(one)],
  );

describe('laws of any two readings', () => {
  test('a quantity is never negative, and is what modular arithmetic says', () => {
    fc.assert(
      fc.property(pair, anyLimits, ([previous, observed], limits) => {
        const found = difference(previous, observed, limits);
        if (found.kind === 'lost') return;
        expect(found.delta).toBeGreaterThanOrEqual(0n);
        expect(found.delta).toBe(BigInt.asUintN(observed.width, observed.value - previous.value));
        expect(found.wrapped).toBe(observed.value < previous.value);
        if (found.wrapped) expect(observed.width).toBe(32);
      }),
      { numRuns: 5000 },
    );
  });

  test('nothing is implausible below line rate, and nothing good above it', () => {
    fc.assert(
      fc.property(pair, anyLimits, ([previous, observed], limits) => {
        const found = difference(previous, observed, limits);
        if (found.kind === 'lost' || limits.speedBps === null || limits.speedBps === 0n) {
          expect(found.kind).not.toBe('implausible');
          return;
        }
        const bits = found.delta * 8n * 1000n;
        if (found.kind === 'implausible') expect(bits).toBeGreaterThan(limits.speedBps * BigInt(found.durationMs));
        else expect(bits * 100n).toBeLessThanOrEqual(limits.speedBps * BigInt(found.durationMs + 10_000) * 110n);
      }),
      { numRuns: 5000 },
    );
  });

  test('a gap is longer than 1.5 intervals, good and wrap32 are not', () => {
    fc.assert(
      fc.property(pair, anyLimits, ([previous, observed], limits) => {
        const found = difference(previous, observed, limits);
        if (found.kind === 'lost' || found.kind === 'implausible') return;
        expect(found.kind === 'gap').toBe(found.durationMs > limits.intervalMs * 1.5);
        if (found.kind !== 'gap') expect(found.kind).toBe(found.wrapped ? 'wrap32' : 'good');
      }),
      { numRuns: 2000 },
    );
  });

  test('where both clocks begin does not matter', () => {
    fc.assert(
      fc.property(pair, anyLimits, fc.integer(), fc.integer(), ([previous, observed], limits, wall, monotonic) => {
        const shifted = (one: CounterReading): CounterReading => ({
          ...one,
          observedAtMs: one.observedAtMs + wall,
          monotonicMs: one.monotonicMs + monotonic,
        });
        expect(difference(shifted(previous), shifted(observed), limits)).toEqual(
          difference(previous, observed, limits),
        );
      }),
    );
  });

  test('the span is that of the clock which both share', () => {
    fc.assert(
      fc.property(pair, ([previous, observed]) => {
        const expected =
          previous.processId === observed.processId
            ? observed.monotonicMs - previous.monotonicMs
            : observed.observedAtMs - previous.observedAtMs;
        expect(spanDuration(previous, observed)).toBe(expected);
      }),
    );
  });
});

describe('laws of a device that is watched', () => {
  const life = fc.record({
    uptime: fc.oneof(fc.integer({ min: 0, max: 2 * TICKS }), fc.integer({ min: 0, max: 360_000 })),
    elapsed: fc.oneof(fc.integer({ min: 0, max: 10 * MINUTE }), fc.integer({ min: HOUR, max: 3 * DAY })),
    /** How wrong the device's clock runs, parts per million. */
    drift: fc.integer({ min: -500, max: 500 }),
    width: fc.constantFrom<(32 | 64)[]>(32, 64),
    begin: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    used: fc.bigInt({ min: 0n, max: 2n ** 40n }),
  });

  test('one that stays up is never taken for booted, whatever its uptime wraps to', () => {
    fc.assert(
      fc.property(life, ({ uptime, elapsed, drift }) => {
        const later = uptime + Math.floor((elapsed * (1 + drift / 1e6)) / 10);
        expect(rebooted(uptime % TICKS, later % TICKS, elapsed)).toBe(false);
      }),
      { numRuns: 5000 },
    );
  });

  test('a boot yields no quantity, as soon as the uptimes differ by more than clocks do', () => {
    fc.assert(
      fc.property(life, fc.double({ min: 0, max: 1, noNaN: true }), (one, part) => {
        const { uptime, elapsed, drift, width, begin, used } = one;
        const observedTicks = Math.floor((elapsed * part * (1 + drift / 1e6)) / 10);
        const expectedTicks = (uptime % TICKS) + elapsed / 10;
        const slack = Math.max(500, elapsed / 10 / 1000);
        fc.pre(expectedTicks - observedTicks > slack + 1);
        // A boot that falls where the uptime would have wrapped anyway cannot be told from it.
        fc.pre(Math.abs(observedTicks + TICKS - expectedTicks) > slack + 1);
        const found = difference(
          reading({ value: BigInt.asUintN(width, begin), width, uptimeTicks: uptime % TICKS }),
          reading({ at: elapsed, value: BigInt.asUintN(width, used), width, uptimeTicks: observedTicks }),
          { speedBps: null, intervalMs: MINUTE },
        );
        expect(found).toMatchObject({ kind: 'lost', end: 'reboot' });
      }),
      { numRuns: 5000 },
    );
  });

  test('what it carried is what is found, or nothing: never another quantity', () => {
    const speedBps = 1_000_000_000n;
    fc.assert(
      fc.property(life, fc.double({ min: 0, max: 1, noNaN: true }), (one, load) => {
        const { elapsed, width, begin } = one;
        const used = (speedBps * BigInt(elapsed) * BigInt(Math.floor(load * 1000))) / 8_000_000n;
        const found = difference(
          reading({ value: BigInt.asUintN(width, begin), width }),
          reading({ at: elapsed, value: BigInt.asUintN(width, begin + used), width }),
          { speedBps, intervalMs: MINUTE },
        );
        if (found.kind === 'lost') {
          // A Counter64 at its end; a Counter32 in more time than one wrap takes at line rate.
          if (width === 64) expect(begin + used).toBeGreaterThanOrEqual(WRAP64);
          else expect(found.end).toBe('wraps');
          return;
        }
        expect(found.kind).not.toBe('implausible');
        expect(found.delta).toBe(used);
      }),
      { numRuns: 5000 },
    );
  });
});
