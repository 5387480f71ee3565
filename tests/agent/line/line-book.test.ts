// All sessions of a line share its rate, and what waits is told: on a clock that stands still until it is moved.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineConfigs, linesSchema } from '../../../agent/line/config.ts';
import { LineBook, type LineUse } from '../../../agent/line/line-book.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

function bookOf(given: object) {
  const clock = new VirtualClock(0);
  const { reporter } = silentReporter();
  return { clock, reporter, book: new LineBook(reporter, lineConfigs(linesSchema.parse(given), 2000), { clock }) };
}

test('in no time more packets than the rate and its burst, however many sessions ask', async () => {
  const step = fc.record({ session: fc.integer({ min: 0, max: 4 }), pauseMs: fc.integer({ min: 0, max: 300 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 40 }), async (steps, rate) => {
      const { clock, book } = bookOf({ thin: { requests_per_second: rate } });
      const sessions = Array.from({ length: 5 }, () => book.use('thin'));
      const left: number[] = [];
      const all: Promise<unknown>[] = [];
      for (const { session, pauseMs } of steps) {
        all.push(sessions[session]?.pace().then(() => left.push(clock.monotonicMs())) ?? Promise.resolve());
        await clock.advance(pauseMs);
      }
      await clock.advance(120_000);
      await Promise.all(all);
      expect(left).toHaveLength(steps.length);
      const burst = Math.max(1, Math.floor(rate / 10));
      for (const [at, from] of left.entries()) {
        const within = left.filter((time) => time >= from && time < from + 1000 - 1e-6).length;
        expect(within, `after ${at}`).toBeLessThanOrEqual(rate + burst);
      }
    }),
    { numRuns: 30 },
  );
});

test('a line tells what waits, each session what it has waited; other lines and devices behind none wait for nothing', async () => {
  const { clock, reporter, book } = bookOf({ thin: { requests_per_second: 1, in_flight: 7 }, wide: {} });
  const [one, two, wide] = [book.use('thin'), book.use('thin'), book.use('wide')];
  const gone = new AbortController();
  const all = [one?.pace(), two?.pace(), one?.pace(gone.signal), wide?.pace(), wide?.pace()];
  await clock.advance(0);
  expect(book.reports().map(({ line, requests, waiting }) => ({ line, requests, waiting }))).toEqual([
    { line: 'thin', requests: 3, waiting: 2 },
    { line: 'wide', requests: 2, waiting: 0 },
  ]);
  await clock.advance(1000);
  gone.abort();
  await Promise.all(all.map((one) => Promise.resolve(one)));
  expect([one?.pacedMs, two?.pacedMs, wide?.pacedMs]).toEqual([1000, 1000, 0]);
  expect(book.reports()[0]).toMatchObject({ waiting: 0, pacedMs: 2000, inFlight: 7 });
  expect(await reporter.metricsText()).toMatch(/^weir_line_wait_seconds_total\{line="thin"\} 2$/m);
  expect([book.use(null), book.use('none'), book.placesOf('none'), book.placesOf('thin')]).toEqual([
    undefined,
    undefined,
    null,
    7,
  ]);
});

test('a line that is configured anew: its next packets go at the new rate, those of one that stays as it was at the old, and what was told stays', async () => {
  const lines = (thin: number, more: object = {}) =>
    lineConfigs(linesSchema.parse({ thin: { requests_per_second: thin }, ...more }), 2000);
  const { clock, book } = bookOf({ thin: { requests_per_second: 1 }, same: { requests_per_second: 1 } });
  const [thin, same] = [book.use('thin'), book.use('same')];
  await Promise.all([thin?.pace(), same?.pace()]);
  book.configure(lines(10, { same: { requests_per_second: 1, in_flight: 3 }, added: { in_flight: 2 } }));
  const wentAt: Record<string, number> = {};
  const paced = async (name: string, use: LineUse | undefined): Promise<void> => {
    await use?.pace();
    wentAt[name] = clock.monotonicMs();
  };
  const all = [paced('thin', thin), paced('same', same)];
  await clock.advance(2000);
  await Promise.all(all);
  expect(wentAt).toEqual({ thin: 0, same: 1000 });
  expect([thin?.requestsPerSecond, same?.inFlight, book.placesOf('added')]).toEqual([10, 3, 2]);
  expect(book.reports().map(({ line, requests }) => [line, requests])).toEqual([
    ['thin', 2],
    ['same', 2],
    ['added', 0],
  ]);
  book.configure(lines(10));
  expect([book.use('same'), book.placesOf('added')]).toEqual([undefined, null]);
  // A poll in hand ends over the line it began on.
  const last = same?.pace();
  await clock.advance(5000);
  await last;
});
