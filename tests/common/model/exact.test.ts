// Exact numbers: the laws of a field, rounding against a slow reference, and texts that come back as what they were.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Exact, type Rounding } from '../../../common/model/exact.ts';

const integer = fc.oneof(fc.bigInt({ min: -50n, max: 50n }), fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }));
const positive = fc.oneof(
  fc.bigInt({ min: 1n, max: 60n }),
  fc.bigInt({ min: 1n, max: 10n ** 20n }),
  fc.integer({ min: 0, max: 30 }).map((places) => 10n ** BigInt(places)),
);
const exact = fc.tuple(integer, positive).map(([numerator, denominator]) => Exact.ratio(numerator, denominator));
const nonZero = exact.filter((one) => !one.isZero());
const MODES: readonly Rounding[] = ['half_up', 'half_even', 'down', 'up'];

/** The decimal, or a loud failure. */
function of(text: string): Exact {
  const value = Exact.parse(text);
  if (value === null) throw new Error(`${text} is no decimal`);
  return value;
}

describe('arithmetic', () => {
  test('is that of a field', () => {
    fc.assert(
      fc.property(exact, exact, exact, nonZero, (a, b, c, d) => {
        expect(a.add(b)).toEqual(b.add(a));
        expect(a.multiply(b)).toEqual(b.multiply(a));
        expect(a.add(b).add(c)).toEqual(a.add(b.add(c)));
        expect(a.multiply(b).multiply(c)).toEqual(a.multiply(b.multiply(c)));
        expect(a.multiply(b.add(c))).toEqual(a.multiply(b).add(a.multiply(c)));
        expect(a.add(Exact.zero)).toEqual(a);
        expect(a.multiply(Exact.one)).toEqual(a);
        expect(a.subtract(a)).toEqual(Exact.zero);
        expect(a.add(a.negate())).toEqual(Exact.zero);
        expect(a.divide(d).multiply(d)).toEqual(a);
        expect(a.subtract(b).add(b)).toEqual(a);
      }),
    );
  });

  test('is always in lowest terms, the denominator above zero', () => {
    const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b));
    fc.assert(
      fc.property(exact, exact, nonZero, (a, b, d) => {
        for (const one of [a.add(b), a.subtract(b), a.multiply(b), a.divide(d), a.negate()]) {
          expect(one.denominator).toBeGreaterThan(0n);
          const magnitude = one.numerator < 0n ? -one.numerator : one.numerator;
          expect(gcd(magnitude, one.denominator)).toBe(1n);
        }
      }),
    );
  });

  test('orders as its differences do', () => {
    fc.assert(
      fc.property(exact, exact, exact, (a, b, c) => {
        const difference = a.subtract(b);
        expect(a.compare(b)).toBe(difference.isZero() ? 0 : difference.isNegative() ? -1 : 1);
        expect(a.compare(b)).toBe(-b.compare(a) + 0);
        expect(a.add(c).compare(b.add(c))).toBe(a.compare(b));
      }),
    );
  });

  test('a quotient by zero is a bug, a number that is not whole no integer', () => {
    expect(() => Exact.one.divide(Exact.zero)).toThrow('BUG');
    expect(() => Exact.ratio(1n, 0n)).toThrow('BUG');
    expect(() => Exact.integer(0.5)).toThrow(RangeError);
    expect(Exact.ratio(-6n, -4n)).toEqual(Exact.ratio(3n, 2n));
    expect(Exact.ratio(0n, -4n)).toEqual(Exact.zero);
  });
});

