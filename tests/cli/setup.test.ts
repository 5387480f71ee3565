// The first page of `weir up` without a configuration: asks for a device, polls it, writes what was tried, and is open to nobody else.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { request } from 'node:http';
import { parse } from 'yaml';
import { loadWhole } from '../../cli/configuration.ts';
import { askForFirstDevice } from '../../cli/setup/first-device.ts';
import { freePortBlock } from '../support/free-port.ts';
import { deviceMib } from '../support/interface-mib.ts';
import { describeWith } from '../support/requirements.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { type Snmpd, SNMPD_USER, startSnmpd } from '../support/snmpd.ts';
import { runWeir, startWeir } from '../support/weir-process.ts';

let folder: string;
let file: string;
let port: number;
let page: string;
let stop: AbortController;
let done: Promise<boolean>;
let printed: string[];
let device: ScriptedDevice;
let devicePort: number;

const ENVIRONMENT = { SNMP_COMMUNITY: 'public' };

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-setup-'));
  file = path.join(folder, 'weir.yaml');
  port = await freePortBlock(1);
  device = new ScriptedDevice(deviceMib({ ports: [{ index: 1, descr: 'eth0' }], sysName: '<b>core1</b>' }));
  devicePort = await device.start();
  stop = new AbortController();
  printed = [];
  let said: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    said = resolve;
  });
  done = askForFirstDevice({
    file,
    port,
    context: {
      options: {},
      positionals: [],
      environment: ENVIRONMENT,
      json: false,
      signal: stop.signal,
      print: (line) => {
        printed.push(line);
        if (line.includes('http://')) said();
      },
      progress: () => undefined,
    },
  });
  await Promise.race([asked, done]);
  page = /http:\S+/.exec(printed.join('\n'))?.[0] ?? '';
});

afterEach(async () => {
  stop.abort();
  await done.catch(() => false);
  await device.stop();
  rmSync(folder, { recursive: true, force: true });
});

const post = (fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(page, { method: 'POST', body: new URLSearchParams(fields), headers });

/** A request whose Host header can be chosen. */
function ask(place: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, path: place, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asking.once('error', reject);
    asking.end();
  });
}

