// Our own fuzzer: valid messages of every version and kind, changed, cut, spliced; decoder, security and transport end in a message or a coded error and keep nothing.
import { createSocket } from 'node:dgram';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TAG } from '../../../agent/snmp/ber.ts';
import type { EngineRecord } from '../../../agent/snmp/engine-table.ts';
import {
  decodeMessage,
  decodeScopedPdu,
  encodeCommunityMessage,
  encodeScopedPdu,
  FLAG,
} from '../../../agent/snmp/message.ts';
import { oidOf } from '../../../agent/snmp/oid.ts';
import { PDU } from '../../../agent/snmp/pdu.ts';
import { isAuthentic, scopedPduOf, sealMessage } from '../../../agent/snmp/secured-message.ts';
import { CommunitySecurity } from '../../../agent/snmp/security.ts';
import { encodeSetValue } from '../../../agent/snmp/set-value.ts';
import { DEFAULT_TRANSPORT, Transport } from '../../../agent/snmp/transport.ts';
import { UserSecurity } from '../../../agent/snmp/user-security.ts';
import type { Varbinds } from '../../../agent/snmp/varbinds.ts';
import { valueAt } from '../../../agent/snmp/value.ts';
import { SystemClock } from '../../../common/runtime/clock.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { encodeAnswer } from '../../support/scripted-device.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { instantUser } from '../../support/usm-user.ts';

const ENGINE = Buffer.from('80001f8804aabbccddee', 'hex');
const OIDS = ['1.3.6.1.2.1.31.1.1.1.6.1', '1.3.6.1.2.1.2.2.1.2.2'].map(oidOf);
const VALUES = [
  encodeSetValue({ type: 'counter64', value: '18446744073709551615' }),
  encodeSetValue({ type: 'octets', value: 'ge-0/0/0' }),
];
const USERS = [
  instantUser({ user: 'plain', level: 'noAuthNoPriv' }),
  instantUser({ user: 'a', level: 'authNoPriv', auth_protocol: 'SHA512', auth_passphrase: 'authentication' }),
  ...(['DES', 'AES', 'AES192B', 'AES256R'] as const).map((priv) =>
    instantUser({
      user: 'ap',
      level: 'authPriv',
      auth_protocol: 'MD5',
      auth_passphrase: 'authentication',
      priv_protocol: priv,
      priv_passphrase: 'privacy phrase',
    }),
  ),
];

function keysOf(user: (typeof USERS)[number]) {
  const keys = user.keysAt(ENGINE);
  if (keys instanceof Promise) throw new Error('not at once');
  return keys;
}

/** One of each: GETs, GETBULKs and SETs of every version, answers, v3 at every level. */
const SEEDS: readonly Uint8Array[] = [
  ...([0, 1] as const).flatMap((version) => [
    encodeCommunityMessage(version, Buffer.from('public'), { type: PDU.get, requestId: 7, oids: OIDS }),
    encodeCommunityMessage(version, Buffer.from('w'), { type: PDU.set, requestId: 7, oids: OIDS, values: VALUES }),
    answerTo(version),
  ]),
  ...USERS.flatMap((user) =>
    ([PDU.set, PDU.getBulk] as const).map((type) => {
      const scoped = encodeScopedPdu(ENGINE, Buffer.from('vrf'), { type, requestId: 7, oids: OIDS, values: VALUES });
      const clock = { engineId: ENGINE, engineBoots: 3, engineTime: 4711 };
      return sealMessage(
        user,
        keysOf(user),
        { messageId: 7, reportable: true, ...clock, salt: Buffer.alloc(8, 3) },
        scoped,
      );
    }),
  ),
].map((bytes) => Uint8Array.from(bytes));

function answerTo(version: 0 | 1): Uint8Array {
  const request = decodeMessage(
    encodeCommunityMessage(version, Buffer.from('public'), { type: PDU.get, requestId: 7, oids: OIDS }),
  );
  if (request.version === 3) throw new Error('not a community message');
  const found = [
    { oid: '1.3.6.1.2.1.31.1.1.1.6.1', tag: TAG.counter64, value: 2n ** 63n },
    { oid: '1.3.6.1.2.1.1.3.0', tag: TAG.timeTicks, value: 4_294_967_295 },
    { oid: '1.3.6.1.2.1.4.20.1.1.1', tag: TAG.ipAddress, value: Uint8Array.of(192, 0, 2, 1) },
    { oid: '1.3.6.1.2.1.1.2.0', tag: TAG.oid, value: '1.3.6.1.4.1.8072.3.2.10' },
    { oid: '1.3.6.1.2.1.99', tag: TAG.endOfMibView, value: null },
  ];
  return encodeAnswer(request, found, 0, 0);
}

