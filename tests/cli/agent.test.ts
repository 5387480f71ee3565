// `weir agent` as a command: what it refuses, what it loads, and how it ends.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePortBlock } from '../support/free-port.ts';
import { ROOT, runWeir, startWeir, type WeirProcess } from '../support/weir-process.ts';

let folder: string;
let file: string;
let healthPort: number;
const running: WeirProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-agent-command-'));
  file = path.join(folder, 'weir.yaml');
  healthPort = await freePortBlock(1);
  // Keys of other components are not the agent's to judge.
  writeFileSync(file, `agent: { health_port: ${healthPort} }\ncollector: { port: nonsense }\nprice_plans: nonsense\n`);
});

afterEach(async () => {
  for (const weir of running.splice(0)) await weir.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Every module that is loaded with one, by the imports that are not only types; packages under their own names. */
function loadedWith(entry: string): Set<string> {
  const seen = new Set<string>();
  const open = [entry];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (seen.has(place)) continue;
    seen.add(place);
    if (!place.endsWith('.ts')) continue;
    const text = readFileSync(path.join(ROOT, place), 'utf8');
    for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?([^'";]*?\sfrom\s+)?'([^']+)'/gms)) {
      const names =
        /\{([^}]*)\}/
          .exec(match[2] ?? '')?.[1]
          ?.split(',')
          .map((name) => name.trim())
          .filter((name) => name !== '') ?? [];
      const typesOnly = match[1] !== undefined || (names.length > 0 && names.every((name) => name.startsWith('type ')));
      const specifier = match[3] ?? '';
      if (typesOnly) continue;
      open.push(specifier.startsWith('.') ? path.posix.join(path.posix.dirname(place), specifier) : specifier);
    }
  }
  return seen;
}

describe('weir agent', () => {
  test('loads nothing of the database, the collector, the bridge or the simulator', () => {
    const loaded = loadedWith('cli/commands/agent.ts');
    expect(loaded.has('agent/spool/spool.ts')).toBe(true);
    expect(loaded.has('lmdb')).toBe(true);
    const foreign = [...loaded].filter(
      (place) =>
        /^(collector|billing-bridge|simulator|common\/database|common\/http)\//.test(place) ||
        ['pg', 'bullmq', 'ioredis', 'fastify', '@duckdb/node-api', '@influxdata/influxdb-client'].includes(place),
    );
    expect(foreign).toEqual([]);
    // The proof can fail: the whole configuration would bring the collector's part.
    expect([...loadedWith('cli/configuration.ts')].some((place) => place.startsWith('collector/'))).toBe(true);
  });

  test('starts, says where it tells how it is, and ends on SIGINT with code 0', async () => {
    const weir = startWeir(['agent', '--config', file, '--data', path.join(folder, 'data')]);
    running.push(weir);
    await weir.says(`agent agent polls 0 devices; http://127.0.0.1:${healthPort}/readyz`, 20_000);
    expect((await fetch(`http://127.0.0.1:${healthPort}/healthz`)).status).toBe(200);
    expect(await weir.interrupt()).toBe(0);
  });

  test('a second one on the same data is refused with a code, and the first goes on', async () => {
    const args = ['agent', '--config', file, '--data', path.join(folder, 'data')];
    const first = startWeir(args);
    running.push(first);
    await first.says('readyz', 20_000);
    const second = await runWeir([...args, '--json']);
    expect(second.code).toBe(1);
    expect(second.output).toMatch(/"code":"(port_in_use|data_folder_in_use)"/);
    expect((await fetch(`http://127.0.0.1:${healthPort}/healthz`)).status).toBe(200);
  }, 60_000);

  test('SIGHUP: devices are read again, what waits for a restart is named, a mistake leaves everything as it is', async () => {
    const weir = startWeir(['agent', '--config', file, '--data', path.join(folder, 'data')]);
    running.push(weir);
    await weir.says('polls 0 devices', 20_000);
    const write = (agent: string, credential: string): void =>
      writeFileSync(
        file,
        `agent: { health_port: ${healthPort}${agent} }\ncredentials: { c: { version: 2c, community: public } }\ndevices: [{ name: core1, address: "127.0.0.1:9", credential: ${credential} }]\n`,
      );
    write(', retries: 7', 'c');
    weir.process.kill('SIGHUP');
    await weir.says(/"added":"core1".*"devices changed"/, 20_000);
    await weir.says(/"keys":"retries".*wait for a restart/, 20_000);
    write('', 'no_such');
    weir.process.kill('SIGHUP');
    await weir.says(/"code":"configuration_invalid".*weir\.yaml:3: devices\[0\]\.credential/, 20_000);
    write(', name: other', 'c');
    weir.process.kill('SIGHUP');
    await weir.says('"code":"restart_needed"', 20_000);
    const devices = await fetch(`http://127.0.0.1:${healthPort}/readyz`);
    expect(await devices.text()).toContain('1 devices');
    expect(await weir.interrupt()).toBe(0);
  }, 60_000);

  test.each([
    ['a configuration that is missing', ['--config', '/no/such/file.yaml'], 1, 'configuration_missing'],
    ['an argument', ['core1'], 2, 'misused'],
  ])('%s', async (_, args, code, name) => {
    const result = await runWeir(['agent', ...args, '--json']);
    expect([result.code, result.output]).toEqual([code, expect.stringContaining(`"code":"${name}"`)]);
  });

  test('a mistake in its own keys is told with file and line', async () => {
    writeFileSync(file, 'agent:\n  retries: many\n');
    const result = await runWeir(['agent', '--config', file, '--json']);
    expect(result.code).toBe(1);
    expect(result.output).toContain(`${file}:2: agent.retries`);
  });
});
