// Who is believed: answers from elsewhere, answers that come late, and how long is waited. Over real UDP.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TAG } from '../../../agent/snmp/ber.ts';
import { decodeMessage, encodeCommunityMessage } from '../../../agent/snmp/message.ts';
import { oidOf } from '../../../agent/snmp/oid.ts';
import { PDU } from '../../../agent/snmp/pdu.ts';
import { ReplyAddress } from '../../../agent/snmp/reply-address.ts';
import { RoundTrip } from '../../../agent/snmp/round-trip.ts';
import type { DeviceSession } from '../../../agent/snmp/session.ts';
import type { SessionLine } from '../../../agent/snmp/session-line.ts';
import type { UserCredential } from '../../../agent/snmp/usm.ts';
import { deviceMib } from '../../support/interface-mib.ts';
import { encodeAnswer, type Habits, ScriptedDevice } from '../../support/scripted-device.ts';
import { ScriptedEngine } from '../../support/scripted-engine.ts';
import { PUBLIC, testAccess, type TestAccess } from '../../support/snmp-access.ts';
import { instantUser } from '../../support/usm-user.ts';

const NAME = oidOf('1.3.6.1.2.1.1.5.0');
const MIB = [{ oid: '1.3.6.1.2.1.1.5.0', tag: TAG.octets, value: 'cluster' }];

let made: TestAccess;
let stops: (() => Promise<void>)[];

beforeEach(async () => {
  made = testAccess({ timeoutMs: 200, retries: 1 });
  stops = [() => made.access.stop()];
  await made.access.start();
});
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop();
});

async function scripted(habits: Habits, replyAddress: 'learn' | 'strict' = 'learn') {
  const device = new ScriptedDevice(MIB, habits);
  const port = await device.start();
  stops.push(() => device.stop());
  const session = made.access.openSession({ host: '127.0.0.1', port }, PUBLIC, { device: 'core1', replyAddress });
  return { device, port, session };
}

const outcome = (session: DeviceSession): Promise<unknown> =>
  session.get([NAME]).then(
    ({ varbinds }) => varbinds.count,
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );

describe('an answer from another address', () => {
  test.for([
    ['another address', { otherPort: true, otherAddress: '127.0.0.2' }],
    ['another port', { otherPort: true, otherAddress: '127.0.0.1' }],
  ] as const)('%s: the third in a row is taken and learnt, then every one at once', async ([, habits]) => {
    const { session, port } = await scripted({ ...habits });
    expect(await outcome(session)).toBe('snmp_timeout');
    expect(session.health.replyAddress).toBeNull();
    expect(await outcome(session)).toBe(1);
    expect(session.traffic).toMatchObject({ requests: 3, retries: 1 });
    expect(session.health.replyAddress).toMatch(`${habits.otherAddress}:`);
    expect(await outcome(session)).toBe(1);
    expect(session.traffic.requests).toBe(4);
    expect(made.events).toMatchObject([
      {
        device: 'core1',
        name: 'reply_address_learnt',
        origin: 'agent',
        source: habits.otherAddress,
        details: [
          { name: 'asked', value: `127.0.0.1:${port}` },
          { name: 'answered_from', value: session.health.replyAddress },
        ],
      },
    ]);
    expect(await made.metrics()).toContain('weir_snmp_unexpected_answers_total{reason="other_address"} 2');
  });

  test('the asked address is believed as before after another was learnt', async () => {
    const { device, session } = await scripted({ otherPort: true });
    while ((await outcome(session)) !== 1) expect(session.traffic.requests).toBeLessThan(4);
    device.habits.otherPort = false;
    expect(await outcome(session)).toBe(1);
    device.habits.otherPort = true;
    expect(await outcome(session)).toBe(1);
    expect(made.events).toHaveLength(1);
  });

  test('it is never taken where the device is strict', async () => {
    const { session } = await scripted({ otherPort: true }, 'strict');
    for (let turn = 0; turn < 4; turn += 1) expect(await outcome(session)).toBe('snmp_timeout');
    expect([session.health.replyAddress, made.events]).toEqual([null, []]);
    expect(await made.metrics()).toContain('weir_snmp_unexpected_answers_total{reason="other_address"} 8');
  });

  test('a repeated datagram counts once, and an answer of the asked address starts the count anew', async () => {
    const { device, session } = await scripted({ otherPort: true, duplicates: true });
    expect(await outcome(session)).toBe('snmp_timeout');
    device.habits.otherPort = false;
    expect(await outcome(session)).toBe(1);
    device.habits.otherPort = true;
    expect(await outcome(session)).toBe('snmp_timeout');
    expect(made.events).toEqual([]);
  });

  test('with a digest that holds it is learnt at once, after a discovery that repeats', async () => {
    const credential = {
      version: '3',
      user: 'watcher',
      level: 'authNoPriv',
      auth_protocol: 'SHA',
      auth_passphrase: 'authentication',
      context: '',
    } as const satisfies UserCredential;
    const engineId = Buffer.from('80001f8804aabbccdd', 'hex');
    const engine = new ScriptedEngine(instantUser(credential), 'cluster', { engineId, boots: 1, time: 10 });
    const port = await engine.start();
    stops.push(() => engine.stop());
    const session = made.access.openSession({ host: '127.0.0.1', port }, credential, { device: 'core1' });
    expect(await outcome(session)).toBe(1);
    engine.habits.otherPort = true;
    expect(await outcome(session)).toBe(1);
    expect(session.traffic).toMatchObject({ requests: 3, retries: 0 });
    expect(made.events.map(({ name }) => name)).toEqual(['reply_address_learnt']);
  });

  test('whoever does not know the open id is not listened to, from whatever address', async () => {
    const request = { type: PDU.get, requestId: 77, oids: [NAME] } as const;
    const message = decodeMessage(encodeCommunityMessage(1, Buffer.from('public'), request));
    if (message.version === 3) throw new Error('not a community message');
    const garbage = encodeAnswer(message, MIB, 0, 0);
    for (const otherPort of [true, false]) {
      const { session } = await scripted({ garbage, otherPort });
      for (let turn = 0; turn < 2; turn += 1) expect(await outcome(session)).toBe('snmp_timeout');
    }
    expect(made.events).toEqual([]);
    expect(await made.metrics()).toContain('weir_snmp_unexpected_answers_total{reason="late_or_duplicate"} 8');
  });
});

