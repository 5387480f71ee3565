// `weir poll` as a person runs it: against a real snmpd, the simulator, and addresses where nobody answers.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TAG } from '../../agent/snmp/ber.ts';
import type { PollDocument } from '../../cli/poll/document.ts';
import { freePortBlock } from '../support/free-port.ts';
import { deviceMib } from '../support/interface-mib.ts';
import { describeWith } from '../support/requirements.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { type Snmpd, SNMPD_USER, startSnmpd } from '../support/snmpd.ts';
import { runWeir, startWeir, type WeirProcess } from '../support/weir-process.ts';

const documentOf = (output: string): PollDocument => JSON.parse(output) as PollDocument;
const errorOf = (output: string): { code: string; message: string; detail: Record<string, unknown> } =>
  (JSON.parse(output) as { error: { code: string; message: string; detail: Record<string, unknown> } }).error;

describeWith(['snmpd'], 'weir poll of a real snmpd', () => {
  let snmpd: Snmpd | null = null;
  let address = '';

  beforeAll(async () => {
    const createUser = `createUser strong SHA-256 "${SNMPD_USER.auth}" AES-192-C "${SNMPD_USER.priv}"`;
    snmpd = await startSnmpd('bench-host', { configuration: [createUser, 'rouser strong authpriv'] });
    ({ address } = snmpd);
  });
  afterAll(() => snmpd?.stop());

  test('version 2c: tables a person can read', async () => {
    const { code, output } = await runWeir(['poll', address]);
    expect(code).toBe(0);
    expect(output).toContain(`bench-host at ${address}`);
    expect(output).toMatch(/^Interfaces \(\d+\)$/m);
    expect(output).toMatch(/^ +\d+ +lo +/m);
    expect(output).toMatch(/^Memory \(\d+\)$/m);
    expect(output).toMatch(/^complete in \d+ ms, \d+ requests, 0 of them retries$/m);
  });

  test('version 2c, --json: one object, counters as text', async () => {
    const { code, output } = await runWeir(['poll', address, '-v', '2c', '-c', 'public', '--json']);
    expect(code).toBe(0);
    const document = documentOf(output);
    expect(Object.keys(document)).toEqual([
      'device',
      'interfaces',
      'processors',
      'memory',
      'sensors',
      'neighbours',
      'storage',
      'bgp_peers',
      'outlets',
      'modules',
      'poll',
    ]);
    expect(document.device).toMatchObject({
      sysName: 'bench-host',
      vendor: 'Net-SNMP',
      os: 'Linux',
      profile: 'net-snmp',
    });
    expect(document.device['uptime_s']).toBeGreaterThan(0);
    const lo = document.interfaces.find((line) => line['ifName'] === 'lo');
    expect(lo).toMatchObject({ ifType: 24, ifOperStatus: 1, key: 'lo' });
    expect(lo?.['ifHCInOctets']).toMatch(/^\d+$/);
    expect(document.poll).toMatchObject({ complete: true, partial: [], failure: null });
  });

  test('--explain: how it went, after the tables and in the JSON', async () => {
    const { code, output } = await runWeir(['poll', address, '--explain']);
    expect(code).toBe(0);
    const story = output.slice(output.indexOf('How it went'));
    expect(story).toMatch(/^ +requests +\d+, 0 of them retries$/m);
    expect(story).toMatch(/^ +bytes +\d+ sent, \d+ received$/m);
    expect(story).toMatch(/^ +round trip +[\d.]+ ms p50, [\d.]+ ms p95, [\d.]+ ms at most$/m);
    expect(story).toMatch(/^ +profile +net-snmp: the best match for sysObjectID 1\.3\.6\.1\.4\.1\.8072\.3\.2\.10$/m);
    expect(story).toMatch(/^ +clock +within a second of ours$/m);
    expect(story).toMatch(
      /^ +interface-inventory +\d+ +\d+ +[\d.]+ +\d+ × 9 +(as many as are expected|fills a frame) +\d+/m,
    );
    const json = await runWeir(['poll', address, '--explain', '--json', '--answer-bytes', '484']);
    const { explain, poll } = JSON.parse(json.output) as {
      explain: Record<string, unknown>;
      poll: { requests: number };
    };
    expect(explain).toMatchObject({
      line: { answer_bytes: 484, requests_per_second: null },
      requests: poll.requests,
      retries: 0,
      profile: { name: 'net-snmp', sysObjectID: '1.3.6.1.4.1.8072.3.2.10' },
      round_trip_ms: { p50: expect.any(Number) as number },
    });
    expect(Math.abs(Number(explain['clock_skew_ms']))).toBeLessThan(1000);
    expect(explain['tables']).toContainEqual(
      expect.objectContaining({ table: 'interface', complete: true, failure: null, ceiling: null }),
    );
  });

  test('version 3 with authentication and privacy says the same as version 2c', async () => {
    const { user, auth, priv } = SNMPD_USER;
    const v3 = ['-v', '3', '-u', user, '-l', 'authPriv', '-a', 'SHA', '-A', auth, '-x', 'AES', '-X', priv];
    const [two, three] = await Promise.all([
      runWeir(['poll', address, '--json']),
      runWeir(['poll', address, ...v3, '--json']),
    ]);
    expect(three.code).toBe(0);
    const names = (output: string): unknown[] => documentOf(output).interfaces.map((line) => line['ifName']);
    expect(names(three.output)).toEqual(names(two.output));
    expect(documentOf(three.output).device['sysName']).toBe('bench-host');
  });

  test.each(['AES-192-C', 'aes192c', 'AES192R'])('version 3 with the privacy spelt %s', async (spelt) => {
    const { auth, priv } = SNMPD_USER;
    const v3 = ['-v', '3', '-u', 'strong', '-a', 'SHA-256', '-A', auth, '-x', spelt, '-X', priv];
    const { code, output } = await runWeir(['poll', address, ...v3, '--json']);
    expect([code, documentOf(output).device['sysName']]).toEqual([0, 'bench-host']);
  });

  test('passphrases may come from the environment, and stand in no output', async () => {
    const { user, auth, priv } = SNMPD_USER;
    const args = [
      'poll',
      address,
      '-v',
      '3',
      '-u',
      user,
      '-A',
      '${AUTH}',
      '-X',
      '${PRIV}',
      '-a',
      'SHA',
      '-x',
      'AES',
      '--json',
    ];
    const good = await runWeir(args, { environment: { AUTH: auth, PRIV: priv } });
    expect(good.code).toBe(0);
    const missing = await runWeir(args, { environment: { AUTH: auth } });
    expect([missing.code, errorOf(missing.output).code]).toEqual([1, 'secret_unresolved']);
    expect(missing.output).not.toContain(auth);
  });

  test.each([
    [
      'a wrong passphrase',
      ['-u', SNMPD_USER.user, '-a', 'SHA', '-A', 'not-the-passphrase', '-x', 'AES', '-X', SNMPD_USER.priv],
      'snmp_authentication_failed',
    ],
    [
      'a wrong privacy passphrase',
      ['-u', SNMPD_USER.user, '-a', 'SHA', '-A', SNMPD_USER.auth, '-x', 'AES', '-X', 'not-the-passphrase'],
      null,
    ],
    [
      'an unknown user',
      ['-u', 'nobody', '-a', 'SHA', '-A', 'some-passphrase', '-x', 'AES', '-X', 'some-passphrase'],
      'snmp_unknown_user',
    ],
  ])('version 3, %s: a code that says so, exit 1', async (_, options, expected) => {
    const { code, output } = await runWeir(['poll', address, '-v', '3', ...options, '-t', '1', '-r', '0', '--json']);
    expect(code).toBe(1);
    const error = errorOf(output);
    if (expected === null) expect(['snmp_decryption_failed', 'snmp_silent_after_discovery']).toContain(error.code);
    else expect(error.code).toBe(expected);
    expect(output).not.toContain('passphrase"');
  });

  test('a wrong community is silence, and is told as what it may be', async () => {
    const { code, output } = await runWeir(['poll', address, '-c', 'wrong', '-t', '0.3', '-r', '1']);
    expect(code).toBe(1);
    expect(output).toContain('[snmp_timeout]');
    expect(output).toMatch(/community/);
  });
});

