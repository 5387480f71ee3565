// Management addresses in the index of LLDP's table, by the standard and as devices really write them.
import { afterEach, describe, expect, test } from 'vitest';
import { macText, managementAddress, readNeighbours } from '../../../agent/discover/neighbours.ts';
import { TAG } from '../../../agent/snmp/ber.ts';
import { type MibObject, ScriptedDevice } from '../../support/scripted-device.ts';
import { PUBLIC, testAccess } from '../../support/snmp-access.ts';

const REMOTE = '1.0.8802.1.1.2.1.4.1.1';
const ADDRESS = '1.0.8802.1.1.2.1.4.2.1.3';
const V6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9].join('.');

describe('the index of lldpRemManAddrTable', () => {
  test.each([
    ['0.7.1.1.4.192.0.2.1', { row: '0.7.1', address: '192.0.2.1' }],
    ['5.7.1.1.192.0.2.1', { row: '5.7.1', address: '192.0.2.1' }],
    [`0.7.1.2.16.${V6}`, { row: '0.7.1', address: '2001:db8::9' }],
    [`0.7.1.2.${V6}`, { row: '0.7.1', address: '2001:db8::9' }],
    ['0.7.1.1.5.192.0.2.1.9', null],
    ['0.7.1.1.4.192.0.2.256', null],
    ['0.7.1.6.6.2.0.0.0.0.1', null],
    ['0.7.1', null],
    ['', null],
  ])('%s', (index, expected) => expect(managementAddress(index, 3)).toEqual(expected));
});

describe('the index of lldpV2RemManAddrTable', () => {
  test.each([
    ['0.7.1.2.1.4.192.0.2.1', { row: '0.7.1.2', address: '192.0.2.1' }],
    [`0.7.1.2.2.16.${V6}`, { row: '0.7.1.2', address: '2001:db8::9' }],
    ['0.7.1.2', null],
  ])('%s', (index, expected) => expect(managementAddress(index, 4)).toEqual(expected));
});

describe('a MAC address', () => {
  test.each([
    ['six octets', [2, 0, 0xab, 0, 0, 1], '02:00:ab:00:00:01'],
    ['its text', [...Buffer.from('20:28:3E:6e:e3:11')], '20:28:3e:6e:e3:11'],
    ['its text with dashes', [...Buffer.from('20-28-3e-6e-e3-11')], '20:28:3e:6e:e3:11'],
    ['nothing but zeros', [0, 0, 0, 0, 0, 0], null],
    ['zeros as text', [...Buffer.from('00:00:00:00:00:00')], null],
    ['another text of that length', [...Buffer.from('switch-in-hall-17')], null],
    ['nothing', [], null],
  ])('%s', (_, octets, expected) => expect(macText(octets)).toBe(expected));
});

describe('whose address it is', () => {
  let device: ScriptedDevice | null = null;
  afterEach(async () => {
    await device?.stop();
    device = null;
  });

  const row = (index: string, name: string): MibObject[] => [
    { oid: `${REMOTE}.4.${index}`, tag: TAG.integer, value: 4 },
    { oid: `${REMOTE}.5.${index}`, tag: TAG.octets, value: Uint8Array.of(2, 0, 0, 0, 0, 1) },
    { oid: `${REMOTE}.9.${index}`, tag: TAG.octets, value: name },
  ];
  const V2 = '1.3.111.2.802.1.1.13.1.4';
  const place = (row: string, last: number): MibObject => ({
    oid: `${ADDRESS}.${row}.1.4.192.0.2.${last}`,
    tag: TAG.integer,
    value: 2,
  });

  test.each<[string, MibObject[], [string | null, string[]][]]>([
    [
      'by the whole index',
      [...row('0.7.1', 'a'), ...row('0.7.2', 'b'), place('0.7.1', 1), place('0.7.2', 2)],
      [
        ['a', ['192.0.2.1']],
        ['b', ['192.0.2.2']],
      ],
    ],
    [
      'by LLDP version 2',
      [
        { oid: `${V2}.1.1.5.0.7.1.1`, tag: TAG.integer, value: 4 },
        { oid: `${V2}.1.1.10.0.7.1.1`, tag: TAG.octets, value: 'a' },
        { oid: `${V2}.2.1.3.0.7.1.1.1.4.192.0.2.1`, tag: TAG.integer, value: 2 },
      ],
      [['a', ['192.0.2.1']]],
    ],
    [
      'with other time marks',
      [...row('0.7.1', 'a'), ...row('0.7.2', 'b'), place('9123.7.1', 1), place('9124.7.2', 2)],
      [
        ['a', ['192.0.2.1']],
        ['b', ['192.0.2.2']],
      ],
    ],
    [
      'with addresses counted',
      [...row('5.7.1', 'a'), place('5.7.1', 1), place('5.7.2', 2)],
      [['a', ['192.0.2.1', '192.0.2.2']]],
    ],
    [
      'of nobody that is told of',
      [...row('0.7.1', 'a'), ...row('0.7.2', 'b'), place('0.7.3', 3), place('0.8.1', 4), place('0.8.2', 4)],
      [
        ['a', []],
        ['b', []],
        [null, ['192.0.2.3']],
        [null, ['192.0.2.4']],
      ],
    ],
  ])('%s', async (_, objects, expected) => {
    device = new ScriptedDevice(objects);
    const port = await device.start();
    const { access } = testAccess();
    await access.start();
    try {
      const reader = access.openReader({ host: '127.0.0.1', port }, PUBLIC);
      const { neighbours } = await readNeighbours(reader, new AbortController().signal);
      expect(neighbours.map((one) => [one.name, one.addresses])).toEqual(expected);
    } finally {
      await access.stop();
    }
  });
});
