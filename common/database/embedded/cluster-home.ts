// Where the cluster lies: in the data folder, or, where the server's user cannot get in, in a place of its own that the data folder names.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { codeOf, messageOf, WeirError } from '../../runtime/errors.ts';
import { canEnter, serverUserFor, type ServerUser } from './server-user.ts';

export const CLUSTER = 'cluster';
const ELSEWHERE = 'elsewhere.json';
/** Others may pass through, not look: everything inside has its own mode. */
const PASSABLE = 0o711;

export interface ClusterHome {
  /** Holds `cluster` and `lib`: the data folder itself, or a folder elsewhere. */
  readonly folder: string;
  readonly user: ServerUser | null;
  /** What an earlier data folder of the same path left behind, moved aside; null: nothing. */
  readonly movedAside: string | null;
}

/** Makes the data folder if it is missing and says under which user the server runs (null: as we are). Throws data_folder_unusable. */
export function makeDataFolder(dataFolder: string, ownUid: number | null): ServerUser | null {
  try {
    const user = serverUserFor(path.join(homeOf(dataFolder), CLUSTER), ownUid);
    makeFolder(dataFolder, user);
    return user;
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    throw unusable(dataFolder, messageOf(cause), cause);
  }
}

/** Finds the home of the cluster, by what was decided before, else by whether the user can enter the data folder. To be called with the supervisor's lock held. Throws data_folder_unusable. */
export function settleHome(dataFolder: string, sharedFolder: string, user: ServerUser | null): ClusterHome {
  try {
    const kept = homeOf(dataFolder);
    if (kept !== dataFolder) makeFolder(kept, user);
    const here = user === null || kept !== dataFolder || existsSync(path.join(kept, CLUSTER));
    if (here || canEnter(user, dataFolder)) return { folder: kept, user, movedAside: null };
    return { ...settleElsewhere(dataFolder, sharedFolder, user), user };
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    throw unusable(dataFolder, messageOf(cause), cause);
  }
}

/** Where the cluster of this data folder lies, by what is written there. */
export function homeOf(dataFolder: string): string {
  try {
    const marker: unknown = JSON.parse(readFileSync(path.join(dataFolder, ELSEWHERE), 'utf8'));
    if (typeof marker === 'object' && marker !== null && 'home' in marker && typeof marker.home === 'string')
      return marker.home;
    throw unusable(dataFolder, `${ELSEWHERE} is damaged`);
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    if (codeOf(cause) === 'ENOENT') return dataFolder;
    throw unusable(dataFolder, messageOf(cause), cause);
  }
}

function settleElsewhere(
  dataFolder: string,
  sharedFolder: string,
  user: ServerUser,
): { folder: string; movedAside: string | null } {
  makeSharedFolder(sharedFolder);
  const hash = createHash('sha256').update(path.resolve(dataFolder)).digest('hex').slice(0, 16);
  const folder = path.join(sharedFolder, hash);
  // No marker, yet a cluster: the data folder was deleted and made anew. Its database is not this one's; the last such is kept.
  const movedAside = existsSync(folder) ? `${folder}.replaced` : null;
  if (movedAside !== null) {
    rmSync(movedAside, { recursive: true, force: true });
    renameSync(folder, movedAside);
  }
  makeFolder(folder, user);
  if (!canEnter(user, folder)) throw unusable(folder, `user ${user.uid} cannot enter it`);
  const marker = path.join(dataFolder, ELSEWHERE);
  const why = `The user that runs PostgreSQL (uid ${user.uid}) cannot enter this folder.`;
  writeFileSync(`${marker}.new`, `${JSON.stringify({ home: folder, why }, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${marker}.new`, marker);
  return { folder, movedAside };
}

/** A place that root alone writes and everybody may read: from it, programs run. */
export function makeSharedFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const { uid, mode } = statSync(folder);
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0)
    throw unusable(folder, 'it belongs to another user, or others may write it');
  chmodSync(folder, 0o755);
}

function makeFolder(folder: string, user: ServerUser | null): void {
  if (existsSync(folder)) return;
  mkdirSync(folder, { recursive: true, mode: user === null ? 0o700 : PASSABLE });
  if (user !== null) chmodSync(folder, PASSABLE); // whatever the umask
}

function unusable(folder: string, why: string, cause?: unknown): WeirError {
  return new WeirError('data_folder_unusable', `Cannot keep PostgreSQL in ${folder}: ${why}.`, { folder }, cause);
}
