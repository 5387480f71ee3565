// What `weir up` says where it cannot start: a port that is taken, a folder that is read-only, full or in use, a file with mistakes; always a code, and what to do.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePortBlock } from '../support/free-port.ts';
import { describeWith } from '../support/requirements.ts';
import { runWeir } from '../support/weir-process.ts';

let folder = '';
let base = 0;
let file = '';

const configuration = (): string => `
credentials:
  nowhere: { version: 2c, community: public }
devices:
  - { name: silent, address: "127.0.0.1:${base + 5}", credential: nowhere }
agent: { health_port: ${base + 2}, collector_url: "http://127.0.0.1:${base}" }
collector: { port: ${base}, bridge_url: "http://127.0.0.1:${base + 1}" }
billing_bridge: { port: ${base + 1}, collector_url: "http://127.0.0.1:${base}" }
database: { port: ${base + 3} }
`;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-refusals-'));
  chmodSync(folder, 0o711);
  base = await freePortBlock(8);
  file = path.join(folder, 'weir.yaml');
  writeFileSync(file, configuration());
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function occupy(port: number): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

const up = (data: string): Promise<{ code: number | null; output: string }> =>
  runWeir(['up', '--config', file, '--data', data]);

describe('weir up', () => {
  test.each([
    ['collector', 0],
    ['bridge', 1],
    ['agent health', 2],
    ['database', 3],
  ])(
    'the port of the %s is taken: port_in_use',
    async (_, at) => {
      const server = await occupy(base + at);
      try {
        const { code, output } = await up(path.join(folder, `data-${at}`));
        expect(output).toContain(`${base + at}`);
        expect(output).toContain('[port_in_use]');
        expect(code).toBe(1);
      } finally {
        server.close();
      }
    },
    60_000,
  );

  test('a configuration with mistakes: every one with file, line and path', async () => {
    const wrong = path.join(folder, 'wrong.yaml');
    writeFileSync(
      wrong,
      configuration().replace('version: 2c', 'version: 5').replace('agent: {', 'agent: { pol_interval_ms: 5,'),
    );
    const { code, output } = await runWeir(['up', '--config', wrong, '--data', path.join(folder, 'data-wrong')]);
    expect(code).toBe(1);
    expect(output).toContain(`${wrong}:3`);
    expect(output).toContain('[configuration_invalid]');
  });

  test('a folder that is a file: data_folder_unusable', async () => {
    const place = path.join(folder, 'a-file');
    writeFileSync(place, '');
    const { code, output } = await up(place);
    expect(code).toBe(1);
    expect(output).toContain('[data_folder_unusable]');
  });
});

describeWith('root', 'weir up on a file system of its own', () => {
  function onDisk(options: string, name: string): string {
    const place = path.join(folder, name);
    mkdirSync(place);
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', place]);
    return place;
  }

  test('read-only: data_folder_unusable', async () => {
    const place = onDisk('size=1m,ro', 'read-only');
    try {
      const { code, output } = await up(path.join(place, 'data'));
      expect(code).toBe(1);
      expect(output).toContain('[data_folder_unusable]');
    } finally {
      execFileSync('umount', [place]);
    }
  });

  test('full: a code that says so, and nothing is left running', async () => {
    const place = onDisk('size=2m', 'full');
    try {
      const { code, output } = await up(path.join(place, 'data'));
      expect(code).toBe(1);
      expect(output).toMatch(/\[(data_folder_unusable|postgres_failed)\]/);
      expect(output).toMatch(/space|full/i);
      expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain(place);
    } finally {
      execFileSync('umount', [place]);
    }
  }, 60_000);
});
