// Deadlines of many polls over one sleeper: each ends when it is due, whatever the order, and those that ended themselves never do.
import { expect, test } from 'vitest';
import { Deadlines } from '../../../agent/poll/deadlines.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

test('each aborts at its own time, a shorter one that began later too', async () => {
  const clock = new VirtualClock(0);
  const deadlines = new Deadlines(clock);
  const long = deadlines.start(60_000);
  await clock.advance(1000);
  const short = deadlines.start(10_000);
  const ended = deadlines.start(10_000);
  ended.end();
  await clock.advance(9999);
  expect([long, short, ended].map(({ signal }) => signal.aborted)).toEqual([false, false, false]);
  await clock.advance(1);
  expect([long, short, ended].map(({ signal }) => signal.aborted)).toEqual([false, true, false]);
  await clock.advance(49_000);
  expect([long, ended].map(({ signal }) => signal.aborted)).toEqual([true, false]);
});

test('after all ended it sleeps no longer than to the last, and begins again', async () => {
  const clock = new VirtualClock(0);
  const deadlines = new Deadlines(clock);
  deadlines.start(5000).end();
  await clock.advance(10_000);
  const again = deadlines.start(5000);
  await clock.advance(5000);
  expect(again.signal.aborted).toBe(true);
});

test('all of them can be ended at once', async () => {
  const clock = new VirtualClock(0);
  const deadlines = new Deadlines(clock);
  const open = [1000, 2000].map((ms) => deadlines.start(ms));
  deadlines.endAll();
  expect(open.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  await clock.advance(0);
  const next = deadlines.start(1000);
  await clock.advance(1000);
  expect(next.signal.aborted).toBe(true);
});
