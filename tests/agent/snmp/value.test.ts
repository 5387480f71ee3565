// Texts out of a datagram: those that are remembered are the same as those that are made anew, whatever stands around them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { octetText, rangeText } from '../../../agent/snmp/value.ts';

const octets = fc.oneof(
  fc.stringMatching(/^[ -~]{0,40}$/).map((text) => Buffer.from(text)),
  fc.string({ maxLength: 20 }).map((text) => Buffer.from(text, 'utf8')),
  fc.uint8Array({ maxLength: 40 }),
);

test('a range reads as its octets, the first time and again', () => {
  fc.assert(
    fc.property(fc.array(octets, { maxLength: 30 }), fc.nat(7), (texts, before) => {
      for (const text of [...texts, ...texts]) {
        const datagram = new Uint8Array(before + text.length + 3).fill(0x41);
        datagram.set(text, before);
        expect(rangeText(datagram, before, before + text.length)).toBe(octetText(text));
      }
    }),
  );
});

test('a text stays what it was when its datagram is written over', () => {
  const datagram = Buffer.from('xGigabitEthernet1/0/1x');
  const text = rangeText(datagram, 1, 21);
  datagram.fill(0x42);
  expect([text, rangeText(datagram, 1, 21)]).toEqual(['GigabitEthernet1/0/1', 'B'.repeat(20)]);
});

test('more texts than are remembered, twice each, in any order', () => {
  const names = Array.from({ length: 9000 }, (_, at) => `port ${at}/${at % 48}`);
  for (const name of [...names, ...names.toReversed()]) {
    const bytes = Buffer.from(name);
    if (rangeText(bytes, 0, bytes.length) !== name) expect.fail(name);
  }
});
