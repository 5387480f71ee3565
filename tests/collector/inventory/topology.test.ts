// Links out of what neighbours say: which device and port is meant, both ends' words one link, and nothing made up where a word fits two.
import { expect, test } from 'vitest';
import { deviceFinder, linksOf, macText, type NeighbourReport } from '../../../collector/inventory/topology.ts';

const device = (name: string, sysName: string | null = null) => ({ name, sysName });

test.each([
  ['its configured name', 'core1', 'core1'],
  ['its sysName', 'sw-core-1.example.net', 'core1'],
  ['in other letters', 'SW-Core-1.Example.NET', 'core1'],
  ['without the domain', 'sw-core-1', 'core1'],
  ['with another domain', 'sw-core-1.lab', 'core1'],
  ['with a serial number behind it, as NX-OS does', 'sw-core-1.example.net(FOC1234X0Y1)', 'core1'],
  ['the address of one of its ports', '00:1B:54:aa:bb:01', 'core1'],
  ['that address as Cisco writes it', '001b.54aa.bb01', 'core1'],
  ['an address that two devices have', '00:00:5e:00:01:01', null],
  ['a name that nobody has', 'elsewhere', null],
  ['a short name that two devices have', 'edge', null],
  ['the full name of one of these', 'edge.north.example.net', 'edge-north'],
  ['an IPv4 address is not cut at its dots', '192.0.2.1', 'by-address'],
  ['another one with the same first octet', '192.0.2.2', null],
  ['nothing', '', null],
])('a device is meant by %s', (_, text, meant) => {
  const find = deviceFinder(
    [
      device('core1', 'sw-core-1.example.net'),
      device('edge-north', 'edge.north.example.net'),
      device('edge-south', 'edge.south.example.net'),
      device('192.0.2.1'),
      device('by-address', '192.0.2.1'),
    ].filter(({ name }) => name !== '192.0.2.1'),
    new Map([
      ['00:1b:54:aa:bb:01', 'core1'],
      ['00:00:5e:00:01:01', null],
    ]),
  );
  expect(find(text)).toBe(meant);
});

test.each([
  ['00:1b:54:aa:bb:01', '00:1b:54:aa:bb:01'],
  ['00-1B-54-AA-BB-01', '00:1b:54:aa:bb:01'],
  ['001b.54aa.bb01', '00:1b:54:aa:bb:01'],
  ['00 1b 54 aa bb 01 ', '00:1b:54:aa:bb:01'],
  ['Gi0/1', null],
  ['001b54aabb0', null],
  ['', null],
])('the address %s', (text, address) => expect(macText(text)).toBe(address));

const PORTS: Readonly<Record<string, string>> = {
  'core1 gi0/1': 'Gi0/1',
  'core1 gi0/2': 'Gi0/2',
  'core2 ge-0/0/1': 'ge-0/0/1',
  'core2 ge-0/0/2': 'ge-0/0/2',
};

/** `core1 Gi0/1 > core2 ge-0/0/1 lldp`: what core1 says; `-` is not said. */
function linkTexts(...words: string[]): string[] {
  const said = (text: string | undefined): string | null => (text === undefined || text === '-' ? null : text);
  const reports = words.map((line, at): NeighbourReport => {
    const [near = '', localInterface, , remoteDevice = '', remotePort, protocol] = line.split(' ');
    return {
      device: near,
      localInterface: said(localInterface),
      remoteDevice,
      remotePort: said(remotePort),
      protocol: said(protocol),
      lastSeenMs: 1000 + at,
    };
  });
  const find = deviceFinder([device('core1'), device('core2'), device('core3')], new Map());
  const links = linksOf(reports, find, (name, port) => PORTS[`${name} ${port.toLowerCase()}`] ?? null);
  const end = (one: (typeof links)[number]['a']): string =>
    `${one.device ?? `(${one.remoteName})`} ${one.interfaceKey ?? (one.port === null ? '-' : `?${one.port}`)}`;
  return links.map(
    ({ a, b, protocols, toldBy, lastSeenMs }) =>
      `${end(a)} = ${end(b)} ${protocols.join(',')} by ${toldBy.join('')} ${lastSeenMs}`,
  );
}

test('both ends tell of one link, by LLDP and by CDP: it is one', () => {
  expect(
    linkTexts(
      'core2 ge-0/0/1 > core1 Gi0/1 lldp',
      'core1 Gi0/1 > core2 ge-0/0/1 lldp',
      'core1 Gi0/1 > core2 GE-0/0/1 cdp',
    ),
  ).toEqual(['core1 Gi0/1 = core2 ge-0/0/1 cdp,lldp by ab 1002']);
});

test('two links between the same devices stay two', () => {
  expect(linkTexts('core1 Gi0/1 > core2 ge-0/0/1 lldp', 'core1 Gi0/2 > core2 ge-0/0/2 lldp')).toEqual([
    'core1 Gi0/1 = core2 ge-0/0/1 lldp by a 1000',
    'core1 Gi0/2 = core2 ge-0/0/2 lldp by a 1001',
  ]);
});

test('an end that only one of them can name is known by what the other says', () => {
  expect(linkTexts('core1 Gi0/1 > core2 513 lldp', 'core2 ge-0/0/1 > core1 Gi0/1 lldp')).toEqual([
    'core1 Gi0/1 = core2 ge-0/0/1 lldp by ab 1001',
  ]);
  expect(linkTexts('core2 ge-0/0/1 > core1 7 cdp', 'core1 Gi0/1 > core2 ge-0/0/1 lldp')).toEqual([
    'core1 Gi0/1 = core2 ge-0/0/1 cdp,lldp by ab 1001',
  ]);
});

test('where two links could be meant, nothing is made up', () => {
  expect(
    linkTexts('core1 Gi0/1 > core2 513 lldp', 'core2 ge-0/0/1 > core1 Gi0/1 lldp', 'core2 ge-0/0/2 > core1 Gi0/1 lldp'),
  ).toEqual([
    'core1 Gi0/1 = core2 ?513 lldp by a 1000',
    'core1 Gi0/1 = core2 ge-0/0/1 lldp by b 1001',
    'core1 Gi0/1 = core2 ge-0/0/2 lldp by b 1002',
  ]);
});

test('a neighbour that is none of ours is the far end, whatever it is called', () => {
  expect(linkTexts('core2 ge-0/0/1 > a-phone Port-1 lldp', 'core2 - > a-server - -')).toEqual([
    'core2 - = (a-server) -  by a 1001',
    'core2 ge-0/0/1 = (a-phone) ?Port-1 lldp by a 1000',
  ]);
});

test('a device that hears itself is a link of two of its ports', () => {
  expect(linkTexts('core1 Gi0/1 > core1 Gi0/2 lldp', 'core1 Gi0/2 > core1 Gi0/1 lldp')).toEqual([
    'core1 Gi0/1 = core1 Gi0/2 lldp by ab 1001',
  ]);
});
