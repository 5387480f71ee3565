// What an index or a text stands for: the compact form held against a plain one.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KnownNames, type NamedInterface } from '../../../agent/poll/known-names.ts';
import { interfaceKeys } from '../../../common/model/interface-identity.ts';

const FIELDS = ['key', 'ifName', 'ifDescr', 'ifPhysAddress', 'ifAlias'] as const;

function named(rows: readonly Omit<NamedInterface, 'key' | 'speedBps'>[]): NamedInterface[] {
  const keys = interfaceKeys(rows);
  return rows.map((row) => ({ ...row, key: keys.get(row.ifIndex) ?? '', speedBps: 1e9 }));
}

const port = (ifIndex: string, words: Partial<NamedInterface> = {}): Omit<NamedInterface, 'key' | 'speedBps'> => ({
  ifIndex,
  ifName: null,
  ifDescr: null,
  ifAlias: null,
  ifPhysAddress: null,
  ...words,
});

const knownOf = (rows: readonly NamedInterface[]): KnownNames => new KnownNames(rows, 0, Number.NaN);

/** What keyOf must give, written without thought for memory. */
function plainKeyOf(rows: readonly NamedInterface[], text: string): string | null {
  if (text === '') return null;
  for (const field of FIELDS) {
    const bearers = rows.filter((row) => row[field] === text);
    if (bearers.length === 1) return bearers[0]?.key ?? null;
  }
  return rows.find((row) => `#${row.ifIndex}` === text)?.key ?? null;
}

describe('a text', () => {
  const rows = named([
    port('1', {
      ifName: 'Gi0/1',
      ifDescr: 'GigabitEthernet0/1',
      ifAlias: 'customer 7',
      ifPhysAddress: '02:00:00:00:00:01',
    }),
    port('2', { ifName: 'Gi0/2', ifDescr: 'GigabitEthernet0/2', ifAlias: 'Gi0/1' }),
    port('3', { ifName: 'same', ifDescr: 'a' }),
    port('4', { ifName: 'same', ifDescr: 'b', ifAlias: 'ÿ€ 日本' }),
  ]);
  const cases: readonly [string, string | null][] = [
    ['Gi0/1', 'Gi0/1'],
    ['GigabitEthernet0/2', 'Gi0/2'],
    ['02:00:00:00:00:01', 'Gi0/1'],
    ['customer 7', 'Gi0/1'],
    ['#2', 'Gi0/2'],
    ['#9', null],
    ['same', null],
    ['a', 'a'],
    ['b', 'b'],
    ['ÿ€ 日本', 'b'],
    ['Gi0', null],
    ['', null],
  ];
  test.each(cases)('%s is %s', (text, key) => {
    expect(knownOf(rows).keyOf(text)).toBe(key);
  });

  test('that bears the marks of the form itself means nothing, and hides nothing', () => {
    const odd = named([port('1', { ifName: '\u00011x\u00020\u0003' }), port('2', { ifName: 'x' })]);
    expect(knownOf(odd).keyOf('\u00011x\u00020\u0003')).toBeNull();
    expect(knownOf(odd).keyOf('x')).toBe('x');
  });

  test('is what a plain search finds, whatever the names', () => {
    const word = fc.constantFrom('a', 'b', 'ab', 'eth0', '#1', '1', '0', 'é');
    const row = fc.record({
      ifName: fc.option(word),
      ifDescr: fc.option(word),
      ifAlias: fc.option(word),
      ifPhysAddress: fc.option(word),
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 6 }), (words) => {
        const rows = named(words.map((one, at) => port(String(at + 1), one)));
        const known = knownOf(rows);
        for (const text of ['a', 'b', 'ab', 'eth0', '#1', '#2', '1', '0', 'é', 'a#1', ''])
          expect(known.keyOf(text)).toBe(plainKeyOf(rows, text));
      }),
    );
  });
});

describe('indexes', () => {
  const known = knownOf(named(['1', '2', '10'].map((index) => port(index, { ifName: `p${index}` }))));

  test('that are just these need no look at each', () => {
    expect(known.rowsOf(['1', '2', '10'])).toBeNull();
  });

  test.each<[string[], number[]]>([
    [
      ['1', '10'],
      [0, 2],
    ],
    [
      ['2', '1', '10'],
      [1, 0, 2],
    ],
    [
      ['1', '2', '3', '10'],
      [0, 1, -1, 2],
    ],
    [[], []],
  ])('%j are at %j', (index, rows) => {
    expect([...(known.rowsOf(index) ?? [])]).toEqual(rows);
  });
});
