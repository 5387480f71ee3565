// Flows held against a count tick by tick, and the laws of a counter: exact, never falling, additive, still while it is stopped.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Flow, type Stream } from '../../simulator/flow.ts';
import { inWindow, type Recurrence, recurring, ticksInWindows, windowsEnded } from '../../simulator/recurrence.ts';
import { Waves } from '../../simulator/waves.ts';

const SEED = 7;

function streamOf(id: string, extra: Partial<Stream> = {}): Stream {
  return { id, busyBps: 40e6, shape: 'office', burst: null, stopped: null, ...extra };
}

const flowOf = (...streams: readonly Stream[]): Flow => new Flow(new Waves(SEED), SEED, streams);

const windows: fc.Arbitrary<Recurrence> = fc
  .record({ first: fc.nat(5_000), length: fc.integer({ min: 1, max: 900 }), rest: fc.integer({ min: 1, max: 4_000 }) })
  .map(({ first, length, rest }) => ({ first, length, every: length + rest }));

const stream: fc.Arbitrary<Stream> = fc.record({
  id: fc.string({ minLength: 1, maxLength: 8 }),
  busyBps: fc.integer({ min: 1_000, max: 9_000_000_000 }),
  shape: fc.constantFrom('office', 'home', 'hosting'),
  burst: fc.option(fc.record({ bps: fc.integer({ min: 800, max: 900_000_000 }), windows })),
  stopped: fc.option(windows),
});

/** A flow that stops adds up its stops one by one, so it is asked for hours; one that never does, for centuries. */
const soon = fc.oneof(fc.nat(20_000), fc.nat(200_000));
const ever = fc.oneof(soon, fc.nat(400_000_000), fc.integer({ min: 0, max: 2 ** 40 }));
const steadyStream = stream.map((one) => ({ ...one, stopped: null }));
const asked = fc.oneof(
  fc.record({ streams: fc.array(stream, { minLength: 1, maxLength: 6 }), one: soon, other: soon }),
  fc.record({ streams: fc.array(steadyStream, { minLength: 1, maxLength: 6 }), one: ever, other: ever }),
);

describe('windows that come again', () => {
  test('their closed forms are a count of ticks', () => {
    fc.assert(
      fc.property(windows, fc.nat(12_000), (each, until) => {
        let inside = 0;
        let ended = 0;
        for (let at = 0; at < until; at += 1) {
          if (inWindow(each, at)) inside += 1;
          if (inWindow(each, at) && !inWindow(each, at + 1)) ended += 1;
        }
        expect(ticksInWindows(each, until)).toBe(inside);
        expect(windowsEnded(each, until)).toBe(ended);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a flow', () => {
  test('is the sum of what its rate is at each tick, and the rate is whole', () => {
    const stopped = recurring(3, 20, 4);
    const burst = { bps: 500e6, windows: recurring(2, 30, 5) };
    const flow = flowOf(streamOf('a', { burst, stopped }), streamOf('b', { shape: 'home' }));
    const rates = new Set<bigint>();
    let octets = 0n;
    for (let at = 0; at < 6_000; at += 1) {
      const rate = flow.until(at + 1) - flow.until(at);
      rates.add(rate);
      octets += rate;
      expect(flow.until(at + 1)).toBe(octets);
    }
    // Steps of a second, a burst, a stop: many levels, but far fewer than ticks.
    expect(rates.size).toBeGreaterThan(20);
    expect(rates.size).toBeLessThan(300);
  });

  test('never falls, whatever is asked in whatever order', () => {
    fc.assert(
      fc.property(asked, ({ streams, one, other }) => {
        const [first, second] = one < other ? [one, other] : [other, one];
        const flow = flowOf(...streams);
        const late = flow.until(second);
        const early = flow.until(first);
        expect(late >= early).toBe(true);
        expect(late - early <= BigInt(flow.peak) * BigInt(second - first)).toBe(true);
        expect(flow.until(second)).toBe(late);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  test('of several streams is the sum of their flows', () => {
    fc.assert(
      fc.property(fc.array(stream, { minLength: 1, maxLength: 8 }), fc.nat(200_000), (streams, at) => {
        const apart = streams.reduce((sum, one) => sum + flowOf(one).until(at), 0n);
        expect(flowOf(...streams).until(at)).toBe(apart);
      }),
      { numRuns: 60 },
    );
  });

  test('is exact where a double is not: beyond 2^53 octets', () => {
    const flow = flowOf(streamOf('wide', { busyBps: 9e9 }));
    // 2^53 octets are passed after some 80 days; a day later each second still counts to the octet.
    const day = 8_640_000;
    const level = (at: number): bigint => flow.until(at + 100) - flow.until(at);
    const period = day * 1024 * 30;
    expect(flow.until(period) > 2n ** 53n).toBe(true);
    // Every shape repeats after so many days, so the same second carries the same octets then as at the beginning.
    for (const at of [0, 100, 4_711_00, 8_000_000]) expect(level(period + at)).toBe(level(at));
    expect(flow.until(2 * period)).toBe(2n * flow.until(period));
  });

  test('stands still while it is stopped, and only then', () => {
    const stopped = recurring(5, 40, 8);
    const flow = flowOf(streamOf('stopped', { stopped }));
    for (let at = 0; at < 20_000; at += 7)
      expect(flow.until(at + 1) === flow.until(at), `tick ${at}`).toBe(inWindow(stopped, at));
  });

  test('answers after years of stops as it does on the way there', () => {
    const once = streamOf('old', { stopped: recurring(5, 40, 8) });
    const [fresh, walked] = [flowOf(once), flowOf(once)];
    const aMonth = 30 * 8_640_000;
    for (let at = 0; at < aMonth; at += 1_234_567) walked.until(at);
    expect(fresh.until(aMonth)).toBe(walked.until(aMonth));
  });
});
