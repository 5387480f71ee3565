// The pure core on whole histories: nothing lost, nothing invented, whatever a device, its counters and its agents do; and the state as bytes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { octetsOf } from '../../../billing-bridge/mediate/bucket-content.ts';
import { GatheringSink } from '../../../billing-bridge/mediate/gathering-sink.ts';
import { firstState, mediateReading, type MeterState } from '../../../billing-bridge/mediate/meter-state.ts';
import { readingOf } from '../../../billing-bridge/mediate/page-readings.ts';
import { inOrder, Reading } from '../../../billing-bridge/mediate/reading.ts';
import { decodeStates, encodeStates } from '../../../billing-bridge/mediate/state-codec.ts';
import {
  historyArbitrary,
  type HistoryOptions,
  type HistoryPoll,
  type HistoryWords,
  playHistory,
} from '../../support/device-history.ts';
import { BUCKET } from '../../support/mediation-fixture.ts';
import { MemoryReadings } from '../../support/memory-readings.ts';

function readingsOf(polls: readonly HistoryPoll[], direction: 'in' | 'out'): Reading[] {
  const source = new MemoryReadings();
  const layouts = { 32: source.layout('r1', [{ name: 'a', width: 32 }]), 64: source.layout('r1', [{ name: 'a' }]) };
  for (const { width, octets, ...words } of polls) source.poll({ ...words, layout: layouts[width], octets: [octets] });
  return source.readingsOf(source.port('r1', 'a')[direction]).map(readingOf);
}

interface Mediated {
  readonly sink: GatheringSink;
  readonly state: MeterState;
}

function mediate(readings: readonly Reading[], bucketMs = BUCKET): Mediated | null {
  const sink = new GatheringSink();
  let state: MeterState | null = null;
  for (const reading of inOrder(readings))
    if (state === null) state = firstState(1, reading, bucketMs, sink);
    else mediateReading(state, reading, 0, bucketMs, sink);
  if (state === null) return null;
  if (state.open !== null) sink.contents.set(state.open.bucket, state.open);
  return { sink, state };
}

function totalOf({ sink }: Mediated): bigint {
  return [...sink.contents.values()].reduce((sum, content) => sum + octetsOf(content), 0n);
}

/** Last less first of every epoch, as its readings say. */
function movedIn({ sink, state }: Mediated): bigint {
  const { epochs } = sink.history;
  return epochs.reduce((sum, epoch, at) => {
    const last = epochs[at + 1]?.previous ?? state.last;
    return sum + last.value - epoch.first.value;
  }, 0n);
}

function wrapsIn({ sink }: Mediated): bigint {
  return BigInt([...sink.contents.values()].reduce((sum, content) => sum + content.wraps, 0));
}

/** Found by the property: two agents in inverted order just after the uptime has wrapped, which is no boot. */
const JUST_WRAPPED: HistoryWords = {
  steps: [
    { waitMs: 20, octets: [0n, 0n], event: 'none', agent: 0, absent: [true, false] },
    { waitMs: 10, octets: [0n, 0n], event: 'none', agent: 1, absent: [true, false] },
    { waitMs: 60_000, octets: [0n, 0n], event: 'none', agent: 0, absent: [true, true] },
  ],
  width: 32,
  begin: [0n, 0n],
  skewMs: -11,
  uptimeTicks: 2 ** 32 - 2,
};

/** Found by the property: the second agent reads just after a boot, and by its clock just before the first one, who read before it. */
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

const ONE_EPOCH: HistoryOptions = { events: ['restart agent'], agents: 2, widths: [32, 64] };
const ANYTHING: HistoryOptions = {
  events: ['reboot', 'discontinuity', 'width', 'restart agent'],
  agents: 2,
  widths: [32, 64],
};

