// What the receiver takes, from whom, as whose, and what it answers; without sockets.
import { describe, expect, test } from 'vitest';
import { TAG } from '../../../agent/snmp/ber.ts';
import { decodeMessage, decodeScopedPdu, FLAG, type SecuredMessage } from '../../../agent/snmp/message.ts';
import { PDU } from '../../../agent/snmp/pdu.ts';
import { decrypt, digestHolds, localizedKey, passphraseDigest, privacyKey } from '../../../agent/snmp/usm.ts';
import type { Verdict } from '../../../agent/trap/arrival.ts';
import type { Notification, TrapSettings } from '../../../agent/trap/exchange.ts';
import { Intake } from '../../../agent/trap/intake.ts';
import {
  COLD_START,
  integer,
  LINK_DOWN,
  messageV1,
  messageV2c,
  messageV3,
  OWN_ENGINE,
  PRIVATE_USER,
  type SecuredSpec,
  SENDER_ENGINE,
  text,
  USER,
} from '../../support/trap-message.ts';
import { ADDRESSES, trapSettings } from '../../support/trap-settings.ts';

class Rig {
  readonly intake: Intake;
  nowMs = 10_000;
  #salt = 0;

  constructor(changes: Partial<TrapSettings> = {}) {
    this.intake = new Intake(trapSettings(changes), this.nowMs, () => {
      this.#salt += 1;
      return Uint8Array.of(0, 0, 0, 0, 0, 0, 1, this.#salt);
    });
    this.intake.setAddresses(ADDRESSES);
  }

  receive(source: string, bytes: Uint8Array): Verdict {
    return this.intake.receive({ bytes, source, nowMs: 1_764_000_000_000, monotonicMs: this.nowMs });
  }

  /** The reason, or the kind where there is none. */
  outcome(source: string, bytes: Uint8Array): string {
    const verdict = this.receive(source, bytes);
    return 'reason' in verdict ? `${verdict.kind} ${verdict.reason}` : verdict.kind;
  }

  take(source: string, bytes: Uint8Array): { token: number; notification: Notification } {
    const verdict = this.receive(source, bytes);
    if (verdict.kind !== 'taken') throw new Error(`not taken: ${JSON.stringify(verdict)}`);
    return verdict;
  }

  learn(boots = 3, timeSeconds = 1000, device = 'edge1'): void {
    this.intake.learnEngines([{ device, engineId: SENDER_ENGINE, boots, timeSeconds }], this.nowMs);
  }
}

const trapV3 = (changes: Partial<SecuredSpec> = {}): Uint8Array =>
  messageV3({ user: USER, engineId: SENDER_ENGINE, boots: 3, seconds: 1000, ...changes });
const informV3 = (changes: Partial<SecuredSpec> = {}): Uint8Array =>
  messageV3({ user: USER, engineId: OWN_ENGINE, boots: 7, seconds: 500, type: 'inform', ...changes });

function secured(bytes: Uint8Array): SecuredMessage {
  const message = decodeMessage(bytes);
  if (message.version !== 3) throw new Error('no message of version 3');
  return message;
}

describe('from whom', () => {
  test('a device under its community', () => {
    const rig = new Rig();
    const { notification } = rig.take(
      '10.0.0.1',
      messageV2c('public', { varbinds: [integer('1.3.6.1.2.1.2.2.1.1.3', 3)] }),
    );
    expect(notification).toMatchObject({
      device: 'core1',
      source: '10.0.0.1',
      name: 'linkDown',
      ifIndex: 3,
      origin: 'trap',
    });
  });

  test.each([
    ['a stranger', '10.9.9.9', messageV2c('public'), 'dropped unknown_source'],
    ['the community of another device', '10.0.0.1', messageV2c('other'), 'dropped wrong_community'],
    ['a community nobody has', '10.0.0.1', messageV2c('guess'), 'dropped wrong_community'],
    ['a community that begins like ours', '10.0.0.1', messageV2c('publi'), 'dropped wrong_community'],
    ['no SNMP', '10.0.0.1', Buffer.from('GET / HTTP/1.1'), 'dropped malformed'],
    ['nothing', '10.0.0.1', new Uint8Array(), 'dropped malformed'],
  ])('not: %s', (_what, source, bytes, outcome) => {
    expect(new Rig().outcome(source, bytes)).toBe(outcome);
  });

  test('a shared set counts at every device', () => {
    expect(new Rig({ shared: ['other'] }).outcome('10.0.0.1', messageV2c('other'))).toBe('taken');
  });

  test('a network named in the configuration may speak, but for a device only where something says which', () => {
    const rig = new Rig({ networks: ['10.9.0.0/16', '2001:db8::/32'] });
    expect(rig.outcome('10.9.1.1', messageV2c('public'))).toBe('dropped unknown_device');
    expect(rig.outcome('2001:db8::7', messageV2c('public'))).toBe('dropped unknown_device');
    expect(rig.outcome('10.10.1.1', messageV2c('public'))).toBe('dropped unknown_source');
    expect(rig.outcome('10.9.1.1', messageV2c('guess'))).toBe('dropped wrong_community');
  });

  test('unknown senders are kept without a device where that is wanted, under a valid community all the same', () => {
    const rig = new Rig({ acceptUnknown: true });
    expect(rig.take('10.9.9.9', messageV2c('public')).notification.device).toBeNull();
    expect(rig.outcome('10.9.9.9', messageV2c('guess'))).toBe('dropped wrong_community');
  });

  test('what is no notification is not taken', () => {
    const get = messageV2c('public');
    get[get.indexOf(0xa7)] = PDU.get;
    const report = messageV2c('public');
    report[report.indexOf(0xa7)] = PDU.report;
    expect(new Rig().outcome('10.0.0.1', get)).toBe('dropped not_a_notification');
    expect(new Rig().outcome('10.0.0.1', report)).toBe('dropped not_a_notification');
  });
});

describe('whose', () => {
  const addressed = [{ oid: '1.3.6.1.6.3.18.1.3.0', tag: TAG.ipAddress, value: Uint8Array.of(10, 0, 0, 2) }];

  test('a proxy in a named network speaks for the device whose community it uses', () => {
    const rig = new Rig({ networks: ['10.9.0.1'] });
    expect(rig.take('10.9.0.1', messageV2c('other', { varbinds: addressed })).notification.device).toBe('core2');
    expect(rig.outcome('10.9.0.1', messageV2c('public', { varbinds: addressed }))).toBe('dropped unknown_device');
  });

  test('the agent address of version 1 counts likewise', () => {
    const rig = new Rig({ networks: ['10.9.0.1'] });
    const trap = messageV1('other', { enterprise: '1.3.6.1.4.1.9', agentAddress: [10, 0, 0, 2], generic: 0 });
    expect(rig.take('10.9.0.1', trap).notification.device).toBe('core2');
  });

  test('a device does not speak for another', () => {
    const rig = new Rig({ shared: ['other'] });
    expect(rig.take('10.0.0.1', messageV2c('other', { varbinds: addressed })).notification.device).toBe('core1');
  });

  test('devices that share an address are told apart by community, else nobody is named', () => {
    const rig = new Rig();
    rig.intake.setAddresses(ADDRESSES.map(({ device }) => ({ device, address: '127.0.0.1' })));
    expect(rig.take('127.0.0.1', messageV2c('other')).notification.device).toBe('core2');
    rig.intake.setAddresses([
      { device: 'core1', address: '127.0.0.1' },
      { device: 'twin', address: '127.0.0.1' },
    ]);
    const twins = new Rig({ devices: ['core1', 'twin'].map((name) => ({ name, credential: 'plain' })) });
    twins.intake.setAddresses(['core1', 'twin'].map((device) => ({ device, address: '127.0.0.1' })));
    expect(twins.outcome('127.0.0.1', messageV2c('public'))).toBe('dropped unknown_device');
  });

  test('an engine names its device wherever the packet comes from', () => {
    const rig = new Rig({ networks: ['10.9.0.0/16'] });
    rig.learn();
    expect(rig.take('10.9.0.7', trapV3()).notification.device).toBe('edge1');
  });

  test('a cloned engine names the device at the address', () => {
    const rig = new Rig({ devices: ['edge1', 'edge2'].map((name) => ({ name, credential: 'signed' })) });
    rig.intake.setAddresses([
      { device: 'edge1', address: '10.0.0.3' },
      { device: 'edge2', address: '10.0.0.4' },
    ]);
    const engine = { engineId: SENDER_ENGINE, boots: 3, timeSeconds: 1000 };
    rig.intake.learnEngines(
      ['edge1', 'edge2'].map((device) => ({ ...engine, device })),
      rig.nowMs,
    );
    expect(rig.take('10.0.0.4', trapV3()).notification.device).toBe('edge2');
  });

  test('the context engine of an inform names its device', () => {
    const rig = new Rig({ networks: ['10.9.0.0/16'] });
    rig.learn();
    expect(rig.take('10.9.0.7', informV3({ contextEngineId: SENDER_ENGINE })).notification.device).toBe('edge1');
    expect(rig.outcome('10.9.0.7', informV3({ requestId: 2 }))).toBe('dropped unknown_device');
  });
});

describe('answers', () => {
  test('an inform is answered with its own varbinds, once it is kept and not before', () => {
    const rig = new Rig();
    const inform = messageV2c('public', { type: 'inform', requestId: 4711, varbinds: [text('1.3.6.1.4.1.9.1', 'x')] });
    const { token } = rig.take('10.0.0.1', inform);
    const answer = decodeMessage(rig.intake.kept(token, rig.nowMs) ?? new Uint8Array());
    if (answer.version === 3) throw new Error('another version');
    expect(Buffer.from(answer.community).toString()).toBe('public');
    expect(answer.pdu).toMatchObject({ type: PDU.response, requestId: 4711, errorStatus: 0, errorIndex: 0 });
    const asked = decodeMessage(inform);
    if (asked.version === 3) throw new Error('another version');
    expect(answer.pdu.varbinds.count).toBe(3);
    for (let i = 0; i < 3; i += 1) {
      expect(answer.pdu.varbinds.oidText(i)).toBe(asked.pdu.varbinds.oidText(i));
      expect(answer.pdu.varbinds.tag(i)).toBe(asked.pdu.varbinds.tag(i));
    }
    expect(rig.intake.kept(token, rig.nowMs)).toBeNull();
  });

  test('a trap is never answered', () => {
    const rig = new Rig();
    expect(rig.intake.kept(rig.take('10.0.0.1', messageV2c('public')).token, rig.nowMs)).toBeNull();
  });

  test('the answer to a secured inform carries our engine, a right digest, and is encrypted', () => {
    const rig = new Rig({ networks: ['10.9.0.0/16'], acceptUnknown: true });
    const { token } = rig.take('10.9.0.7', informV3({ user: PRIVATE_USER, messageId: 99, requestId: 5 }));
    rig.nowMs += 2000;
    const answer = secured(rig.intake.kept(token, rig.nowMs) ?? new Uint8Array());
    const { auth, authPassphrase, priv, privPassphrase } = PRIVATE_USER;
    const engineId = Buffer.from(OWN_ENGINE, 'hex');
    const key = localizedKey(auth, passphraseDigest(auth, authPassphrase), engineId);
    expect(digestHolds(auth, key, answer.bytes, answer.digestAt, answer.digest.length)).toBe(true);
    expect(answer).toMatchObject({
      messageId: 99,
      flags: FLAG.authenticated | FLAG.encrypted,
      engineBoots: 7,
      engineTime: 502,
    });
    const localized = localizedKey(auth, passphraseDigest(auth, privPassphrase), engineId);
    const plain = decrypt(priv, privacyKey(auth, priv, localized, engineId), answer, answer.salt, answer.scoped);
    expect(decodeScopedPdu(plain).pdu).toMatchObject({ type: PDU.response, requestId: 5 });
  });

  test('discovery: who does not know our engine is told it, and our clock under a digest', () => {
    const rig = new Rig();
    const nobody = { name: '' };
    const verdict = rig.receive('10.0.0.3', messageV3({ user: nobody, engineId: '', type: 'inform', messageId: 12 }));
    if (verdict.kind !== 'reported') throw new Error(verdict.kind);
    const told = secured(verdict.bytes);
    expect(Buffer.from(told.engineId).toString('hex')).toBe(OWN_ENGINE);
    expect(told).toMatchObject({ messageId: 12, flags: 0 });
    const { pdu } = decodeScopedPdu(told.scoped);
    expect([pdu.type, pdu.varbinds.oidText(0)]).toEqual([PDU.report, '1.3.6.1.6.3.15.1.1.4.0']);
    const late = rig.receive('10.0.0.3', informV3({ boots: 6 }));
    if (late.kind !== 'reported') throw new Error(late.kind);
    const clock = secured(late.bytes);
    expect([late.reason, clock.flags, clock.engineBoots, clock.engineTime]).toEqual([
      'not_in_time_window',
      FLAG.authenticated,
      7,
      500,
    ]);
    const key = localizedKey('SHA', passphraseDigest('SHA', USER.authPassphrase), Buffer.from(OWN_ENGINE, 'hex'));
    expect(digestHolds('SHA', key, clock.bytes, clock.digestAt, clock.digest.length)).toBe(true);
  });

  test.each([
    ['another user', informV3({ user: { ...USER, name: 'nobody' } }), 'unknown_user'],
    ['a wrong passphrase', informV3({ user: { ...USER, authPassphrase: 'another-passphrase' } }), 'wrong_digest'],
    ['no authentication', informV3({ user: { name: USER.name } }), 'unsupported_level'],
    [
      'privacy the user does not have',
      informV3({ user: { ...USER, priv: 'AES', privPassphrase: 'x' } }),
      'unsupported_level',
    ],
    [
      'a wrong privacy passphrase',
      informV3({ user: { ...PRIVATE_USER, privPassphrase: 'another' } }),
      'decryption_failed',
    ],
    ['151 seconds late', informV3({ seconds: 349 }), 'not_in_time_window'],
    ['151 seconds early', informV3({ seconds: 651 }), 'not_in_time_window'],
    ['a later life of ours', informV3({ boots: 8 }), 'not_in_time_window'],
  ])('%s is reported', (_what, bytes, reason) => {
    expect(new Rig().outcome('10.0.0.3', bytes)).toBe(`reported ${reason}`);
  });

  test('what must not be answered is not: no report flag, invalid flags', () => {
    const rig = new Rig();
    expect(rig.outcome('10.0.0.3', informV3({ boots: 6, reportable: false }))).toBe('dropped not_in_time_window');
    expect(rig.outcome('10.0.0.3', informV3({ flags: FLAG.encrypted | FLAG.reportable }))).toBe('dropped malformed');
  });

  test('reports are few, whatever is sent', () => {
    const rig = new Rig({ perSecondPerSource: 10_000 });
    const outcomes = Array.from({ length: 1000 }, () => rig.outcome('10.0.0.3', informV3({ boots: 6 })));
    expect(outcomes.filter((outcome) => outcome.startsWith('reported'))).toHaveLength(10);
  });
});

describe('traps of version 3', () => {
  test('an engine that nobody knows is not taken, and nothing is remembered of it', () => {
    const rig = new Rig();
    expect(rig.outcome('10.0.0.3', trapV3())).toBe('dropped unknown_engine');
    const before = rig.intake.held;
    for (let at = 0; at < 500; at += 1) {
      const engineId = `8000000005${at.toString(16).padStart(8, '0')}`;
      expect(rig.outcome('10.0.0.3', trapV3({ engineId }))).toBe('dropped unknown_engine');
    }
    expect(rig.intake.held).toEqual(before);
  });

  test('an engine named in the configuration is taken under its user', () => {
    const rig = new Rig({ users: [{ engineId: SENDER_ENGINE, credential: 'private' }] });
    expect(rig.take('10.0.0.3', trapV3({ user: PRIVATE_USER })).notification).toMatchObject({
      device: 'edge1',
      origin: 'trap',
    });
    expect(rig.outcome('10.0.0.3', trapV3({ user: USER }))).toBe('dropped unknown_user');
  });

  test.each([
    ['a wrong passphrase', { user: { ...USER, authPassphrase: 'another-passphrase' } }, 'wrong_digest'],
    ['no authentication', { user: { name: USER.name } }, 'unsupported_level'],
    ['an earlier life', { boots: 2 }, 'not_in_time_window'],
    ['151 seconds late', { seconds: 849 }, 'not_in_time_window'],
    ['an inform under the authority of its sender', { type: 'inform' }, 'not_a_notification'],
  ] as const)('%s is dropped', (_what, changes, reason) => {
    const rig = new Rig();
    rig.learn();
    expect(rig.outcome('10.0.0.3', trapV3(changes))).toBe(`dropped ${reason}`);
  });

  test('a clock that is ahead is taken over, and what is older than the window is not taken any more', () => {
    const rig = new Rig();
    rig.learn();
    expect(rig.outcome('10.0.0.3', trapV3({ boots: 4, seconds: 2, requestId: 1 }))).toBe('taken');
    expect(rig.outcome('10.0.0.3', trapV3({ boots: 3, seconds: 1000, requestId: 2 }))).toBe(
      'dropped not_in_time_window',
    );
    rig.nowMs += 140_000;
    expect(rig.outcome('10.0.0.3', trapV3({ boots: 4, seconds: 2, requestId: 3 }))).toBe('taken');
    rig.nowMs += 20_000;
    expect(rig.outcome('10.0.0.3', trapV3({ boots: 4, seconds: 2, requestId: 4 }))).toBe('dropped not_in_time_window');
  });

  test('a device whose boots went back is believed again once polling has seen it', () => {
    const rig = new Rig();
    rig.learn(30, 5000);
    expect(rig.outcome('10.0.0.3', trapV3({ boots: 1, seconds: 5 }))).toBe('dropped not_in_time_window');
    rig.learn(1, 6);
    expect(rig.outcome('10.0.0.3', trapV3({ boots: 1, seconds: 7, requestId: 2 }))).toBe('taken');
  });

  test('a list of engines that says nothing new does not set a clock back', () => {
    const rig = new Rig();
    rig.learn(3, 1000);
    expect(rig.outcome('10.0.0.3', trapV3({ boots: 4, seconds: 2 }))).toBe('taken');
    rig.nowMs += 10_000;
    rig.learn(3, 1010);
    expect(rig.outcome('10.0.0.3', trapV3({ boots: 3, seconds: 1010, requestId: 2 }))).toBe(
      'dropped not_in_time_window',
    );
  });
});

describe('another configuration while it runs', () => {
  test('devices and sets are those of now; clocks, what is remembered and our own engine stay', () => {
    const rig = new Rig();
    rig.learn();
    expect(rig.outcome('10.0.0.3', trapV3({ boots: 4, seconds: 2 }))).toBe('taken');
    rig.take('10.0.0.1', messageV2c('public'));
    const { devices, credentials } = trapSettings();
    rig.intake.configure({
      devices: devices.map((device) => (device.name === 'core1' ? { name: 'core1', credential: 'renamed' } : device)),
      credentials: credentials.flatMap((one) => {
        if (one.name === 'plain') return [{ name: 'renamed', set: { version: '2c' as const, community: 'renewed' } }];
        if (one.name !== 'signed' || one.set.version !== '3') return [one];
        return [{ name: 'signed', set: { ...one.set, auth_passphrase: 'another-passphrase' } }];
      }),
    });
    expect(rig.outcome('10.0.0.1', messageV2c('public', { requestId: 2 }))).toBe('dropped wrong_community');
    expect(rig.take('10.0.0.1', messageV2c('renewed')).notification.device).toBe('core1');
    const renewed = { ...USER, authPassphrase: 'another-passphrase' };
    expect(rig.outcome('10.0.0.3', trapV3({ boots: 4, seconds: 3, requestId: 2 }))).toBe('dropped wrong_digest');
    expect(rig.outcome('10.0.0.3', trapV3({ user: renewed, boots: 4, seconds: 3, requestId: 2 }))).toBe('taken');
    expect(rig.outcome('10.0.0.3', trapV3({ user: renewed, boots: 3, requestId: 3 }))).toBe(
      'dropped not_in_time_window',
    );
    expect(rig.outcome('10.0.0.3', informV3({ user: renewed }))).toBe('taken');
  });
});

describe('once and only once', () => {
  test('a repeated trap is one', () => {
    const rig = new Rig();
    rig.take('10.0.0.1', messageV2c('public', { requestId: 8 }));
    expect(rig.outcome('10.0.0.1', messageV2c('public', { requestId: 8 }))).toBe('dropped duplicate');
    expect(rig.outcome('10.0.0.1', messageV2c('public', { requestId: 9 }))).toBe('taken');
    rig.nowMs += 200_001;
    expect(rig.outcome('10.0.0.1', messageV2c('public', { requestId: 8 }))).toBe('taken');
  });

  test('a repeated inform waits with the first, and is answered again once that is kept', () => {
    const rig = new Rig();
    const inform = messageV2c('public', { type: 'inform', requestId: 8 });
    const { token } = rig.take('10.0.0.1', inform);
    expect(rig.outcome('10.0.0.1', inform)).toBe('dropped duplicate');
    expect(rig.intake.kept(token, rig.nowMs)).not.toBeNull();
    expect(rig.outcome('10.0.0.1', inform)).toBe('acknowledged');
  });

  test('an inform that could not be kept is new when it comes again', () => {
    const rig = new Rig();
    const inform = messageV2c('public', { type: 'inform', requestId: 8 });
    rig.intake.refused(rig.take('10.0.0.1', inform).token);
    expect(rig.outcome('10.0.0.1', inform)).toBe('taken');
    expect(rig.intake.held.pending).toBe(1);
  });

  test('a secured inform under another message id and time is the same, and the answer goes to the last', () => {
    const rig = new Rig();
    const { token } = rig.take('10.0.0.3', informV3({ messageId: 1, requestId: 8 }));
    rig.nowMs += 1000;
    expect(rig.outcome('10.0.0.3', informV3({ messageId: 2, requestId: 8, seconds: 501 }))).toBe('dropped duplicate');
    expect(secured(rig.intake.kept(token, rig.nowMs) ?? new Uint8Array()).messageId).toBe(2);
    const again = rig.receive('10.0.0.3', informV3({ messageId: 3, requestId: 8, seconds: 502 }));
    expect(again.kind === 'acknowledged' && secured(again.bytes).messageId).toBe(3);
  });

  test('a secured message played from another source is not a second event', () => {
    const rig = new Rig({ networks: ['10.9.0.0/16'] });
    rig.learn();
    rig.take('10.0.0.3', trapV3());
    expect(rig.outcome('10.9.0.7', trapV3())).toBe('dropped replayed');
  });

  test('the same words of two devices are two events', () => {
    const rig = new Rig({ shared: ['plain'] });
    rig.take('10.0.0.1', messageV2c('public', { trapOid: COLD_START }));
    rig.take('10.0.0.2', messageV2c('public', { trapOid: COLD_START }));
  });
});

describe('bounds', () => {
  test('a source has its share, and others have theirs', () => {
    const rig = new Rig({ perSecondPerSource: 10, perSecond: 1000 });
    const outcomes = Array.from({ length: 100 }, (_, requestId) =>
      rig.outcome('10.0.0.1', messageV2c('public', { requestId })),
    );
    expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(20);
    expect(new Set(outcomes.slice(20))).toEqual(new Set(['dropped source_rate']));
    expect(rig.outcome('10.0.0.2', messageV2c('other'))).toBe('taken');
    rig.nowMs += 1000;
    expect(rig.outcome('10.0.0.1', messageV2c('public', { requestId: 1000 }))).toBe('taken');
  });

  test('what is forged costs its source nothing: the honest trap behind it is taken', () => {
    const rig = new Rig({ perSecondPerSource: 1 });
    rig.learn();
    for (let at = 0; at < 1000; at += 1) {
      rig.outcome('10.0.0.3', messageV2c('guess', { requestId: at }));
      rig.outcome('10.0.0.3', trapV3({ engineId: `80000000050000${(at + 4096).toString(16)}`, requestId: at }));
    }
    expect(rig.outcome('10.0.0.3', trapV3())).toBe('taken');
  });

  test('strangers leave half of everything to devices', () => {
    const rig = new Rig({ acceptUnknown: true, perSecond: 10, perSecondPerSource: 10 });
    const outcomes = Array.from({ length: 100 }, (_, at) => rig.outcome(`10.7.0.${at}`, messageV2c('public')));
    expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(10);
    expect(rig.outcome('10.0.0.1', messageV2c('public'))).toBe('taken');
  });

  test('what waits for the disk is bounded', () => {
    const rig = new Rig({ perSecond: 100_000, perSecondPerSource: 100_000 });
    const outcomes = Array.from({ length: 1500 }, (_, requestId) =>
      rig.outcome('10.0.0.1', messageV2c('public', { requestId })),
    );
    expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(1000);
    expect(outcomes.at(-1)).toBe('dropped backlog');
    expect(rig.intake.held.pending).toBe(1000);
  });

  test('a user without authentication is no better than a community', () => {
    const rig = new Rig({ users: [{ engineId: SENDER_ENGINE, credential: 'open' }] });
    expect(rig.outcome('10.0.0.3', trapV3({ user: { name: 'open' }, trapOid: LINK_DOWN }))).toBe('taken');
    expect(rig.outcome('10.9.9.9', trapV3({ user: { name: 'open' }, requestId: 2 }))).toBe('dropped unknown_source');
  });
});