describe('weir poll of a simulated network', () => {
  let simulator: WeirProcess | null = null;
  let base = 0;

  beforeAll(async () => {
    base = await freePortBlock(20);
    simulator = startWeir(['simulate', '--port', String(base)]);
    await simulator.says(`127.0.0.1:${base + 12}`, 20_000);
  });
  afterAll(() => simulator?.kill('SIGKILL'));

  test.each(['2c', '1'])('version %s: ports, neighbours, sensors', async (version) => {
    const { code, output } = await runWeir(['poll', `127.0.0.1:${base}`, '-v', version, '--json']);
    expect(code).toBe(0);
    const document = documentOf(output);
    expect(document.interfaces.length).toBeGreaterThan(5);
    expect(document.neighbours.length).toBeGreaterThan(0);
    for (const neighbour of document.neighbours) {
      expect(document.interfaces.map((line) => line['key'])).toContain(neighbour['local']);
    }
    const octets = document.interfaces.map((line) => line[version === '1' ? 'ifInOctets' : 'ifHCInOctets']);
    expect(octets.some((value) => typeof value === 'string' && /^\d+$/.test(value))).toBe(true);
  });
});

describe('weir poll where something is wrong', () => {
  let device: ScriptedDevice | null = null;
  afterEach(async () => {
    await device?.stop();
    device = null;
  });

  test('nobody there: coded, exit 1, with what was tried', async () => {
    const port = await freePortBlock(1);
    const { code, output } = await runWeir(['poll', `127.0.0.1:${port}`, '-t', '0.2', '-r', '1', '--json']);
    expect(code).toBe(1);
    expect(errorOf(output)).toMatchObject({
      code: 'snmp_timeout',
      detail: { address: `127.0.0.1:${port}`, version: '2c', requests: 2, retries: 1 },
    });
    const plain = await runWeir(['poll', `127.0.0.1:${port}`, '-t', '0.2', '-r', '0']);
    expect([plain.code, plain.output.includes('[snmp_timeout]')]).toEqual([1, true]);
  });

  test('a name that does not exist: coded, exit 1', async () => {
    const { code, output } = await runWeir(['poll', 'no-such-host.invalid', '--json']);
    expect([code, errorOf(output).code]).toEqual([1, 'address_unresolved']);
  });

  test.each([
    ['no address', []],
    ['two addresses', ['127.0.0.1', '127.0.0.2']],
    ['an address that is none', ['127.0.0.1:99999']],
    ['an option that does not exist', ['127.0.0.1', '--frobnicate']],
    ['a version that does not exist', ['127.0.0.1', '-v', '4']],
    ['version 3 without a user', ['127.0.0.1', '-v', '3']],
    [
      'a level that needs more than was given',
      ['127.0.0.1', '-v', '3', '-u', 'x', '-l', 'authPriv', '-a', 'SHA', '-A', 'passphrase'],
    ],
    ['a protocol that does not exist', ['127.0.0.1', '-v', '3', '-u', 'x', '-a', 'ROT13', '-A', 'passphrase']],
    ['a time that is none', ['127.0.0.1', '-t', 'soon']],
    ['a number that is none', ['127.0.0.1', '-r', '-1']],
  ])('misuse, %s: exit 2', async (_, args) => {
    const { code, output } = await runWeir(['poll', ...args, '--json']);
    expect([code, errorOf(output).code]).toEqual([2, 'misused']);
  });

  test('a device that sends what a terminal would obey is printed harmless', async () => {
    const mib = deviceMib({
      ports: [{ index: 1, descr: 'eth0\u001b[2J', alias: 'a\u0007\u009b31m' }],
      sysName: 'evil\u001b]0;pwned\u0007',
    });
    device = new ScriptedDevice([...mib, { oid: '1.3.6.1.2.1.1.6.0', tag: TAG.octets, value: 'line one\nline two' }]);
    const port = await device.start();
    const { code, output } = await runWeir(['poll', `127.0.0.1:${port}`]);
    expect(code).toBe(0);
    expect(output).not.toMatch(/[^\P{Cc}\n]/u);
    expect(output).toContain('line one line two');
  });

  test('--help tells the options, exit 0', async () => {
    const { code, output } = await runWeir(['poll', '--help']);
    expect(code).toBe(0);
    for (const option of ['-v', '-c', '-u', '-l', '-a', '-A', '-x', '-X', '-n', '-t', '-r', '--json'])
      expect(output).toContain(`  ${option}`);
  });
});