type Change = (bytes: Uint8Array) => Uint8Array;

/** The changes that hurt parsers: any byte, a bit, lengths and tags of note, a cut, a repeated or a missing middle, two messages spliced. */
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(255)).map(
    ([at, value]): Change =>
      (bytes) =>
        set(bytes, at, () => value),
  ),
  fc.tuple(fc.nat(), fc.nat(7)).map(
    ([at, bit]): Change =>
      (bytes) =>
        set(bytes, at, (old) => old ^ (1 << bit)),
  ),
  fc.tuple(fc.nat(), fc.constantFrom(0x00, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x88, 0xff, 0x30, 0x04, 0x05, 0xa2, 0xa8)).map(
    ([at, value]): Change =>
      (bytes) =>
        set(bytes, at, () => value),
  ),
  fc.nat().map(
    (at): Change =>
      (bytes) =>
        bytes.slice(0, at % (bytes.length + 1)),
  ),
  fc.tuple(fc.nat(), fc.nat(40)).map(
    ([at, length]): Change =>
      (bytes) =>
        Buffer.concat([bytes.slice(0, at % (bytes.length + 1)), bytes.slice((at % (bytes.length + 1)) + length)]),
  ),
  fc.tuple(fc.nat(), fc.nat(40), fc.integer({ min: 1, max: 50 })).map(
    ([at, length, times]): Change =>
      (bytes) => {
        const from = at % (bytes.length + 1);
        const part = bytes.slice(from, from + length);
        return Buffer.concat([bytes.slice(0, from), ...Array.from({ length: times }, () => part), bytes.slice(from)]);
      },
  ),
  fc.tuple(fc.nat(), fc.nat()).map(
    ([other, at]): Change =>
      (bytes) => {
        const tail = SEEDS[other % SEEDS.length] ?? bytes;
        return Buffer.concat([bytes.slice(0, at % (bytes.length + 1)), tail.slice(at % (tail.length + 1))]);
      },
  ),
);

function set(bytes: Uint8Array, at: number, to: (old: number) => number): Uint8Array {
  if (bytes.length === 0) return bytes;
  const changed = Uint8Array.from(bytes);
  changed[at % bytes.length] = to(changed[at % bytes.length] ?? 0) & 0xff;
  return changed;
}

const mutated = fc
  .tuple(fc.nat(SEEDS.length - 1), fc.array(change, { minLength: 1, maxLength: 5 }))
  .map(([seed, changes]) => changes.reduce((bytes, one) => one(bytes), SEEDS[seed] ?? new Uint8Array()));

/** What a message goes through; anything thrown but snmp_malformed is a finding. */
function swallow(bytes: Uint8Array, securities: readonly UserSecurity[]): 'taken' | 'refused' {
  try {
    const message = decodeMessage(bytes);
    new CommunitySecurity(1, 'public').open(message);
    if (message.version === 3) {
      for (const security of securities) security.open(message, message.messageId);
      for (const user of USERS) {
        isAuthentic(user, keysOf(user), message);
        const scoped = scopedPduOf(user, keysOf(user), message);
        if (scoped !== null) touch(scoped.pdu.varbinds);
      }
      if ((message.flags & FLAG.encrypted) === 0) touch(decodeScopedPdu(message.scoped).pdu.varbinds);
    } else touch(message.pdu.varbinds);
    return 'taken';
  } catch (error) {
    if (error instanceof WeirError && error.code === 'snmp_malformed') return 'refused';
    throw error;
  }
}

function touch(varbinds: Varbinds): void {
  // A varbind needs seven octets: more of them than that cannot be in a datagram.
  expect(varbinds.count).toBeLessThan(varbinds.bytes.length / 7);
  for (let at = 0; at < varbinds.count; at += 1) {
    expect(varbinds.valueEnd(at)).toBeLessThanOrEqual(varbinds.bytes.length);
    varbinds.oidText(at);
    varbinds.number(at);
    varbinds.counter(at);
    valueAt(varbinds, at, 'value');
    valueAt(varbinds, at, 'address');
  }
}

