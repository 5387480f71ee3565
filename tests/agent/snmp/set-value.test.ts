// Values of a SET: encoded as the reader of answers reads them back, refused where they do not fit.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BerReader, BerWriter, TAG } from '../../../agent/snmp/ber.ts';
import { decodeMessage, encodeCommunityMessage } from '../../../agent/snmp/message.ts';
import { oidOf } from '../../../agent/snmp/oid.ts';
import { PDU } from '../../../agent/snmp/pdu.ts';
import { encodeSetValue, type SetValueType } from '../../../agent/snmp/set-value.ts';
import type { Varbinds } from '../../../agent/snmp/varbinds.ts';
import { valueAt } from '../../../agent/snmp/value.ts';

/** Through a whole message and back. */
function sent(type: SetValueType, value: string | Uint8Array): Varbinds {
  const request = {
    type: PDU.set,
    requestId: 5,
    oids: [oidOf('1.3.6.1.2.1.1.4.0')],
    values: [encodeSetValue({ type, value })],
  } as const;
  const message = decodeMessage(encodeCommunityMessage(1, Buffer.from('writer'), request));
  if (message.version === 3) throw new Error('not a community message');
  expect(message.pdu).toMatchObject({ type: PDU.set, requestId: 5, errorStatus: 0, errorIndex: 0 });
  return message.pdu.varbinds;
}

describe('what is written arrives', () => {
  test.for([
    ['octets', 'Žižkov', TAG.octets, 'Žižkov'],
    ['octets', '', TAG.octets, ''],
    ['oid', '1.3.6.1.4.1.9', TAG.oid, '1.3.6.1.4.1.9'],
    ['ipAddress', '192.0.2.255', TAG.ipAddress, '192.0.2.255'],
  ] as const)('%s %s', ([type, value, tag, read]) => {
    const varbinds = sent(type, value);
    expect([varbinds.tag(0), valueAt(varbinds, 0, type === 'ipAddress' ? 'address' : 'value')]).toEqual([tag, read]);
  });

  test('integers of 32 bits', () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        const reader = new BerReader(encodeSetValue({ type: 'integer', value: String(value) }));
        expect(reader.integer()).toBe(value);
      }),
    );
  });

  test.for([
    ['counter32', TAG.counter32, 32n],
    ['gauge32', TAG.gauge32, 32n],
    ['timeTicks', TAG.timeTicks, 32n],
    ['counter64', TAG.counter64, 64n],
  ] as const)('%s over its whole range, never negative on the wire', ([type, tag, bits]) => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** bits - 1n }), (value) => {
        const varbinds = sent(type, String(value));
        expect(varbinds.tag(0)).toBe(tag);
        if (tag !== TAG.timeTicks) expect(varbinds.counter(0)).toBe(value);
        const bytes = encodeSetValue({ type, value: String(value) });
        expect(BigInt(`0x${Buffer.from(bytes.subarray(2)).toString('hex')}`)).toBe(value);
        expect(bytes[2] ?? 0xff).toBeLessThan(0x80);
      }),
    );
  });

  test('null is what asks without a value', () => {
    const writer = new BerWriter();
    writer.octets(new Uint8Array(), TAG.null);
    expect(encodeSetValue({ type: 'null', value: '' })).toEqual(writer.finish());
  });
});

describe('what does not fit is refused before anything is sent', () => {
  test.for([
    ['integer', '2147483648'],
    ['integer', '1.5'],
    ['integer', ''],
    ['integer', '0x10'],
    ['gauge32', '-1'],
    ['gauge32', '4294967296'],
    ['counter64', '18446744073709551616'],
    ['ipAddress', '192.0.2.256'],
    ['ipAddress', '192.0.2'],
    ['ipAddress', '::1'],
  ] as const)('%s %s', ([type, value]) => {
    expect(() => encodeSetValue({ type, value })).toThrow(expect.objectContaining({ code: 'snmp_value_invalid' }));
  });

  test('bytes where a number is due; an OID that is none', () => {
    const bytes = { type: 'integer', value: Uint8Array.of(1) } as const;
    expect(() => encodeSetValue(bytes)).toThrow(expect.objectContaining({ code: 'snmp_value_invalid' }));
    expect(() => encodeSetValue({ type: 'oid', value: 'sysName' })).toThrow(
      expect.objectContaining({ code: 'snmp_value_invalid' }),
    );
  });
});
