// Names proposed for found devices: valid, unique, short where they can be.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { proposeNames, validName } from '../../../agent/discover/naming.ts';
import { nameSchema } from '../../../common/runtime/device-configuration.ts';

const named = (sysNames: readonly (string | null)[], taken: readonly string[] = []): string[] =>
  proposeNames(
    sysNames.map((sysName, at) => ({ sysName, address: `192.0.2.${at + 1}` })),
    taken,
  );

describe('proposed names', () => {
  test.each([
    ['a label of its own', ['core1.example.net', 'edge.example.net'], [], ['core1', 'edge']],
    [
      'the same label in two domains',
      ['sw1.paris.example', 'sw1.rome.example'],
      [],
      ['sw1.paris.example', 'sw1.rome.example'],
    ],
    ['the same name twice', ['switch', 'switch'], [], ['switch-192.0.2.1', 'switch-192.0.2.2']],
    ['a name that is taken', ['core1.example.net'], ['core1'], ['core1.example.net']],
    ['both taken', ['core1.example.net'], ['core1', 'core1.example.net'], ['core1.example.net-192.0.2.1']],
    ['no name', [null, '', ' '], [], ['device-192.0.2.1', 'device-192.0.2.2', 'device-192.0.2.3']],
    ['an address as a name', ['10.1.2.3'], [], ['10.1.2.3']],
    ['what a name may not have', ['Büro Süd #2/α'], [], ['Buro-Sud-2']],
    ['nothing that a name may have', ['αβγ', '---'], [], ['device-192.0.2.1', 'device-192.0.2.2']],
  ])('%s', (_, sysNames, taken, expected) => expect(named(sysNames, taken)).toEqual(expected));

  test('an IPv6 address with a port fits', () => {
    const address = '[2001:db8:1111:2222:3333:4444:5555:6666]:16161';
    const [name = ''] = proposeNames([{ sysName: null, address }], []);
    expect(name).toBe('device-2001-db8-1111-2222-3333-4444-5555-6666-16161');
  });

  test('whatever devices call themselves, names are valid and unique', () => {
    const sysName = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.domain(),
      fc.constantFrom('a', 'a.b', 'A', null),
      fc.ipV6(),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(sysName, fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()))),
        fc.array(fc.domain()),
        (all, taken) => {
          const names = proposeNames(
            all.map(([name, address]) => ({ sysName: name, address })),
            taken,
          );
          for (const name of names) expect(nameSchema.safeParse(name).success).toBe(true);
          expect(new Set([...names, ...taken]).size).toBe(names.length + new Set(taken).size);
        },
      ),
    );
  });

  test('a name made valid stays what it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(validName(validName(text))).toBe(validName(text));
      }),
    );
  });
});