/** With an engine known, so that digests and ciphers are tried. */
function securitiesAtEngine(): UserSecurity[] {
  return USERS.map((user) => {
    const record: EngineRecord = { id: ENGINE, boots: 3, time: 4711, learntAtMs: 0, keptTime: null };
    const memory = { recall: () => record, confirm: () => undefined };
    const security = new UserSecurity(user, '', { monotonicMs: () => 0, memory });
    expect(security.prepare()).toBeNull();
    return security;
  });
}

describe('mutated messages', () => {
  test('the seeds themselves are taken', () => {
    const securities = securitiesAtEngine();
    expect(SEEDS.map((bytes) => swallow(bytes, securities))).toEqual(SEEDS.map(() => 'taken'));
  });

  test('end in a message or a coded error', () => {
    const securities = securitiesAtEngine();
    const counts = { taken: 0, refused: 0 };
    const property = fc.property(mutated, (bytes) => void (counts[swallow(bytes, securities)] += 1));
    fc.assert(property, { numRuns: 4000 });
    // Both ways are gone: a fuzzer whose every message is refused at the first byte tests nothing.
    expect(Math.min(counts.taken, counts.refused)).toBeGreaterThan(300);
  });

  test('no message with a changed octet passes for authentic', () => {
    const user = USERS[1];
    if (user === undefined) throw new Error('no user');
    const sealed = SEEDS.filter((bytes) => {
      const message = decodeMessage(bytes);
      return message.version === 3 && isAuthentic(user, keysOf(user), message);
    });
    expect(sealed).toHaveLength(2);
    const edits = fc.tuple(fc.nat(sealed.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(edits, ([which, at, mask]) => {
        const bytes = set(sealed[which] ?? new Uint8Array(), at, (old) => old ^ mask);
        try {
          const message = decodeMessage(bytes);
          expect(message.version === 3 && isAuthentic(user, keysOf(user), message)).toBe(false);
        } catch (error) {
          expect(error).toMatchObject({ code: 'snmp_malformed' });
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('mutated datagrams at the transport', () => {
  let transport: Transport;
  const { reporter } = silentReporter();
  beforeEach(async () => {
    transport = new Transport(reporter, { ...DEFAULT_TRANSPORT, socketsPerFamily: 1 }, { clock: new SystemClock() });
    await transport.start();
  });
  afterEach(() => transport.stop());

  test('thousands of them leave nothing open, name a bounded number of sources, and the answer among them is taken', async () => {
    const device = createSocket('udp4');
    await new Promise<void>((resolve) => device.bind(0, '127.0.0.1', resolve));
    const good = SEEDS[2] ?? new Uint8Array();
    const messages = fc.sample(mutated, { numRuns: 3000, seed: 11 }).filter((one) => Buffer.compare(one, good) !== 0);
    let flooding = Promise.resolve();
    device.once('message', (_, remote) => {
      flooding = flood(remote.port);
    });
    async function flood(port: number): Promise<void> {
      for (const [at, bytes] of messages.entries()) {
        await new Promise((resolve) => device.send(bytes, port, '127.0.0.1', resolve));
        if (at % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      device.send(good, port, '127.0.0.1');
    }
    const endpoint = { address: '127.0.0.1', port: device.address().port, family: 4 } as const;
    const security = new CommunitySecurity(0, 'public');
    const options = {
      timeoutMs: 20_000,
      signal: null,
      more: false,
      // Only what is whole: a mutated answer may well be a valid one with other values.
      accept: (message: Parameters<CommunitySecurity['open']>[0]) => {
        const pdu = security.open(message);
        return pdu !== null && Buffer.compare(pdu.varbinds.bytes, good) === 0 ? pdu : null;
      },
      acceptFrom: () => null,
    };
    const asked = encodeCommunityMessage(0, Buffer.from('public'), { type: PDU.get, requestId: 7, oids: OIDS });
    const answer = await transport.exchange(endpoint, 7, asked, options, null);
    expect(answer?.pdu.varbinds.count).toBe(5);
    expect([transport.openExchanges, transport.socketCount]).toEqual([0, 1]);
    const metrics = await reporter.metricsText();
    expect(metrics.match(/weir_snmp_malformed_packets_total\{source="127\.0\.0\.1"\} [1-9]/g)).toHaveLength(1);
    await flooding;
    await new Promise<void>((resolve) => device.close(() => resolve()));
  });
});
