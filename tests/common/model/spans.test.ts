// Sets of instants: each operation does to spans what it does to the instants in them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differenceOf, intersectionOf, lengthOf, type Span, unionOf } from '../../../common/model/spans.ts';

const MOST = 40;
const spans = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: MOST }), fc.integer({ min: 0, max: MOST }))
    .map(([fromMs, toMs]) => ({ fromMs, toMs })),
  { maxLength: 8 },
);
const instants = (some: readonly Span[]): number[] =>
  Array.from({ length: MOST + 1 }, (_, at) => at).filter((at) =>
    some.some(({ fromMs, toMs }) => fromMs <= at && at < toMs),
  );

test('union, intersection and difference are those of the instants, in order and apart', () => {
  fc.assert(
    fc.property(spans, spans, (left, right) => {
      const [one, other] = [unionOf(left), unionOf(right)];
      const [a, b] = [new Set(instants(left)), new Set(instants(right))];
      const results: [readonly Span[], number[]][] = [
        [one, [...a]],
        [intersectionOf(one, other), [...a].filter((at) => b.has(at))],
        [differenceOf(one, other), [...a].filter((at) => !b.has(at))],
        [unionOf([...left, ...right]), instants([...left, ...right])],
      ];
      for (const [found, wanted] of results) {
        expect(instants(found)).toEqual(wanted);
        expect(lengthOf(found)).toBe(wanted.length);
        expect(found.every((span, at) => span.fromMs < span.toMs && span.fromMs >= (found[at - 1]?.toMs ?? 0))).toBe(
          true,
        );
      }
      // Conservation: what two have is what they have in common and what each has alone.
      expect(lengthOf(one) + lengthOf(other)).toBe(
        lengthOf(unionOf([...one, ...other])) + lengthOf(intersectionOf(one, other)),
      );
    }),
  );
});

test('the order in which spans are given changes nothing', () => {
  fc.assert(
    fc.property(
      spans.chain((some) => fc.tuple(fc.constant(some), fc.shuffledSubarray(some, { minLength: some.length }))),
      ([some, shuffled]) => {
        expect(unionOf(shuffled)).toEqual(unionOf(some));
      },
    ),
  );
});
