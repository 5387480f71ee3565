// Starts Debian's snmpd on loopback: community `public`, and a user of version 3 with authentication and privacy.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePortBlock } from './free-port.ts';
import { testAccess } from './snmp-access.ts';
import { waitFor } from './weir-process.ts';

export interface Snmpd {
  readonly port: number;
  readonly address: string;
  stop(): Promise<void>;
}

export const SNMPD_USER = { user: 'watcher', auth: 'authentication-passphrase', priv: 'privacy-passphrase' } as const;

export interface SnmpdOptions {
  /** Whole lines: users, access, writable communities. */
  readonly configuration?: readonly string[];
  /** Also listens on this transport address of the same port, such as `udp6:[::1]`. */
  readonly also?: string;
  /** That of an snmpd that was stopped; default a free one. */
  readonly port?: number;
  /** Its engine's id in hexadecimal and how often it has booted before; default a random id that never booted. */
  readonly engine?: { readonly id: string; readonly boots: number };
}

export async function startSnmpd(sysName: string, options: SnmpdOptions = {}): Promise<Snmpd> {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-snmpd-'));
  const state = path.join(folder, 'state');
  mkdirSync(state);
  const { engine } = options;
  const port = options.port ?? (await freePortBlock(1));
  const { user, auth, priv } = SNMPD_USER;
  const configuration = path.join(folder, 'snmpd.conf');
  writeFileSync(
    configuration,
    [
      `agentaddress udp:127.0.0.1:${port}${options.also === undefined ? '' : `,${options.also}:${port}`}`,
      `sysName ${sysName}`,
      'rocommunity public 127.0.0.1',
      'rocommunity6 public ::1',
      `createUser ${user} SHA ${auth} AES ${priv}`,
      `rouser ${user} authpriv`,
      ...(engine === undefined
        ? []
        : [`engineBoots ${engine.boots}`, `oldEngineID 0x${engine.id}`, `exactEngineID 0x${engine.id}`]),
      ...(options.configuration ?? []),
      '',
    ].join('\n'),
  );
  const args = ['-f', '-LE', '3', '-C', '-c', configuration, '-p', path.join(folder, 'snmpd.pid')];
  const env = { ...process.env, SNMP_PERSISTENT_DIR: state, SNMPCONFPATH: folder };
  const child = spawn('/usr/sbin/snmpd', args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString('utf8')));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const { access } = testAccess({ timeoutMs: 500, retries: 0 });
  await access.start();
  try {
    const reader = access.openReader({ host: '127.0.0.1', port }, { version: '2c', community: 'public' });
    await waitFor(
      () =>
        reader.probe().then(
          () => true,
          () => false,
        ),
      20_000,
      () => `snmpd to answer: ${complaints}`,
    );
  } catch (error) {
    await stop();
    throw error;
  } finally {
    await access.stop();
  }
  return { port, address: `127.0.0.1:${port}`, stop };
}
