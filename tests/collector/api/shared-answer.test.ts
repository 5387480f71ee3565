// One answer for who asks the same within a while, and a failure for nobody after those who shared it.
import { expect, test } from 'vitest';
import { SharedAnswer } from '../../../collector/api/shared-answer.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

test('who asks within the while shares the answer, who asks later has another made', async () => {
  const clock = new VirtualClock(0);
  const shared = new SharedAnswer<number>(clock);
  let made = 0;
  const ask = (): Promise<number> => shared.get(1000, () => Promise.resolve((made += 1)));
  expect(await Promise.all([ask(), ask()])).toEqual([1, 1]);
  await clock.advance(999);
  expect(await ask()).toBe(1);
  await clock.advance(1);
  expect(await ask()).toBe(2);
});

test('a failure is told to those who share it, and the next has it made anew', async () => {
  const shared = new SharedAnswer<string>(new VirtualClock(0));
  let away = true;
  const ask = (): Promise<string> =>
    shared.get(1000, () => (away ? Promise.reject(new Error('the store is away')) : Promise.resolve('here')));
  const [one, other] = [ask(), ask()];
  await expect(one).rejects.toThrow('the store is away');
  await expect(other).rejects.toThrow('the store is away');
  away = false;
  expect(await ask()).toBe('here');
});
