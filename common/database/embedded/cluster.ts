// The cluster's files: made once, whole or not at all, with a password of its own.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { codeOf, WeirError } from '../../runtime/errors.ts';
import { flushFolder } from '../../runtime/flush-folder.ts';
import { besideArgument, CLUSTER, type ClusterHome, dataFolderArgument, unusable } from './cluster-home.ts';
import type { Binaries } from './packaged-binaries.ts';
import { identityOf, type ServerUser } from './server-user.ts';

export const ROLE = 'weir';
const PASSWORD = 'password';
const PARTIAL = `${CLUSTER}.partial-`;
/** An initdb whose starter was killed may still be writing for a moment: what it adds meanwhile is removed too. */
const REMOVE_ALL = { recursive: true, force: true, maxRetries: 20, retryDelay: 50 } as const;
const DISK_FULL = /No space left on device/;

/** The password of this data folder (mode 0600), null where none was made yet. */
export function readPassword(dataFolder: string): string | null {
  try {
    const password = readFileSync(path.join(dataFolder, PASSWORD), 'utf8').trim();
    return password === '' ? null : password;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Makes what is missing of password and cluster; returns the password. `durable` false: nothing is flushed to disk (tests). */
export async function prepareCluster(home: ClusterHome, binaries: Binaries, durable: boolean): Promise<string> {
  const cluster = path.join(home.folder, CLUSTER);
  const made = existsSync(cluster);
  if (made) checkVersion(cluster, binaries);
  if (made && home.user !== null && statSync(cluster).uid === 0) giveTo(cluster, home.user);
  const kept = readPassword(home.folder);
  const password = kept ?? makePassword(home.folder);
  if (!made) await initialise(home, binaries, password, durable);
  else if (kept === null) await setPassword(home, binaries, password);
  return password;
}

/** initdb into a folder of another name: what a crash cuts short never looks like a cluster. */
async function initialise(home: ClusterHome, binaries: Binaries, password: string, durable: boolean): Promise<void> {
  for (const name of readdirSync(home.folder))
    if (name.startsWith(PARTIAL)) rmSync(path.join(home.folder, name), REMOVE_ALL);
  const partial = path.join(home.folder, `${PARTIAL}${process.pid}-${randomBytes(4).toString('hex')}`);
  const passwordFile = `${partial}.password`;
  mkdirSync(partial, { mode: 0o700 });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' });
  if (home.user !== null) for (const place of [partial, passwordFile]) chownSync(place, home.user.uid, home.user.gid);
  try {
    const folders = [dataFolderArgument(home, partial), besideArgument(home, path.basename(passwordFile))] as const;
    await run(home, binaries, binaries.initdb, initdbArguments(...folders, durable), partial, '');
    renameSync(partial, path.join(home.folder, CLUSTER));
    flushFolder(home.folder);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(partial, REMOVE_ALL);
  }
}

function initdbArguments(folder: string, passwordFile: string, durable: boolean): string[] {
  const scram = ['--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const text = ['--encoding=UTF8', '--locale-provider=libc', '--no-locale'];
  return [`--pgdata=${folder}`, `--username=${ROLE}`, ...scram, ...text, ...(durable ? [] : ['--no-sync'])];
}

/** For a cluster whose password file was lost: only who owns the files can do this, with the server down. */
async function setPassword(home: ClusterHome, binaries: Binaries, password: string): Promise<void> {
  const cluster = path.join(home.folder, CLUSTER);
  const args = ['--single', '-D', dataFolderArgument(home, cluster), 'postgres'];
  await run(home, binaries, binaries.postgres, args, cluster, `alter role ${ROLE} password '${password}'\n`);
}

function makePassword(dataFolder: string): string {
  const password = randomBytes(24).toString('base64url');
  const file = path.join(dataFolder, PASSWORD);
  writeFileSync(`${file}.new`, `${password}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
  flushFolder(dataFolder);
  return password;
}

function checkVersion(cluster: string, binaries: Binaries): void {
  const file = path.join(cluster, 'PG_VERSION');
  const made = existsSync(file) ? readFileSync(file, 'utf8').trim() : 'none';
  const packaged = binaries.version.split('.')[0] ?? '';
  if (made === packaged) return;
  throw new WeirError(
    'postgres_version_differs',
    `${cluster} was made by PostgreSQL ${made}; this Weir brings ${binaries.version}.`,
    { cluster, made, packaged },
  );
}

/** A cluster that root restored from a backup belongs to root, and the server would refuse it. */
function giveTo(place: string, user: ServerUser): void {
  lchownSync(place, user.uid, user.gid);
  for (const entry of readdirSync(place, { withFileTypes: true })) {
    const inner = path.join(place, entry.name);
    if (entry.isDirectory()) giveTo(inner, user);
    else lchownSync(inner, user.uid, user.gid);
  }
}

function run(
  home: ClusterHome,
  binaries: Binaries,
  file: string,
  args: readonly string[],
  workingFolder: string,
  input: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { ...identityOf(home.user), cwd: workingFolder, env: binaries.environment };
    const child = spawn(file, args, { ...options, stdio: 'pipe' });
    let said = '';
    const keep = (chunk: Buffer): void => {
      said = `${said}${chunk.toString('utf8')}`.slice(-4000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) return resolve();
      const name = path.basename(file);
      if (DISK_FULL.test(said))
        return reject(unusable(home.folder, `no space is left for PostgreSQL (${reasonIn(said)})`));
      reject(new WeirError('postgres_failed', `${name} ended with ${code}: ${reasonIn(said)}`, { log: said }));
    });
  });
}

/** Why a program ended: its last line that names an error, for what it says after that is how it tidied up. */
function reasonIn(said: string): string {
  const lines = said.trim().split('\n');
  return lines.findLast((line) => /\b(error|fatal|panic)\b|could not/i.test(line)) ?? lastLine(said);
}

export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
