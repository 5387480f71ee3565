// The quick way through a list of varbinds gives what the careful one gives: every field, every refusal, every counter.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BerReader, TAG } from '../../../agent/snmp/ber.ts';
import { readVarbinds, type Varbinds } from '../../../agent/snmp/varbinds.ts';
import { WeirError } from '../../../common/runtime/errors.ts';

type Form = 'short' | 'long';

/** Lengths in one byte, or in two as some agents write them: those the quick way leaves alone. */
function element(tag: number, contents: Uint8Array, form: Form): Buffer {
  const { length } = contents;
  const header = form === 'short' ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), contents]);
}

interface Binding {
  readonly oid: Uint8Array;
  readonly tag: number;
  readonly value: Uint8Array;
}

function listOf(bindings: readonly Binding[], form: Form): Buffer {
  const varbinds = bindings.map(({ oid, tag, value }) =>
    element(TAG.sequence, Buffer.concat([element(TAG.oid, oid, form), element(tag, value, form)]), form),
  );
  return element(TAG.sequence, Buffer.concat(varbinds), 'long');
}

function read(bytes: Uint8Array): Varbinds | string {
  try {
    return readVarbinds(new BerReader(bytes));
  } catch (error) {
    if (error instanceof WeirError) return error.code;
    throw error;
  }
}

/** What a reader sees, apart from where in the packet it stands. */
function seen(varbinds: Varbinds | string): unknown {
  if (typeof varbinds === 'string') return varbinds;
  return Array.from({ length: varbinds.count }, (_, i) => ({
    oid: Buffer.from(varbinds.oid(i)).toString('hex'),
    tag: varbinds.tag(i),
    value: Buffer.from(varbinds.bytes.subarray(varbinds.valueStart(i), varbinds.valueEnd(i))).toString('hex'),
    counter: varbinds.counter(i),
  }));
}

const octets = (most: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: most });
const binding: fc.Arbitrary<Binding> = fc.record({
  oid: fc.oneof(octets(20), fc.constant(Uint8Array.of(0x2b, 6, 1, 2, 1, 31, 1, 1, 1, 6, 0xce, 0x75))),
  tag: fc.constantFrom(...Object.values(TAG), 0x45, 0x00),
  value: octets(12),
});

describe('varbinds', () => {
  test('in short and in long form they read the same, or are refused alike', () => {
    fc.assert(
      fc.property(fc.array(binding, { maxLength: 6 }), (bindings) => {
        expect(seen(read(listOf(bindings, 'short')))).toEqual(seen(read(listOf(bindings, 'long'))));
      }),
      { numRuns: 2000 },
    );
  });

  test('a list that is cut or changed anywhere is read or refused, and nothing outside of it is touched', () => {
    const good = listOf(
      [
        { oid: Uint8Array.of(0x2b, 6, 1), tag: TAG.counter64, value: Uint8Array.of(1, 2, 3) },
        { oid: Uint8Array.of(0x2b, 6, 2), tag: TAG.octets, value: Buffer.from('name') },
      ],
      'short',
    );
    for (let at = 0; at < good.length; at += 1) {
      expect(read(good.subarray(0, at))).toBe('snmp_malformed');
      for (let bit = 0; bit < 8; bit += 1) {
        const changed = Buffer.from(good);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        const varbinds = read(changed);
        if (typeof varbinds === 'string') expect(varbinds).toBe('snmp_malformed');
        else for (let i = 0; i < varbinds.count; i += 1) expect(varbinds.valueEnd(i)).toBeLessThanOrEqual(good.length);
      }
    }
  });

  test('a counter written into its cell is the counter', () => {
    const counter = fc.oneof(
      fc.record({ tag: fc.constant(TAG.counter64), value: fc.uint8Array({ minLength: 1, maxLength: 8 }) }),
      fc.record({ tag: fc.constant(TAG.counter32), value: fc.uint8Array({ minLength: 1, maxLength: 4 }) }),
      fc.record({
        tag: fc.constantFrom(TAG.counter32, TAG.counter64),
        value: fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => Uint8Array.of(0, ...bytes)),
      }),
      fc.record({
        tag: fc.constant(TAG.counter64),
        value: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Uint8Array.of(0, ...bytes)),
      }),
    );
    fc.assert(
      fc.property(counter, ({ tag, value }) => {
        const varbinds = read(listOf([{ oid: Uint8Array.of(0x2b), tag, value }], 'short'));
        if (typeof varbinds === 'string') throw new Error(varbinds);
        const cells = BigUint64Array.of(7n, 2n ** 64n - 1n, 7n);
        varbinds.counterInto(0, new Uint32Array(cells.buffer), 1);
        expect([...cells]).toEqual([7n, varbinds.counter(0), 7n]);
      }),
    );
  });
});
