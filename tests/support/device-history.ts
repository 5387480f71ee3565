// Lives of a device with two counters, for property tests: what really flowed, and what one or two agents read of it.
import fc from 'fast-check';
import type { PollWords } from './memory-readings.ts';
import { T0 } from './mediation-fixture.ts';

export type HistoryEvent = 'none' | 'reboot' | 'discontinuity' | 'width' | 'restart agent';

export interface HistoryStep {
  readonly waitMs: number;
  readonly octets: readonly [bigint, bigint];
  /** Happens in the middle of the wait; the octets flow after it. */
  readonly event: HistoryEvent;
  /** Who reads at the end of the wait; null is nobody. */
  readonly agent: 0 | 1 | null;
  /** What the device gives no value for. */
  readonly absent: readonly [boolean, boolean];
}

export interface HistoryWords {
  readonly steps: readonly HistoryStep[];
  readonly width: 32 | 64;
  readonly begin: readonly [bigint, bigint];
  /** Of the second agent's clock against the first. */
  readonly skewMs: number;
  readonly uptimeTicks: number;
}

export interface HistoryPoll extends Omit<PollWords, 'layout' | 'octets'> {
  readonly width: 32 | 64;
  readonly octets: readonly [bigint | null, bigint | null];
  /** What really had flowed. */
  readonly truth: readonly [bigint, bigint];
}

const MODULUS = { 32: 2n ** 32n, 64: 2n ** 64n } as const;

export function playHistory({ steps, width: firstWidth, begin, skewMs, uptimeTicks }: HistoryWords): HistoryPoll[] {
  let at = T0 + 1_000;
  let width = firstWidth;
  let discontinuity = 1000n;
  let bootedAt = at - uptimeTicks * 10;
  const value: [bigint, bigint] = [begin[0], begin[1]];
  const truth: [bigint, bigint] = [0n, 0n];
  const restarts = [0, 0];
  const polls: HistoryPoll[] = [];
  for (const step of steps) {
    const half = Math.floor(step.waitMs / 2);
    at += half;
    if (step.event === 'reboot') {
      bootedAt = at;
      value.fill(0n);
      discontinuity = 0n;
    }
    if (step.event === 'discontinuity') {
      value.fill(0n);
      discontinuity = BigInt(Math.floor((at - bootedAt) / 10));
    }
    if (step.event === 'width') width = width === 32 ? 64 : 32;
    at += step.waitMs - half;
    for (const direction of [0, 1] as const) {
      value[direction] += step.octets[direction];
      truth[direction] += step.octets[direction];
    }
    if (step.agent === null) continue;
    if (step.event === 'restart agent') restarts[step.agent] = (restarts[step.agent] ?? 0) + 1;
    const given = (direction: 0 | 1): bigint | null =>
      step.absent[direction] ? null : value[direction] % MODULUS[width];
    polls.push({
      atMs: at + (step.agent === 0 ? 0 : skewMs),
      monotonicMs: at - T0 + step.agent * 1_000_000,
      processId: `process-${step.agent}-${restarts[step.agent]}`,
      agent: `agent-${step.agent}`,
      uptimeTicks: Math.floor((at - bootedAt) / 10) % 2 ** 32,
      discontinuity: [discontinuity],
      width,
      octets: [given(0), given(1)],
      truth: [truth[0], truth[1]],
    });
  }
  return polls;
}

const octets = fc.oneof(
  { weight: 4, arbitrary: fc.bigInt(0n, 100_000_000n) },
  { weight: 1, arbitrary: fc.constant(0n) },
  { weight: 1, arbitrary: fc.bigInt(0n, 2n ** 32n - 1n) },
);

export interface HistoryOptions {
  readonly events: readonly HistoryEvent[];
  readonly agents: 1 | 2;
  readonly widths: readonly (32 | 64)[];
  readonly most?: number;
  /** How near to `most` lives come; default fast-check's own. */
  readonly size?: fc.SizeForArbitrary;
}

export function historyArbitrary(options: HistoryOptions): fc.Arbitrary<HistoryWords> {
  const step = fc.record<HistoryStep>({
    waitMs: fc.oneof(
      { weight: 6, arbitrary: fc.constant(60_000) },
      { weight: 3, arbitrary: fc.integer({ min: 11_000, max: 90_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 90_000, max: 2_000_000 }) },
      { weight: 2, arbitrary: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 3_000 })) },
    ),
    octets: fc.tuple(octets, octets),
    event: fc.oneof(
      { weight: 8, arbitrary: fc.constant<HistoryEvent>('none') },
      { weight: 1, arbitrary: fc.constantFrom(...options.events) },
    ),
    agent: fc.oneof(
      {
        weight: 8,
        arbitrary: fc.constantFrom<(0 | 1)[]>(...(options.agents === 1 ? [0 as const] : ([0, 1] as const))),
      },
      { weight: 1, arbitrary: fc.constant(null) },
    ),
    absent: fc
      .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }))
      .map(([a, b]) => [a === 0, b === 0]),
  });
  return fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: options.most ?? 40, size: options.size }),
    width: fc.constantFrom(...options.widths),
    begin: fc.tuple(
      fc.oneof(fc.bigInt(0n, 2n ** 33n), fc.bigInt(2n ** 64n - 2n ** 33n, 2n ** 64n - 1n), fc.constant(0n)),
      fc.bigInt(0n, 2n ** 64n - 1n),
    ),
    // A millisecond makes readings of one time.
    skewMs: fc.oneof(fc.integer({ min: -1_900, max: 1_900 }), fc.constantFrom(-1, 0, 1)),
    uptimeTicks: fc.oneof(
      fc.integer({ min: 2_000, max: 10_000_000 }),
      fc.integer({ min: 2 ** 32 - 200_000, max: 2 ** 32 - 1 }),
    ),
  });
}
