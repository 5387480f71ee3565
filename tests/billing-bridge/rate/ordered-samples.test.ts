// A rank that is selected is the one that a sort finds, whatever the order the samples come in.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OrderedSamples, selectPlace } from '../../../billing-bridge/rate/ordered-samples.ts';

const octets = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2 ** 52 }));

describe('ordered samples', () => {
  test('each place is that of a sort, asked in any order of the same samples', () => {
    fc.assert(
      fc.property(fc.array(octets, { minLength: 1, maxLength: 400 }), fc.array(fc.nat()), (values, places) => {
        const sorted = values.toSorted((left, right) => left - right);
        const doubles = new OrderedSamples(Float64Array.from(values));
        const bigints = new OrderedSamples(values.map(BigInt));
        expect(doubles.count).toBe(values.length);
        for (const place of places) {
          const rank = (place % values.length) + 1;
          expect(doubles.at(rank)).toBe(sorted[rank - 1]);
          expect(bigints.at(rank)).toBe(BigInt(sorted[rank - 1] ?? -1));
        }
      }),
    );
  });

  test('rising, falling, equal and contrived series', () => {
    const count = 3000;
    const series: readonly (readonly [string, (at: number) => number])[] = [
      ['rising', (at) => at],
      ['falling', (at) => count - at],
      ['equal', () => 7],
      ['a peak', (at) => Math.min(at, count - at)],
      ['a valley', (at) => Math.abs(at - count / 2)],
      ['two values', (at) => at % 2],
    ];
    for (const [name, of] of [...series, ['a killer of medians of three', killer(count)] as const]) {
      const values = Float64Array.from({ length: count }, (_, at) => of(at));
      const sorted = values.toSorted();
      for (const place of [0, 1, 1500, 2850, count - 1])
        expect([name, selectPlace(values.slice(), place)]).toEqual([name, sorted[place]]);
    }
  });
});

/** Each partition takes off only a few values, so that selection gives up and sorts. */
function killer(count: number): (at: number) => number {
  const values = Array.from({ length: count }, (_, at) => at);
  for (let high = count - 1; high > 2; high -= 1) {
    const middle = high >> 1;
    [values[middle], values[high - 1]] = [values[high - 1] ?? 0, values[middle] ?? 0];
  }
  return (at) => values[at] ?? 0;
}
