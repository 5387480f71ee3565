// What one life of the agent leaves to the next.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LearntFile, type LearntOfDevice } from '../../../agent/poll/learnt-file.ts';
import { FRESH_MEMORY, type TableMemory } from '../../../agent/snmp/walk-sizing.ts';

class Bytes {
  bytes: Uint8Array | null;
  writes = 0;

  constructor(bytes: Uint8Array | null = null) {
    this.bytes = bytes;
  }

  read(): Uint8Array | null {
    return this.bytes;
  }

  write(bytes: Uint8Array): boolean {
    this.writes += 1;
    this.bytes = bytes;
    return true;
  }
}

const limited = (words: Partial<TableMemory>): TableMemory => ({ ...FRESH_MEMORY, ceiling: 5, ...words });
const learntOf = (limits: Readonly<Record<string, TableMemory>>, distrustsTableLastChange = false): LearntOfDevice => ({
  limits: new Map(Object.entries(limits)),
  distrustsTableLastChange,
});

describe('what is learnt', () => {
  test('comes back as it was', () => {
    const memory = fc.record({
      bytesPerRow: fc.integer({ min: 0, max: 9000 }),
      ceiling: fc.integer({ min: 1, max: 200 }),
      columnsPerRequest: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(Number.POSITIVE_INFINITY)),
      cleanWalks: fc.constant(0),
      patience: fc.constantFrom(2, 4, 64),
      rows: fc.nat(),
      cause: fc.constantFrom('none' as const, 'silence' as const, 'too_big' as const),
      refused: fc.nat(200),
      refusedBytes: fc.nat(100_000),
    });
    const names = fc.stringMatching(/^[a-z][a-z0-9./-]{0,20}$/);
    const device = fc.record({
      limits: fc.dictionary(names, memory, { minKeys: 1, maxKeys: 5, noNullPrototype: true }),
      vain: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.dictionary(names, device, { maxKeys: 5, noNullPrototype: true }), (devices) => {
        const learnt = new Map(Object.entries(devices).map(([name, one]) => [name, learntOf(one.limits, one.vain)]));
        const place = new Bytes();
        expect(new LearntFile(place).write(learnt)).toBe(true);
        expect(new LearntFile(place).read()).toEqual(learnt);
      }),
    );
  });

  test('is written only where it changed, and devices that taught nothing stand not in it', () => {
    const place = new Bytes();
    const file = new LearntFile(place);
    file.write(new Map([['quiet', learntOf({})]]));
    expect(place.writes).toBe(0);
    const learnt = new Map([
      ['quiet', learntOf({})],
      ['small', learntOf({ interface: limited({}) })],
      ['vain', learntOf({}, true)],
    ]);
    file.write(learnt);
    file.write(learnt);
    expect(place.writes).toBe(1);
    expect([...new LearntFile(place).read().keys()]).toEqual(['small', 'vain']);
    file.write(new Map());
    expect(new LearntFile(place).read().size).toBe(0);
  });

  test.each([
    ['no file', null],
    ['no JSON', 'garbage'],
    ['another version', '{"version":2,"devices":{}}'],
    ['a limit of nothing', '{"version":1,"devices":{"d":{"vain":false,"tables":{"t":[1,0,null,2,3,"silence",0,0]}}}}'],
    [
      'a text for a number',
      '{"version":1,"devices":{"d":{"vain":false,"tables":{"t":["x",1,null,2,3,"silence",0,0]}}}}',
    ],
  ])('%s: everything is learnt again', (_, text) => {
    expect(new LearntFile(new Bytes(text === null ? null : Buffer.from(text))).read().size).toBe(0);
  });
});
