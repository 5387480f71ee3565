// Values that people ask to be set: what fits a type, and what a device's refusal is called.
import { expect, test } from 'vitest';
import { askedVarbinds, refuseFailedSet } from '../../../agent/snmp/asked-values.ts';
import { oidText } from '../../../agent/snmp/oid.ts';
import type { SnmpResponse } from '../../../agent/snmp/session.ts';
import { encodeSetValue } from '../../../agent/snmp/set-value.ts';

const hexOf = (type: string, value: string): string => {
  const [varbind] = askedVarbinds([{ oid: '.1.3.6.1.2.1.1.6.0', type, value }]);
  if (varbind === undefined) throw new Error('no varbind');
  expect(oidText(varbind.oid)).toBe('1.3.6.1.2.1.1.6.0');
  return Buffer.from(encodeSetValue(varbind)).toString('hex');
};

/** As BER has them (X.690, RFC 2578 §7.1). */
test.for([
  ['integer', '-1', '0201ff'],
  ['gauge32', '128', '42020080'],
  ['counter32', '0', '410100'],
  ['counter64', '18446744073709551615', '460900ffffffffffffffff'],
  ['timeTicks', '256', '43020100'],
  ['text', 'é', '0402c3a9'],
  ['hex', '0x00:ff 7F', '040300ff7f'],
  ['hex', '', '0400'],
  ['oid', '1.3.6.1', '06032b0601'],
  ['ipAddress', '192.0.2.1', '4004c0000201'],
] as const)('%s %s', ([type, value, hex]) => {
  expect(hexOf(type, value)).toBe(hex);
});

test.for([
  ['hex', 'abc'],
  ['hex', 'zz'],
  ['integer', '2147483648'],
  ['integer', '1.5'],
  ['gauge32', '-1'],
  ['ipAddress', '192.0.2.256'],
  ['bits', '1'],
  ['toString', '1'],
  ['oid', 'a secret'],
  ['oid', '9.9'],
] as const)('%s %s is refused', ([type, value]) => {
  expect(() => hexOf(type, value)).toThrow(expect.objectContaining({ code: 'snmp_value_invalid' }));
});

test.for(['oid', 'hex', 'integer', 'ipAddress', 'bits'])(
  'a value given as %s by mistake stands in no error',
  (type) => {
    let told = '';
    try {
      hexOf(type, 's3cret');
    } catch (error) {
      told = `${String(error)} ${JSON.stringify(error)}`;
    }
    expect(told).toMatch(/snmp_|value/);
    expect(told).not.toContain('s3cret');
  },
);

test('a refusal has the name of the standard and the value that it is about', () => {
  const values = [
    { oid: '1.3.6.1.1', type: 'integer', value: '1' },
    { oid: '1.3.6.1.2', type: 'integer', value: '1' },
  ];
  const answer = (errorStatus: number, errorIndex: number) => ({ errorStatus, errorIndex }) as SnmpResponse;
  expect(() => refuseFailedSet(answer(0, 0), values)).not.toThrow();
  expect(() => refuseFailedSet(answer(17, 2), values)).toThrow('The device set nothing: notWritable at 1.3.6.1.2.');
  expect(() => refuseFailedSet(answer(99, 0), values)).toThrow('The device set nothing: status 99.');
});
