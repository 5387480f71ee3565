// Work in pieces: others have a turn, but not after every piece.
import { expect, test } from 'vitest';
import { Breather } from '../../../common/runtime/breather.ts';

test('another has a turn once a piece has lasted', async () => {
  let nowMs = 0;
  const breather = new Breather({ monotonicMs: () => nowMs });
  const order: string[] = [];
  setImmediate(() => order.push('another'));
  nowMs = 4;
  await breather.breathe();
  order.push('short');
  nowMs = 5;
  await breather.breathe();
  order.push('long');
  expect(order).toEqual(['short', 'another', 'long']);
  setImmediate(() => order.push('late'));
  nowMs = 9;
  await breather.breathe();
  expect(order).toHaveLength(3);
});
