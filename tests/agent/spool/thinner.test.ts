// Thinning costs resolution, never an octet: whatever a device does, the readings that stay add up to what all of them do.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Thinner } from '../../../agent/spool/thinner.ts';
import type { Poll } from '../../../common/model/poll.ts';
import { talliesOf } from '../../support/counter-tally.ts';
import { type HistoryEvent, historyArbitrary, playHistory } from '../../support/device-history.ts';
import { interfacePoll, type PollWords } from '../../support/poll-builder.ts';

const MINUTE_MS = 60_000;
const START = Date.UTC(2026, 10, 24);
const GRIDS_MS = [300_000, 900_000, 3_600_000, 86_400_000];

/** A batch of the spool, as far as a thinner sees it. */
interface Batch {
  readonly spoolTimeMs: number;
  readonly polls: readonly Poll[];
}

/** What is left of the batches on the grid; what is not decided in the end stays. */
function thinned(batches: readonly Batch[], gridMs: number, givenMs = 0): Batch[] {
  const thinner = new Thinner(gridMs, givenMs);
  const left = [...batches];
  for (const [sequence, { spoolTimeMs, polls }] of batches.entries()) {
    thinner.take(sequence, spoolTimeMs, polls);
    for (let decided = thinner.next(); decided !== null; decided = thinner.next()) {
      const { keep, sequence: of } = decided;
      const batch = batches[of];
      if (batch === undefined) throw new Error('a sequence that was not shown');
      expect(keep).toHaveLength(batch.polls.length);
      left[of] = { ...batch, polls: batch.polls.filter((_, at) => keep[at] === 1) };
    }
  }
  return left;
}

const pollsOf = (batches: readonly Batch[], device: string): Poll[] =>
  batches.flatMap(({ polls }) => polls.filter((poll) => poll.device === device));

const EVENTS: readonly HistoryEvent[] = ['reboot', 'discontinuity', 'width', 'restart agent'];

/** The life of a device as polls; at some of them it did not answer. */
const life = (device: string): fc.Arbitrary<Poll[]> =>
  fc
    .record({
      history: historyArbitrary({ events: EVENTS, agents: 1, widths: [32, 64], most: 120, size: 'max' }),
      speedBps: fc.constantFrom(undefined, 0, 10_000_000, 100_000_000, 1_000_000_000, 100_000_000_000),
      silent: fc.array(fc.integer({ min: 0, max: 119 }), { maxLength: 15 }),
    })
    .map(({ history, speedBps, silent }) =>
      playHistory(history).map((poll, at) => {
        const [inOctets, outOctets] = poll.octets;
        const words: PollWords = {
          device,
          atMs: poll.atMs,
          ...(poll.uptimeTicks === undefined ? {} : { uptimeTicks: poll.uptimeTicks }),
          ...(poll.monotonicMs === undefined ? {} : { monotonicMs: poll.monotonicMs }),
          ...(poll.processId === undefined ? {} : { processId: poll.processId }),
          ...(silent.includes(at) ? { failure: at % 3 === 0 ? 'snmp_timeout' : 'poll_deadline' } : {}),
          interfaces: [
            {
              key: 'eth0',
              width: poll.width,
              discontinuityTicks: Number(poll.discontinuity?.[0] ?? 0n),
              ...(inOctets === null ? {} : { inOctets }),
              ...(outOctets === null ? {} : { outOctets }),
              ...(speedBps === undefined ? {} : { speedBps }),
            },
          ],
        };
        return interfacePoll(words);
      }),
    );

/** The polls of several devices as batches of a spool, in the order of their time. */
function gathered(lives: readonly (readonly Poll[])[], perBatch: number): Batch[] {
  const polls = lives.flat().toSorted((a, b) => a.startedAtMs - b.startedAtMs);
  const batches: Batch[] = [];
  for (let at = 0; at < polls.length; at += perBatch) {
    const some = polls.slice(at, at + perBatch);
    batches.push({ polls: some, spoolTimeMs: (some.at(-1)?.startedAtMs ?? 0) - START });
  }
  return batches;
}

