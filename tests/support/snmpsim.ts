// Starts Debian's snmpsim on a folder of recordings: each answers under its file name as community.
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePortBlock } from './free-port.ts';
import { testAccess } from './snmp-access.ts';
import { waitFor } from './weir-process.ts';

export interface Snmpsim {
  readonly address: string;
  stop(): Promise<void>;
}

const NOBODY = 65_534;

/** Ready once the recording `first` answers; indexing takes some seconds. */
export async function startSnmpsim(recordings: string, first: string): Promise<Snmpsim> {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-snmpsim-'));
  const cache = path.join(folder, 'cache');
  mkdirSync(cache);
  // It refuses to run as root.
  const asRoot = process.getuid?.() === 0;
  if (asRoot) for (const place of [folder, cache]) chownSync(place, NOBODY, NOBODY);
  const port = await freePortBlock(1);
  const args = [
    ...(asRoot ? ['--process-user=nobody', '--process-group=nogroup'] : []),
    `--cache-dir=${cache}`,
    `--data-dir=${recordings}`,
    `--agent-udpv4-endpoint=127.0.0.1:${port}`,
    '--logging-method=stderr',
  ];
  const child = spawn('/usr/bin/snmpsimd', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints = `${complaints}${chunk.toString('utf8')}`.slice(-4000)));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(
      () => answers(child, port, first),
      120_000,
      () => `snmpsim to answer for ${first}: ${complaints}`,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { address: `127.0.0.1:${port}`, stop };
}

async function answers(child: ChildProcess, port: number, community: string): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`snmpsim ended with ${child.exitCode}`);
  const { access } = testAccess({ timeoutMs: 500, retries: 0 });
  await access.start();
  try {
    await access.openReader({ host: '127.0.0.1', port }, { version: '2c', community }).probe();
    return true;
  } catch {
    return false;
  } finally {
    await access.stop();
  }
}
