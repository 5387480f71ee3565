// The rate is held whatever asks: proven on a clock that stands still until it is moved.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Pacer } from '../../../agent/line/pacer.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

describe('the pacer', () => {
  test('a thousand that ask at once leave at the rate, first come first served', async () => {
    const clock = new VirtualClock(0);
    const pacer = new Pacer({ packetsPerSecond: 100, burst: 5 }, { clock });
    const left: { at: number; who: number }[] = [];
    const all = Array.from({ length: 1000 }, async (_, who) => {
      await pacer.take();
      left.push({ at: clock.monotonicMs(), who });
    });
    await clock.advance(0);
    expect(left).toHaveLength(5);
    await clock.advance(1000);
    expect(left).toHaveLength(105);
    await clock.advance(9000);
    await Promise.all(all);
    expect(left.map((one) => one.who)).toEqual(Array.from({ length: 1000 }, (_, who) => who));
    expect(left.at(-1)?.at).toBeCloseTo(9950, 6);
  });

  test('a pause saves up no more than the burst', async () => {
    const clock = new VirtualClock(0);
    const pacer = new Pacer({ packetsPerSecond: 10, burst: 3 }, { clock });
    await pacer.take();
    await clock.advance(60_000);
    let left = 0;
    const all = Array.from({ length: 10 }, () => pacer.take().then(() => (left += 1)));
    await clock.advance(0);
    expect(left).toBe(3);
    await clock.advance(700);
    await Promise.all(all);
  });

  test('in no time are there more than the rate allows', async () => {
    const step = fc.record({ pauseMs: fc.integer({ min: 0, max: 300 }), takes: fc.integer({ min: 0, max: 6 }) });
    const rate = fc.integer({ min: 1, max: 50 });
    const run = async (
      steps: readonly { pauseMs: number; takes: number }[],
      packetsPerSecond: number,
      burst: number,
    ): Promise<number[]> => {
      const clock = new VirtualClock(0);
      const pacer = new Pacer({ packetsPerSecond, burst }, { clock });
      const left: number[] = [];
      const waiting: Promise<unknown>[] = [];
      for (const { pauseMs, takes } of steps) {
        for (let at = 0; at < takes; at += 1) waiting.push(pacer.take().then(() => left.push(clock.monotonicMs())));
        await clock.advance(pauseMs);
      }
      await clock.advance(600_000);
      await Promise.all(waiting);
      return left;
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        rate,
        fc.integer({ min: 1, max: 8 }),
        async (steps, packetsPerSecond, burst) => {
          const left = await run(steps, packetsPerSecond, burst);
          for (const [first, from] of left.entries()) {
            for (const [last, to] of left.entries()) {
              if (last < first) continue;
              const most = ((to - from) * packetsPerSecond) / 1000 + burst;
              expect(last - first + 1).toBeLessThanOrEqual(most + 1e-6);
            }
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test('who is stopped waits no more', async () => {
    const clock = new VirtualClock(0);
    const pacer = new Pacer({ packetsPerSecond: 1, burst: 1 }, { clock });
    await pacer.take();
    const stop = new AbortController();
    const waiting = pacer.take(stop.signal);
    stop.abort();
    await waiting;
    expect(clock.monotonicMs()).toBe(0);
  });
});
