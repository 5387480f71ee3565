// The receiver and its thread before Debian's own snmptrap and snmpinform: every version, several users, durable before answered.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { TrapReceiverConfig } from '../../../agent/trap/receiver.ts';
import { newDeviceMemory } from '../../../collector/faults/device-memory.ts';
import { DEFAULT_FAULTS } from '../../../collector/faults/fault-rules.ts';
import { judgeEvent } from '../../../collector/faults/judge-event.ts';
import { withTrapRules } from '../../../collector/faults/trap-rules.ts';
import type { DeviceEvent } from '../../../common/model/event.ts';
import type { CredentialConfiguration } from '../../../common/runtime/device-configuration.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import type { BundledProgram } from '../../support/bundled-program.ts';
import { TRAP_RULES } from '../../support/fault-machine.ts';
import { describeWith } from '../../support/requirements.ts';
import { MemoryFile, type RigOptions, trapProgram, type TrapRig, trapRig } from '../../support/trap-rig.ts';
import { SETS } from '../../support/trap-settings.ts';
import { waitFor } from '../../support/weir-process.ts';

interface Sent {
  readonly code: number | null;
  readonly complaints: string;
}

let program: BundledProgram;
let state = '';
const cleanups: (() => Promise<void>)[] = [];

function run(command: 'snmptrap' | 'snmpinform', args: readonly string[]): Promise<Sent> {
  const env = { ...process.env, SNMP_PERSISTENT_DIR: state, SNMPCONFPATH: state, MIBS: '' };
  const child = spawn(`/usr/bin/${command}`, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString('utf8')));
  cleanups.push(async () => void child.kill('SIGKILL'));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, complaints })));
}

async function rigWith(options: Partial<RigOptions> = {}): Promise<TrapRig> {
  const rig = await trapRig({ program, ...options });
  cleanups.push(() => rig.receiver.stop());
  return rig;
}

/** The n-th event. */
async function event(rig: TrapRig, count = 1): Promise<DeviceEvent> {
  await waitFor(
    () => rig.events.length >= count,
    10_000,
    () => `${count} events in ${JSON.stringify(rig.events)}; ${rig.lines.join('')}`,
  );
  const found = rig.events[count - 1];
  if (found === undefined) throw new Error('no event');
  return found;
}

const LINK_DOWN = '1.3.6.1.6.3.1.1.5.3';
const LINK = ['1.3.6.1.2.1.2.2.1.1.3', 'i', '3', '1.3.6.1.2.1.2.2.1.2.3', 's', 'ge-0/0/3'];
const V3_ENGINE = '80001f888056657269747920313233';

const detail = (found: DeviceEvent, name: string): string | undefined =>
  found.details.find((one) => one.name === name)?.value;

function user(
  name: string,
  auth: 'MD5' | 'SHA' | 'SHA224' | 'SHA256' | 'SHA384' | 'SHA512',
  priv?: 'DES' | 'AES' | 'AES192B' | 'AES256B' | 'AES256R',
): CredentialConfiguration {
  const signed = {
    version: '3',
    user: name,
    auth_protocol: auth,
    auth_passphrase: `${name}-auth-phrase`,
    context: '',
  } as const;
  return priv === undefined
    ? { ...signed, level: 'authNoPriv' }
    : { ...signed, level: 'authPriv', priv_protocol: priv, priv_passphrase: `${name}-priv-phrase` };
}

/** The words with which net-snmp's tools take that user. */
function words(set: CredentialConfiguration): string[] {
  if (set.version !== '3') throw new Error('no user');
  const protocol = {
    SHA224: 'SHA-224',
    SHA256: 'SHA-256',
    SHA384: 'SHA-384',
    SHA512: 'SHA-512',
    MD5: 'MD5',
    SHA: 'SHA',
  };
  const privacy = {
    DES: 'DES',
    AES: 'AES',
    AES192B: 'AES-192',
    AES192R: 'AES-192-C',
    AES256B: 'AES-256',
    AES256R: 'AES-256-C',
  };
  const {
    level,
    auth_protocol: auth,
    auth_passphrase: authPhrase,
    priv_protocol: priv,
    priv_passphrase: privPhrase,
  } = set;
  return [
    '-v',
    '3',
    '-u',
    set.user,
    '-l',
    level,
    ...(auth === undefined ? [] : ['-a', protocol[auth], '-A', authPhrase ?? '']),
    ...(priv === undefined ? [] : ['-x', privacy[priv], '-X', privPhrase ?? '']),
  ];
}

