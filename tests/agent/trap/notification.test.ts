// What a notification says: names, version 1 in the words of version 2 (RFC 3584 §3.1), values as texts, bounds.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TAG } from '../../../agent/snmp/ber.ts';
import { decodeMessage } from '../../../agent/snmp/message.ts';
import { NameBook } from '../../../agent/trap/names.ts';
import { notificationOf, type Said } from '../../../agent/trap/notification.ts';
import { EVENT_LIMITS } from '../../../common/model/event.ts';
import {
  integer,
  LINK_DOWN,
  messageV1,
  messageV2c,
  SYS_UP_TIME,
  type TestVarbind,
  text,
} from '../../support/trap-message.ts';
import { NAMES } from '../../support/trap-settings.ts';

const book = new NameBook(NAMES);

function said(bytes: Uint8Array): Said {
  const message = decodeMessage(bytes);
  if (message.version === 3) throw new Error('a message of version 3');
  return notificationOf(message.pdu, book);
}

/** A trap of version 2c with these varbinds and no others. */
const messageOf = (varbinds: readonly TestVarbind[]): Uint8Array => messageV2c('c', { bare: true, varbinds });
const v2c = (varbinds: readonly TestVarbind[], trapOid = LINK_DOWN): Said =>
  said(messageV2c('c', { trapOid, varbinds }));
const value = (varbind: TestVarbind): string | undefined => v2c([varbind]).details.at(-1)?.value;
const octets = (...bytes: number[]): TestVarbind => ({
  oid: '1.3.6.1.4.1.99999.1',
  tag: TAG.octets,
  value: Uint8Array.from(bytes),
});

describe('version 1 (RFC 3584 §3.1)', () => {
  test.each([
    [0, 'coldStart', '1.3.6.1.6.3.1.1.5.1'],
    [1, 'warmStart', '1.3.6.1.6.3.1.1.5.2'],
    [2, 'linkDown', '1.3.6.1.6.3.1.1.5.3'],
    [3, 'linkUp', '1.3.6.1.6.3.1.1.5.4'],
    [4, 'authenticationFailure', '1.3.6.1.6.3.1.1.5.5'],
    [5, 'egpNeighborLoss', '1.3.6.1.6.3.1.1.5.6'],
  ])('generic trap %d is %s', (generic, name, trapOid) => {
    const found = said(messageV1('c', { enterprise: '1.3.6.1.4.1.9', generic, specific: 99, uptimeTicks: 77 }));
    expect(found).toMatchObject({ name, uptimeTicks: 77, proxied: null });
    expect(found.details.find((one) => one.name === 'snmpTrapOID')?.value).toBe(trapOid);
    expect(found.details.find((one) => one.name === 'snmpTrapEnterprise')?.value).toBe('1.3.6.1.4.1.9');
  });

  test.each([
    // Enterprise and number of SMIv2 notifications whose OID has no zero (RFC 3584 §3.2): the zero put in is taken out to find the name.
    ['1.3.6.1.2.1.15.7', 2, 'bgpBackwardTransition', '1.3.6.1.2.1.15.7.0.2'],
    ['1.3.6.1.2.1.33.2', 1, 'upsTrapOnBattery', '1.3.6.1.2.1.33.2.0.1'],
    ['1.3.6.1.2.1.17', 1, 'newRoot', '1.3.6.1.2.1.17.0.1'],
    ['1.3.6.1.4.1.99999', 5, 'notification', '1.3.6.1.4.1.99999.0.5'],
  ])('%s specific %d is %s', (enterprise, specific, name, trapOid) => {
    const found = said(messageV1('c', { enterprise, generic: 6, specific }));
    expect([found.name, found.details[0]]).toEqual([name, { name: 'snmpTrapOID', value: trapOid }]);
  });

  test('the address of the agent, unless it is all zeros', () => {
    const of = (agentAddress: number[]): Said =>
      said(messageV1('c', { enterprise: '1.3.6.1.4.1.9', agentAddress, generic: 0 }));
    expect(of([10, 1, 2, 3]).proxied).toBe('10.1.2.3');
    expect(of([0, 0, 0, 0]).proxied).toBeNull();
  });
});

describe('the uptime', () => {
  const uptime = (tag: number, given: TestVarbind['value']): number | null =>
    said(messageOf([{ oid: SYS_UP_TIME, tag, value: given }])).uptimeTicks;

  test.each([
    ['TimeTicks with the highest bit', TAG.timeTicks, -1, 2 ** 32 - 1],
    ['an INTEGER', TAG.integer, 77, 77],
    ['a negative INTEGER', TAG.integer, -77, null],
    ['a Counter64 that is too large', TAG.counter64, Uint8Array.of(1, 0, 0, 0, 0), null],
    ['a fraction', TAG.opaque, Uint8Array.of(0x9f, 0x78, 4, 0x3f, 0, 0, 0), null],
    ['a text', TAG.octets, '77', null],
  ])('%s', (_what, tag, given, expected) => {
    expect(uptime(tag, given)).toBe(expected);
  });
});

