// Decimals of the page: exact for any length, and what is none is told.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { difference, sum, times } from '../../../collector/dashboard/web/src/decimal.ts';

const digits = fc.bigInt(-(10n ** 30n), 10n ** 30n);
const text = (value: bigint): string => {
  const plain = (value < 0n ? -value : value).toString().padStart(5, '0');
  return `${value < 0n ? '-' : ''}${plain.slice(0, -4)}.${plain.slice(-4)}`;
};

test('differences and sums are those of the integers', () => {
  fc.assert(
    fc.property(digits, digits, (one, other) => {
      expect(difference(text(one), text(other))).toBe(text(one - other));
      expect(sum([text(one), text(other)])).toBe(text(one + other));
    }),
  );
});

test.each([
  ['2920.4', 10n ** 9n, '2920400000000'],
  ['0.0000000015', 10n ** 9n, '1.5'],
  ['150', 1_000_000n, '150000000'],
  ['1,5', 10n, null],
  ['-1', 10n, null],
  ['', 10n, null],
])('%s times %s is %s', (written, factor, product) => {
  expect(times(written, factor)).toBe(product);
});

test('places are those of the longer one', () => {
  expect([difference('1.5', '0.25'), difference('1', 'x'), sum([])]).toEqual(['1.25', null, '0']);
});
