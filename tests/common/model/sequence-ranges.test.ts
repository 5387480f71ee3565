// Held sequences against a plain set of numbers: any order of arrival, any overlap, ends in the same mark and ranges.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  hold,
  holdAll,
  holds,
  NOTHING_HELD,
  notHeld,
  takeOut,
  type HeldSequences,
} from '../../../common/model/sequence-ranges.ts';

const ranges = fc.array(
  fc
    .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 8 }))
    .map(([first, more]) => ({ first, last: first + more })),
  { maxLength: 30 },
);

function all(list: readonly { first: number; last: number }[]): HeldSequences {
  return list.reduce<HeldSequences>((held, range) => hold(held, range.first, range.last), NOTHING_HELD);
}

function plain(list: readonly { first: number; last: number }[]): Set<number> {
  const set = new Set<number>();
  for (const { first, last } of list) for (let one = first; one <= last; one += 1) set.add(one);
  return set;
}

describe('held sequences', () => {
  test('hold exactly what was given, and keep the least of it', () => {
    fc.assert(
      fc.property(ranges, (list) => {
        const held = all(list);
        const set = plain(list);
        for (let one = 1; one < 80; one += 1) expect(holds(held, one)).toBe(set.has(one));
        let through = 0;
        while (set.has(through + 1)) through += 1;
        expect(held.through).toBe(through);
        held.above.forEach((range, at) => {
          expect(range.first).toBeGreaterThan((held.above[at - 1]?.last ?? held.through) + 1);
        });
      }),
    );
  });

  test('the union of two is what either holds', () => {
    fc.assert(
      fc.property(ranges, ranges, (a, b) => {
        expect(holdAll(all(a), all(b))).toEqual(all([...a, ...b]));
      }),
    );
  });

  test('what is not held is the rest of a span, and one can be taken out of it', () => {
    const span = fc.integer({ min: 1, max: 70 });
    fc.assert(
      fc.property(ranges, span, span, fc.integer({ min: 1, max: 75 }), (list, first, last, one) => {
        const held = all(list);
        const rest = notHeld(held, first, last);
        const set = plain(rest);
        for (let each = 1; each < 80; each += 1)
          expect(set.has(each)).toBe(first <= each && each <= last && !holds(held, each));
        const without = takeOut(rest, one);
        expect(without === null).toBe(!set.has(one));
        set.delete(one);
        if (without !== null) expect(plain(without)).toEqual(set);
      }),
    );
  });

  test('an empty range changes nothing', () => {
    expect(hold({ through: 4, above: [] }, 7, 6)).toEqual({ through: 4, above: [] });
    expect(hold({ through: 4, above: [] }, 1, 0)).toEqual({ through: 4, above: [] });
  });
});
