// What a poll says of its rows: when they were read, under which clocks, and which values are there.
import { describe, expect, test } from 'vitest';
import {
  columnOf,
  counterAt,
  type CounterColumn,
  observedAt,
  type Segment,
  segmentOf,
  type Table,
} from '../../../common/model/poll.ts';
import { cleanText, countersOf, numbersOf, textsOf, wholeOrNull } from '../../../common/model/table-columns.ts';
import { bucketStart, isoTime } from '../../../common/model/time.ts';

function segment(firstRow: number, more: Partial<Segment> = {}): Segment {
  return { firstRow, sentAtMs: 1000, receivedAtMs: 1100, monotonicMs: 50, uptimeTicks: 7, ...more };
}

const counters: CounterColumn = {
  kind: 'counter',
  name: 'ifHCInOctets',
  width: 64,
  values: BigUint64Array.of(0n, 2n ** 64n - 1n, 5n),
  present: Uint8Array.of(1, 1, 0),
};

const table: Table = {
  name: 'interface',
  complete: true,
  index: ['1', '2', '3'],
  segments: [segment(0), segment(2, { uptimeTicks: 9 })],
  columns: [
    counters,
    { kind: 'number', name: 'ifOperStatus', values: Float64Array.of(1, 2, Number.NaN) },
    { kind: 'text', name: 'ifName', values: ['a', null, ''] },
  ],
};

describe('a row', () => {
  test('was read in the middle of sending and receiving, less the offset of the clock', () => {
    expect(observedAt(segment(0), 0)).toBe(1050);
    expect(observedAt(segment(0), 250)).toBe(800);
    expect(observedAt(segment(0), -250)).toBe(1300);
    expect(observedAt(segment(0, { receivedAtMs: 1001 }), 0)).toBe(1001);
  });

  test('belongs to the last segment that begins not after it', () => {
    expect([0, 1, 2].map((row) => segmentOf(table, row).uptimeTicks)).toEqual([7, 7, 9]);
    expect(() => segmentOf({ ...table, segments: [] }, 0)).toThrow('BUG');
  });

  test('a counter that did not come is null, one that is 0 is 0', () => {
    expect([0, 1, 2, 3].map((row) => counterAt(counters, row))).toEqual([0n, 2n ** 64n - 1n, null, null]);
  });
});

describe('a column', () => {
  test('is found by name and kind', () => {
    expect(columnOf(table, 'ifName')?.kind).toBe('text');
    expect(columnOf(table, 'ifAlias')).toBeUndefined();
    expect(textsOf(table, 'ifName')).toEqual(['a', null, '']);
    expect(numbersOf(table, 'ifOperStatus')?.[1]).toBe(2);
    expect(countersOf(table, 'ifHCInOctets')).toBe(counters);
    expect([textsOf(table, 'ifOperStatus'), numbersOf(table, 'ifName'), countersOf(table, 'ifName')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('what a device says, for a database', () => {
  test.each([
    ['plain', 'plain'],
    ['pad\0\0', 'pad'],
    ['half \ud83d', 'half '],
    ['\udc0a half', ' half'],
    ['whole \u{1f30a}', 'whole \u{1f30a}'],
    ['x'.repeat(1001), 'x'.repeat(1000)],
    // Cut in the middle of a pair.
    [`${'x'.repeat(999)}\u{1f30a}`, 'x'.repeat(999)],
  ])('text %#', (text, expected) => {
    expect(cleanText(text)).toBe(expected);
  });

  test.each([
    [undefined, null],
    [Number.NaN, null],
    [Infinity, null],
    [-Infinity, null],
    [1.5, 2],
    [1e300, Number.MAX_SAFE_INTEGER],
    [-1e300, Number.MIN_SAFE_INTEGER],
    [4_294_967_295, 4_294_967_295],
  ])('the number %s is %s', (value, expected) => {
    expect(wholeOrNull(value)).toBe(expected);
  });
});

describe('time', () => {
  test('the grid is half-open and goes on before 1970', () => {
    expect([0, 299_999, 300_000, -1, -300_000].map((at) => bucketStart(at, 300_000))).toEqual([
      0, 0, 300_000, -300_000, -300_000,
    ]);
    expect(isoTime(0)).toBe('1970-01-01T00:00:00.000Z');
  });
});
