// Under which user the server runs: PostgreSQL refuses root, so root lends it an unprivileged one.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';

export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** The user `nobody` of most systems, for one whose `id` does not tell. */
const NOBODY_ID = 65_534;

/** null: as we are. As root: whom the cluster belongs to; where there is none yet, whom the folder (or the nearest above it that exists) belongs to; never root, and never a number without a name, which initdb refuses: nobody then. */
export function serverUserFor(clusterFolder: string, ownUid: number | null): ServerUser | null {
  if (ownUid !== 0) return null;
  let place = path.resolve(clusterFolder);
  while (!existsSync(place)) place = path.dirname(place);
  const owner = statSync(place);
  const group = owner.gid === 0 ? NOBODY_ID : owner.gid;
  const user = { uid: owner.uid, gid: group };
  const made = path.basename(place) === path.basename(clusterFolder);
  return owner.uid !== 0 && (made || hasName(user)) ? user : nobody();
}

function nobody(): ServerUser {
  return { uid: idOf('-u') ?? NOBODY_ID, gid: idOf('-g') ?? NOBODY_ID };
}

/** macOS says 4294967294 for what spawn takes as -2. */
function idOf(option: '-u' | '-g'): number | null {
  const said = spawnSync('id', [option, 'nobody'], { encoding: 'utf8' });
  const id = Number.parseInt(said.stdout ?? '', 10);
  return Number.isInteger(id) ? id | 0 : null;
}

function hasName(user: ServerUser): boolean {
  return spawnSync('id', ['-un'], { ...identityOf(user), cwd: '/', stdio: 'ignore' }).status === 0;
}

/** For spawn: Node drops the extra groups of root along with it. */
export function identityOf(user: ServerUser | null): { uid?: number; gid?: number } {
  return user === null ? {} : { uid: user.uid, gid: user.gid };
}

/** Whether the user gets into the folder, asked of the kernel in its name: mode bits alone miss access lists, mounts and capabilities. */
export function canEnter(user: ServerUser | null, folder: string): boolean {
  const asked = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
    ...identityOf(user),
    cwd: '/',
    env: {},
    stdio: 'ignore',
  });
  return asked.status === 0;
}
