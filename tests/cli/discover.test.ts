// `weir discover`: what it prints as table, YAML and JSON of a simulated network, what it refuses, and that no secret comes out.
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TAG } from '../../agent/snmp/ber.ts';
import { discoverCommand } from '../../cli/commands/discover.ts';
import { progressLine, progressTeller } from '../../cli/discover/progress.ts';
import { wholeSchema } from '../../cli/configuration.ts';
import { parseConfiguration } from '../../common/runtime/configuration.ts';
import { codeOf } from '../../common/runtime/errors.ts';
import { type DiscoveredNetwork, startDiscoveredNetwork } from '../support/discovered-network.ts';
import { deviceMib } from '../support/interface-mib.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { runWeir, startWeir } from '../support/weir-process.ts';

interface Ran {
  readonly code: number;
  readonly text: string;
}

async function run(args: readonly string[], environment: Record<string, string> = {}): Promise<Ran> {
  const options = { ...discoverCommand.options, json: { type: 'boolean' } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  const lines: string[] = [];
  const code = await discoverCommand.run({
    options: values,
    positionals,
    environment,
    json: values['json'] === true,
    signal: new AbortController().signal,
    print: (line) => void lines.push(line),
    progress: () => undefined,
  });
  return { code, text: lines.join('\n') };
}

const refusal = (args: readonly string[]): Promise<string> => run(args).then(() => 'nothing thrown', codeOf);

const SECRET = 'a-community-nobody-should-see';
let network: DiscoveredNetwork;
let folder: string;

beforeAll(async () => {
  network = await startDiscoveredNetwork('127.0.6.1', SECRET);
});
afterAll(() => network.stop());
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-discover-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

const fast = (): string[] => ['--port', String(network.port), '-t', '0.2', '-r', '0', '--rate', '2000'];
const configuration = (): string => `credentials:
  wrong: { version: 2c, community: wrong }
  office: { version: 2c, community: "\${OFFICE}" }
devices:
  - { name: the-core, address: "127.0.6.1:${network.port}", credential: office }
  - { name: dist1, address: 192.0.2.1, credential: office }
`;

describe('weir discover', () => {
  test('a table of what answers, with its neighbours, and nothing added', async () => {
    const { code, text } = await run(['127.0.6.0/28', '-c', 'wrong', '-c', SECRET, ...fast()]);
    expect(code).toBe(0);
    expect(text).toContain('Devices (13)');
    const line = text.split('\n').find((one) => one.includes('127.0.6.5:'));
    expect(line).toMatch(
      /^ {2}127\.0\.6\.5:\d+ +access1 +Cisco +WS-C2960X-24TD-L +IOS 15\.2\(7\)E7 +27 +given-2 +dist1 dist2 +no$/,
    );
    expect(text).toMatch(/^13 devices on 14 of 14 addresses in [\d.]+ s; 13 not configured yet$/m);
    expect(text).not.toContain(SECRET);
  });

  test('--config: its sets are tried, its devices are marked', async () => {
    const file = written('weir.yaml', configuration());
    const { text } = await run(['127.0.6.0/29', '--config', file, ...fast()], { OFFICE: SECRET });
    expect(text).toMatch(/127\.0\.6\.1:\d+ +the-core .* office .* yes$/m);
    expect(text).toMatch(/127\.0\.6\.2:\d+ +core2 .* office .* no$/m);
    expect(text).toMatch(/127\.0\.6\.3:\d+ +dist1-127\.0\.6\.3-\d+ .* no$/m);
  });

  test('--yaml pasted below the configuration is a sound one; what is configured is left out', async () => {
    const file = written('weir.yaml', configuration());
    const { text } = await run(['127.0.6.0/28', '--config', file, '--yaml', ...fast()], { OFFICE: SECRET });
    const items = text.slice(text.indexOf('devices:\n') + 'devices:\n'.length);
    const whole = parseConfiguration(`${configuration()}${items}`, 'pasted', wholeSchema);
    expect(whole.devices).toHaveLength(14);
    expect(whole.devices.slice(2).every((device) => device.credential === 'office')).toBe(true);
    expect(whole.devices.map((device) => device.address)).toContain(`127.0.6.13:${network.port}`);
    expect(text).toContain('12 new, 1 configured already');
    expect(text).toMatch(/# parents: \[dist1-127\.0\.6\.3-\d+, dist2\]/);
    expect(text).toContain('# Cisco, WS-C2960X-24TD-L, IOS, 15.2(7)E7, SIM000005');
    expect(text).not.toContain(SECRET);
  });

  test('--yaml without a configuration is a whole one, with references in place of secrets', async () => {
    const { text } = await run(['127.0.6.0/30', '-c', SECRET, '--yaml', ...fast()]);
    expect(text).not.toContain(SECRET);
    expect(text).toContain('# Set in the environment of the agent: SNMP_GIVEN_COMMUNITY');
    const whole = parseConfiguration(text, 'printed', wholeSchema);
    expect(whole.credentials).toEqual({ given: { version: '2c', community: '${SNMP_GIVEN_COMMUNITY}' } });
    expect(whole.devices.map((device) => device.name)).toEqual(['core1', 'core2']);
  });

  test('references given as options stay what they are', async () => {
    const { text } = await run(['127.0.6.1', '-c', '${OFFICE}', '--yaml', ...fast()], { OFFICE: SECRET });
    expect(parseConfiguration(text, 'printed', wholeSchema).credentials).toEqual({
      given: { version: '2c', community: '${OFFICE}' },
    });
    expect(text).not.toContain('Set in the environment');
  });

  test('--json is one object', async () => {
    const { code, text } = await run(['127.0.6.11', '-c', SECRET, '--json', ...fast()]);
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({
      complete: true,
      addresses: { total: 1, done: 1 },
      devices: [
        {
          name: 'fw1',
          address: `127.0.6.11:${network.port}`,
          credential: 'given',
          configured_as: null,
          vendor: 'Fortinet',
          interfaces: 4,
          adjacent: [],
          strangers: ['core1', 'dist1'],
        },
      ],
      refusing: [],
    });
    expect(text).not.toContain(SECRET);
  });

  test('--expand stays in the networks given', async () => {
    const names = async (...args: string[]): Promise<string[]> => {
      const { text } = await run(['127.0.6.1', '-c', SECRET, '--json', ...args, ...fast()]);
      const { devices } = JSON.parse(text) as { devices: { name: string }[] };
      return devices.map((device) => device.name).toSorted();
    };
    expect(await names('--expand', '--within', '127.0.6.0/24')).toEqual(['core1', 'core2', 'dist1', 'dist2', 'fw1']);
    expect(await names('--hops', '2', '--within', '127.0.6.0/24')).toHaveLength(12);
    expect(await names('--expand', '--within', '127.0.6.2/32')).toEqual(['core1', 'core2']);
    expect(await names('--expand', '--beyond')).toEqual(['core1']);
  });

  test('--file: a network, address or name a line, with remarks', async () => {
    const file = written('hosts', '\uFEFF# the core\r\n127.0.6.1\r\n\r\n127.0.6.4/31 # more\r\n');
    const { text } = await run(['--file', file, '-c', SECRET, ...fast()]);
    expect(text).toContain('Devices (3)');
  });

  test('nobody there: told, and no failure', async () => {
    const { code, text } = await run(['127.0.8.0/30', ...fast()]);
    expect(code).toBe(0);
    expect(text).toMatch(/^0 devices on 2 of 2 addresses/m);
  });

  test('what a device says of itself reaches neither the terminal nor the YAML as more than a text', async () => {
    const device = new ScriptedDevice([
      ...deviceMib({ ports: [], sysName: 'evil\n- name: injected\u001b[2J', sysObjectId: '1.3.6.1.4.1.8072.3.2.10' }),
      { oid: '1.3.6.1.2.1.1.6.0', tag: TAG.octets, value: 'here\ndevices:\n  - {}' },
    ]);
    const port = await device.start();
    try {
      const target = `127.0.0.1:${port}`;
      const yaml = await run([target, '--yaml', ...fast()]);
      const whole = parseConfiguration(yaml.text, 'printed', wholeSchema);
      expect(whole.devices).toEqual([expect.objectContaining({ name: 'evil-name-injected-2J', address: target })]);
      const table = await run([target, ...fast()]);
      expect(`${yaml.text}${table.text}`).not.toMatch(/[^\P{Cc}\n]/u);
    } finally {
      await device.stop();
    }
  });

  test.each<[string, string[], string]>([
    ['nothing to ask', [], 'misused'],
    ['a network that is none', ['192.0.2.0/99'], 'address_invalid'],
    ['a network that is too large', ['10.0.0.0/8'], 'network_too_large'],
    ['an IPv6 network that is too large', ['2001:db8::/64'], 'network_too_large'],
    ['a rate of nothing', ['127.0.8.1', '--rate', '0'], 'misused'],
    ['hops that are none', ['127.0.8.1', '--hops', 'far', '--beyond'], 'misused'],
    ['neighbours to nowhere', ['127.0.8.1', '--expand'], 'misused'],
    ['version 3 without a user', ['127.0.8.1', '-v', '3'], 'misused'],
    ['a version that does not exist', ['127.0.8.1', '-v', '4'], 'misused'],
    ['a configuration that does not exist', ['127.0.8.1', '--config', '/nonexistent.yaml'], 'configuration_missing'],
    ['a list that does not exist', ['--file', '/nonexistent'], 'misused'],
    ['a secret that is not set', ['127.0.8.1', '-c', '${NOT_SET_ANYWHERE}'], 'secret_unresolved'],
  ])('%s is refused', async (_, args, code) => expect(await refusal(args)).toBe(code));

  test('a set that the configuration does not have is refused', async () => {
    const file = written('weir.yaml', configuration());
    expect(await refusal(['127.0.8.1', '--config', file, '--credential', 'office2'])).toBe('credential_unknown');
    expect(await refusal(['127.0.8.1', '--config', written('empty.yaml', '')])).toBe('misused');
  });
});

describe('progress', () => {
  test.each([
    [{ done: 0, total: 254, found: 0, leftMs: null }, '0 of 254 addresses asked, 0 answer'],
    [{ done: 100, total: 254, found: 1, leftMs: 1500 }, '100 of 254 addresses asked, 1 answers, about 2 s left'],
    [{ done: 10, total: 65534, found: 3, leftMs: 601_000 }, '10 of 65534 addresses asked, 3 answer, about 11 min left'],
    [
      { done: 10, total: 65534, found: 3, leftMs: 9_000_000 },
      '10 of 65534 addresses asked, 3 answer, about 2 h 30 min left',
    ],
  ])('%j', (progress, expected) => expect(progressLine(progress)).toBe(expected));

  test('is told every two seconds at most', () => {
    let now = 0;
    const told: string[] = [];
    const tell = progressTeller(
      (line) => told.push(line),
      () => now,
    );
    for (; now <= 10_000; now += 100) tell({ done: now, total: 10_000, found: 0, leftMs: null });
    expect(told).toHaveLength(5);
  });
});

describe('weir discover as a process', () => {
  test('Ctrl-C prints what was found so far, exit 1', async () => {
    // One address after the other: when the second is asked, the first has said everything.
    const second = createSocket('udp4');
    await new Promise<void>((resolve) => second.bind(network.port, '127.0.8.1', resolve));
    const asked = new Promise<void>((resolve) => second.once('message', () => resolve()));
    const targets = ['127.0.6.1', '127.0.8.1', '127.0.8.2'];
    const options = ['-c', SECRET, '--port', String(network.port), '--concurrency', '1', '-t', '30'];
    const weir = startWeir(['discover', ...targets, ...options]);
    await asked;
    expect(await weir.interrupt()).toBe(1);
    await new Promise<void>((resolve) => second.close(() => resolve()));
    expect(weir.output()).toMatch(/127\.0\.6\.1:\d+ +core1 /);
    expect(weir.output()).toMatch(/^1 device on 1 of 3 addresses/m);
    expect(weir.output()).toContain('Not complete');
    expect(weir.output()).not.toContain('Warning');
  });

  test('--help tells the options, exit 0', async () => {
    const { code, output } = await runWeir(['discover', '--help']);
    expect(code).toBe(0);
    for (const option of Object.keys(discoverCommand.options)) {
      const { short } = discoverCommand.options[option] ?? {};
      expect(output).toContain(short === undefined ? `--${option}` : `-${short}`);
    }
  });
});
