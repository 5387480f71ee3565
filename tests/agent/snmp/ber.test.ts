// The codec reads back what it writes, and takes numbers as devices send them.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BerReader,
  BerWriter,
  signedInteger,
  TAG,
  unsignedBigInteger,
  unsignedInteger,
} from '../../../agent/snmp/ber.ts';
import { compareOids, encodeSubidentifiers, indexText, isOidText, oidOf, oidText } from '../../../agent/snmp/oid.ts';
import { WeirError } from '../../../common/runtime/errors.ts';

const bytesOf = (hex: string): Uint8Array => Buffer.from(hex, 'hex');

describe('integers', () => {
  test('every 32-bit integer comes back', () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        const writer = new BerWriter(4);
        writer.integer(value);
        expect(new BerReader(writer.finish()).integer()).toBe(value);
      }),
    );
  });

  test.for([
    ['00', 0],
    ['7f', 127],
    ['0080', 128],
    ['80', -128],
    ['ff', -1],
    ['7fffffff', 2 ** 31 - 1],
    ['80000000', -(2 ** 31)],
  ] as const)('%s is %i', ([hex, expected]) => {
    const bytes = bytesOf(hex);
    expect(signedInteger(bytes, 0, bytes.length)).toBe(expected);
  });

  test.for([
    ['00ffffffff', 2 ** 32 - 1],
    ['ffffffff', 2 ** 32 - 1],
    ['0080000000', 2 ** 31],
    ['80000000', 2 ** 31],
  ] as const)('unsigned %s is %i, with or without the leading zero', ([hex, expected]) => {
    const bytes = bytesOf(hex);
    expect(unsignedInteger(bytes, 0, bytes.length)).toBe(expected);
  });

  test.for([
    ['00', 0n],
    ['00ffffffffffffffff', 2n ** 64n - 1n],
    ['ffffffffffffffff', 2n ** 64n - 1n],
    ['008000000000000000', 2n ** 63n],
    ['7fffffffffffffff', 2n ** 63n - 1n],
    ['0020000000000000', 2n ** 53n],
    ['20000000000001', 2n ** 53n + 1n],
    ['1fffffffffffff', 2n ** 53n - 1n],
  ] as const)('Counter64 %s is exact', ([hex, expected]) => {
    const bytes = bytesOf(hex);
    expect(unsignedBigInteger(bytes, 0, bytes.length)).toBe(expected);
  });

  test.for(['', '010000000000', '01ffffffffffffffff', '00000000000000000001'])('%s is no number', (hex) => {
    const bytes = bytesOf(hex);
    expect(() => unsignedBigInteger(bytes, 0, bytes.length === 6 ? 0 : bytes.length)).toThrow(WeirError);
    expect(() => signedInteger(bytes, 0, bytes.length)).toThrow(WeirError);
  });
});

describe('lengths', () => {
  test('every length comes back, in short and long form', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70_000 }), (length) => {
        const writer = new BerWriter(8);
        writer.octets(new Uint8Array(length).fill(7));
        const read = new BerReader(writer.finish()).octets();
        expect(read.length).toBe(length);
      }),
      { numRuns: 60 },
    );
  });

  test.for([
    ['indefinite', '3080'],
    ['five length octets', '308500000000000000'],
    ['beyond the end', '30050201'],
    ['only a tag', '30'],
    ['nothing', ''],
    ['length octets cut', '3082ff'],
  ] as const)('%s is refused', ([, hex]) => {
    expect(() => new BerReader(bytesOf(hex)).header()).toThrow(WeirError);
  });

  test('an element may not reach beyond the one around it', () => {
    const reader = new BerReader(bytesOf('3003020401020304'));
    reader.enter(TAG.sequence);
    expect(() => reader.integer()).toThrow(/beyond/);
  });
});

describe('object identifiers', () => {
  const oids = fc
    .tuple(
      fc.constantFrom(0, 1, 2),
      fc.nat(39),
      fc.array(fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 - 1 })), { maxLength: 20 }),
    )
    .map(([first, second, rest]) => [first, second, ...rest].join('.'));

  test('text comes back', () => {
    fc.assert(fc.property(oids, (text) => oidText(oidOf(text)) === text));
  });

  test('the order of bytes is the order of numbers', () => {
    fc.assert(
      fc.property(oids, oids, (a, b) => {
        const [left, right] = [a, b].map((text) => text.split('.').map(Number));
        const expected = compareNumbers(left ?? [], right ?? []);
        expect(Math.sign(compareOids(oidOf(a), oidOf(b)))).toBe(expected);
      }),
    );
  });

  test('an index is not joined like the first two numbers', () => {
    expect(indexText(encodeSubidentifiers([10, 1, 4294967295]), 0, 7)).toBe('10.1.4294967295');
  });

  test.for(['', '1', '1.40.1', '3.1', '1.3.4294967296', '1.3.x', '1..3', '1.3.'])('"%s" is refused', (text) => {
    expect(isOidText(text)).toBe(false);
    expect(() => oidOf(text)).toThrow(WeirError);
  });

  test('2.999 is allowed', () => {
    expect(oidText(oidOf('2.999.3'))).toBe('2.999.3');
  });
});

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (const [at, left] of a.entries()) {
    const right = b[at];
    if (right === undefined) return 1;
    if (left !== right) return Math.sign(left - right);
  }
  return a.length < b.length ? -1 : 0;
}
