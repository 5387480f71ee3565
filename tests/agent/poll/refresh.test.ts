// A device that renews its counters every few seconds, told from one that is idle, one that chats a little, and one that bursts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CounterPrint,
  observeRefresh,
  printOf,
  type RefreshState,
  UNOBSERVED,
  worthWatching,
} from '../../../agent/poll/refresh.ts';
import type { ReadTable } from '../../../agent/snmp/table-reader.ts';

const MUCH = 10_000_000;

/** A device's octets at a time, as a poll would see them. */
type Octets = (ms: number) => number;

/** A device with traffic of so many octets a second whose counters are renewed every so often. */
const cached =
  (perSecond: number, refreshMs: number): Octets =>
  (ms) =>
    Math.floor(ms / refreshMs) * refreshMs * (perSecond / 1000);

const steady =
  (perSecond: number): Octets =>
  (ms) =>
    Math.floor((ms * perSecond) / 1000);

interface Watched {
  /** The multiple after each poll. */
  readonly multiples: number[];
  readonly state: RefreshState;
}

/** Polls for so long, at the interval that the state calls for. */
function watch(
  octets: Octets,
  intervalMs: number,
  lastsMs: number,
  ticksOf = (ms: number): number | null => ms / 10 + 1,
): Watched {
  let state = UNOBSERVED;
  const multiples: number[] = [];
  for (let ms = 0; ms <= lastsMs; ms += intervalMs * state.multiple) {
    state = observeRefresh(state, printAt(octets(ms), ms, ticksOf(ms)), intervalMs);
    multiples.push(state.multiple);
  }
  return { multiples, state };
}

function printAt(sum: number, ms: number, uptimeTicks: number | null): CounterPrint {
  return { hash: sum >>> 0, lowSum: sum >>> 0, rows: 4, uptimeTicks, monotonicMs: ms };
}

describe('the interval is widened', () => {
  const cases: readonly [string, Octets, number, number][] = [
    ['renewed every 5 s, polled every second', cached(MUCH, 5000), 1000, 5],
    ['renewed every 3 s, polled every second', cached(MUCH, 3000), 1000, 3],
    ['renewed every 30 s, polled every 10 s', cached(MUCH, 30_000), 10_000, 3],
    ['renewed every 5 s, polled every 2 s: waits of 2 and 3 polls', cached(MUCH, 5000), 2000, 3],
  ];
  test.each(cases)('%s: × %d', (_, octets, intervalMs, multiple) => {
    const { multiples } = watch(octets, intervalMs, 40 * intervalMs * multiple);
    expect(multiples.at(-1)).toBe(multiple);
    expect(multiples.indexOf(multiple)).toBeLessThanOrEqual(10 * multiple);
  });
});

describe('the interval stays', () => {
  const HOUR = 3_600_000;
  const BURSTS_S = [3, 5, 12, 13, 21, 34, 40, 55, 57];
  const bursts: Octets = (ms) => {
    const minutes = Math.floor(ms / 60_000);
    return (minutes * BURSTS_S.length + BURSTS_S.filter((at) => at * 1000 <= ms % 60_000).length) * MUCH;
  };
  const cases: readonly [string, Octets, number][] = [
    ['an idle device', () => 4711, 1000],
    ['counters that are always in step', steady(MUCH), 1000],
    ['the small talk of an idle device, LLDP every 30 s', cached(480, 30_000), 1000],
    ['our own polls as the only traffic', steady(400), 1000],
    ['bursts without a period', bursts, 1000],
    ['renewed every second, polled every second', cached(MUCH, 1000), 1000],
    ['renewed more slowly than an interval may become', cached(MUCH, 120_000), 10_000],
  ];
  test.each(cases)('%s', (_, octets, intervalMs) => {
    expect(new Set(watch(octets, intervalMs, HOUR / 4).multiples)).toEqual(new Set([1]));
  });

  test('where sysUpTime stands still too, or does not come', () => {
    for (const ticksOf of [() => 5, () => null])
      expect(watch(cached(MUCH, 5000), 1000, 60_000, ticksOf).state.multiple).toBe(1);
  });

  test('over a restart, a failed poll and a change of rows it begins anew', () => {
    const octets = cached(MUCH, 5000);
    let state = UNOBSERVED;
    for (let ms = 0; ms < 120_000; ms += 1000) {
      // Every 17 s something comes between.
      if (ms % 17_000 === 0 && ms % 3 === 0) continue;
      const rows = Math.floor(ms / 17_000) % 3 === 1 ? 5 : 4;
      const ticks = (ms % 17_000) / 10 + 1;
      state = observeRefresh(state, { ...printAt(octets(ms), ms, ticks), rows }, 1000);
      expect(state.multiple).toBe(1);
    }
  });

  test('random traffic in every poll never widens it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: MUCH }), { minLength: 5, maxLength: 80 }), (steps) => {
        let [state, sum] = [UNOBSERVED, 0];
        for (const [at, step] of steps.entries()) {
          sum += step;
          state = observeRefresh(state, printAt(sum, at * 1000, at * 100 + 1), 1000);
          expect(state.multiple).toBe(1);
        }
      }),
    );
  });
});

describe('an interval that was widened', () => {
  test('is tried again after an hour: a device that has learnt gets its own back', () => {
    const learnt: Octets = (ms) => (ms < 600_000 ? cached(MUCH, 5000)(ms) : steady(MUCH)(ms));
    const { multiples } = watch(learnt, 1000, 2 * 3_600_000);
    expect(multiples).toContain(5);
    expect(multiples.at(-1)).toBe(1);
    const same = watch(cached(MUCH, 5000), 1000, 2 * 3_600_000).multiples;
    expect(same.at(-1)).toBe(5);
  });

  test('is not watched for at half a minute or more, where there is nothing to widen', () => {
    expect([1000, 30_000, 30_001, 60_000].map(worthWatching)).toEqual([true, true, false, false]);
  });
});

describe('the print of a table', () => {
  const table = (values: readonly bigint[], name = 'ifHCInOctets', complete = true): ReadTable => ({
    complete,
    failure: null,
    index: values.map((_, row) => String(row + 1)),
    segments: [{ firstRow: 0, sentAtMs: 0, receivedAtMs: 2, monotonicMs: 1, uptimeTicks: 7 }],
    columns: [
      {
        kind: 'counter',
        name,
        width: 64,
        values: BigUint64Array.from(values),
        present: new Uint8Array(values.length).fill(1),
      },
    ],
    beside: [],
  });

  test('differs by any octet, also above 2^32, and the sum says how many', () => {
    const before = printOf(table([5n, 2n ** 63n]));
    const after = printOf(table([5n, 2n ** 63n + 1000n]));
    const high = printOf(table([5n + 2n ** 40n, 2n ** 63n]));
    expect(new Set([before?.hash, after?.hash, high?.hash]).size).toBe(3);
    expect(((after?.lowSum ?? 0) - (before?.lowSum ?? 0)) >>> 0).toBe(1000);
    expect(before).toMatchObject({ rows: 2, uptimeTicks: 7, monotonicMs: 1 });
  });

  test('leaves out what are no octets, and a table cut short', () => {
    expect(printOf(table([1n], 'ifHCInUcastPkts'))?.hash).toBe(printOf(table([2n], 'ifHCInUcastPkts'))?.hash);
    expect(printOf(table([1n], 'ifHCInOctets', false))).toBeNull();
  });
});
