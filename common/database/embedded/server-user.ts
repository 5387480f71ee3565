// Under which user the server runs: PostgreSQL refuses root, so root lends it an unprivileged one.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';

export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** The user `nobody` of Linux systems. */
const NOBODY: ServerUser = { uid: 65_534, gid: 65_534 };

/** null: as we are. As root: whom the cluster belongs to; where there is none yet, whom the folder (or the nearest above it that exists) belongs to; never root. */
export function serverUserFor(clusterFolder: string, ownUid: number | null): ServerUser | null {
  if (ownUid !== 0) return null;
  let place = path.resolve(clusterFolder);
  while (!existsSync(place)) place = path.dirname(place);
  const { uid, gid } = statSync(place);
  return uid === 0 ? NOBODY : { uid, gid: gid === 0 ? NOBODY.gid : gid };
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