describe('what is learnt of the other address', () => {
  const asked = { address: '192.0.2.1', port: 161 };
  const from = (address: string, port = 161): { address: string; port: number } => ({ address, port });

  test('changing ports of one address count together, and then any port is taken', () => {
    const learnt: unknown[] = [];
    const replies = new ReplyAddress('learn', (_, source) => learnt.push(source));
    expect(
      [5000, 5001, 5002, 5003].map((port, id) => replies.admits(asked, from('192.0.2.2', port), id + 1, false)),
    ).toEqual([false, false, true, true]);
    expect([replies.learnt, learnt.length]).toEqual(['192.0.2.2', 1]);
  });

  test('addresses that take turns are never learnt', () => {
    const replies = new ReplyAddress('learn', () => expect.unreachable());
    for (let id = 1; id < 50; id += 1)
      expect(replies.admits(asked, from(`192.0.2.${2 + (id % 2)}`), id, false)).toBe(false);
  });

  test('it is forgotten when the device moves, and replaced when the other address does', () => {
    const learnt: string[] = [];
    const replies = new ReplyAddress('learn', (_, { address }) => learnt.push(address));
    replies.admits(asked, from('192.0.2.2'), 1, true);
    expect(replies.admits(asked, from('192.0.2.3'), 2, false)).toBe(false);
    expect(replies.admits(asked, from('192.0.2.2'), 3, false)).toBe(true);
    expect(replies.admits(asked, from('192.0.2.3'), 4, true)).toBe(true);
    expect(replies.admits(asked, from('192.0.2.2'), 5, false)).toBe(false);
    expect(replies.admits({ address: '192.0.2.9', port: 161 }, from('192.0.2.3'), 6, false)).toBe(false);
    expect(learnt).toEqual(['192.0.2.2', '192.0.2.3']);
  });
});

describe('answers that come late', () => {
  test('a retry does not lose the answer to the attempt before it', async () => {
    const { session, device } = await scripted({ delayMs: 300 });
    expect(await outcome(session)).toBe(1);
    expect(session.traffic).toMatchObject({ requests: 2, retries: 1 });
    expect(device.requests).toHaveLength(2);
    // From its own sending, not from the retry's.
    expect(session.health.roundTrip?.maxMs).toBeGreaterThan(290);
  });

  test('after the last attempt nothing is waited for, and nothing stays open', async () => {
    const { session } = await scripted({ delayMs: 600 });
    expect(await outcome(session)).toBe('snmp_timeout');
    await new Promise((resolve) => setTimeout(resolve, 650));
    expect(await made.metrics()).toContain('weir_snmp_unexpected_answers_total{reason="late_or_duplicate"} 2');
  });
});

