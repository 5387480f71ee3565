// Tells other commands the URL of the embedded server that runs on a data folder, from the files it keeps there.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { WeirError, messageOf } from '../../runtime/errors.ts';
import { CLUSTER } from './cluster-home.ts';
import { readPassword, ROLE } from './cluster.ts';
import { LOOPBACK } from './local-port.ts';
import { runningServer } from './postmaster.ts';

export const DATABASE = 'weir';

/** `postgres://…` of the running server, or null where none runs. Takes the server's own folder or the data folder of Weir that holds it as `postgresql`. Throws data_folder_unusable where its files may not be read. */
export function embeddedUrlOf(dataFolder: string): string | null {
  const inner = path.join(dataFolder, 'postgresql');
  const folder = existsSync(inner) ? inner : dataFolder;
  try {
    const running = runningServer(path.join(folder, CLUSTER));
    const password = running === null ? null : readPassword(folder);
    return running === null || password === null ? null : urlOf(password, running.port, DATABASE);
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    throw new WeirError('data_folder_unusable', `Cannot read ${folder}: ${messageOf(cause)}.`, { folder }, cause);
  }
}

/** The password needs no escaping: it is base64url. */
export function urlOf(password: string, port: number, database: string): string {
  return `postgres://${ROLE}:${password}@${LOOPBACK}:${port}/${database}`;
}
