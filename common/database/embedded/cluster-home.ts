// Where the cluster lies, under which user its server runs, and by which names that user's processes reach it.
import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { messageOf, WeirError } from '../../runtime/errors.ts';
import { canEnter, serverUserFor, type ServerUser } from './server-user.ts';

export const CLUSTER = 'cluster';
/** Others may pass through the data folder, not look: everything inside has its own mode. */
const PASSABLE = 0o711;

export interface ClusterHome {
  /** Holds `cluster` and `lib`, and for a while a cluster in the making: each a folder right below. */
  readonly folder: string;
  /** null: as we are. */
  readonly user: ServerUser | null;
  /**
   * The user cannot get here by path, because a folder above is closed (root's home; a data folder of mode 0700). Its processes are put
   * here instead: started by root with a folder of the home as their working folder, they name it through /proc/self/cwd, which asks no
   * permission of the folders above. So the data stays where it was asked to be.
   */
  readonly closed: boolean;
}

/** Makes the data folder if it is missing. Throws data_folder_unusable. */
export function prepareHome(dataFolder: string, ownUid: number | null): ClusterHome {
  try {
    const user = serverUserFor(path.join(dataFolder, CLUSTER), ownUid);
    if (!existsSync(dataFolder)) mkdirSync(dataFolder, { recursive: true, mode: user === null ? 0o700 : PASSABLE });
    if (user === null) return { folder: dataFolder, user, closed: false };
    makePassable(dataFolder, user);
    const closed = !canEnter(user, dataFolder);
    if (closed && process.platform !== 'linux')
      throw unusable(dataFolder, `user ${user.uid}, which runs PostgreSQL, cannot enter it`);
    return { folder: dataFolder, user, closed };
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    throw unusable(dataFolder, messageOf(cause), cause);
  }
}

/** How the server's processes name their data folder: `folder` itself, or the working folder they were given. */
export function dataFolderArgument(home: ClusterHome, folder: string): string {
  return home.closed ? '/proc/self/cwd' : folder;
}

/** How processes that stand in a folder of the home name what lies beside it. */
export function besideArgument(home: ClusterHome, name: string): string {
  return home.closed ? `/proc/self/cwd/../${name}` : path.join(home.folder, name);
}

/** Whatever the umask was, and also for a folder that was made for us. */
function makePassable(folder: string, user: ServerUser): void {
  const { uid, mode } = statSync(folder);
  if (uid !== user.uid && (mode & 0o011) !== 0o011) chmodSync(folder, mode | PASSABLE);
}

export function unusable(folder: string, why: string, cause?: unknown): WeirError {
  return new WeirError('data_folder_unusable', `Cannot keep PostgreSQL in ${folder}: ${why}.`, { folder }, cause);
}