describe('how long is waited', () => {
  test('a device nobody knows gets what was configured; a quick one a quarter of a second, its last attempt all', () => {
    const trip = new RoundTrip(2000);
    expect(trip.timeoutMs(false)).toBe(2000);
    for (let at = 0; at < 50; at += 1) trip.answered(4);
    expect([trip.timeoutMs(false), trip.timeoutMs(true)]).toEqual([250, 2000]);
  });

  test('silence doubles it up to what was configured, an answer ends that', () => {
    const trip = new RoundTrip(2000);
    trip.answered(4);
    const waits = Array.from({ length: 6 }, () => {
      const wait = trip.timeoutMs(false);
      trip.silent();
      return wait;
    });
    expect(waits).toEqual([250, 500, 1000, 2000, 2000, 2000]);
    trip.answered(4);
    expect(trip.timeoutMs(false)).toBe(250);
  });

  test('a slow link is waited for: the mean and four deviations', () => {
    const trip = new RoundTrip(5000);
    for (let at = 0; at < 200; at += 1) trip.answered(at % 2 === 0 ? 500 : 700);
    expect(trip.timeoutMs(false)).toBeGreaterThan(700);
    expect(trip.timeoutMs(false)).toBeLessThan(1400);
  });

  test('whatever was measured, the wait keeps its bounds', () => {
    const happenings = fc.array(fc.oneof(fc.float({ min: 0, max: 1e5, noNaN: true }), fc.constant(null)), {
      maxLength: 100,
    });
    fc.assert(
      fc.property(happenings, fc.integer({ min: 50, max: 60_000 }), (all, configured) => {
        const trip = new RoundTrip(configured);
        for (const took of all) {
          if (took === null) trip.silent();
          else trip.answered(took);
          for (const last of [true, false]) {
            expect(trip.timeoutMs(last)).toBeGreaterThanOrEqual(Math.min(250, configured));
            expect(trip.timeoutMs(last)).toBeLessThanOrEqual(configured);
          }
        }
      }),
    );
  });

  test('over a thin line it grows with the round trips that are measured, and with silence before there are any', () => {
    const trip = new RoundTrip(2000, 12_000);
    const waits = Array.from({ length: 5 }, () => {
      const wait = trip.timeoutMs(true);
      trip.silent();
      return wait;
    });
    expect(waits).toEqual([2000, 4000, 8000, 12_000, 12_000]);
    for (let at = 0; at < 200; at += 1) trip.answered(5000);
    expect([Math.round(trip.timeoutMs(true)), Math.round(trip.timeoutMs(false))]).toEqual([5000, 5000]);
    for (let at = 0; at < 200; at += 1) trip.answered(40_000);
    expect(trip.timeoutMs(true)).toBe(12_000);
    // Quick again: the last attempt waits as long as anywhere else, no longer.
    for (let at = 0; at < 400; at += 1) trip.answered(10);
    expect([trip.timeoutMs(true), trip.timeoutMs(false)]).toEqual([2000, 250]);
  });

  test('percentiles are of the last 64 answers', () => {
    const trip = new RoundTrip(2000);
    expect(trip.summary()).toBeNull();
    for (let at = 0; at < 100; at += 1) trip.answered(9999);
    for (let at = 1; at <= 64; at += 1) trip.answered(at);
    expect(trip.summary()).toEqual({ samples: 64, p50Ms: 32, p95Ms: 61, maxMs: 64 });
  });
});

describe('over a thin line', () => {
  const line = (words: Partial<SessionLine>): SessionLine => ({
    name: 'thin',
    requestsPerSecond: null,
    inFlight: null,
    answerBytes: 1400,
    timeoutMs: 200,
    pacedMs: 0,
    pace: () => Promise.resolve(),
    ...words,
  });

  test('a device is waited for as long as its answers take, once that is known', async () => {
    const { port } = await scripted({ delayMs: 250 });
    const session = made.access.openSession({ host: '127.0.0.1', port }, PUBLIC, undefined, line({ timeoutMs: 2000 }));
    expect(await outcome(session)).toBe(1);
    expect(session.traffic.retries).toBe(1);
    expect(await outcome(session)).toBe(1);
    expect(session.traffic.retries).toBe(1);
    expect(session.health).toMatchObject({ line: { name: 'thin', timeoutMs: 2000 } });
    expect(session.health.timeoutMs).toBeGreaterThan(250);
  });

  test('answers keep to the size that it takes, and every packet waits for its turn', async () => {
    const device = new ScriptedDevice(
      deviceMib({ ports: Array.from({ length: 40 }, (_, at) => ({ index: at + 1, descr: `port${at + 1}` })) }),
    );
    const port = await device.start();
    stops.push(() => device.stop());
    let turns = 0;
    const pace = (): Promise<void> => {
      turns += 1;
      return Promise.resolve();
    };
    const reader = made.access.openReader(
      { host: '127.0.0.1', port },
      PUBLIC,
      undefined,
      line({ answerBytes: 484, pace }),
    );
    const columns = [2, 7, 8].map((column) => ({
      name: String(column),
      oid: `1.3.6.1.2.1.2.2.1.${column}`,
      form: 'value' as const,
    }));
    const read = await reader.readTable({ name: 'ports', columns });
    expect([read.complete, read.index.length]).toEqual([true, 40]);
    const { requests, receivedBytes } = reader.traffic;
    expect([turns, device.requests.length]).toEqual([requests, requests]);
    expect(receivedBytes / requests).toBeLessThanOrEqual(484);
    // Fewer than a full frame would have taken, which is what a device elsewhere is asked for.
    expect(Math.max(...device.requests.map(({ maxRepetitions }) => maxRepetitions))).toBeLessThanOrEqual(6);
    expect(reader.sizeOf('ports', columns.length).reason).toBe('line');
  });
});