const USERS: Readonly<Record<string, CredentialConfiguration>> = {
  u1: { version: '3', user: 'u1', level: 'noAuthNoPriv', context: '' },
  u2: user('u2', 'MD5'),
  u3: user('u3', 'SHA', 'AES'),
  u4: user('u4', 'SHA256', 'AES'),
  u5: user('u5', 'SHA512', 'AES'),
  u6: user('u6', 'SHA224', 'AES256B'),
  u7: user('u7', 'SHA384', 'AES192B'),
  u8: user('u8', 'MD5', 'DES'),
  u9: user('u9', 'SHA', 'AES256R'),
};

const withUsers: Partial<TrapReceiverConfig> = {
  sets: { ...SETS, ...USERS },
  credentials: Object.keys(USERS),
  users: Object.keys(USERS).map((credential) => ({ engineId: V3_ENGINE, credential })),
};

describeWith('snmp', "net-snmp's own senders", () => {
  beforeAll(async () => {
    state = mkdtempSync(path.join(tmpdir(), 'weir-snmptrap-'));
    program = await trapProgram();
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });
  afterAll(() => {
    program.remove();
    rmSync(state, { recursive: true, force: true });
  });

  test('a trap of version 1 becomes what it would be in version 2', async () => {
    const rig = await rigWith();
    await run('snmptrap', [
      '-v',
      '1',
      '-c',
      'public',
      `127.0.0.1:${rig.port}`,
      '1.3.6.1.4.1.9.1.1',
      '10.1.2.3',
      '2',
      '0',
      '4711',
      ...LINK,
    ]);
    const found = await event(rig);
    expect(found).toMatchObject({
      device: 'core1',
      source: '127.0.0.1',
      origin: 'trap',
      name: 'linkDown',
      uptimeTicks: 4711,
      interfaceKey: 'core1/port3',
    });
    expect(detail(found, 'snmpTrapOID')).toBe(LINK_DOWN);
    expect(detail(found, 'snmpTrapEnterprise')).toBe('1.3.6.1.4.1.9.1.1');
    expect(detail(found, 'snmpTrapAddress')).toBe('10.1.2.3');
    expect(detail(found, 'ifDescr.3')).toBe('ge-0/0/3');
    expect(Math.abs(found.observedAtMs - Date.now())).toBeLessThan(60_000);
    await waitFor(
      () => rig.polls.length > 0,
      5000,
      () => 'a poll at once',
    );
    expect(rig.polls).toEqual(['core1']);
  });

  test('what BGP and a vendor tell, in the numbering of RFC 1657 and of RFC 4273, raises and ends the alarms of their rules', async () => {
    const rig = await rigWith();
    const target = `127.0.0.1:${rig.port}`;
    const peer = (state: number): string[] => ['1.3.6.1.2.1.15.3.1.2.192.0.2.1', 'i', String(state)];
    const supply = (state: number): string[] => [
      '1.3.6.1.4.1.9.9.13.1.5.1.2.2',
      's',
      'PSU-B',
      '1.3.6.1.4.1.9.9.13.1.5.1.3.2',
      'i',
      String(state),
    ];
    const v2 = ['-v', '2c', '-c', 'public', target, '900'];
    await run('snmptrap', ['-v', '1', '-c', 'public', target, '1.3.6.1.2.1.15.7', '', '6', '2', '900', ...peer(1)]);
    await event(rig, 1);
    await run('snmptrap', [...v2, '1.3.6.1.4.1.9.9.13.3.0.5', ...supply(6)]);
    await event(rig, 2);
    await run('snmptrap', [...v2, '1.3.6.1.2.1.15.0.1', ...peer(6)]);
    await event(rig, 3);
    await run('snmptrap', [...v2, '1.3.6.1.4.1.9.9.13.3.0.9', ...supply(1)]);
    await event(rig, 4);
    const memory = newDeviceMemory('core1');
    memory.parts.established.add('192.0.2.1');
    const rules = withTrapRules(DEFAULT_FAULTS.rules, TRAP_RULES);
    const told = rig.events.flatMap((one) => judgeEvent(memory, rules, one, 0, Number.MAX_SAFE_INTEGER));
    expect(told.map(({ kind, alarmType, resource, qualifier }) => [kind, alarmType, resource, qualifier])).toEqual([
      ['raised', 'bgp-peer-down', 'core1/bgp-peer:192.0.2.1', ''],
      ['raised', 'power-supply-failed', 'core1/sensor:ciscoEnvMonSupplyState.2', ''],
      ['cleared', 'bgp-peer-down', 'core1/bgp-peer:192.0.2.1', ''],
      ['cleared', 'power-supply-failed', 'core1/sensor:ciscoEnvMonSupplyState.2', ''],
    ]);
    expect(rig.polls).toContain('core1');
  });

  test('a trap of version 2c', async () => {
    const rig = await rigWith();
    const target = `127.0.0.1:${rig.port}`;
    await run('snmptrap', ['-v', '2c', '-c', 'public', target, '815', LINK_DOWN, ...LINK]);
    expect(await event(rig)).toMatchObject({ name: 'linkDown', uptimeTicks: 815, interfaceKey: 'core1/port3' });
    await run('snmptrap', [
      '-v',
      '2c',
      '-c',
      'public',
      target,
      '816',
      '1.3.6.1.4.1.99999.0.7',
      '1.3.6.1.4.1.99999.1',
      'x',
      'FFD8',
      '1.3.6.1.4.1.99999.2',
      'C',
      '18446744073709551615',
    ]);
    const unknown = await event(rig, 2);
    expect(unknown).toMatchObject({ name: 'notification', interfaceKey: null });
    expect(unknown.details).toEqual([
      { name: 'snmpTrapOID', value: '1.3.6.1.4.1.99999.0.7' },
      { name: '1.3.6.1.4.1.99999.1', value: 'ÿØ' },
      { name: '1.3.6.1.4.1.99999.2', value: '18446744073709551615' },
    ]);
    expect(await rig.metric('trap_events_total')).toBe(2);
  });

  test.each(Object.keys(USERS))('a trap of version 3 by %s', async (name) => {
    const rig = await rigWith({ config: withUsers });
    const set = USERS[name];
    if (set === undefined) throw new Error('no such user');
    await run('snmptrap', ['-e', V3_ENGINE, ...words(set), `127.0.0.1:${rig.port}`, '1', LINK_DOWN, ...LINK]);
    expect(await event(rig)).toMatchObject({ device: 'core1', origin: 'trap', name: 'linkDown', uptimeTicks: 1 });
  });

  test.each(Object.keys(USERS))('an inform of version 3 by %s: discovery, clock, answer', async (name) => {
    const rig = await rigWith({ config: withUsers });
    const set = USERS[name];
    if (set === undefined) throw new Error('no such user');
    const sent = await run('snmpinform', [
      '-r',
      '1',
      '-t',
      '5',
      ...words(set),
      `127.0.0.1:${rig.port}`,
      '7',
      LINK_DOWN,
      ...LINK,
    ]);
    expect(sent).toEqual({ code: 0, complaints: '' });
    expect(rig.events).toMatchObject([
      { origin: 'inform', name: 'linkDown', uptimeTicks: 7, interfaceKey: 'core1/port3' },
    ]);
  });

  test('a forged inform is told what is wrong and makes no event', async () => {
    const rig = await rigWith({ config: withUsers });
    const wrong = [
      '-v',
      '3',
      '-u',
      'u3',
      '-l',
      'authPriv',
      '-a',
      'SHA',
      '-A',
      'no such passphrase',
      '-x',
      'AES',
      '-X',
      'nor this one',
    ];
    const sent = await run('snmpinform', ['-r', '0', '-t', '2', ...wrong, `127.0.0.1:${rig.port}`, '7', LINK_DOWN]);
    expect(sent.complaints).toContain('Authentication failure');
    const nobody = ['-v', '3', '-u', 'nobody', '-l', 'noAuthNoPriv'];
    const strange = await run('snmpinform', ['-r', '0', '-t', '2', ...nobody, `127.0.0.1:${rig.port}`, '7', LINK_DOWN]);
    expect(strange.complaints).toContain('Unknown user name');
    expect(rig.events).toEqual([]);
    await waitFor(
      async () => (await rig.metric('trap_reports_total', 'unknown_user')) > 0,
      5000,
      () => 'the figures',
    );
    expect(await rig.metric('trap_dropped_total', 'wrong_digest')).toBe(1);
    const told = rig.lines.filter((line) => line.includes('traps are dropped'));
    expect(told.map((line) => (JSON.parse(line) as { reason: string }).reason).toSorted()).toEqual([
      'unknown_user',
      'wrong_digest',
    ]);
    expect(rig.lines.join('')).not.toContain('no such passphrase');
  });

  test.each([
    ['2c', ['-v', '2c', '-c', 'public']],
    ['3', words(USERS['u3'] ?? SETS['open'] ?? { version: '2c', community: '' })],
  ])(
    'an inform of version %s is not answered before it is durable; its repetitions are one event',
    async (_version, how) => {
      const rig = await rigWith({ config: withUsers });
      let release = (): void => undefined;
      let held = 0;
      rig.hold = () => {
        held += 1;
        return new Promise((resolve) => (release = resolve));
      };
      let answered = false;
      const sending = run('snmpinform', [
        '-r',
        '20',
        '-t',
        '1',
        ...how,
        `127.0.0.1:${rig.port}`,
        '7',
        LINK_DOWN,
        ...LINK,
      ]).then((sent) => {
        answered = true;
        return sent;
      });
      // It has repeated itself, so it got no answer to the first.
      await waitFor(
        async () => (await rig.metric('trap_dropped_total', 'duplicate')) >= 1,
        15_000,
        () => 'a repetition',
      );
      expect([answered, held, rig.events]).toEqual([false, 1, []]);
      release();
      expect(await sending).toEqual({ code: 0, complaints: '' });
      expect(rig.events).toHaveLength(1);
      expect(held).toBe(1);
    },
  );

  test('a spool that refuses: no answer, counted, and told; the sender succeeds once there is room', async () => {
    const rig = await rigWith();
    let full = true;
    let asked = 0;
    rig.hold = () => {
      asked += 1;
      return full ? Promise.reject(new WeirError('journal_full', 'No room.')) : Promise.resolve();
    };
    const how = ['-v', '2c', '-c', 'public', `127.0.0.1:${rig.port}`, '7', LINK_DOWN];
    const sent = await run('snmpinform', ['-r', '1', '-t', '1', ...how]);
    expect(sent.complaints).toContain('Timeout');
    expect([asked, rig.events.length]).toEqual([2, 0]);
    expect(await rig.metric('trap_refused_total', 'journal_full')).toBe(2);
    expect(rig.reporter.healthStates()['traps']?.healthy).toBe(false);
    expect(rig.lines.filter((line) => line.includes('notifications are not kept'))).toHaveLength(1);
    const again = run('snmpinform', ['-r', '10', '-t', '1', ...how]);
    await waitFor(
      () => asked >= 3,
      5000,
      () => 'another try',
    );
    full = false;
    expect(await again).toEqual({ code: 0, complaints: '' });
    expect(rig.events).toHaveLength(1);
    expect(rig.reporter.healthStates()['traps']?.healthy).toBe(true);
  });

  test('the receiver in its next life: the same engine, boots counted up, senders find their way', async () => {
    const file = new MemoryFile();
    const first = await rigWith({ file, config: withUsers });
    const how = words(USERS['u4'] ?? { version: '2c', community: '' });
    expect((await run('snmpinform', [...how, `127.0.0.1:${first.port}`, '7', LINK_DOWN])).code).toBe(0);
    const before = JSON.parse(file.bytes?.toString() ?? '{}') as Record<string, unknown>;
    await first.receiver.stop();
    const second = await rigWith({ file, config: withUsers, port: first.port });
    expect(JSON.parse(file.bytes?.toString() ?? '{}')).toEqual({ engine_id: before['engine_id'], boots: 2 });
    expect((await run('snmpinform', [...how, `127.0.0.1:${second.port}`, '8', LINK_DOWN])).code).toBe(0);
    expect(second.events).toHaveLength(1);
  });

  test('over IPv6, beside IPv4, from a device with an address of each', async () => {
    const devices = ['127.0.0.1', '::1'].map((host, at) => ({
      name: `core${at + 1}`,
      address: { host },
      credentialName: 'plain',
      credential: SETS['plain'] ?? { version: '2c', community: 'public' },
    }));
    const rig = await rigWith({ devices, config: { listen: ['127.0.0.1', '::1'] } });
    const how = ['-v', '2c', '-c', 'public', '-r', '1', '-t', '3'];
    expect((await run('snmpinform', [...how, `udp6:[::1]:${rig.port}`, '7', LINK_DOWN])).code).toBe(0);
    expect((await run('snmpinform', [...how, `127.0.0.1:${rig.port}`, '7', LINK_DOWN])).code).toBe(0);
    expect(rig.events.map(({ device, source }) => `${device} ${source}`)).toEqual(['core2 ::1', 'core1 127.0.0.1']);
  });

  test('devices and credential sets that change while it runs', async () => {
    const rig = await rigWith();
    rig.devices = [
      {
        name: 'core9',
        address: { host: 'localhost' },
        credentialName: 'renewed',
        credential: { version: '2c', community: 'renewed' },
      },
    ];
    // Repeated until the receiver has looked.
    const how = ['-v', '2c', '-c', 'renewed', '-r', '25', '-t', '1', `127.0.0.1:${rig.port}`, '7', LINK_DOWN];
    expect((await run('snmpinform', how)).code).toBe(0);
    expect(rig.events.map(({ device }) => device)).toEqual(['core9']);
    expect(await rig.metric('trap_dropped_total', 'wrong_community')).toBeGreaterThan(0);
  }, 45_000);

  test('two receivers on one port: the second says so', async () => {
    const rig = await rigWith();
    await expect(trapRig({ program, port: rig.port })).rejects.toMatchObject({ code: 'port_in_use' });
    await expect(trapRig({ program, config: { listen: ['192.0.2.1'] } })).rejects.toMatchObject({
      code: 'trap_port_refused',
    });
  });
});
