// What interfaces of one device are called for ever: by name, else by description, and never two the same.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type InterfaceNames,
  interfaceKeys,
  interfaceResource,
  toldApart,
} from '../../../common/model/interface-identity.ts';

const rows = (...names: [string | null, string | null][]): InterfaceNames[] =>
  names.map(([ifName, ifDescr], at) => ({ ifIndex: String(at + 1), ifName, ifDescr }));
const keysOf = (list: readonly InterfaceNames[]): string[] => [...interfaceKeys(list).values()];

describe('the key of an interface', () => {
  test.each<[string, [string | null, string | null][], string[]]>([
    [
      'its name',
      [
        ['ge-0/0/0', 'first'],
        ['ge-0/0/1', 'second'],
      ],
      ['ge-0/0/0', 'ge-0/0/1'],
    ],
    ['its name without the blanks around it', [[' eth0 ', null]], ['eth0']],
    [
      'its description where it has no name',
      [
        [null, 'Port 1'],
        ['', 'Port 2'],
        [' ', 'Port 3'],
      ],
      ['Port 1', 'Port 2', 'Port 3'],
    ],
    [
      'its description where its name is not its own',
      [
        ['eth', 'left'],
        ['eth', 'right'],
      ],
      ['left', 'right'],
    ],
    [
      'its name and its number where nothing is its own',
      [
        ['eth', 'x'],
        ['eth', 'x'],
      ],
      ['eth#1', 'eth#2'],
    ],
    [
      'its description and its number where it has no name',
      [
        [null, 'x'],
        [null, 'x'],
      ],
      ['x#1', 'x#2'],
    ],
    [
      'its number where it has nothing',
      [
        [null, null],
        ['', ''],
      ],
      ['if#1', 'if#2'],
    ],
    [
      'not a description that is another’s name',
      [
        ['a', 'b'],
        ['b', null],
        [null, 'a'],
      ],
      ['a', 'b', 'a#3'],
    ],
    [
      'told apart from a name that looks made up',
      [
        ['a', null],
        ['a', null],
        ['a#2', null],
      ],
      ['a#1', 'a#2#2', 'a#2#3'],
    ],
    [
      'the same in capitals as another',
      [
        ['Eth0', null],
        ['eth0', null],
      ],
      ['Eth0', 'eth0'],
    ],
  ])('is %s', (_name, names, expected) => {
    expect(keysOf(rows(...names))).toEqual(expected);
  });

  test('names a resource under its device', () => {
    expect(interfaceResource('r1', 'ge-0/0/0')).toBe('r1/ge-0/0/0');
  });
});

const text = fc.oneof(
  fc.constantFrom(null, '', ' ', 'a', 'b', 'a#1', 'a#2', 'b#3', 'if', 'if#1', 'a#1#1'),
  fc.string({ maxLength: 4 }),
);
const interfaces = fc.uniqueArray(
  fc.record({ ifIndex: fc.integer({ min: 1, max: 12 }).map(String), ifName: text, ifDescr: text }),
  {
    selector: (row) => row.ifIndex,
    maxLength: 12,
  },
);

describe('the keys of a device', () => {
  test('are there for every interface, and no two are the same', () => {
    fc.assert(
      fc.property(interfaces, (list) => {
        const keys = keysOf(list);
        expect(keys).toHaveLength(list.length);
        expect(new Set(keys).size).toBe(list.length);
        expect(keys.every((key) => key !== '' && key === key.trim())).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  test('do not depend on the order in which the device tells them', () => {
    fc.assert(
      fc.property(interfaces, (list) => {
        const sorted = (keys: Map<string, string>): unknown => [...keys].toSorted(([a], [b]) => Number(a) - Number(b));
        expect(sorted(interfaceKeys(list.toReversed()))).toEqual(sorted(interfaceKeys(list)));
      }),
    );
  });

  test('stay when an interface of another name comes', () => {
    fc.assert(
      fc.property(interfaces, (list) => {
        const before = interfaceKeys(list);
        const after = interfaceKeys([...list, { ifIndex: '99', ifName: 'a new one', ifDescr: 'of its own' }]);
        for (const [ifIndex, key] of before) expect(after.get(ifIndex)).toBe(key);
      }),
    );
  });
});

test('what cannot be told apart at all has no key', () => {
  expect(toldApart(['a', 'a', 'b'], ['1', '1', '2'])).toEqual(['', '', 'b']);
  expect(toldApart([], [])).toEqual([]);
});