describe('conservation', () => {
  test('for every epoch the octets of its buckets are its last reading less its first, wraps added', () => {
    fc.assert(
      fc.property(historyArbitrary(ANYTHING), fc.constantFrom(1000, 30_000, BUCKET), (words, bucketMs) => {
        for (const direction of ['in', 'out'] as const) {
          const mediated = mediate(readingsOf(playHistory(words), direction), bucketMs);
          if (mediated === null) continue;
          expect(totalOf(mediated)).toBe(movedIn(mediated) + wrapsIn(mediated) * 2n ** 32n);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('while no epoch ends, every octet that flowed between the first and the last reading is there, wraps, gaps, missing values and two agents or not', () => {
    fc.assert(
      fc.property(historyArbitrary(ONE_EPOCH), (words) => {
        const polls = playHistory(words);
        for (const [at, direction] of (['in', 'out'] as const).entries()) {
          const given = polls.filter((poll) => poll.octets[at] !== null);
          const mediated = mediate(readingsOf(polls, direction));
          if (mediated === null) continue;
          // Less than one wrap between two readings, and a counter that may have begun anywhere.
          const flows = given.slice(1).map((poll, index) => (poll.truth[at] ?? 0n) - (given[index]?.truth[at] ?? 0n));
          fc.pre(words.width === 64 || flows.every((flow) => flow < 2n ** 31n));
          fc.pre(words.width === 32 || (words.begin[at] ?? 0n) < 2n ** 63n);
          const truthOf = (reading: Reading | undefined): bigint => {
            const { processId, monotonicMs } = reading?.clock ?? {};
            const found = given.find((poll) => poll.processId === processId && poll.monotonicMs === monotonicMs);
            return found?.truth[at] ?? 0n;
          };
          expect(mediated.sink.history.epochs).toHaveLength(1);
          expect(totalOf(mediated)).toBe(
            truthOf(mediated.state.last) - truthOf(mediated.sink.history.epochs[0]?.first),
          );
        }
      }),
      { numRuns: 300, examples: [[JUST_WRAPPED]] },
    );
  });

  test('whatever happens to 64-bit counters, never more than flowed', () => {
    fc.assert(
      fc.property(
        historyArbitrary({ ...ANYTHING, events: ['reboot', 'discontinuity', 'restart agent'], widths: [64] }),
        (words) => {
          const polls = playHistory(words);
          for (const [at, direction] of (['in', 'out'] as const).entries()) {
            const mediated = mediate(readingsOf(polls, direction));
            if (mediated === null) continue;
            expect(totalOf(mediated) <= (polls.at(-1)?.truth[at] ?? 0n)).toBe(true);
          }
        },
      ),
      { numRuns: 300, examples: [[BOOTED_BETWEEN_CLOCKS]] },
    );
  });

  test('time: what is covered, suspended and lost adds up to the time between the first and the last reading', () => {
    fc.assert(
      fc.property(historyArbitrary(ANYTHING), (words) => {
        const mediated = mediate(readingsOf(playHistory(words), 'in'));
        if (mediated === null) return;
        const { sink, state } = mediated;
        const told = [...sink.contents.values()].reduce((sum, one) => sum + one.coveredMs + one.lostMs, 0);
        expect(told).toBe(state.last.observedAtMs - (sink.history.epochs[0]?.first.observedAtMs ?? 0));
        for (const content of sink.contents.values()) {
          expect(content.coveredMs + content.lostMs).toBeLessThanOrEqual(BUCKET);
          expect(content.gapMs).toBeLessThanOrEqual(content.coveredMs);
        }
      }),
    );
  });
});

test('a state survives its bytes', () => {
  const word = fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.constantFrom(0n, 2n ** 63n, 2n ** 64n - 1n));
  const ticks = fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 }));
  const time = fc.integer({ min: 0, max: 2_000_000_000_000 });
  const state = fc.record<MeterState>({
    meter: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    last: fc
      .record({
        clock: fc.record({
          observedAtMs: time,
          monotonicMs: fc.double({ noNaN: true }),
          uptimeTicks: ticks,
          processId: fc.constantFrom('', 'p', 'größer'),
          intervalMs: time,
        }),
        port: fc.record({ width: fc.constantFrom<(32 | 64)[]>(32, 64), speedBps: fc.option(word) }),
        value: word,
        discontinuity: ticks,
      })
      .map(({ clock, port, value, discontinuity }) => new Reading(clock, port, value, discontinuity)),
    seenMs: time,
    closedBefore: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    open: fc.option(
      fc.record({
        bucket: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
        good: fc.oneof(word, fc.bigInt(0n, 2n ** 80n)),
        wrapped: word,
        gap: word,
        suspended: word,
        coveredMs: fc.integer({ min: 0, max: 86_400_000 }),
        gapMs: fc.integer({ min: 0, max: 86_400_000 }),
        lostMs: fc.integer({ min: 0, max: 86_400_000 }),
        wraps: fc.integer({ min: 0, max: 1000 }),
        firstMs: time,
        lastMs: time,
      }),
    ),
  });
  fc.assert(
    fc.property(fc.array(state, { maxLength: 20 }), (states) => {
      expect(decodeStates(encodeStates(states))).toEqual(states);
    }),
  );
});
