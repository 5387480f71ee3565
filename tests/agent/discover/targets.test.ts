// Which addresses a discovery asks, what it refuses, and what lies within its bounds.
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Bounds, canonicalHost, isReachable, parseNetwork, sweepPlan } from '../../../agent/discover/targets.ts';
import { parseAddress } from '../../../agent/snmp/address.ts';
import { codeOf } from '../../../common/runtime/errors.ts';

const hosts = (...texts: string[]): string[] => sweepPlan(texts, 161, parseAddress).map((one) => one.host);

function codeFrom(run: () => unknown): string {
  try {
    run();
    return 'nothing thrown';
  } catch (error) {
    return codeOf(error);
  }
}

describe('the plan of a sweep', () => {
  test.each([
    [['192.0.2.0/30'], ['192.0.2.1', '192.0.2.2']],
    [['192.0.2.7/30'], ['192.0.2.5', '192.0.2.6']],
    [['192.0.2.4/31'], ['192.0.2.4', '192.0.2.5']],
    [['192.0.2.9/32'], ['192.0.2.9']],
    [['255.255.255.252/30'], ['255.255.255.253', '255.255.255.254']],
    [['2001:DB8::/127'], ['2001:db8::', '2001:db8::1']],
    [['2001:db8::fffe/127'], ['2001:db8::fffe', '2001:db8::ffff']],
    [['::ffff:192.0.2.0/127'], ['::ffff:192.0.2.0', '::ffff:192.0.2.1']],
    [
      ['192.0.2.1', '192.0.2.0/30', '192.0.2.1'],
      ['192.0.2.1', '192.0.2.2'],
    ],
    [['2001:db8:0::1', '2001:DB8::1'], ['2001:db8::1']],
    [['Core1.Example.net'], ['core1.example.net']],
    [['fe80::1%eth0'], ['fe80::1%eth0']],
  ])('%j is %j', (texts, expected) => expect(hosts(...texts)).toEqual(expected));

  test('a port stands with the address or is the one for all', () => {
    expect(sweepPlan(['192.0.2.1:1161', '[2001:db8::1]:1161', '192.0.2.4/31'], 2161, parseAddress)).toEqual([
      { host: '192.0.2.1', port: 1161 },
      { host: '2001:db8::1', port: 1161 },
      { host: '192.0.2.4', port: 2161 },
      { host: '192.0.2.5', port: 2161 },
    ]);
  });

  test('the largest networks: all but network and broadcast address of a /16, every address of a /112', () => {
    const four = hosts('10.9.0.0/16');
    expect([four.length, four[0], four.at(-1)]).toEqual([65_534, '10.9.0.1', '10.9.255.254']);
    const six = hosts('2001:db8::5:0/112');
    expect([six.length, six[0], six.at(-1)]).toEqual([65_536, '2001:db8::5:0', '2001:db8::5:ffff']);
  });

  test.each(['10.0.0.0/15', '0.0.0.0/0', '2001:db8::/111', '::/0'])('%s is refused as too large', (text) => {
    expect(codeFrom(() => hosts(text))).toBe('network_too_large');
  });

  test('many large networks together are refused as well', () => {
    const many = Array.from({ length: 5 }, (_, at) => `10.${at}.0.0/16`);
    expect(codeFrom(() => hosts(...many))).toBe('network_too_large');
    expect(hosts(...many.slice(0, 4))).toHaveLength(4 * 65_534);
  });

  test.each([
    '192.0.2.0/33',
    '192.0.2.0/',
    '192.0.2/24',
    '192.0.2.0/-1',
    '2001:db8::/129',
    'fe80::%eth0/64',
    'core/24',
    '',
    '1.2.3.4:0',
  ])('"%s" is refused as no address', (text) => expect(codeFrom(() => hosts(text))).toBe('address_invalid'));

  test('every address of a network lies within it, and they are as many as the prefix says', () => {
    const network = fc.oneof(
      fc.tuple(fc.ipV4(), fc.integer({ min: 22, max: 32 })),
      fc.tuple(fc.ipV6(), fc.integer({ min: 118, max: 128 })),
    );
    fc.assert(
      fc.property(network, ([address, prefix]) => {
        const text = `${address}/${prefix}`;
        const found = hosts(text);
        const bits = (isIP(address) === 4 ? 32 : 128) - prefix;
        const left = isIP(address) === 4 && bits > 1 ? 2 : 0;
        expect(new Set(found).size).toBe(2 ** bits - left);
        const bounds = new Bounds([text]);
        for (const one of found) expect(bounds.holds(one)).toBe(true);
        if (left === 0) expect(found).toContain(canonicalHost(address));
      }),
      { numRuns: 200 },
    );
  });
});

describe('bounds', () => {
  const bounds = new Bounds(['192.0.2.0/24', '2001:db8::/64', '198.51.100.7', 'core1.example.net']);

  test.each([
    ['192.0.2.0', true],
    ['192.0.2.255', true],
    ['192.0.3.0', false],
    ['198.51.100.7', true],
    ['198.51.100.8', false],
    ['2001:db8::ffff:1', true],
    ['2001:db8:0:1::1', false],
    ['core1.example.net', false],
    ['2001:db8::1%eth0', false],
  ])('%s: %s', (address, expected) => expect(bounds.holds(address)).toBe(expected));

  test.each([
    ['10.0.0.1', true],
    ['2001:db8::1', true],
    ['0.0.0.0', false],
    ['127.0.0.1', false],
    ['169.254.3.3', false],
    ['224.0.0.5', false],
    ['255.255.255.255', false],
    ['::', false],
    ['::1', false],
    ['fe80::1', false],
    ['ff02::1', false],
    ['core1', false],
  ])('whether a neighbour at %s can be followed: %s', (address, expected) => {
    expect(isReachable(address)).toBe(expected);
  });

  test('a text without a slash is no network', () => expect(parseNetwork('192.0.2.1')).toBeNull());
});
