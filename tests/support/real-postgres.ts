// Debian's PostgreSQL as a server of the test's own: a cluster in a temporary folder, a free loopback port, a password; it refuses root, so as root it runs as nobody.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { freePortBlock } from './free-port.ts';
import { waitFor } from './weir-process.ts';

const VERSIONS = '/usr/lib/postgresql';
const NOBODY = { uid: 65_534, gid: 65_534 };
const PASSWORD = 'of-a-test';
const START_MS = 30_000;

export interface RealPostgres {
  /** Of an empty database. */
  readonly url: string;
  /** Without a word of farewell. */
  readonly kill: () => Promise<void>;
  /** Again, after a kill. */
  readonly start: () => Promise<void>;
  /** Ends the server and forgets its data. */
  readonly stop: () => Promise<void>;
}

export async function startRealPostgres(): Promise<RealPostgres> {
  const version = readdirSync(VERSIONS).toSorted((a, b) => Number(b) - Number(a))[0] ?? '';
  const programs = path.join(VERSIONS, version, 'bin');
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-postgres-'));
  chmodSync(folder, 0o711);
  const [cluster, passwordFile] = [path.join(folder, 'cluster'), path.join(folder, 'password')];
  mkdirSync(cluster, { mode: 0o700 });
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  const isRoot = process.getuid?.() === 0;
  const identity = isRoot ? NOBODY : {};
  if (isRoot) for (const place of [cluster, passwordFile]) chownSync(place, NOBODY.uid, NOBODY.gid);
  execFileSync(
    path.join(programs, 'initdb'),
    [
      '-D',
      cluster,
      '-U',
      'weir',
      '--pwfile',
      passwordFile,
      '--auth',
      'scram-sha-256',
      '-E',
      'UTF8',
      '--no-locale',
      '-N',
    ],
    { ...identity, cwd: folder, stdio: 'pipe' },
  );
  const port = await freePortBlock(1);
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'shared_buffers=32MB',
    'max_wal_size=128MB',
  ];
  const url = `postgres://weir:${PASSWORD}@127.0.0.1:${port}/postgres`;
  const words = ['-D', cluster, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
  let server: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    server = spawn(path.join(programs, 'postgres'), words, { ...identity, cwd: folder, stdio: 'ignore' });
    await waitFor(
      () => answers(url),
      START_MS,
      () => "Debian's PostgreSQL to answer",
    );
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const child = server;
    server = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  };
  await start();
  return {
    url,
    start,
    // Of SIGKILL its children would hear only later; this one ends them at once, and leaves the cluster as a crash does.
    kill: () => end('SIGQUIT'),
    stop: async () => {
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