describe('names', () => {
  test('an object by its name and index, a scalar by its name, what is unknown by its OID', () => {
    const { details } = v2c([
      integer('1.3.6.1.2.1.2.2.1.8.12', 2),
      text('1.3.6.1.2.1.1.5.0', 'core1'),
      text('1.3.6.1.2.1.15.3.1.2.10.0.0.1', 'x'),
      integer('1.3.6.1.4.1.99999.7.1', 5),
    ]);
    expect(details.slice(2).map(({ name }) => name)).toEqual([
      'ifOperStatus.12',
      'sysName',
      'bgpPeerState.10.0.0.1',
      '1.3.6.1.4.1.99999.7.1',
    ]);
    expect(details[1]).toEqual({ name: 'severity', value: 'major' });
  });

  test('a zero too many or too few does not hide a name', () => {
    expect(v2c([], '1.3.6.1.2.1.15.0.7.2').name).toBe('notification');
    expect(v2c([], '1.3.6.1.2.1.15.7.0.2').name).toBe('bgpBackwardTransition');
    expect(v2c([], '1.3.6.1.6.3.1.1.5.0.3').name).toBe('linkDown');
    expect(v2c([], '1.3.6.1.2.1.47.2.1').name).toBe('entConfigChange');
  });

  test('the community that a proxy adds is a secret and goes nowhere', () => {
    const { details } = v2c([text('1.3.6.1.6.3.18.1.4.0', 'a secret')]);
    expect(JSON.stringify(details)).not.toContain('a secret');
  });
});

describe('the interface', () => {
  test.each([
    ['its index as a value', [integer('1.3.6.1.2.1.2.2.1.1.9', 9)], 9],
    ['the index of a column of ifTable', [text('1.3.6.1.2.1.2.2.1.2.17', 'x')], 17],
    ['the index of a column of ifXTable', [text('1.3.6.1.2.1.31.1.1.1.18.17', 'x')], 17],
    ['one of several words', [integer('1.3.6.1.2.1.2.2.1.1.9', 9), text('1.3.6.1.2.1.2.2.1.2.9', 'x')], 9],
    ['two of them: none', [integer('1.3.6.1.2.1.2.2.1.1.9', 9), text('1.3.6.1.2.1.2.2.1.2.8', 'x')], null],
    ['no positive number: none', [integer('1.3.6.1.2.1.2.2.1.1.9', -9)], null],
    ['no number: none', [text('1.3.6.1.2.1.2.2.1.1.9', '9')], null],
    ['nothing', [], null],
  ])('by %s', (_what, varbinds, ifIndex) => {
    expect(v2c(varbinds).ifIndex).toBe(ifIndex);
  });
});

describe('values', () => {
  test.each([
    ['UTF-8', octets(0xc3, 0xbc, 0x62), 'üb'],
    ['Latin-1', octets(0xfc, 0x62), 'üb'],
    ['lines', octets(0x61, 0x0d, 0x0a, 0x62), 'a\r\nb'],
    ['NULs at the end', octets(0x61, 0, 0), 'a'],
    ['NULs alone', octets(0, 0), '00:00'],
    ['octets that are no text', octets(0x61, 0x01), '61:01'],
    ['a Latin-1 control character', octets(0x61, 0x85), '61:85'],
    ['nothing', octets(), ''],
    [
      'a MAC address by its form',
      { oid: '1.3.6.1.2.1.2.2.1.6.1', tag: TAG.octets, value: 'abcdef' },
      '61:62:63:64:65:66',
    ],
    ['an IpAddress', { oid: '1.3.6.1.4.1.99999.1', tag: TAG.ipAddress, value: Uint8Array.of(10, 0, 0, 1) }, '10.0.0.1'],
    ['an OID', { oid: '1.3.6.1.4.1.99999.1', tag: TAG.oid, value: '1.3.6.1' }, '1.3.6.1'],
    ['a negative number', integer('1.3.6.1.4.1.99999.1', -5), '-5'],
    ['null', { oid: '1.3.6.1.4.1.99999.1', tag: TAG.null, value: null }, ''],
    ['noSuchInstance', { oid: '1.3.6.1.4.1.99999.1', tag: TAG.noSuchInstance, value: null }, 'noSuchInstance'],
    [
      'a Counter64 to its last digit',
      {
        oid: '1.3.6.1.4.1.99999.1',
        tag: TAG.counter64,
        value: Uint8Array.of(0, 255, 255, 255, 255, 255, 255, 255, 255),
      },
      '18446744073709551615',
    ],
    [
      'an Opaque float',
      { oid: '1.3.6.1.4.1.99999.1', tag: TAG.opaque, value: Uint8Array.of(0x9f, 0x78, 4, 0x3f, 0x80, 0, 0) },
      '1',
    ],
  ])('%s', (_what, varbind, expected) => {
    expect(value(varbind)).toBe(expected);
  });
});

describe('bounds', () => {
  test('many varbinds: as many as fit, and how many were left out', () => {
    const { details } = v2c(Array.from({ length: 300 }, (_, at) => integer(`1.3.6.1.4.1.99999.1.${at}`, at)));
    expect(details).toHaveLength(EVENT_LIMITS.details);
    expect(details.at(-1)).toEqual({ name: 'varbinds_left_out', value: String(300 - (EVENT_LIMITS.details - 3)) });
  });

  test('whatever is in it fits into an event and has no half characters or control characters', () => {
    const anyVarbind = fc.record({
      oid: fc.constantFrom('1.3.6.1.4.1.99999.1', '1.3.6.1.2.1.2.2.1.2.3', '1.3.6.1.2.1.2.2.1.1.3'),
      tag: fc.constantFrom<number>(TAG.octets, TAG.opaque),
      value: fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.string({ unit: 'binary', minLength: 900, maxLength: 2100 }).map((one) => Buffer.from(one)),
      ),
    });
    fc.assert(
      fc.property(fc.array(anyVarbind, { maxLength: 3 }), (varbinds) => {
        const { details } = v2c(varbinds);
        expect(details.length).toBeLessThanOrEqual(EVENT_LIMITS.details);
        const wrong = details.filter(({ value: one }) => {
          const fits = one.length <= EVENT_LIMITS.textCharacters && Buffer.from(one).toString() === one;
          return !fits || one.split('').some((c) => c < ' ' && !'\t\r\n'.includes(c));
        });
        expect(wrong).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