describe('rounding', () => {
  test.each([
    ['2.5', 0, { half_up: '3', half_even: '2', down: '2', up: '3' }],
    ['3.5', 0, { half_up: '4', half_even: '4', down: '3', up: '4' }],
    ['-2.5', 0, { half_up: '-3', half_even: '-2', down: '-2', up: '-3' }],
    ['-3.5', 0, { half_up: '-4', half_even: '-4', down: '-3', up: '-4' }],
    ['2.4', 0, { half_up: '2', half_even: '2', down: '2', up: '3' }],
    ['-2.6', 0, { half_up: '-3', half_even: '-3', down: '-2', up: '-3' }],
    ['0.125', 2, { half_up: '0.13', half_even: '0.12', down: '0.12', up: '0.13' }],
    ['0.135', 2, { half_up: '0.14', half_even: '0.14', down: '0.13', up: '0.14' }],
    ['-0.005', 2, { half_up: '-0.01', half_even: '0.00', down: '0.00', up: '-0.01' }],
    ['0.0049', 2, { half_up: '0.00', half_even: '0.00', down: '0.00', up: '0.01' }],
    ['7', 3, { half_up: '7.000', half_even: '7.000', down: '7.000', up: '7.000' }],
    ['999.995', 2, { half_up: '1000.00', half_even: '1000.00', down: '999.99', up: '1000.00' }],
    ['0', 2, { half_up: '0.00', half_even: '0.00', down: '0.00', up: '0.00' }],
  ])('%s to %i places', (text, places, expected) => {
    expect(Object.fromEntries(MODES.map((mode) => [mode, of(text).toFixed(places, mode)]))).toEqual(
      Object.fromEntries(MODES.map((mode) => [mode, expected[mode]])),
    );
  });

  /** Looks at both neighbours on the grid and chooses as a person would. */
  function slow(value: Exact, places: number, mode: Rounding): Exact {
    const step = Exact.ratio(1n, 10n ** BigInt(places));
    let units = (value.numerator * 10n ** BigInt(places)) / value.denominator - 2n;
    while (step.multiply(Exact.integer(units + 1n)).compare(value) <= 0) units += 1n;
    const below = step.multiply(Exact.integer(units));
    if (below.compare(value) === 0) return below;
    const above = below.add(step);
    const [inner, outer] = value.isNegative() ? [above, below] : [below, above];
    if (mode === 'down') return inner;
    if (mode === 'up') return outer;
    const nearer = value.subtract(below).compare(above.subtract(value));
    if (nearer !== 0) return nearer < 0 ? below : above;
    if (mode === 'half_up') return outer;
    return units % 2n === 0n ? below : above;
  }

  test('is that of a slow reference', () => {
    const halves = fc
      .tuple(fc.bigInt({ min: -400n, max: 400n }), fc.integer({ min: 0, max: 4 }))
      .map(([units, places]) => Exact.ratio(units, 2n * 10n ** BigInt(places)));
    fc.assert(
      fc.property(
        fc.oneof(exact, halves),
        fc.integer({ min: 0, max: 6 }),
        fc.constantFrom(...MODES),
        (value, places, mode) => {
          const rounded = value.round(places, mode);
          expect(rounded).toEqual(slow(value, places, mode));
          expect(rounded.round(places, mode)).toEqual(rounded);
          expect(of(value.toFixed(places, mode))).toEqual(rounded);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('of the opposite is the opposite of it', () => {
    fc.assert(
      fc.property(exact, fc.integer({ min: 0, max: 6 }), fc.constantFrom(...MODES), (value, places, mode) => {
        expect(value.negate().round(places, mode)).toEqual(value.round(places, mode).negate());
      }),
    );
  });

  test('a fixed text has exactly its places, and no zero below zero', () => {
    fc.assert(
      fc.property(exact, fc.integer({ min: 0, max: 12 }), fc.constantFrom(...MODES), (value, places, mode) => {
        const text = value.toFixed(places, mode);
        expect(text).toMatch(places === 0 ? /^-?\d+$/ : new RegExp(String.raw`^-?\d+\.\d{${places}}$`));
        expect(text).not.toMatch(/^-0(\.0*)?$|^-?0\d/);
      }),
    );
  });
});

describe('texts', () => {
  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['+1.50', '1.5'],
    ['007', '7'],
    ['-12.0450', '-12.045'],
    ['0.0000000000000000000000000000000000000001', '0.0000000000000000000000000000000000000001'],
  ])('%s is read, and written as %s', (text, written) => {
    expect(Exact.parse(text)?.toString()).toBe(written);
  });

  test.each(['', ' 1', '1 ', '1.', '.5', '1e3', '1,5', '1_000', '0x10', '--1', '1/2', 'NaN', 'Infinity', '١', '1\n'])(
    'no decimal: %j',
    (text) => {
      expect(Exact.parse(text)).toBeNull();
    },
  );

  test.each(['', '1/', '/2', '1/0', '1/-2', '1/02', '1/2/3', '+1/2', ' 1/2', '1.5/2', '1/2\n', '-/2'])(
    'no exact text: %j',
    (text) => {
      expect(Exact.fromText(text)).toBeNull();
    },
  );

  test('a third stays a third', () => {
    expect(Exact.ratio(-1n, 3n).toString()).toBe('-1/3');
    expect(Exact.fromText('-2/6')).toEqual(Exact.ratio(-1n, 3n));
  });

  test('whatever is written is read back', () => {
    const huge = fc.tuple(fc.bigInt({ min: -(10n ** 90n), max: 10n ** 90n }), positive);
    const any = fc.oneof(
      exact,
      huge.map(([numerator, denominator]) => Exact.ratio(numerator, denominator)),
      fc.tuple(integer, fc.integer({ min: 0, max: 60 })).map(([n, places]) => Exact.ratio(n, 2n ** BigInt(places))),
    );
    fc.assert(
      fc.property(any, (value) => {
        expect(Exact.fromText(value.toString())).toEqual(value);
      }),
      { numRuns: 2000 },
    );
  });

  test('a decimal comes back as its digits say', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), fc.integer({ min: 0, max: 40 }), (units, places) => {
        const value = Exact.ratio(units, 10n ** BigInt(places));
        expect(of(value.toFixed(places, 'down'))).toEqual(value);
      }),
    );
  });
});