describe('the first page', () => {
  test('asks, polls once, writes the configuration for its owner only, and is done', async () => {
    const form = await (await fetch(page)).text();
    expect(form).toContain('<form method="post"');
    for (const name of ['address', 'version', 'community', 'user', 'authPassphrase', 'privPassphrase'])
      expect(form).toContain(`name="${name}"`);

    const answer = await post({
      address: `127.0.0.1:${devicePort}`,
      name: 'core1',
      version: '2c',
      community: 'public',
    });
    expect(answer.status).toBe(200);
    const text = await answer.text();
    expect(text).toContain('&lt;b&gt;core1&lt;/b&gt; answers');
    expect(text).toContain('1 interfaces');
    expect(await done).toBe(true);

    expect(statSync(file).mode & 0o777).toBe(0o600);
    const written = readFileSync(file, 'utf8');
    expect(written).toMatch(/^# .*plain text/m);
    expect(parse(written)).toEqual({
      credentials: { first: { version: '2c', community: 'public' } },
      devices: [{ name: 'core1', address: `127.0.0.1:${devicePort}`, credential: 'first' }],
    });
    expect(loadWhole(file).devices).toHaveLength(1);
    await expect(fetch(page)).rejects.toThrow();
  });

  test('a secret by reference is resolved for the poll and written as a reference, without the note', async () => {
    const answer = await post({ address: `127.0.0.1:${devicePort}`, version: '2c', community: '${SNMP_COMMUNITY}' });
    expect(answer.status).toBe(200);
    expect(await done).toBe(true);
    const written = readFileSync(file, 'utf8');
    expect(loadWhole(file).credentials['first']).toEqual({ version: '2c', community: '${SNMP_COMMUNITY}' });
    expect(written).not.toContain('plain text');
    expect(loadWhole(file).devices[0]?.name).toBe(`127.0.0.1-${devicePort}`);
  });

  test.each([
    [
      'a device that does not answer',
      { address: '127.0.0.1:9', version: '2c', community: 'public' },
      /did not answer|Cannot send/,
    ],
    ['no address', { address: '' }, /address/],
    ['an address that is none', { address: 'a b c' }, /HOST/],
    ['a name that is none', { address: '127.0.0.1', name: 'a name with blanks' }, /expected a name/],
    ['version 3 without a user', { address: '127.0.0.1', version: '3', user: '' }, /user/],
    ['a secret that does not resolve', { address: '127.0.0.1', community: '${NO_SUCH}' }, /NO_SUCH/],
  ])(
    '%s: said on the page, nothing written, and the page goes on',
    async (_, fields, message) => {
      const answer = await post(fields);
      expect(answer.status).toBe(422);
      const text = await answer.text();
      expect(text).toContain('role="alert"');
      expect(text).toMatch(message);
      expect(existsSync(file)).toBe(false);
      expect((await fetch(page)).status).toBe(200);
    },
    60_000,
  );

  test('what was typed comes back harmless, but no passphrase', async () => {
    const answer = await post({
      address: '"><script>alert(1)</script>',
      authPassphrase: 'a passphrase typed',
      version: '3',
      user: 'u',
    });
    const text = await answer.text();
    expect(text).not.toContain('<script>');
    expect(text).toContain('&lt;script&gt;');
    expect(text).not.toContain('a passphrase typed');
  });

  test('a file that has been made meanwhile is left as it is', async () => {
    writeFileSync(file, 'devices: []\n');
    const answer = await post({ address: `127.0.0.1:${devicePort}`, community: 'public' });
    expect([answer.status, await answer.text()]).toEqual([422, expect.stringContaining('left as it is')]);
    expect(readFileSync(file, 'utf8')).toBe('devices: []\n');
  });

  test('a stop ends it without a file', async () => {
    stop.abort();
    expect(await done).toBe(false);
    expect(existsSync(file)).toBe(false);
    expect(await fetch(page).catch(() => null)).toBeNull();
  });
});

describe('nobody else', () => {
  test('comes in without the key, from another site, or under another name of this host', async () => {
    const place = `/${page.split('/').slice(3).join('/')}`;
    const host = `127.0.0.1:${port}`;
    expect(await ask('/', { host })).toBe(403);
    expect(await ask('/?key=guess', { host })).toBe(403);
    expect(await ask(place, { host })).toBe(200);
    expect(await ask(place, { host: `localhost:${port}` })).toBe(200);
    // DNS rebinding: a name of the attacker's that points here.
    expect(await ask(place, { host: `evil.example:${port}` })).toBe(403);
    const foreign = await post(
      { address: `127.0.0.1:${devicePort}`, community: 'public' },
      { origin: 'http://evil.example' },
    );
    expect(foreign.status).toBe(403);
    expect((await post({ address: `127.0.0.1:${devicePort}` }, { origin: 'null' })).status).toBe(403);
    expect(existsSync(file)).toBe(false);
  });

  test('is told the key: no referrer, no frame, no script, nothing kept', async () => {
    const { headers } = await fetch(page);
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('can reach it from another machine: it listens on loopback only', () => {
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const LISTEN = '0A';
    const listening = ['/proc/net/tcp', '/proc/net/tcp6']
      .flatMap((table) => readFileSync(table, 'latin1').split('\n'))
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local = '', , state]) => local.endsWith(`:${hex}`) && state === LISTEN)
      .map(([, local = '']) => local.split(':')[0]);
    // 127.0.0.1 as the kernel writes it.
    expect(listening).toEqual(['0100007F']);
  });

  test('a body larger than a form can be is refused', async () => {
    const answer = await post({ address: 'x'.repeat(100_000) }).catch(() => null);
    expect(answer?.status ?? 413).toBe(413);
    expect((await fetch(page)).status).toBe(200);
  });
});

describeWith(['snmpd'], 'version 3 against a real snmpd', () => {
  let snmpd: Snmpd | null = null;
  afterEach(() => snmpd?.stop());

  test('is polled and written whole', async () => {
    snmpd = await startSnmpd('first-host');
    const { user, auth, priv } = SNMPD_USER;
    const fields = {
      address: snmpd.address,
      version: '3',
      user,
      authProtocol: 'SHA',
      authPassphrase: auth,
      privProtocol: 'AES',
      privPassphrase: priv,
    };
    expect((await post(fields)).status).toBe(200);
    expect(loadWhole(file).credentials['first']).toMatchObject({
      level: 'authPriv',
      auth_protocol: 'SHA',
      auth_passphrase: auth,
      priv_protocol: 'AES',
    });
  });
});

describe('weir up', () => {
  test('without a configuration opens the page and ends on Ctrl-C with code 0, leaving nothing', async () => {
    const own = await freePortBlock(1);
    const place = path.join(folder, 'mine.yaml');
    const weir = startWeir(['up', '--config', place, '--port', String(own), '--data', path.join(folder, 'data')]);
    try {
      await weir.says(`http://127.0.0.1:${own}/?key=`, 30_000);
      const address = /http:\S+/.exec(weir.output())?.[0] ?? '';
      expect((await fetch(address)).status).toBe(200);
    } finally {
      expect(await weir.interrupt()).toBe(0);
    }
    expect(existsSync(place)).toBe(false);
    expect(existsSync(path.join(folder, 'data'))).toBe(false);
  }, 60_000);

  test('a port that is taken is told with its code', async () => {
    const args = ['up', '--config', path.join(folder, 'mine.yaml'), '--port', String(port), '--json'];
    const { code, output } = await runWeir(args);
    expect([code, output]).toEqual([1, expect.stringContaining('"code":"port_in_use"')]);
  }, 60_000);
});
