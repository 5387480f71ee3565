// An answer that costs something: found once for all who ask, given again while it is young, never a failure for ever.
import { expect, test } from 'vitest';
import { Paced } from '../../../billing-bridge/api/paced.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const PACE = { freshMs: 1000, share: 5 };

function paced(tookMs: number): { found: () => number; at: VirtualClock; paced: Paced<number> } {
  const at = new VirtualClock(0);
  let found = 0;
  const find = async (): Promise<number> => {
    await at.sleep(tookMs);
    found += 1;
    return found;
  };
  return { found: () => found, at, paced: new Paced(find, at, PACE) };
}

async function ask(one: ReturnType<typeof paced>, waitMs: number): Promise<number> {
  const answer = one.paced.get();
  await one.at.advance(waitMs);
  return answer;
}

test('those who ask at once share one look, and a young answer is given again', async () => {
  const one = paced(10);
  const answers = Promise.all([one.paced.get(), one.paced.get()]);
  await one.at.advance(10);
  expect(await answers).toEqual([1, 1]);
  await one.at.advance(900);
  expect(await ask(one, 0)).toBe(1);
  await one.at.advance(200);
  expect(await ask(one, 10)).toBe(2);
});

test('one that is slow to find is given as it was while it is found again, and not too often', async () => {
  const one = paced(2000);
  expect(await ask(one, 2000)).toBe(1);
  await one.at.advance(9_000);
  expect(await ask(one, 5000)).toBe(1);
  expect(one.found()).toBe(1);
  expect(await ask(one, 0)).toBe(1);
  await one.at.advance(2000);
  expect(await ask(one, 0)).toBe(2);
});

test('a failure is told to who asked, and the next look is a new one', async () => {
  const clock = new VirtualClock(0);
  let fail = true;
  const one = new Paced(() => (fail ? Promise.reject(new Error('away')) : Promise.resolve(7)), clock, PACE);
  await expect(one.get()).rejects.toThrow('away');
  fail = false;
  expect(await one.get()).toBe(7);
  fail = true;
  await clock.advance(2000);
  await expect(one.get()).rejects.toThrow('away');
});
