// What graphs say of the counters of a device that one or two agents read: never more than flowed, whatever their clocks and its boots do.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { METRICS, type CounterMetric } from '../../../collector/store/metrics.ts';
import { counterSpans, type StoredReading } from '../../../collector/store/spans.ts';
import { historyArbitrary, type HistoryPoll, type HistoryWords, playHistory } from '../../support/device-history.ts';

const SPEED_BPS = 10_000_000_000n;

function metricNamed(name: string): CounterMetric {
  const metric = METRICS[name];
  if (metric?.kind !== 'counter') throw new Error(`no counter ${name}`);
  return metric;
}

const OCTETS = metricNamed('in_bps');

function readingsOf(polls: readonly HistoryPoll[]): StoredReading[] {
  return polls
    .flatMap((poll): StoredReading[] => {
      const [value] = poll.octets;
      if (value === null) return [];
      const { atMs, monotonicMs = 0, processId = '', uptimeTicks = null, width } = poll;
      const discontinuityTicks = Number(poll.discontinuity?.[0] ?? 0n);
      const clock = { observedAtMs: atMs, monotonicMs, uptimeTicks, processId, intervalMs: 60_000 };
      return [{ ...clock, value, width, discontinuityTicks, speedBps: SPEED_BPS }];
    })
    .toSorted((a, b) => a.observedAtMs - b.observedAtMs || a.monotonicMs - b.monotonicMs);
}

/** In bits, as the metric is scaled. */
function movedIn(polls: readonly HistoryPoll[]): bigint {
  return counterSpans(readingsOf(polls), OCTETS).reduce((sum, span) => sum + (span.delta ?? 0n), 0n);
}

/** The second agent reads just after a boot, and by its clock before the first one, who read before it. */
const BOOTED_BETWEEN_CLOCKS: HistoryWords = {
  steps: [
    { waitMs: 1, octets: [0n, 0n], event: 'reboot', agent: 0, absent: [false, true] },
    { waitMs: 60_000, octets: [1n, 0n], event: 'none', agent: 0, absent: [false, true] },
    { waitMs: 60_000, octets: [0n, 0n], event: 'none', agent: 0, absent: [false, true] },
    { waitMs: 1, octets: [0n, 0n], event: 'reboot', agent: 1, absent: [false, true] },
    { waitMs: 60_000, octets: [0n, 0n], event: 'none', agent: 0, absent: [true, true] },
  ],
  width: 64,
  begin: [0n, 0n],
  skewMs: -2,
  uptimeTicks: 2 ** 32 - 200_000,
};

describe('two agents at one device', () => {
  const step = { event: 'none', absent: [false, false] } as const;
  const octets = [60_000_000n, 0n] as const;

  test('a clock a second ahead: the same reading twice in the wrong order counts nothing twice', () => {
    const polls = playHistory({
      steps: [
        { ...step, waitMs: 60_000, octets, agent: 0 },
        { ...step, waitMs: 60_000, octets, agent: 1 },
        { ...step, waitMs: 500, octets: [500_000n, 0n], agent: 0 },
        { ...step, waitMs: 60_000, octets, agent: 0 },
      ],
      width: 64,
      begin: [0n, 0n],
      skewMs: 1_000,
      uptimeTicks: 1_000_000,
    });
    expect(movedIn(polls)).toBe(8n * 120_500_000n);
  });

  test('a 32-bit counter in the wrong order is no wrap', () => {
    const polls = playHistory({
      steps: [
        { ...step, waitMs: 60_000, octets, agent: 0 },
        { ...step, waitMs: 60_000, octets, agent: 1 },
        { ...step, waitMs: 500, octets: [500_000n, 0n], agent: 0 },
      ],
      width: 32,
      begin: [0n, 0n],
      skewMs: 1_000,
      uptimeTicks: 1_000_000,
    });
    const readings = readingsOf(polls).map((one) => ({ ...one, speedBps: null }));
    expect(counterSpans(readings, OCTETS).map((span) => span.delta)).toEqual([8n * 60_500_000n]);
  });

  test('whatever happens to 64-bit counters, never more than flowed', () => {
    const events = ['reboot', 'discontinuity', 'restart agent'] as const;
    fc.assert(
      fc.property(historyArbitrary({ events, agents: 2, widths: [64] }), (words) => {
        const polls = playHistory(words);
        expect(movedIn(polls) <= 8n * (polls.at(-1)?.truth[0] ?? 0n)).toBe(true);
      }),
      { numRuns: 500, examples: [[BOOTED_BETWEEN_CLOCKS]] },
    );
  });
});