describe('octets', () => {
  test('what stays adds up to what all would have, on every grid, and for every reason that an epoch ended', () => {
    const lives = fc.tuple(life('a'), life('b'), life('c'));
    let [all, left] = [0, 0];
    fc.assert(
      fc.property(lives, fc.integer({ min: 1, max: 7 }), (histories, perBatch) => {
        const whole = gathered(histories, perBatch);
        let batches = whole;
        for (const [level, gridMs] of GRIDS_MS.entries()) {
          batches = thinned(batches, gridMs, GRIDS_MS[level - 1]);
          for (const device of ['a', 'b', 'c'])
            expect(talliesOf(pollsOf(batches, device))).toEqual(talliesOf(pollsOf(whole, device)));
        }
        all += whole.flatMap(({ polls }) => polls).length;
        left += batches.flatMap(({ polls }) => polls).length;
      }),
      { numRuns: 150 },
    );
    // It does take something out.
    expect(left).toBeLessThan(all * 0.8);
  });
});

describe('what stays', () => {
  const minutes = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
  const at = (minute: number, words: Partial<PollWords> = {}): Poll => {
    const octets = 1000n + BigInt(minute);
    const interfaces = [{ key: 'eth0', inOctets: octets, outOctets: octets, speedBps: 1e9 }];
    return interfacePoll({ device: 'core1', atMs: START + minute * MINUTE_MS + 7000, interfaces, ...words });
  };
  const stay = (polls: readonly Poll[], gridMs = 300_000): number[] => {
    const batches = polls.map((poll) => ({ polls: [poll], spoolTimeMs: poll.startedAtMs - START }));
    return pollsOf(thinned(batches, gridMs), 'core1').map((poll) => Math.floor((poll.startedAtMs - START) / MINUTE_MS));
  };

  test('of an even life the first poll after each line of the grid, and the last, whose successor is still to come', () => {
    expect(stay(minutes(28).map((minute) => at(minute)))).toEqual([0, 5, 10, 15, 20, 25, 27]);
    expect(
      stay(
        minutes(28).map((minute) => at(minute)),
        900_000,
      ),
    ).toEqual([0, 15, 27]);
    expect(stay(minutes(14).map((minute) => at(minute + 3)))).toEqual([3, 5, 10, 15, 16]);
  });

  test('what is on a grid goes on to the next as what is whole would', () => {
    let batches: Batch[] = minutes(2880).map((minute) => ({ polls: [at(minute)], spoolTimeMs: minute * MINUTE_MS }));
    for (const [level, gridMs] of GRIDS_MS.entries()) batches = thinned(batches, gridMs, GRIDS_MS[level - 1]);
    const left = pollsOf(batches, 'core1').map((poll) => Math.floor((poll.startedAtMs - START) / MINUTE_MS));
    expect(left).toEqual([0, 1440, 2879]);
  });

  test.for<[string, Partial<PollWords>]>([
    ['another process of the agent', { processId: 'process-2' }],
    ['a boot', { uptimeTicks: 500 }],
    ['an interface that goes', { interfaces: [] }],
    [
      'an interface that is another',
      { interfaces: [{ key: 'eth1', inOctets: 1002n, outOctets: 1002n, speedBps: 1e9 }] },
    ],
    ['a value that does not come', { interfaces: [{ key: 'eth0', inOctets: 1002n, speedBps: 1e9 }] }],
    ['a counter that goes back', { interfaces: [{ key: 'eth0', inOctets: 1002n, outOctets: 3n, speedBps: 1e9 }] }],
    ['a table that was cut short', { complete: false, tables: [] }],
    [
      'a discontinuity',
      { interfaces: [{ key: 'eth0', inOctets: 1002n, outOctets: 1002n, discontinuityTicks: 9, speedBps: 1e9 }] },
    ],
  ])('both sides of %s', ([name, words]) => {
    const odd = name === 'a table that was cut short' ? at(12, { interfaces: [], ...words }) : at(12, words);
    const kept = stay(minutes(20).map((minute) => (minute === 12 ? odd : at(minute))));
    expect(kept).toEqual(expect.arrayContaining([0, 5, 10, 11, 12, 15, 19]));
    expect(kept.length).toBeLessThan(10);
  });

  test('of failures the first and the last of a run, and both sides of the silence', () => {
    const failing = (minute: number): boolean => minute >= 7 && minute < 18;
    const polls = minutes(30).map((minute) => at(minute, failing(minute) ? { failure: 'snmp_timeout' } : {}));
    expect(stay(polls)).toEqual([0, 5, 6, 7, 17, 18, 20, 25, 29]);
  });

  test('a failure of another kind is news', () => {
    const code = (minute: number): string => (minute < 12 ? 'snmp_timeout' : 'address_unresolved');
    const polls = minutes(30).map((minute) => at(minute, minute < 7 || minute > 17 ? {} : { failure: code(minute) }));
    expect(stay(polls)).toEqual([0, 5, 6, 7, 11, 12, 17, 18, 20, 25, 29]);
  });

  test('inventory', () => {
    const inventory = { name: 'interface-inventory', complete: true, index: [], segments: [], columns: [] } as const;
    const polls = minutes(20).map((minute) => at(minute, minute === 7 ? { tables: [inventory] } : {}));
    expect(stay(polls)).toEqual([0, 5, 7, 10, 15, 19]);
  });

  test('narrow counters as often as their speed needs, and always where it is not known', () => {
    const narrow = (speedBps: number | undefined): Poll[] =>
      minutes(20).map((minute) => {
        const row = { key: 'eth0', width: 32, inOctets: 1000n + BigInt(minute), outOctets: 1n } as const;
        return at(minute, { interfaces: [speedBps === undefined ? row : { ...row, speedBps }] });
      });
    expect(stay(narrow(10_000_000))).toEqual([0, 5, 10, 15, 19]);
    // 312 s at 100 Mbit/s, so not over an hour; 156 s at 200 Mbit/s.
    expect(stay(narrow(100_000_000), 3_600_000)).toEqual([0, 5, 10, 15, 19]);
    expect(stay(narrow(200_000_000))).toEqual([0, 2, 4, 5, 7, 9, 10, 12, 14, 15, 17, 19]);
    expect(stay(narrow(undefined))).toEqual(minutes(20));
    expect(stay(narrow(0))).toEqual([0, 5, 10, 15, 19]);
  });

  test('the last poll of a device that is gone, and it holds up nothing', () => {
    const batches = minutes(40).map((minute) => ({
      polls: [at(minute), ...(minute < 12 ? [{ ...at(minute), device: 'gone' }] : [])],
      spoolTimeMs: minute * MINUTE_MS,
    }));
    const left = thinned(batches, 300_000);
    expect(pollsOf(left, 'gone').map((poll) => (poll.startedAtMs - START - 7000) / MINUTE_MS)).toEqual([0, 5, 10, 11]);
    expect(pollsOf(left, 'core1')).toHaveLength(9);
  });

  test('a wall clock that steps by hours ends nothing and confuses no grid', () => {
    const stepped = (minute: number, hours: number): Poll => {
      const poll = at(minute);
      const monotonicMs = START + minute * MINUTE_MS;
      return at(minute, {
        atMs: poll.startedAtMs + hours * 3_600_000,
        monotonicMs,
        uptimeTicks: Math.floor(monotonicMs / 10) % 2 ** 32,
      });
    };
    const polls = minutes(30).map((minute) => stepped(minute, minute < 12 ? 0 : minute < 22 ? 5 : -7));
    const kept = pollsOf(
      thinned(
        polls.map((poll, minute) => ({ polls: [poll], spoolTimeMs: minute * MINUTE_MS })),
        300_000,
      ),
      'core1',
    ).map((poll) => polls.indexOf(poll));
    expect(kept).toEqual([0, 5, 10, 12, 15, 20, 22, 25, 29]);
  });
});
