// The packed counters of a device: what is kept is what is read, and rows that an earlier version wrote are read as they were meant.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CounterRows, KEPT_COUNTERS } from '../../../collector/faults/counter-rows.ts';

const CLOCK = { observedAtMs: 1_790_000_000_000, monotonicMs: 5000, uptimeTicks: 77, processHash: 9 };

/** Rows as version 1 wrote them: 64 octets, four counters, flags in the lowest bits. */
function firstForm(rows: readonly { readonly values: readonly bigint[]; readonly wide: boolean }[]): Buffer {
  const bytes = Buffer.alloc(rows.length * 64);
  for (const [row, { values, wide }] of rows.entries()) {
    const at = row * 64;
    if (values.length === 0 && row > 0) continue;
    bytes.writeDoubleLE(CLOCK.observedAtMs, at);
    bytes.writeDoubleLE(CLOCK.monotonicMs, at + 8);
    bytes.writeUInt32LE(CLOCK.uptimeTicks, at + 16);
    let flags = (1 << 10) | (1 << 8);
    for (const [counter, value] of values.entries()) {
      flags |= (1 << counter) | (wide ? 1 << (4 + counter) : 0);
      bytes.writeBigUInt64LE(value, at + 32 + counter * 8);
    }
    bytes.writeUInt32LE(flags, at + 24);
    bytes.writeUInt32LE(CLOCK.processHash, at + 28);
  }
  return bytes;
}

describe('rows of counters', () => {
  test('rows of the first form are read as they were meant, and written as those of today', () => {
    const row = fc.record({
      values: fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 0, maxLength: 4 }),
      wide: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 12 }), (rows) => {
        const read = new CounterRows(firstForm(rows));
        const again = new CounterRows(read.bytes);
        for (const [at, { values, wide }] of rows.entries()) {
          for (const counter of KEPT_COUNTERS.keys()) {
            const value = values[counter];
            const width = wide ? 64 : 32;
            const expected: unknown =
              value === undefined ? null : expect.objectContaining({ value, width, uptimeTicks: 77, processId: '9' });
            expect(read.reading(at, counter)).toEqual(expected);
            expect(again.reading(at, counter)).toEqual(expected);
          }
        }
      }),
    );
  });

  test('each of the counters is kept under its place, and gone when the row is read without it', () => {
    const rows = new CounterRows();
    for (const [counter] of KEPT_COUNTERS.entries()) {
      rows.write(3, CLOCK, null);
      expect(rows.reading(3, counter)).toBeNull();
      rows.keep(3, counter, 1, counter, counter % 2 === 0 ? 64 : 32);
      const reread = new CounterRows(rows.bytes).reading(3, counter);
      expect(reread).toMatchObject({ value: 2n ** 32n + BigInt(counter), width: counter % 2 === 0 ? 64 : 32 });
    }
    rows.forget(3);
    expect(rows.clock(3)).toBeNull();
  });

  test('octets that are no rows are a broken invariant', () => {
    expect(() => new CounterRows(Buffer.alloc(17))).toThrow('BUG');
  });
});
